// What a chart of losses shows: scales, curves, marks and readings.

import assert from "node:assert/strict";
import test from "node:test";

import { drawPlot, focused, frameOf, limitsOf, lossMarks, smoothed } from "../../trainers/widgets/loss_plot.js";
import { scaledRange } from "../../trainers/widgets/plot.js";
import { readings } from "../../trainers/widgets/zoom.js";

// Rows are [epoch, training loss, validation loss].
const run = (...losses) => ({ name: "run", rows: losses.map(([train, loss], i) => [i + 1, train, loss]) });
const validation = (...losses) => run(...losses.map((loss) => [null, loss]));
const view = (more = {}) => ({ hidden: new Set(), smooth: 1, ...more });
const frame = (runs, more) => frameOf({ runs }, view(more), 600, 280);
const plot = (runs, more) => drawPlot({ runs }, view(more), frame(runs, more), 280);

function assertRange([low, high], [bottom, top]) {
  assert.ok(Math.abs(low - bottom) < 1e-9 && Math.abs(high - top) < 1e-9, `[${low}, ${high}]`);
}

test("the margin is 6 % of the axis", () => {
  assertRange(limitsOf([0.5, 0.25], false), [0.235, 0.515]);
  assertRange(limitsOf([100, 1], true), [100 ** -0.06, 100 ** 1.06]);
});

test("the margin does not go below zero unless a loss does", () => {
  assertRange(limitsOf([0.5, 0], false), [0, 0.53]);
  assertRange(limitsOf([0.5, 0], true), [0, 0.53]);
  assertRange(limitsOf([-1, -2], false), [-2.06, -0.94]);
});

test("the range of nearly equal losses has distinct ticks", () => {
  assertRange(limitsOf([0.1, 0.1], false), [0.099944, 0.100056]);
  assertRange(limitsOf([0, 0], false), [-0.00056, 0.00056]);
  assertRange(limitsOf([], false), [0, 1]);
});

test("the first view has every finite loss of every visible run", () => {
  const runs = [run([9, 0.1], [8, 1000]), validation(null, 0.25, NaN), { ...validation(1), band: [[0.01, 2]] }];
  for (const log of [false, true]) {
    const { shown } = frame(runs, { log });
    assert.ok(shown.y[0] < 0.01 && shown.y[1] > 1000);
    assert.deepEqual(shown.x, [1, 3]);
  }
  assert.ok(frame(runs, { hidden: new Set([0]) }).shown.y[1] < 3, "a hidden run has no influence");
  for (const runs of [[validation(0, 1)], [run()]]) assert.equal(frame(runs, { log: true }).logged, false);
});

test("focus leaves out the first epochs and outliers, and marks them at the edge", () => {
  const points = [9, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 100].map((loss, i) => [i + 1, loss]);
  assert.deepEqual(focused(points, 20), new Array(9).fill(1));
  const runs = [validation(...points.map(([, loss]) => loss)), { ...validation(50), name: "<far>" }];
  const marks = (text) => [...text.matchAll(/<title>(.+?); click/g)].map(([, words]) => words);
  assert.deepEqual(marks(plot(runs, { focus: true })), [
    "run: 100.0 in epoch 12 is above this view",
    "&lt;far&gt;: 50.00 in epoch 1 is above this view",
  ]);
  const zoom = { x: [4, 8], y: [2, 3] };
  assert.deepEqual(marks(plot(runs, { zoom })), [
    "run: 1.000 in epoch 4 is below this view",
    "&lt;far&gt;: 50.00 in epoch 1 is beside this view",
  ]);
  assert.deepEqual(marks(plot(runs)), []);
});

test("a logarithmic axis has ticks at decades", () => {
  const labels = (low, high) => lossMarks(limitsOf([low, high], true), true).map(({ label }) => label);
  assert.deepEqual(labels(0.001, 1000), ["0.001", "0.01", "0.1", "1", "10", "100", "1000"]);
  assert.deepEqual(labels(0.00001, 100), ["1e-5", "1e-4", "0.001", "0.01", "0.1", "1", "10", "100"]);
  assert.deepEqual(labels(0.1, 0.5), ["0.1", "0.15", "0.2", "0.3", "0.5"]);
});

test("an empty plot says why", () => {
  const words = (runs, more) => plot(runs, more).match(/class="empty"[^>]*>([^<]*)</)[1];
  assert.equal(words([run()]), "no epoch trained yet");
  assert.equal(words([run([NaN, null])]), "no finite loss in 1 epoch: NaN or infinite");
  assert.equal(words([run([1, 1])], { hidden: new Set(["training", "validation"]) }), "all curves are hidden");
  assert.equal(words([run([1, 1])]), "");
});

test("single losses are dots, and the learning rate has a lane if it changes", () => {
  assert.equal(plot([run([1, 2])]).match(/class="dots"/g).length, 2);
  assert.equal(plot([run([1, 2], [1, 2])]).match(/class="dots"/g), null);
  const rated = run([1, 2], [1, 2]);
  const lanes = (...rates) => {
    rated.rows.forEach((row, i) => (row[7] = rates[i]));
    return plot([rated]).includes(">learning rate<");
  };
  assert.deepEqual([lanes(0.1, 0.1), lanes(0.1, 0.01), lanes()], [false, true, false]);
});

test("a run behind has a thin validation curve only", () => {
  const text = plot([{ ...run([1, 2], [1, 2]), behind: true }, run([3, 4], [3, 4])]);
  assert.equal(text.match(/class="curve/g).length, 3);
  assert.equal(text.match(/class="curve behind"/g).length, 1);
  assert.ok(text.includes('stroke="#0072B2"') && text.includes('stroke="#D55E00"'));
});

test("smoothing averages neighbours and keeps gaps", () => {
  assert.deepEqual(smoothed([1, 2, 6, null, 4], 3), [1.5, 3, 4, null, 4]);
  assert.deepEqual(smoothed([1, 2], 1), [1, 2]);
  const text = plot([run([1, 2], [3, 4])], { smooth: 3 });
  assert.equal(text.match(/class="smooth/g).length, 2);
  assert.equal(text.match(/class="curve  ?raw"/g).length, 2);
});

test("a range is scaled about a point and stays in its limits", () => {
  assertRange(scaledRange([0, 10], 0.5, 2, [0, 10], 1), [1, 6]);
  assertRange(scaledRange([1, 6], 4, 2, [0, 10], 1), [0, 10]);
  assertRange(scaledRange([5, 6], 0.1, 5, [0, 10], 1), [5, 6]);
  assertRange(scaledRange([8, 12], 1, 10, [0, 10], 1), [6, 10]);
});

test("all visible curves are read at an epoch, the lowest first", () => {
  const data = {
    runs: [
      { ...validation(0.5, 0.4), name: "a" },
      { ...validation(0.3), name: "b" },
    ],
  };
  const read = (epoch, hidden = ["training"]) => readings(data, new Set(hidden), epoch);
  assert.deepEqual(
    read(1).map(({ text }) => text),
    ["b: validation 0.3000", "a: validation 0.5000"],
  );
  assert.deepEqual(
    read(2).map(({ text }) => text),
    ["a: validation 0.4000"],
  );
  assert.deepEqual(read(1, ["training", 0, 1]), []);
  assert.equal(readings({ runs: [run([0.1, NaN])] }, new Set(), 1)[0].text, "training 0.1000, validation not finite");
});

test("a zoom that shows nothing of the data is dropped", () => {
  const zoom = { x: [50, 58], y: [0.2, 0.4] };
  assert.equal(frame([validation(0.5)], { zoom }).zoom, null, "another run has one epoch");
  assert.ok(!plot([validation(0.5, 0.4)], { zoom: { x: [1, 2], y: [0, 0.1] }, log: true }).match(/NaN|Infinity/));
  const seen = { x: [1, 2], y: [0.2, 0.45] };
  assert.equal(frame([validation(0.5, 0.4)], { zoom: seen }).zoom, seen);
});

test("the loss of the initial weights is not of an epoch", () => {
  const early = { name: "run", rows: [0.6, 0.7, 0.8].map((loss, i) => [i + 1, null, loss, 0, 0, "", 0.1]) };
  const marks = (zoom) => plot([early], { zoom }).match(/<title>(.+?); click/)[1];
  assert.equal(marks({ x: [1, 2], y: [0.5, 0.8] }), "run: 0.1000 before training is below this view");
  assert.equal(frame([early]).byRun[0].at(-1)[0], 3, "the last point is that of the last epoch");
});

test("a huge loss does not change the means of epochs far from it", () => {
  assert.deepEqual(smoothed([1e30, 0, 1, 2, 3], 3).slice(2), [1, 2, 2.5]);
});
