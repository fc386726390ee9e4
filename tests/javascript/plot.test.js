// Numbers, ticks of axes, SVG axes and lines.

import assert from "node:assert/strict";
import test from "node:test";

import {
  atMost,
  bulkOf,
  clamp,
  fourDigits,
  logTicks,
  rangeOf,
  rounded,
  short,
  svgAxes,
  svgPath,
  svgPoints,
  tickLabels,
  ticks,
  union,
  wheelFactor,
} from "../../trainers/widgets/plot.js";

function close(found, expected, least = 1e-9) {
  assert.equal(found.length, expected.length, `${found} is not as long as ${expected}`);
  found.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) <= least * Math.max(1, Math.abs(expected[i])), `${v}`));
}

test("numbers are rounded to significant digits", () => {
  assert.equal(short(0.000123456), "0.0001235");
  assert.equal(short(1234567), "1235000");
  assert.equal(short(2.5), "2.5");
  assert.equal(short(2 / 3, 2), "0.67");
  assert.equal(short(NaN), "NaN");
});

test("numbers have four digits, as in the texts from Python", () => {
  const numbers = [0.186, 12.1, 1234, 12346, 0.0001, 0.00001, 0, -0.5, 9999.96, NaN];
  assert.deepEqual(numbers.map(fourDigits), [
    ...["0.1860", "12.10", "1234", "1.235e+04", "0.0001000", "1.000e-05", "0.000", "-0.5000", "1.000e+04", "NaN"],
  ]);
});

test("a value is clamped between two others", () => {
  assert.deepEqual(
    [-1, 0, 2, 5].map((v) => clamp(v, 0, 3)),
    [0, 0, 2, 3],
  );
});

test("numbers are rounded to a power of ten", () => {
  assert.equal(rounded(0.1 + 0.2, 0.001), 0.3);
  assert.equal(rounded(1234.567, 5), 1235);
  assert.equal(rounded(1234.567, 50), 1230);
  assert.equal(rounded(-0.0449, 0.01), -0.04);
});

test("sorted numbers up to a value are counted, with ties", () => {
  assert.equal(atMost([1, 2, 2, 3], 2), 3);
  assert.equal(atMost([1, 2, 2, 3], 0.5), 0);
  assert.equal(atMost([1, 2, 2, 3], 1.5), 1);
  assert.equal(atMost([1, 2, 2, 3], 3), 4);
  assert.equal(atMost([], 3), 0);
});

test("a range ignores missing numbers", () => {
  assert.deepEqual(rangeOf([3, NaN, 1, 2]), [1, 3]);
  assert.deepEqual(rangeOf([7]), [7, 7]);
  assert.deepEqual(rangeOf([NaN]), [Infinity, -Infinity]);
  assert.deepEqual(rangeOf([1, 2, 3, 4], 1, 3), [2, 3]);
  assert.deepEqual(rangeOf([1, 10, 2, 20, 3, 30], 1, 6, 2), [10, 30]);
});

test("a union ignores empty ranges", () => {
  assert.deepEqual(union([1, 2], [0, 1.5]), [0, 2]);
  assert.deepEqual(union([1, 2], [Infinity, -Infinity]), [1, 2]);
});

test("the distance of ticks is 1, 2 or 5 times a power of ten", () => {
  close(ticks(0, 1, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  close(ticks(0, 100, 4), [0, 50, 100]);
  close(ticks(-3, 3, 6), [-3, -2, -1, 0, 1, 2, 3]);
  close(ticks(0.5, 3, 2), [2]);
  close(ticks(1e9 + 0.1, 1e9 + 0.5, 4), [1e9 + 0.1, 1e9 + 0.2, 1e9 + 0.3, 1e9 + 0.4, 1e9 + 0.5]);
  assert.equal(ticks(0, 1e-300, 5).length, 6);
});

test("ticks have at least the given distance", () => {
  close(ticks(0, 3, 10, 1), [0, 1, 2, 3]);
  assert.deepEqual(ticks(5, 5, 4, 1), [5]);
});

test("an empty range has no ticks, and the loop ends for huge numbers", () => {
  assert.deepEqual(ticks(5, 5, 4), []);
  assert.ok(ticks(1e17, 1e17 + 64, 5).length <= 7);
});

test("labels have enough digits to distinguish the ticks", () => {
  assert.deepEqual(tickLabels([0, 0.02, 0.04]), ["0", "0.02", "0.04"]);
  assert.deepEqual(tickLabels([0.0001, 0.00015]), ["0.0001", "0.00015"]);
  assert.deepEqual(tickLabels([0, 5e6, 1e7]), ["0", "5e6", "1e7"]);
  assert.deepEqual(tickLabels([0, 5e6, 1e7], 8), ["0", "5000000", "10000000"]);
  assert.deepEqual(tickLabels([2e-9, 2.5e-9]), ["2e-9", "2.5e-9"]);
  assert.deepEqual(tickLabels([1_700_000_001, 1_700_000_002]), ["1700000001", "1700000002"]);
  assert.deepEqual(tickLabels([-0.5, 0]), ["-0.5", "0"]);
  assert.deepEqual(tickLabels([0.35]), ["0.35"]);
});

test("logarithmic ticks are as fine as the room allows", () => {
  close(logTicks(0.9, 11, 8), [1, 2, 5, 10]);
  close(logTicks(0.9, 1200, 8), [1, 10, 100, 1000]);
  close(logTicks(1, 1e9, 4), [1, 1e3, 1e6, 1e9]);
  close(logTicks(1e-5, 1e-3, 12), [1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3]);
  close(logTicks(3.1, 4.1, 5), [3.2, 3.4, 3.6, 3.8, 4.0]);
  close(logTicks(1, 8, 12, [1, 1.5, 2, 3, 5, 7]), [1, 1.5, 2, 3, 5, 7]);
  assert.deepEqual(logTicks(2, 2, 5), []);
});

test("axes have a line for each row, and no text without a label", () => {
  const box = { left: 10, right: 110, top: 0, bottom: 50 };
  const columns = [{ at: 60 }, { at: 100, label: "b", x: 90, anchor: "end" }];
  const look = { gap: 5, drop: 15, foot: 30, side: 9, names: ["epoch"] };
  const text = svgAxes(box, [{ at: 20, label: "a" }], columns, look);
  assert.match(text, /<line class="grid" x1="10" x2="110" y1="20" y2="20"\/>/);
  assert.match(text, /x="5" y="24" text-anchor="end">a</);
  assert.match(text, /x="90" y="65" text-anchor="end">b</);
  assert.match(text, /x="60" y="80" text-anchor="middle">epoch</);
  assert.equal(text.match(/<text/g).length, 3);
  assert.equal(svgAxes(box, [], columns, { ...look, ticked: true }).match(/v4/g).length, 2);
  assert.match(svgAxes(box, [], [], { ...look, names: ["a", "b"] }), /translate\(9 25\) rotate\(-90\)/);
});

test("points and paths have one decimal", () => {
  assert.equal(
    svgPoints([
      [0, 1],
      [2.25, 3],
    ]),
    "0.0,1.0 2.3,3.0",
  );
  assert.equal(
    svgPath([
      [0, 1],
      [1, 2],
    ]),
    "M0 1.0L1 2.0h0",
  );
  assert.equal(svgPath([]), "");
});

test("a path has a gap at a missing y, and a dot between two gaps", () => {
  const points = [0, NaN, 2, Infinity, 4, 5].map((y, x) => [x, y]);
  assert.equal(svgPath(points), "M0 0.0h0M2 2.0h0M4 4.0L5 5.0h0");
});

test("a column of points is reduced to the first, lowest, highest and last point", () => {
  const column = [5, 9, 1, 4].map((y, i) => [i / 20, y]);
  assert.equal(svgPath(column), "M0 5.0L0 9.0L0 1.0L0 4.0h0");
  assert.equal(svgPath([2, 2, 2].map((y, i) => [i / 20, y])), "M0 2.0h0");
});

test("the zoom factor of a wheel is at most four", () => {
  assert.equal(wheelFactor(0), 1);
  assert.ok(Math.abs(wheelFactor(500) - 2.7156) < 1e-3);
  assert.deepEqual([1e6, -1e6].map(wheelFactor), [4, 0.25]);
});

test("the bulk of values is without those that are far out", () => {
  const even = Array.from({ length: 101 }, (_, i) => i);
  assert.deepEqual(bulkOf(even), [0, 100]);
  assert.deepEqual(bulkOf([-1e6, ...even, 1e6]), [-128, 229]);
  assert.deepEqual(bulkOf([5]), [5, 5]);
  assert.deepEqual(bulkOf([...Array(39).fill(0.1), 7]), [0.1, 0.1]);
  const mostlyEqual = [...Array(80).fill(0), ...Array.from({ length: 20 }, (_, i) => i + 1)];
  assert.deepEqual(bulkOf(mostlyEqual), [0, 20]);
});
