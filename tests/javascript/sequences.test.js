// Sequences and reconstructions in a page.

import assert from "node:assert/strict";
import test from "node:test";

import { pictureRanges, pictureStrips, sequenceLines, unpack } from "../../trainers/widgets/sequences.js";

const two = { time: 2, features: 2, sequences: [1, 10, 3, 20, 5, 50, 7, 70], reconstructions: null };

test("sequences are found by position", () => {
  const packed = { positions: new Int32Array([4, 9]), sequences: new Float32Array([1, 2]), reconstructions: null };
  const pictures = unpack(packed);
  assert.equal(pictures.row.get(9), 1);
  assert.equal(pictures.row.get(5), undefined);
  assert.equal(pictures.reconstructions, null);
  assert.equal(unpack(null), null);
});

test("16-bit codes are converted to values, and the lowest code is a missing value", () => {
  const packed = { positions: new Int32Array([0]), sequences: new Int16Array([0, 1, -2, -32768]), scale: [10, 0.5] };
  assert.deepEqual(unpack(packed).sequences, new Float32Array([10, 10.5, 9, NaN]));
});

test("the range of each feature spans all shown rows", () => {
  assert.deepEqual(pictureRanges(two, [0]), [
    [1, 3],
    [10, 20],
  ]);
  assert.deepEqual(pictureRanges(two, [0, 1]), [
    [1, 7],
    [10, 70],
  ]);
  const reconstructions = [-1, NaN, 2, 15, 0, 0, 0, 0];
  assert.deepEqual(pictureRanges({ ...two, reconstructions }, [0]), [
    [-1, 3],
    [10, 20],
  ]);
});

test("each feature has its own strip, and y increases upwards", () => {
  const [first, second] = pictureStrips(
    [
      [0, 10],
      [5, 5],
    ],
    100,
  );
  assert.deepEqual([first(0), first(10)], [47, 3]);
  assert.equal(second(5), 97);
});

test("a line goes through every step of a row", () => {
  const pictures = { time: 2, features: 1, sequences: [9, 9, 0, 10], reconstructions: null };
  const strips = pictureStrips([[0, 10]], 100);
  const x = (share) => 20 * share;
  const line = '<polyline class="sequence" points="0.0,97.0 20.0,3.0"/>';
  assert.equal(sequenceLines(pictures, 1, strips, x), line);
  const both = sequenceLines({ ...pictures, reconstructions: [0, 0, 10, 0] }, 1, strips, x);
  assert.equal(both, `${line}<polyline class="reconstruction" points="0.0,3.0 20.0,97.0"/>`);
  assert.match(sequenceLines({ ...pictures, time: 1 }, 2, strips, x), /points="0.0,97.0"/);
});
