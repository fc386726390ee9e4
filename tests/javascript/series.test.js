// Time axes, curves, events and texts of a series.

import assert from "node:assert/strict";
import test from "node:test";

import { many, withRoom } from "../../trainers/widgets/plot.js";
import {
  extent,
  focused,
  hasOutliers,
  makeClock,
  makeCurve,
  makeCurves,
  reading,
  timeMarks,
  timeText,
  timeTitle,
} from "../../trainers/widgets/series_plot.js";
import {
  compare,
  compareEvents,
  countText,
  eventsToVisit,
  percent,
  runsAbove,
} from "../../trainers/widgets/series_viewer.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const clock = (kind, start, delta) => makeClock({ kind, start, delta }, [], 1);
const labels = (marks) => marks.map(({ label }) => label);
const steps = (marks) => marks.map(({ step }) => step);

test("counts have commas, and zero has no sign", () => {
  assert.equal(many(1234567), "1,234,567");
  assert.equal(many(-0.2), "0");
});

test("readings have three significant digits, and more if the values differ only in later ones", () => {
  assert.equal(reading(NaN), "missing");
  assert.equal(reading(1 / 3), "0.333");
  assert.equal(reading(123.456, 200), "123");
  assert.equal(reading(101325.4, 50), "101325.4");
  assert.equal(reading(0, 0), "0");
  assert.equal(reading(5, 0), "5");
});

test("the time of a step is in seconds or a date, with the precision of the steps", () => {
  assert.equal(timeText(clock("step", 0, 1), 5), "");
  assert.equal(timeText(clock("seconds", 0, 0.01), 150), "1.5 s");
  assert.equal(timeText(clock("seconds", 0, 1 / 3), 1), "0.3 s");
  const january = Date.UTC(2024, 0, 31);
  assert.equal(timeText(clock("date", january, HOUR), 24), "2024-02-01 00:00:00");
  assert.equal(timeText(clock("date", january, 10), 1), "2024-01-31 00:00:00.010");
  assert.equal(timeText(clock("date", 1e300, HOUR), 0), "1e+300");
});

test("long durations have the units that people use", () => {
  const texts = (delta, ...steps) => steps.map((step) => timeText(clock("seconds", 0, delta), step));
  assert.deepEqual(texts(3600, 1, 24, 4000, -50), ["1 h", "1 d", "166 d 16 h", "−2 d 2 h"]);
  assert.deepEqual(texts(0.01, 11_999, 12_000, 15_059), ["119.99 s", "2 min", "2 min 30.59 s"]);
});

test("the time axis is named with a unit that fits the visible part", () => {
  const title = (kind, seconds) => timeTitle(clock(kind, 0, 1), 0, seconds);
  assert.deepEqual(
    [100, 600, 86_400, 1e6].map((seconds) => title("seconds", seconds)),
    ["time (s)", "time (min)", "time (h)", "time (days)"],
  );
  assert.equal(title("step", 10), "time step");
  assert.equal(title("date", 10), "date and time");
  const marks = timeMarks(clock("seconds", 0, 3600), 0, 100, 5);
  assert.deepEqual(labels(marks), ["0", "1", "2", "3", "4"]);
  assert.deepEqual(steps(marks).map(Math.abs), [0, 24, 48, 72, 96]);
});

test("uneven times are interpolated between steps", () => {
  const uneven = makeClock({ kind: "seconds" }, [0, 1, 7, 8], 2);
  assert.deepEqual([-5, 0, 3, 6, 100].map(uneven.at), [0, 0, 4, 8, 8]);
  assert.deepEqual([-1, 0, 4, 8].map(uneven.step), [-2, 0, 3, 6]);
  const alone = makeClock({ kind: "seconds" }, [5], 2);
  assert.deepEqual([alone.at(3), alone.step(9)], [5, 0]);
});

test("ticks of steps are integers", () => {
  const marks = timeMarks(clock("step", 0, 1), -0.5, 2.5, 10);
  assert.deepEqual(labels(marks), ["0", "1", "2"]);
  assert.deepEqual(steps(marks).map(Math.abs), [0, 1, 2]);
  assert.deepEqual(labels(timeMarks(clock("step", 0, 1), 0, 4000, 4)), ["0", "1,000", "2,000", "3,000", "4,000"]);
  assert.deepEqual(labels(timeMarks(clock("seconds", 0, 0.5), 0, 4, 4)), ["0", "0.5", "1", "1.5", "2"]);
});

test("ticks of hours have times, and midnight has its date", () => {
  const marks = timeMarks(clock("date", Date.UTC(2024, 0, 31), HOUR), 0, 12, 4);
  assert.deepEqual(labels(marks), ["2024-01-31", "03:00", "06:00", "09:00", "12:00"]);
  assert.deepEqual(steps(marks), [0, 3, 6, 9, 12]);
  assert.deepEqual(labels(timeMarks(clock("date", 0, 100), 1, 9, 4)), [
    "00:00:00.200",
    "00:00:00.400",
    "00:00:00.600",
    "00:00:00.800",
  ]);
});

test("ticks of months and years are at their beginnings", () => {
  const months = timeMarks(clock("date", Date.UTC(2024, 0, 1), DAY), 0, 366, 4);
  assert.deepEqual(labels(months), ["2024-01", "2024-07", "2025-01"]);
  assert.deepEqual(steps(months), [0, 182, 366]);
  const years = timeMarks(clock("date", Date.UTC(2024, 0, 1), DAY), 0, 3653, 5);
  assert.deepEqual(labels(years), ["2025", "2030"]);
  assert.deepEqual(steps(years), [366, 2192]);
});

test("the extremes of a curve are correct across blocks and gaps", () => {
  const values = Float64Array.from({ length: 200 }, (_, i) => i);
  Object.assign(values, { 100: -5, 130: NaN, 150: 999 });
  const curve = makeCurve(values);
  assert.deepEqual(extent(curve), [-5, 999]);
  assert.deepEqual(extent(curve, 10, 90), [10, 89]);
  assert.deepEqual(extent(curve, 130, 131), [Infinity, -Infinity]);
  assert.deepEqual(extent(curve, 151, 1000), [151, 199]);
  assert.deepEqual(extent(curve, -10, 3), [0, 2]);
});

test("a downsampled curve has the lowest and the highest values", () => {
  const curve = makeCurve(new Float64Array([3, NaN, 5]), new Float64Array([1, NaN, -2]));
  assert.deepEqual(extent(curve), [-2, 5]);
  assert.deepEqual(extent(curve, 0, 1), [1, 3]);
  assert.deepEqual(extent(curve, 1, 2), [Infinity, -Infinity]);
});

test("focus leaves out values far from all others, and nothing else", () => {
  const values = Float64Array.from({ length: 2000 }, (_, i) => Math.sin(i));
  assert.equal(hasOutliers(makeCurve(values)), false);
  values[700] = 1000;
  const curve = makeCurve(values);
  assert.equal(hasOutliers(curve), true);
  assert.deepEqual(focused([-1, 1000], curve, false), [-1, 1000]);
  const [low, high] = focused([-1, 1000], curve, true);
  assert.equal(low, -1);
  assert.ok(high > 1 && high < 3, high);
  for (const same of [NaN, 5]) assert.equal(hasOutliers(makeCurve(new Float64Array(9).fill(same))), false);
});

test("features are stored one after the other", () => {
  const curves = makeCurves(new Float32Array([1, 2, 3, 4, 5, 6]), 2);
  assert.deepEqual(curves[1].values, new Float32Array([4, 5, 6]));
  assert.equal(makeCurves(new Float32Array([]), 2), null);
});

test("a lane has a margin, also for a constant series", () => {
  assert.deepEqual(withRoom(0, 10), [-0.6, 10.6]);
  assert.deepEqual(withRoom(5, 5), [4.5, 5.5]);
  assert.deepEqual(withRoom(0, 0), [-0.5, 0.5]);
  assert.deepEqual(withRoom(Infinity, -Infinity), [0, 1]);
});

test("events are the runs above the threshold, in steps of the series", () => {
  assert.deepEqual(runsAbove([0, 2, 2, 1, 3], 1, 10, 45), [
    [10, 30],
    [40, 45],
  ]);
  assert.deepEqual(runsAbove([NaN, 2, NaN], 1, 1, 3), [[1, 2]]);
  assert.deepEqual(runsAbove([1, 1], 1, 1, 2), []);
  assert.deepEqual(runsAbove([], 1, 1, 0), []);
});

const truth = [
  [0, 5],
  [10, 20],
  [30, 31],
];
const found = [
  [5, 8],
  [19, 25],
  [30, 40],
];

test("events match if they share a step", () => {
  assert.deepEqual(compareEvents(truth, found), { hit: [false, true, true], right: [false, true, true] });
  assert.deepEqual(compareEvents([], found), { hit: [], right: [false, false, false] });
});

test("true events and false alarms are visited in order", () => {
  const kinds = (...all) => eventsToVisit(...all).map(({ start, kind }) => `${start} ${kind}`);
  const seen = ["0 true event, missed", "5 false alarm", "10 true event, found", "30 true event, found"];
  assert.deepEqual(kinds(truth, found, compareEvents(truth, found)), seen);
  assert.deepEqual(kinds(null, [[5, 8]], compareEvents([], [[5, 8]])), ["5 event found"]);
  assert.deepEqual(kinds([[0, 5]], null, compareEvents([[0, 5]], [])), ["0 true event"]);
  assert.deepEqual(kinds(null, null, compareEvents([], [])), []);
});

const facts = (events, length = 1000) => ({ true: events, length, stride: 1 });

test("the numbers of events and the share of flagged steps are described", () => {
  const text = (truth, found) => countText(compare(facts(truth), null, null, found));
  assert.equal(text(truth, found), "3 true events: 2 found, 1 missed; 1 false alarm; 1.9 % of the steps flagged");
  assert.equal(text(null, [[5, 8]]), "1 event found; 0.3 % of the steps flagged");
  assert.equal(text(truth, null), "3 true events");
  assert.equal(text(truth, []), "3 true events: 0 found, 3 missed; 0 false alarms; 0 % of the steps flagged");
  assert.equal(text(null, null), "no events given");
});

test("flagging too much is no success", () => {
  const text = (truth, found) => countText(compare(facts(truth), null, null, found));
  assert.equal(text(truth, [[0, 1000]]), "everything is flagged: 100 % of the steps; true events among them: 3 of 3");
  assert.equal(text(null, [[0, 300]]), "too much is flagged: 30 % of the steps");
  assert.equal(
    text(truth, [
      [10, 12],
      [100, 500],
    ]),
    "too much is flagged: 40 % of the steps; true events among them: 1 of 3",
  );
  assert.equal(compare(facts(truth), null, null, [[0, 1000]]).visit[0].kind, "true event, flagged");
  // Many steps are abnormal, and only these are flagged.
  assert.ok(text([[0, 400]], [[0, 390]]).startsWith("1 true event: 1 found, 0 missed; 0 false alarms; 39 %"));
  const covers = "3 true events: 3 found (but 1 found event joins several true events), 0 missed";
  assert.ok(
    text(
      [
        [0, 5],
        [50, 60],
        [90, 95],
      ],
      [[0, 95]],
    ).startsWith(covers),
  );
});

test("unscored steps are not flagged, and events without scores are not missed", () => {
  const scores = makeCurve(Float64Array.from({ length: 100 }, (_, i) => (i < 50 ? NaN : i)));
  const result = compare(
    facts(
      [
        [10, 20],
        [80, 90],
      ],
      100,
    ),
    scores,
    89.5,
    null,
  );
  assert.deepEqual(result.found, [[90, 100]]);
  assert.deepEqual(
    result.visit.map(({ kind }) => kind),
    ["true event, not scored", "true event, missed", "false alarm"],
  );
  assert.equal(
    countText(result),
    "2 true events: 0 found, 1 missed, 1 not scored; 1 false alarm; 20 % of the scored steps flagged",
  );
  const nothing = makeCurve(new Float64Array(100).fill(NaN));
  assert.equal(countText(compare(facts([[10, 20]], 100), nothing, 1, null)), "1 true event; nothing is scored");
  assert.ok(countText(result, 2).includes("at most 20 %"), "downsampled");
});

test("only shares of 0 and 1 are 0 and 100 percent", () => {
  const expected = ["0 %", "under 0.001 %", "1.2 %", "25 %", "over 99.9 %", "100 %"];
  assert.deepEqual([0, 1e-6, 0.0123, 0.25, 0.9999, 1].map(percent), expected);
});
