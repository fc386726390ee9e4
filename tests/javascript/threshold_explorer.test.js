// What a threshold decides: counts, rates, curves, costs, and the axis of scores.

import assert from "node:assert/strict";
import test from "node:test";

import {
  changed,
  changedWords,
  countBins,
  figuresAt,
  leastCost,
  parse,
  prepare,
  scoreScale,
} from "../../trainers/widgets/threshold_explorer.js";

const CLASSES = [
  { name: "normal", abnormal: false },
  { name: "abnormal", abnormal: true },
];
const known = (scores, labels) =>
  prepare({ scores: new Float64Array(scores), labels: labels && new Int32Array(labels), classes: CLASSES });
const four = known([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]);

const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found}`);

test("scores above the threshold are called abnormal", () => {
  assert.deepEqual(figuresAt(four, 0.35), {
    called: 2,
    found: 1,
    missed: 1,
    falseAlarms: 1,
    passed: 1,
    precision: 0.5,
    recall: 0.5,
    f1: 0.5,
    falseAlarmRate: 0.5,
    falseAlarmsPerThousand: 250,
  });
  assert.deepEqual(figuresAt(known([1, 2, 3]), 2), { called: 1 });
});

test("where nothing is called abnormal, precision and F1 are 0", () => {
  const { called, precision, recall, f1, falseAlarmRate } = figuresAt(four, 0.8);
  assert.deepEqual([called, precision, recall, f1, falseAlarmRate], [0, 0, 0, 0, 0]);
});

test("of a side that does not occur nothing is said", () => {
  const normal = known([1, 2], [0, 0]);
  const { precision, recall, f1, falseAlarmRate } = figuresAt(normal, 1);
  assert.deepEqual([precision, recall, f1, falseAlarmRate], [null, null, null, 0.5]);
  assert.equal(figuresAt(known([1, 2], [1, 1]), 1).falseAlarmRate, null);
  assert.equal(normal.curves, null);
});

test("curves and the areas under them are scikit-learn's", () => {
  assert.deepEqual(four.curves.roc, [
    [0, 0],
    [0, 0.5],
    [0.5, 0.5],
    [0.5, 1],
    [1, 1],
  ]);
  near(four.curves.auroc, 0.75);
  near(four.curves.averagePrecision, 0.5 + 1 / 3);
  const tied = known([1, 1, 1, 1], [0, 1, 0, 1]).curves;
  assert.deepEqual(tied.precisionRecall, [
    [0, 1],
    [1, 0.5],
  ]);
  near(tied.auroc, 0.5);
});

test("the least cost is found among the scores and below them", () => {
  const prices = (false_alarm_cost, miss_cost) => ({ false_alarm_cost, miss_cost });
  assert.deepEqual(leastCost(four, prices(1, 5), 0), { threshold: 0.1, cost: 1 });
  assert.deepEqual(leastCost(four, prices(5, 1), 0), { threshold: 0.4, cost: 1 });
  assert.deepEqual(leastCost(known([1, 2], [1, 1]), prices(1, 1), -1), { threshold: -1, cost: 0 });
});

test("sequences that change sides are counted, the nearest to the new threshold first", () => {
  const down = changed(four, 0.35, 0.05);
  assert.deepEqual([down.called, down.count, down.abnormal, down.nearest(1)], [true, 2, 1, [0]]);
  const up = changed(four, 0.05, 0.4);
  assert.deepEqual([up.called, up.count, up.abnormal, up.nearest(2)], [false, 3, 1, [1, 2]]);
  assert.equal(changed(four, 0.2, 0.3).count, 0);
  assert.equal(changed(known([1, 2]), 0, 3).abnormal, null);
});

test("a changed decision is told with its meaning, or without it where labels are hidden", () => {
  assert.match(changedWords(null), /^Move the threshold/);
  assert.match(changedWords({ count: 0 }), /^No sequence changed sides/);
  const one = { count: 1, called: true, abnormal: 0 };
  const three = { count: 3, called: false, abnormal: 1 };
  const moved = "changed sides by the last move, now called";
  assert.equal(changedWords(one), `1 sequence ${moved} abnormal: 1 now a false alarm.`);
  assert.equal(changedWords(three), `3 sequences ${moved} normal: 1 now missed, 2 no longer false alarms.`);
  assert.equal(changedWords(three, true), `3 sequences ${moved} normal.`);
});

test("an axis of scores has a margin of 3 %, and goes back and forth", () => {
  const scale = scoreScale({ lowest: 0, highest: 10 }, 5, false);
  near(scale.bottom, -0.3);
  near(scale.top, 10.3);
  near(scale.place(-0.3), 0);
  near(scale.value(scale.place(7)), 7);
  assert.deepEqual(scale.edges(2), [0, 5, 10]);
});

test("a threshold beyond all scores stays in sight", () => {
  near(scoreScale({ lowest: 0, highest: 10 }, 20, false).top, 20.3);
  near(scoreScale({ lowest: 0, highest: 10 }, -20, false).bottom, -20.3);
});

test("equal scores are one bar, on an axis around it", () => {
  const { bottom, top, edges } = scoreScale({ lowest: 2, highest: 2 }, 2, false);
  near(bottom, 1.8 - 0.012);
  near(top, 2.2 + 0.012);
  assert.deepEqual(countBins([2, 2], edges(4)), [0, 2, 0, 0]);
  near(scoreScale({ lowest: 0, highest: 0 }, 0, false).top, 0.53);
});

test("a logarithmic axis goes over decades, and has a place for what has no logarithm", () => {
  const scale = scoreScale({ lowest: 1e-3, highest: 1e3 }, 1, true);
  near(scale.place(1), 0.5);
  assert.equal(scale.place(0), 0);
  scale.edges(2).forEach((edge, i) => near(edge / [1e-3, 1, 1e3][i], 1));
  near(scale.top / Math.exp(Math.log(1e3) + 0.06 * Math.log(1e3)), 1);
});

test("what lies on an edge counts to the left, and nothing falls out", () => {
  assert.deepEqual(countBins([1, 2, 2, 3], [1, 2, 3]), [3, 1]);
  assert.deepEqual(countBins([0.9, 3.1], [1, 2, 3]), [1, 1]);
});

test("a typed number may have a decimal comma", () => {
  assert.deepEqual(["2,5", " 2.5 ", "1e3", "-0,1", "0"].map(parse), [2.5, 2.5, 1000, -0.1, 0]);
  assert.deepEqual(["", " ", "x", "1,2,3", "Infinity", "NaN"].map(parse), Array(6).fill(null));
});
