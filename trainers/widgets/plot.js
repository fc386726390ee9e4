// Functions that all widgets use to draw: ranges, ticks and labels, SVG axes and lines.

// ---------------------------------------------------------------- numbers

export const short = (value, digits = 4) => String(Number(value.toPrecision(digits)));

// Four significant digits with trailing zeros, as `four_digits` in trainers/history.py: "0.1860", "1.000e-05".
export function fourDigits(value) {
  const [digits, power] = value.toExponential(3).split("e").map(Number);
  if (!Number.isFinite(digits) || (power >= -4 && power < 4)) return value.toPrecision(4);
  return `${digits.toFixed(3)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

// Writes -0 as 0.
export const many = (number, digits = 0) =>
  (Number(number.toFixed(digits)) || 0).toLocaleString("en-US", { maximumFractionDigits: digits });
export const plural = (number, word) => `${many(number)} ${word}${number === 1 ? "" : "s"}`;

export const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// Rounds to a power of ten not above `finest`, without floating-point noise.
export function rounded(value, finest) {
  const unit = 10 ** Math.floor(Math.log10(finest));
  return Number((Math.round(value / unit) * unit).toPrecision(12));
}

// Number of sorted values that are at most `value`, by bisection.
export function atMost(sorted, value) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Minimum and maximum of every `step`-th number, without NaN; [Infinity, -Infinity] if there is none.
export function rangeOf(values, from = 0, to = values.length, step = 1) {
  let [low, high] = [Infinity, -Infinity];
  for (let i = from; i < to; i += step) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

// The smallest range that contains all of these.
export const union = (...ranges) => [Math.min(...ranges.map((r) => r[0])), Math.max(...ranges.map((r) => r[1]))];

// A range with a margin, wide enough for tick labels even if its ends are equal; [0, 1] if there are no values.
export function withRoom(low, high, share = 0.06) {
  if (!(low <= high)) return [0, 1];
  const size = Math.max(Math.abs(low), Math.abs(high));
  const room = high - low > 1e-9 * size ? share * (high - low) : 0.1 * size || 0.5;
  return [low - room, high + room];
}

// Scales a range about `at`, within limits; not below `least`.
export function scaledRange([from, to], factor, at, [low, high], least) {
  const span = clamp((to - from) * factor, least, high - low);
  const start = clamp(at - ((at - from) / (to - from)) * span, low, high - span);
  return [start, start + span];
}

// The range of sorted values without those that are far out: farther from the middle half than three times its width.
export function bulkOf(sorted) {
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  // If the middle half is a single value, use the middle nine tenths.
  const halves = [0.25, 0.05].map((share) => [at(share), at(1 - share)]);
  const [low, high] = halves.find(([first, last]) => last > first) ?? halves[0];
  const room = 3 * (high - low);
  return [Math.max(at(0), low - room), Math.min(at(1), high + room)];
}

// ---------------------------------------------------------------- ticks of an axis

// About `wanted` ticks, spaced by 1, 2 or 5 times a power of ten and by at least `least`.
export function ticks(low, high, wanted, least = 0) {
  const rough = Math.max((high - low) / wanted, least);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9));
  const found = [];
  // The limit ends the loop beyond 2 ** 53, where i + 1 equals i.
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step && found.length <= wanted + 1; i++)
    found.push(i * step);
  return found;
}

// Labels with as many digits as distinguish the ticks; with exponents if these are shorter and digits exceed `room`.
export function tickLabels(values, room = 7) {
  // A single tick has few digits.
  const step = values.length > 1 ? values[1] - values[0] : Math.abs(values[0]) / 1e4;
  const digits = (v) => (v ? clamp(Math.ceil(Math.log10(Math.abs(v) / step) - 1e-9), 0, 100) : 0);
  const exact = values.map((v) => v.toExponential(digits(v)));
  const plain = exact.map((text) => String(Number(text)));
  const powers = exact.map((text) => (Number(text) ? text.replace(/\.?0*e\+?/, "e") : "0"));
  // A decimal point is narrow.
  const longest = (texts) => Math.max(...texts.map((text) => text.replace(".", "").length));
  return longest(plain) <= Math.max(room, longest(powers)) ? plain : powers;
}

// Ticks of a logarithmic axis: these multiples of each power of ten if they fit, otherwise 1, 2 and 5, otherwise only
// powers; evenly spaced ticks if fewer than two of these are in the range.
export function logTicks(low, high, wanted, multiples = [1, 2, 5]) {
  const [from, to] = [low, high].map((v) => Math.floor(Math.log10(v)));
  const inside = (list, every = 1) => {
    const found = [];
    for (let power = from; power <= to; power += every) for (const m of list) found.push(m * 10 ** power);
    return found.filter((v) => v >= low && v <= high);
  };
  const fits = [multiples, [1, 2, 5]].map((list) => inside(list)).find((found) => found.length <= wanted);
  const found = fits || inside([1], Math.ceil((to - from + 1) / wanted));
  return found.length > 1 ? found : ticks(low, high, wanted);
}

// ---------------------------------------------------------------- SVG

// Two axes with tick labels and names. Rows and columns hold a pixel position `at` and a label; a column's label may
// have its own `x` and `anchor`. `gap`, `drop`, `foot` and `side` are the distances of labels and names.
export function svgAxes({ left, right, top, bottom }, rows, columns, look) {
  const { gap, drop, foot, side, names, grid = true, ticked = false, middle = (top + bottom) / 2 } = look;
  const line = (at) =>
    grid
      ? `<line class="grid" x1="${left}" x2="${right}" y1="${at}" y2="${at}"/>`
      : `<path class="axes" d="M${left} ${at}h-4"/>`;
  const row = ({ at, label, feature = 0 }) =>
    `${line(at)}<text class="row" data-feature="${feature}" x="${left - gap}" y="${Math.max(10, at + 4)}" text-anchor="end">${label}</text>`;
  const column = ({ at, label, x = at, anchor = "middle" }) =>
    (ticked ? `<path class="axes" d="M${at} ${bottom}v4"/>` : "") +
    (label == null ? "" : `<text class="column" x="${x}" y="${bottom + drop}" text-anchor="${anchor}">${label}</text>`);
  const upright = names[1]
    ? `<text transform="translate(${side} ${middle}) rotate(-90)" text-anchor="middle">${names[1]}</text>`
    : "";
  return `${rows.map(row).join("")}${columns.map(column).join("")}<path class="axes" d="M${left} ${top}V${bottom}H${right}"/>
    <text x="${(left + right) / 2}" y="${bottom + foot}" text-anchor="middle">${names[0]}</text>
    ${upright}`;
}

// The points of a polygon or polyline.
export const svgPoints = (points) => points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" ");

// A path through points, with only the first, lowest, highest and last point of each half pixel. A non-finite y makes a
// gap. A point between two gaps is a dot: a line of length zero with round caps.
export function svgPath(points) {
  let [text, pen, column] = ["", "M", null];
  const flush = () => {
    for (const y of new Set(column && [column.first, column.low, column.high, column.last])) {
      text += `${pen}${column.x} ${y.toFixed(1)}`;
      pen = "L";
    }
    column = null;
  };
  for (const [at, y] of [...points, [NaN, NaN]]) {
    const x = Math.round(2 * at) / 2;
    if (column?.x !== x) flush();
    if (!Number.isFinite(y)) {
      flush();
      if (pen === "L") text += "h0";
      pen = "M";
    } else if (column) Object.assign(column, { low: Math.max(column.low, y), high: Math.min(column.high, y), last: y });
    else column = { x, first: y, low: y, high: y, last: y };
  }
  return text;
}

// Factor by which a wheel rotation scales the visible range.
export const wheelFactor = (pixels) => clamp(1.002 ** pixels, 0.25, 4);
