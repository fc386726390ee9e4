// Points of a map: the nearest point, the next point in a direction, and the visible part.

import assert from "node:assert/strict";
import test from "node:test";

import { withRoom } from "../../trainers/widgets/plot.js";
import {
  nearest,
  onScreen,
  showing,
  stacksOf,
  steadyRanges,
  towards,
  zoomed,
} from "../../trainers/widgets/latent_map.js";

const everything = () => true;
// Points 1 and 2 are in the same place.
const spots = [0, 0, 10, 0, 10, 0, 0, 20];
const full = [
  [0, 100],
  [0, 100],
];

test("a range has a margin, also if its ends are equal", () => {
  assert.deepEqual(withRoom(0, 10, 0.1), [-1, 11]);
  assert.deepEqual(withRoom(5, 5, 0.04), [4.5, 5.5]);
  assert.deepEqual(withRoom(0, 0, 0.04), [-0.5, 0.5]);
  assert.ok(withRoom(1e9, 1e9 + 1e-3, 0.1)[1] > 1.09e9);
});

test("y coordinates increase upwards in the frame", () => {
  const places = [0, 0, 10, 5, 20, 10];
  const window = [
    [0, 20],
    [0, 10],
  ];
  const frame = { left: 50, right: 250, top: 8, bottom: 108 };
  assert.deepEqual(onScreen({ n: 3, places }, window, frame), new Float32Array([50, 108, 150, 58, 250, 8]));
});

test("points that no zoom separates are one group", () => {
  const places = [0, 0, 50, 50, 1e-6, 0, 50, 50, 50, 50, 99, 0];
  assert.deepEqual(stacksOf(places, full), [
    [1, 3, 4],
    [0, 2],
  ]);
  assert.deepEqual(stacksOf([1, 2], full), []);
});

test("the nearest point is the first visible one within reach", () => {
  assert.equal(nearest(spots, everything, 9, 1), 1);
  assert.equal(
    nearest(spots, (i) => i !== 1, 9, 1),
    2,
  );
  assert.equal(nearest(spots, everything, 9, 1, 1), null);
  assert.equal(nearest(spots, everything, 9, 0, 1), 1);
  assert.equal(nearest([], everything, 9, 1), null);
});

test("arrow keys reach every point, also points in the same place", () => {
  assert.equal(towards(spots, everything, 0, "ArrowRight"), 1);
  assert.equal(towards(spots, everything, 1, "ArrowRight"), 2);
  assert.equal(towards(spots, everything, 2, "ArrowRight"), null);
  assert.equal(towards(spots, everything, 2, "ArrowLeft"), 1);
  assert.equal(towards(spots, everything, 1, "ArrowLeft"), 0);
  assert.equal(towards(spots, everything, 0, "ArrowDown"), 3);
  assert.equal(towards(spots, everything, 0, "ArrowUp"), null);
});

test("arrow keys ignore points at more than 45 degrees", () => {
  assert.equal(towards([0, 0, 10, 11], everything, 0, "ArrowRight"), null);
  assert.equal(towards([0, 0, 10, 11], everything, 0, "ArrowDown"), 1);
  assert.equal(towards([0, 0, 10, 10], everything, 0, "ArrowRight"), 1);
});

test("zooming keeps the given position and stays within the map", () => {
  const half = [
    [25, 75],
    [25, 75],
  ];
  assert.deepEqual(zoomed(full, full, 2, [50, 50]), half);
  assert.deepEqual(zoomed(full, full, 2, [0, 100]), [
    [0, 50],
    [50, 100],
  ]);
  assert.equal(zoomed(half, full, 0.1, [50, 50]), full);
  const [[low, high]] = zoomed(half, full, 1e9, [50, 50]);
  assert.ok(Math.abs(high - low - 100 / 2000) < 1e-9);
});

test("a window moves only if the point is not visible", () => {
  const window = [
    [0, 10],
    [0, 10],
  ];
  assert.equal(showing(window, full, [5, 10]), window);
  assert.deepEqual(showing(window, full, [50, 99.5]), [
    [45, 55],
    [90, 100],
  ]);
});

test("the range of a feature has no outliers and no missing values", () => {
  const sequences = Float32Array.from({ length: 600 }, (_, i) => (i % 2 ? NaN : i < 4 ? NaN : i % 100));
  assert.deepEqual(steadyRanges({ sequences, features: 2 }), [
    [0, 98],
    [Infinity, -Infinity],
  ]);
});
