// Sequences and reconstructions to draw, one feature below the other.

import { numbers } from "./page.js";

export function unpack(pictures) {
  if (!pictures) return null;
  const positions = numbers(pictures.positions, Int32Array),
    [middle, step] = pictures.scale ?? [];
  // A part of a page brings them in 16 bits.
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

// One scale for all that are shown beside each other.
export function pictureRanges(pictures, rows) {
  const { time, features } = pictures;
  return Array.from({ length: features }, (_, feature) => {
    let low = Infinity,
      high = -Infinity;
    for (const values of [pictures.sequences, pictures.reconstructions].filter(Boolean))
      for (const row of rows)
        for (let at = row * time * features + feature; at < (row + 1) * time * features; at += features)
          [low, high] = [Math.min(low, values[at]), Math.max(high, values[at])];
    return [low, high];
  });
}

// Each feature's own strip of the height, as a function from a value to a place in it.
export function pictureStrips(ranges, height) {
  const strip = height / ranges.length;
  return ranges.map(
    ([low, high], feature) =>
      (value) =>
        strip * (feature + 1) - 3 - ((value - low) / (high - low || 1)) * (strip - 6),
  );
}

// A line through every feature; `x` places a share of the time between 0 and 1, `strips` the values.
export function sequenceLines(pictures, row, strips, x) {
  const { time, features } = pictures;
  const line = (values, feature, look) => {
    const points = [];
    for (let t = 0; t < time; t++)
      points.push(
        `${x(t / Math.max(1, time - 1)).toFixed(1)},${strips[feature](values[(row * time + t) * features + feature]).toFixed(1)}`,
      );
    return `<polyline class="${look}" points="${points.join(" ")}"/>`;
  };
  let text = "";
  for (let feature = 0; feature < features; feature++)
    text +=
      line(pictures.sequences, feature, "sequence") +
      (pictures.reconstructions ? line(pictures.reconstructions, feature, "rebuilt") : "");
  return text;
}
