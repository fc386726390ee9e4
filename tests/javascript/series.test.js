// Time axes, curves, events and texts of a series.

import assert from "node:assert/strict";
import test from "node:test";

import {
  count,
  extent,
  makeClock,
  makeCurve,
  makeCurves,
  padded,
  reading,
  timeMarks,
  timeText,
} from "../../trainers/widgets/series_plot.js";
import { compareEvents, countText, eventsToVisit, runsAbove } from "../../trainers/widgets/series_viewer.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const clock = (kind, start, delta) => makeClock({ kind, start, delta }, [], 1);
const labels = (marks) => marks.map(({ label }) => label);
const steps = (marks) => marks.map(({ step }) => step);

test("counts have commas, and zero has no sign", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(count(-0.2), "0");
  assert.equal(reading(NaN), "missing");
  assert.equal(reading(1 / 3), "0.3333");
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

test("features are stored one after the other", () => {
  const curves = makeCurves(new Float32Array([1, 2, 3, 4, 5, 6]), 2);
  assert.deepEqual(curves[1].values, new Float32Array([4, 5, 6]));
  assert.equal(makeCurves(new Float32Array([]), 2), null);
});

test("a lane has a margin, also for a constant series", () => {
  assert.deepEqual(padded(0, 10), [-0.6, 10.6]);
  assert.deepEqual(padded(5, 5), [4.75, 5.25]);
  assert.deepEqual(padded(0, 0), [-1, 1]);
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

test("the numbers of events are described", () => {
  const text = (truth, found) => countText({ truth, found, compared: compareEvents(truth || [], found || []) });
  assert.equal(text(truth, found), "3 true events: 2 found, 1 missed; 1 false alarm");
  assert.equal(text(null, [[5, 8]]), "1 event found");
  assert.equal(text(truth, null), "3 true events");
  assert.equal(text(truth, []), "3 true events: 0 found, 3 missed; 0 false alarms");
  assert.equal(text(null, null), "no events given");
});
