// Sequences and reconstructions in a page.

import assert from "node:assert/strict";
import test from "node:test";

import { many, plural } from "../../trainers/widgets/plot.js";
import {
  featureChoices,
  outliersOf,
  partOf,
  pictureRanges,
  pictureStrips,
  sequenceLines,
  unpack,
} from "../../trainers/widgets/sequences.js";

// The sequences at positions 4 and 9.
const two = {
  time: 2,
  features: 2,
  shown: [0, 1],
  row: new Map([
    [4, 0],
    [9, 1],
  ]),
  sequences: [1, 10, 3, 20, 5, 50, 7, 70],
  reconstructions: null,
};

test("sequences are found by position", () => {
  const packed = {
    positions: new Int32Array([4, 9]),
    features: 6,
    sequences: new Float32Array([1, 2]),
    reconstructions: null,
  };
  const pictures = unpack(packed);
  assert.equal(pictures.row.get(9), 1);
  assert.equal(pictures.row.get(5), undefined);
  assert.equal(pictures.reconstructions, null);
  assert.deepEqual(pictures.shown, [0, 1, 2, 3]);
  assert.equal(unpack(null), null);
});

test("16-bit codes are converted to values, and the lowest code is a missing value", () => {
  const sequences = new Int16Array([0, 1, -2, -32768]);
  const packed = { positions: new Int32Array([0]), features: 1, sequences, scale: [10, 0.5] };
  assert.deepEqual(unpack(packed).sequences, new Float32Array([10, 10.5, 9, NaN]));
});

test("the range of each feature spans all sequences in the page", () => {
  assert.deepEqual(pictureRanges(two, [4]), [
    [1, 3],
    [10, 20],
  ]);
  assert.deepEqual(pictureRanges(two, [4, 5, 9]), [
    [1, 7],
    [10, 70],
  ]);
  const reconstructions = [-1, NaN, 2, 15, 0, 0, 0, 0];
  assert.deepEqual(pictureRanges({ ...two, reconstructions }, [4]), [
    [-1, 3],
    [10, 20],
  ]);
});

test("only the shown features are drawn", () => {
  const second = { ...two, shown: [1] };
  assert.deepEqual(pictureRanges(second, [9]), [[50, 70]]);
  const line = sequenceLines(second, 1, pictureStrips([[50, 70]], 100), (share) => share);
  assert.equal(line, '<path class="sequence" d="M0 97.0L1 3.0h0"/>');
});

test("features are drawn in groups of up to four, and each alone", () => {
  assert.deepEqual(featureChoices({ features: 1 }), [[0]]);
  assert.deepEqual(featureChoices({ features: 2 }), [[0, 1], [0], [1]]);
  assert.deepEqual(featureChoices({ features: 5 }), [[0, 1, 2, 3], [0], [1], [2], [3], [4]]);
  assert.deepEqual(featureChoices({ features: 20 })[4], [16, 17, 18, 19]);
  assert.equal(featureChoices({ features: 20 }).length, 25);
});

test("numbers have a separator and the right form of the word", () => {
  assert.equal(many(1234567), "1,234,567");
  assert.equal(plural(1, "score"), "1 score");
  assert.equal(partOf(1, 2000, "score"), "1 of 2,000 scores is");
  assert.equal(outliersOf(1, 20, "score"), "1 of 20 scores is an outlier");
  assert.equal(partOf(2, 2000, "score"), "2 of 2,000 scores are");
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
  const pictures = { time: 2, features: 1, shown: [0], sequences: [9, 9, 0, 10], reconstructions: null };
  const strips = pictureStrips([[0, 10]], 100);
  const x = (share) => 20 * share;
  const line = '<path class="sequence" d="M0 97.0L20 3.0h0"/>';
  assert.equal(sequenceLines(pictures, 1, strips, x), line);
  const both = sequenceLines({ ...pictures, reconstructions: [0, 0, 10, 0] }, 1, strips, x);
  assert.equal(both, `${line}<path class="reconstruction" d="M0 3.0L20 97.0h0"/>`);
  assert.match(sequenceLines({ ...pictures, time: 1 }, 2, strips, x), /d="M0 97.0h0"/);
});

test("a missing value makes a gap and leaves the rest of the line", () => {
  const pictures = { time: 4, features: 1, shown: [0], sequences: [0, NaN, 10, 0], reconstructions: null };
  const line = sequenceLines(pictures, 0, pictureStrips([[0, 10]], 100), (share) => 30 * share);
  assert.equal(line, '<path class="sequence" d="M0 97.0h0M20 3.0L30 97.0h0"/>');
});
