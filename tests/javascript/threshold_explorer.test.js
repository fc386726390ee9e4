// Counts, rates, curves and costs at a threshold, and the axis of scores.

import assert from "node:assert/strict";
import test from "node:test";

import { parse } from "../../trainers/widgets/page.js";
import {
  changed,
  changedText,
  countBins,
  metricsAt,
  lowestCost,
  prepare,
  scoreScale,
  split,
  stateText,
} from "../../trainers/widgets/threshold_explorer.js";

const CLASSES = [
  { name: "normal", abnormal: false },
  { name: "abnormal", abnormal: true },
];
const stats = (scores, labels) =>
  prepare({ scores: new Float64Array(scores), labels: labels && new Int32Array(labels), classes: CLASSES });
const four = stats([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]);

const near = (found, expected) => assert.ok(Math.abs(found - expected) < 1e-9, `${found}`);

test("scores above the threshold are flagged", () => {
  assert.deepEqual(metricsAt(four, 0.35), {
    flagged: 2,
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
  assert.deepEqual(metricsAt(stats([1, 2, 3]), 2), { flagged: 1 });
});

test("if nothing is flagged, precision and F1 are 0", () => {
  const { flagged, precision, recall, f1, falseAlarmRate } = metricsAt(four, 0.8);
  assert.deepEqual([flagged, precision, recall, f1, falseAlarmRate], [0, 0, 0, 0, 0]);
});

test("rates of a class that does not occur are null", () => {
  const normal = stats([1, 2], [0, 0]);
  const { precision, recall, f1, falseAlarmRate } = metricsAt(normal, 1);
  assert.deepEqual([precision, recall, f1, falseAlarmRate], [null, null, null, 0.5]);
  assert.equal(metricsAt(stats([1, 2], [1, 1]), 1).falseAlarmRate, null);
  assert.equal(normal.curves, null);
});

test("curves and the areas under them equal those of scikit-learn", () => {
  assert.deepEqual(four.curves.roc, [
    [0, 0],
    [0, 0.5],
    [0.5, 0.5],
    [0.5, 1],
    [1, 1],
  ]);
  near(four.curves.auroc, 0.75);
  near(four.curves.averagePrecision, 0.5 + 1 / 3);
  const tied = stats([1, 1, 1, 1], [0, 1, 0, 1]).curves;
  assert.deepEqual(tied.precisionRecall, [
    [0, 1],
    [1, 0.5],
  ]);
  near(tied.auroc, 0.5);
});

test("the lowest cost is found among the scores and below them", () => {
  const costs = (false_alarm_cost, miss_cost) => ({ false_alarm_cost, miss_cost });
  assert.deepEqual(lowestCost(four, costs(1, 5), 0), { threshold: 0.1, cost: 1 });
  assert.deepEqual(lowestCost(four, costs(5, 1), 0), { threshold: 0.4, cost: 1 });
  assert.deepEqual(lowestCost(stats([1, 2], [1, 1]), costs(1, 1), -1), { threshold: -1, cost: 0 });
});

test("sequences with changed predictions are counted, the nearest to the new threshold first", () => {
  const down = changed(four, 0.35, 0.05);
  assert.deepEqual([down.flagged, down.count, down.abnormal, down.nearest(1)], [true, 2, 1, [0]]);
  const up = changed(four, 0.05, 0.4);
  assert.deepEqual([up.flagged, up.count, up.abnormal, up.nearest(2)], [false, 3, 1, [1, 2]]);
  assert.equal(changed(four, 0.2, 0.3).count, 0);
  assert.equal(changed(stats([1, 2]), 0, 3).abnormal, null);
});

test("changed predictions are described with their meaning, unless labels are hidden", () => {
  assert.match(changedText(null), /^Move the threshold/);
  assert.match(changedText({ count: 0 }), /^The last move changed no prediction/);
  const one = { count: 1, flagged: true, abnormal: 0 };
  const moved = "After the last move, 3 sequences are no longer flagged";
  const three = { count: 3, flagged: false, abnormal: 1 };
  assert.equal(changedText(one), "After the last move, 1 sequence is now flagged: 1 now a false alarm.");
  assert.equal(changedText(three), `${moved}: 1 now missed, 2 no longer false alarms.`);
  assert.equal(changedText(three, true), `${moved}.`);
});

test("an axis of scores has a margin of 3 %, and converts in both directions", () => {
  const scale = scoreScale({ lowest: 0, highest: 10 }, 5, false);
  near(scale.bottom, -0.3);
  near(scale.top, 10.3);
  near(scale.place(-0.3), 0);
  near(scale.value(scale.place(7)), 7);
  assert.deepEqual(scale.edges(2), [0, 5, 10]);
});

test("a threshold beyond all scores stays visible", () => {
  near(scoreScale({ lowest: 0, highest: 10 }, 20, false).top, 20.3);
  near(scoreScale({ lowest: 0, highest: 10 }, -20, false).bottom, -20.3);
});

test("with focus, the axis shows the bulk of the scores and the threshold", () => {
  const scores = [...Array(40).keys(), 1000, 1001];
  const far = stats(scores);
  assert.ok(far.far);
  assert.equal(stats([1, 2, 3]).far, false);
  const focused = scoreScale(far, 5, false, true);
  assert.deepEqual([focused.from, focused.to], [0, 94]);
  assert.deepEqual(focused.edges(2), [0, 47, 94]);
  const { inside, below, above } = split(far, far.sorted, focused);
  assert.deepEqual([inside.length, below, above], [40, 0, 2]);
  assert.match(stateText(far, focused, false), /from 0 to 94; 2 of 42 scores are outside it. All are from 0 to 1001/);
  assert.match(stateText(far, scoreScale(far, 5, false), false), /^2 of 42 scores are outliers: focus/);
  const beside = scoreScale(far, 1000, false, true);
  assert.equal(beside.to, 1000);
  assert.equal(split(far, far.sorted, beside).above, 1);
});

test("the state of few or equal scores is described", () => {
  const text = (given) => stateText(given, scoreScale(given, 1, false), false);
  assert.equal(text(stats([1])), "There is only one score, 1.");
  assert.equal(text(stats([0.3, 0.3])), "All 2 scores are equal, 0.3.");
  assert.equal(text(stats([0.1, 0.3], [0, 1])), "");
  assert.match(text(stats([0.3, 0.4], [1, 1])), /^All labels are abnormal/);
  assert.equal(stateText(stats([1, 2], [1, 1]), scoreScale(stats([1, 2]), 1, false), true), "");
});

test("equal scores are one bar in the middle of the axis", () => {
  const { bottom, top, edges } = scoreScale({ lowest: 2, highest: 2 }, 2, false);
  near(bottom, 1.8 - 0.012);
  near(top, 2.2 + 0.012);
  assert.deepEqual(countBins([2, 2], edges(4)), [0, 2, 0, 0]);
  near(scoreScale({ lowest: 0, highest: 0 }, 0, false).top, 0.53);
});

test("a logarithmic axis spans decades, and values without a logarithm are at its edge", () => {
  const scale = scoreScale({ lowest: 1e-3, highest: 1e3 }, 1, true);
  near(scale.place(1), 0.5);
  assert.equal(scale.place(0), 0);
  scale.edges(2).forEach((edge, i) => near(edge / [1e-3, 1, 1e3][i], 1));
  near(scale.top / Math.exp(Math.log(1e3) + 0.06 * Math.log(1e3)), 1);
});

test("a score on an edge belongs to the left bin, and no score is left out", () => {
  assert.deepEqual(countBins([1, 2, 2, 3], [1, 2, 3]), [3, 1]);
  assert.deepEqual(countBins([0.9, 3.1], [1, 2, 3]), [1, 1]);
});

test("a typed number may have a decimal comma", () => {
  assert.deepEqual(["2,5", " 2.5 ", "1e3", "-0,1", "0"].map(parse), [2.5, 2.5, 1000, -0.1, 0]);
  assert.deepEqual(["", " ", "x", "1,2,3", "Infinity", "NaN"].map(parse), Array(6).fill(null));
});
