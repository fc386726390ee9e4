// Pictures of sequences and reconstructions, one feature below the other, and numbers of sequences in words.

import { many, plural, rangeOf, svgPath, union } from "./plot.js";
import { numbers } from "./page.js";

export const partOf = (part, all, word) => `${many(part)} of ${plural(all, word)} ${part === 1 ? "is" : "are"}`;
export const outliersOf = (part, all, word) => `${partOf(part, all, word)} ${part === 1 ? "an outlier" : "outliers"}`;

// Maximum number of features drawn at once, as in sequences.py.
const AT_ONCE = 4;

// `shown` are the features that are drawn.
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
    shown: featureChoices(pictures)[0],
    row: new Map(Array.from(positions, (position, row) => [position, row])),
    sequences: values(pictures.sequences),
    reconstructions: values(pictures.reconstructions),
  };
}

// The features that can be drawn at once: groups of up to four, then each alone.
export function featureChoices({ features }) {
  const each = Array.from({ length: features }, (_, feature) => feature);
  const groups = each.filter((first) => first % AT_ONCE === 0).map((first) => each.slice(first, first + AT_ONCE));
  return [...groups.filter((group) => group.length > 1), ...each.map((feature) => [feature])];
}

// Fills a menu with the choices of features; `draw` is called after a choice.
export function offerFeatures(menu, pictures, draw) {
  const { features, all_features: all } = pictures;
  const choices = featureChoices(pictures);
  const nameOf = ([first, ...rest]) => {
    if (!rest.length) return `feature ${first + 1} of ${all}`;
    return rest.length + 1 === all ? `all ${all} features` : `features ${first + 1} to ${rest.at(-1) + 1} of ${all}`;
  };
  menu.innerHTML = choices.map((choice, i) => `<option value="${i}">${nameOf(choice)}</option>`).join("");
  if (all > features) menu.title = `The first ${features} of ${all} features are in the page.`;
  menu.addEventListener("change", () => {
    pictures.shown = choices[menu.value];
    draw();
  });
}

// The range of each shown feature over the sequences at these positions that are in the page.
export function pictureRanges({ time, features, shown, row, sequences, reconstructions }, positions) {
  const size = time * features;
  const rows = positions.filter((position) => row.has(position)).map((position) => row.get(position));
  return shown.map((feature) => {
    const ranges = [sequences, reconstructions]
      .filter(Boolean)
      .flatMap((values) => rows.map((row) => rangeOf(values, row * size + feature, (row + 1) * size, features)));
    return union(...ranges);
  });
}

// For each feature, a function from a value to a y in the feature's strip.
export function pictureStrips(ranges, height) {
  const strip = height / ranges.length;
  return ranges.map(([low, high], feature) => {
    const scale = (strip - 6) / (high - low || 1);
    return (value) => strip * (feature + 1) - 3 - (value - low) * scale;
  });
}

// Draws each shown feature's line; `x` maps a share of the time, 0 to 1, to a pixel, `strips` the values.
export function sequenceLines({ time, features, shown, sequences, reconstructions }, row, strips, x) {
  const line = (values, strip, look) => {
    const y = (t) => strips[strip](values[(row * time + t) * features + shown[strip]]);
    const points = Array.from({ length: time }, (_, t) => [x(t / Math.max(1, time - 1)), y(t)]);
    return `<path class="${look}" d="${svgPath(points)}"/>`;
  };
  return strips
    .map((_, f) => line(sequences, f, "sequence") + (reconstructions ? line(reconstructions, f, "reconstruction") : ""))
    .join("");
}
