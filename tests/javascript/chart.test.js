// The range of losses that a chart shows.

import assert from "node:assert/strict";
import test from "node:test";

import { valueRange } from "../../trainers/widgets/chart.js";

// Rows are [epoch, training loss, validation loss].
const history = (...losses) => ({ runs: [{ rows: losses.map(([train, loss], i) => [i + 1, train, loss]) }] });
const validation = (...losses) => history(...losses.map((loss) => [null, loss]));

function assertRange(data, log, [bottom, top], hidden = new Set()) {
  const [low, high] = valueRange(data, hidden, log);
  assert.ok(Math.abs(low - bottom) < 1e-9 && Math.abs(high - top) < 1e-9, `[${low}, ${high}]`);
}

test("the margin is 6 %, or smaller on a logarithmic scale", () => {
  assertRange(history([0.5, 0.25]), false, [0.235, 0.515]);
  assertRange(history([0.5, 0.25]), true, [0.2425, 0.525]);
});

test("the margin does not go below zero unless a loss does", () => {
  assertRange(history([0.5, 0]), false, [0, 0.53]);
  assertRange(history([0.5, 0]), true, [0, 0.53]);
  assertRange(history([-1, -2]), false, [-2.06, -0.94]);
});

test("the range of nearly equal losses has distinct ticks", () => {
  assertRange(validation(0.1, 0.1), false, [0.099944, 0.100056]);
  assertRange(validation(0, 0), false, [-0.00056, 0.00056]);
});

test("a diverging epoch does not flatten the others", () => {
  assertRange(validation(1, 1, 1, 1, 100), false, [0.76, 5.24]);
});

test("missing and hidden losses do not change the range", () => {
  assertRange(validation(null, 0.25, NaN), false, [0.24986, 0.25014]);
  assertRange(history([9, 0.25]), false, [0.24986, 0.25014], new Set(["training"]));
  assertRange(history([9, 0.25]), false, [0, 1], new Set(["training", "validation"]));
  assertRange({ runs: [] }, false, [0, 1]);
});
