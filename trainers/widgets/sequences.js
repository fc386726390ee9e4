// Pictures of sequences and reconstructions, one feature below the other.

import { rangeOf, svgPoints, union } from "./plot.js";
import { numbers } from "./page.js";

export function unpack(pictures) {
  if (!pictures) return null;
  const positions = numbers(pictures.positions, Int32Array);
  const [middle, step] = pictures.scale ?? [];
  // Embedded HTML holds 16 bits per value.
  const values = (packed) => {
    if (!pictures.scale || packed == null) return numbers(packed, Float32Array);
    return Float32Array.from(numbers(packed, Int16Array), (v) => (v === -32768 ? NaN : middle + step * v));
  };
  return {
    ...pictures,
    row: new Map(Array.from(positions, (position, row) => [position, row])),
    sequences: values(pictures.sequences),
    reconstructions: values(pictures.reconstructions),
  };
}

// The range of each feature over all shown rows.
export function pictureRanges({ time, features, sequences, reconstructions }, rows) {
  const size = time * features;
  return Array.from({ length: features }, (_, feature) => {
    const ranges = [sequences, reconstructions]
      .filter(Boolean)
      .flatMap((values) => rows.map((row) => rangeOf(values, row * size + feature, (row + 1) * size, features)));
    return union(...ranges);
  });
}

// For each feature, a function from a value to a y in the feature's strip.
export function pictureStrips(ranges, height) {
  const strip = height / ranges.length;
  return ranges.map(
    ([low, high], feature) =>
      (value) =>
        strip * (feature + 1) - 3 - ((value - low) / (high - low || 1)) * (strip - 6),
  );
}

// Draws each feature's line; `x` maps a share of the time, 0 to 1, to a pixel, `strips` the values.
export function sequenceLines({ time, features, sequences, reconstructions }, row, strips, x) {
  const line = (values, feature, look) => {
    const y = (t) => strips[feature](values[(row * time + t) * features + feature]);
    const points = Array.from({ length: time }, (_, t) => [x(t / Math.max(1, time - 1)), y(t)]);
    return `<polyline class="${look}" points="${svgPoints(points)}"/>`;
  };
  return strips
    .map((_, f) => line(sequences, f, "sequence") + (reconstructions ? line(reconstructions, f, "reconstruction") : ""))
    .join("");
}
