// Draws a series on canvases: lanes, event rows, score, time axis, and an overview of the whole series.

import { atMost, clamp, many, rangeOf, short, tickLabels, ticks, union, withRoom } from "./plot.js";
import { clipped, numbers, sharpPen } from "./page.js";

// ---------------------------------------------------------------- time: steps, seconds and dates

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];
const DATE_STEPS = [
  [1, [1, 2, 5, 10, 20, 50, 100, 200, 500]],
  [SECOND, [1, 2, 5, 10, 15, 30]],
  [MINUTE, [1, 2, 5, 10, 15, 30]],
  [HOUR, [1, 2, 3, 6, 12]],
  [DAY, [1, 2, 7]],
].flatMap(([unit, counts]) => counts.map((n) => n * unit));
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];
// Units of durations, in seconds.
const UNITS = [
  ["d", 86_400, "days"],
  ["h", 3600, "h"],
  ["min", 60, "min"],
  ["s", 1, "s"],
];

// A value with three significant digits, and more if the values of its curve differ only in later digits.
export function reading(value, range = Infinity) {
  if (!Number.isFinite(value)) return "missing";
  const shared = Math.ceil(Math.log10(Math.abs(value) / range)) || 0;
  return short(value, clamp(3 + shared, 3, 9));
}

// Converts steps to times and back. With uneven times, `times` holds one for each step that was sent.
export function makeClock({ kind, start, delta }, times, stride) {
  if (!times.length) return { kind, delta, at: (step) => start + delta * step, step: (time) => (time - start) / delta };
  const last = times.length - 1;
  const at = (step) => {
    const i = clamp(step / stride, 0, last);
    const left = Math.floor(i);
    return times[left] + (i - left) * (times[Math.min(last, left + 1)] - times[left]);
  };
  const step = (time) => {
    const left = clamp(atMost(times, time) - 1, 0, Math.max(0, last - 1));
    return stride * (left + (last && (time - times[left]) / (times[left + 1] - times[left])));
  };
  return { kind, delta, at, step };
}

// The time of a step as text; empty for a series without times.
export function timeText(clock, step) {
  if (clock.kind === "step") return "";
  if (clock.kind === "date") return dateText(clock.at(step), clock.delta < SECOND ? 23 : 19);
  return durationText(clock.at(step), clamp(Math.ceil(-Math.log10(clock.delta)), 0, 6));
}

// Seconds as people write them: "40.5 s", "2 min 30 s", "166 d 16 h".
function durationText(seconds, digits) {
  let rest = Number(Math.abs(seconds).toFixed(digits));
  const sign = seconds < 0 && rest ? "−" : "";
  if (rest < 120) return `${sign}${rest} s`;
  const parts = UNITS.map(([unit, size]) => {
    const number = unit === "s" ? Number(rest.toFixed(digits)) : Math.floor(rest / size);
    rest -= number * size;
    return number ? `${many(number, digits)} ${unit}` : "";
  });
  return sign + parts.filter(Boolean).join(" ");
}

// The unit of a duration of this many seconds, and its length in seconds.
const unitOf = (seconds) => UNITS.find(([, size]) => seconds >= 2 * size) ?? UNITS.at(-1);

// The name of the time axis, with its unit.
export function timeTitle(clock, from, to) {
  if (clock.kind === "seconds") return `time (${unitOf(clock.at(to) - clock.at(from))[2]})`;
  return clock.kind === "date" ? "date and time" : "time step";
}

// "2024-05-01 12:30:00.000", cut to this number of characters.
function dateText(time, letters) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return reading(time);
  return date.toISOString().replace("T", " ").replace("Z", "").slice(0, letters);
}

// Ticks of the time axis between two steps: [{ step, label }].
export function timeMarks(clock, from, to, wanted) {
  if (clock.kind === "step") return ticks(from, to, wanted, 1).map((step) => ({ step, label: many(step) }));
  const [low, high] = [clock.at(from), clock.at(to)];
  if (clock.kind === "date")
    return dateMarks(low, high, (high - low) / wanted).map(([time, label]) => ({ step: clock.step(time), label }));
  const unit = unitOf(high - low)[1];
  const times = ticks(low / unit, high / unit, wanted);
  const labels = tickLabels(times, 12);
  return times.map((time, i) => ({ step: clock.step(time * unit), label: labels[i] }));
}

function dateMarks(low, high, rough) {
  const step = DATE_STEPS.find((s) => s >= rough);
  if (step === undefined) return monthMarks(low, high, rough);
  const letters = step < SECOND ? 23 : step < MINUTE ? 19 : 16;
  const marks = [];
  for (let time = Math.ceil(low / step) * step; time <= high; time += step) {
    const dated = step >= DAY || time % DAY === 0;
    marks.push([time, dated ? dateText(time, 10) : dateText(time, letters).slice(11)]);
  }
  return marks;
}

function monthMarks(low, high, rough) {
  const months = MONTH_STEPS.find((m) => m * 30.4 * DAY >= rough) ?? MONTH_STEPS.at(-1);
  const [first, years] = [new Date(low), Math.max(1, months / 12)];
  const year = Math.ceil(first.getUTCFullYear() / years) * years;
  const marks = [];
  for (let m = Math.floor(first.getUTCMonth() / months) * months; marks.length <= 50; m += months) {
    const time = Date.UTC(year, m, 1);
    if (time > high) break;
    if (time >= low) marks.push([time, dateText(time, months >= 12 ? 4 : 7)]);
  }
  return marks;
}

// ---------------------------------------------------------------- curves

const BLOCK = 64;

// A curve with the extremes of each block: a picture of a million steps reads a few thousand numbers. `lows` are the
// lowest values of groups whose highest values are `values`.
export function makeCurve(values, lows = values) {
  const blocks = Math.ceil(values.length / BLOCK);
  const [low, high] = [new Float64Array(blocks), new Float64Array(blocks)];
  for (let b = 0; b < blocks; b++)
    [low[b], high[b]] = rangeIn({ values, lows }, b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
  return { values, lows, low, high };
}

function rangeIn({ values, lows }, from, to) {
  const [low, high] = rangeOf(values, from, to);
  return lows === values ? [low, high] : [rangeOf(lows, from, to)[0], high];
}

// One curve for each feature; the features are stored one after the other.
export function makeCurves(source, features) {
  const all = numbers(source, Float32Array);
  const length = all.length / features;
  if (!all.length) return null;
  return Array.from({ length: features }, (_, f) => makeCurve(all.subarray(f * length, (f + 1) * length)));
}

// Minimum and maximum of a curve between two steps; [Infinity, -Infinity] if all values are missing.
export function extent(curve, from = 0, to = curve.values.length) {
  const { values, low, high } = curve;
  const [start, end] = [Math.max(0, from), Math.min(values.length, to)];
  const [first, last] = [Math.ceil(start / BLOCK), Math.floor(end / BLOCK)];
  if (first >= last) return rangeIn(curve, start, end);
  const blocks = [rangeOf(low, first, last)[0], rangeOf(high, first, last)[1]];
  return union(rangeIn(curve, start, first * BLOCK), blocks, rangeIn(curve, last * BLOCK, end));
}

// The range of nearly all values, from evenly spaced ones: the middle 98 percent, and half as much on both sides.
export function usualRange(curve) {
  if (curve.usual) return curve.usual;
  const some = [];
  const step = Math.ceil(curve.values.length / 10_000);
  for (let i = 0; i < curve.values.length; i += step) if (Number.isFinite(curve.values[i])) some.push(curve.values[i]);
  some.sort((a, b) => a - b);
  const [low, high] = [0.01, 0.99].map((share) => some[Math.round(share * (some.length - 1))]);
  const room = (high - low) / 2 || 0.05 * Math.abs(high) || 1;
  return (curve.usual = [low - room, high + room]);
}

// Whether a few values are so far from the others that these would be flattened.
export function hasOutliers(curve) {
  const [[low, high], [from, to]] = [extent(curve), usualRange(curve)];
  return high - low > 3 * (to - from);
}

// The range of a lane. A diverging reconstruction extends it only so far that the signal is not flattened.
function laneRange(curve, reconstruction, from, to, focus) {
  let [low, high] = extent(curve, from, to);
  if (low > high) [low, high] = extent(curve);
  const [least, most] = reconstruction ? extent(reconstruction, from, to) : [low, high];
  const room = high - low || 1;
  return focused(withRoom(clamp(least, low - room, low), clamp(most, high, high + room)), curve, focus);
}

// The part of a range that contains nearly all values of a curve, if `focus` is on.
export function focused([low, high], curve, focus) {
  if (!focus) return [low, high];
  const [from, to] = usualRange(curve);
  const inner = [Math.max(low, from), Math.min(high, to)];
  return inner[0] < inner[1] ? inner : [low, high];
}

// ---------------------------------------------------------------- canvas

export const LEFT = 64;
const [RIGHT, TOP, ROW, GAP, SCORE, AXIS, OVERVIEW] = [14, 6, 20, 8, 90, 38, 54];

// Colours of the theme. Each has contrast 3 to the background (WCAG, graphics); dash, fill and position differ too.
export function palette(root) {
  const text = getComputedStyle(root).color;
  const [r, g, b] = (text.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b > (text.startsWith("rgb") ? 128 : 0.5);
  const [signal, reconstruction, truth, found] = dark
    ? ["#56B4E9", "#DE93BE", "#DFA33A", "#B79BEA"]
    : ["#0072B2", "#C06A9B", "#B5790A", "#8A5FC7"];
  return { text, background: backgroundOf(root), signal, reconstruction, truth, found, focus: signal };
}

// The background colour, set by the element or one of its ancestors.
function backgroundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color && color !== "transparent" && !/, 0\)$/.test(color)) return color;
  }
  return "transparent";
}

// Context and colours of a canvas, and the conversion from steps to pixels and back.
function makeSheet(canvas, width, height, [from, to], stride) {
  const right = width - RIGHT;
  const x = (step) => LEFT + ((step - from) / (to - from)) * (right - LEFT);
  const step = (px) => from + ((px - LEFT) / (right - LEFT)) * (to - from);
  return { pen: sharpPen(canvas, width, height), paint: palette(canvas), right, x, step, from, to, stride };
}

const scale =
  ([low, high], { top, height }) =>
  (value) =>
    top + height * (1 - (value - low) / (high - low));

function faintly(pen, alpha, draw) {
  pen.globalAlpha = alpha;
  draw();
  pen.globalAlpha = 1;
}

// Text with a halo in the background colour, which keeps it readable on a curve.
function write({ pen, paint }, text, x, y, room) {
  Object.assign(pen, { lineWidth: 4, strokeStyle: paint.background, fillStyle: paint.text });
  pen.strokeText(text, x, y, room);
  pen.fillText(text, x, y, room);
}

// ---------------------------------------------------------------- lanes

// The lowest and highest value of each pixel column, or of each step if steps are wider: [[x, low, high], …].
function columnsOf({ x, from, to, stride }, curve) {
  const first = Math.max(0, Math.floor(from / stride) - 1);
  const last = Math.min(curve.values.length, Math.ceil(to / stride) + 2);
  const size = Math.max(1, 1 / (x(stride) - x(0)));
  const columns = [];
  // Columns start at step 0, so that a curve does not flicker during a drag.
  for (let column = Math.floor(first / size); column * size < last; column++) {
    const [start, end] = [column * size, (column + 1) * size].map(Math.round);
    columns.push([x(column * size * stride), ...extent(curve, start, end)]);
  }
  return columns;
}

// Draws a curve. Where several steps share a pixel column, the curve becomes a band from the lowest to the highest value
// of each column: two lines, with a light area between them if the curve is not dashed.
function trace(sheet, curve, y, dashed) {
  const { pen, x, stride } = sheet;
  const dense = x(stride) - x(0) < 1 / 1.5 || curve.lows !== curve.values;
  const columns = columnsOf(sheet, curve);
  if (dense) pen.lineWidth = Math.min(1, pen.lineWidth);
  const [low, high] = [1, 2].map((side) => columns.map((column) => [column[0], y(column[side])]));
  line(pen, high);
  if (!dense) return;
  line(pen, low);
  if (!dashed) faintly(pen, 0.3, () => fillBetween(pen, low, high));
}

// A line through points. A missing y makes a gap; a point between two gaps is a dot.
function line(pen, points) {
  const there = (i) => Number.isFinite(points[i]?.[1]);
  pen.beginPath();
  points.forEach(([px, py], i) => {
    if (!there(i)) return;
    if (there(i - 1)) return pen.lineTo(px, py);
    pen.moveTo(px, py);
    if (!there(i + 1)) pen.arc(px, py, 1.5, 0, 7);
  });
  pen.stroke();
}

function fillBetween(pen, low, high) {
  pen.beginPath();
  for (let i = 0; i < low.length; i++) {
    const start = i;
    while (i < low.length && Number.isFinite(low[i][1])) i++;
    const around = [...high.slice(start, i), ...low.slice(start, i).reverse()];
    around.forEach(([px, py], j) => (j ? pen.lineTo(px, py) : pen.moveTo(px, py)));
  }
  pen.fill();
}

// Marks the values that are above or below the drawn range with triangles at its edge.
function markOutside({ pen, right, step, stride }, box, [low, high], { curve, color }) {
  const triangle = (at, base, tip) => {
    pen.moveTo(at - 4, base);
    pen.lineTo(at + 4, base);
    pen.lineTo(at, tip);
  };
  pen.fillStyle = color;
  pen.beginPath();
  for (let px = LEFT; px < right; px += 8) {
    const [least, most] = extent(curve, ...[px, px + 8].map((at) => Math.ceil(step(at) / stride)));
    if (most > high) triangle(px + 4, box.top + 8, box.top + 1);
    if (least < low) triangle(px + 4, box.top + box.height - 8, box.top + box.height - 1);
  }
  pen.fill();
}

// Draws a lane: true events behind it, frame and tick labels, curves, name.
function drawLane(sheet, box, range, marks, curves, name) {
  const { pen, paint, right } = sheet;
  const y = scale(range, box);
  const bottom = box.top + box.height;
  pen.fillStyle = paint.truth;
  const shade = ({ left, right }) => pen.fillRect(left, box.top, right - left, box.height);
  faintly(pen, 0.18, () => marks.forEach(shade));
  const numbers = ticks(...range, box.height > 70 ? 4 : 3);
  const labels = tickLabels(numbers);
  const look = { textAlign: "right", textBaseline: "middle", lineWidth: 1 };
  Object.assign(pen, look, { fillStyle: paint.text, strokeStyle: paint.text });
  numbers.map(y).forEach((at, i) => {
    faintly(pen, 0.13, () => pen.fillRect(LEFT, Math.round(at), right - LEFT, 1));
    if (at > box.top + 4 && at < bottom - 4) pen.fillText(labels[i], LEFT - 7, at, LEFT - 8);
  });
  faintly(pen, 0.5, () => pen.strokeRect(LEFT + 0.5, box.top + 0.5, right - LEFT - 1, box.height - 1));
  drawCurves(sheet, box, y, curves);
  curves.filter(({ curve }) => curve).forEach((each) => markOutside(sheet, box, range, each));
  Object.assign(pen, { textAlign: "left", textBaseline: "top" });
  write(sheet, name, LEFT + 6, box.top + 3, right - LEFT - 12);
  return y;
}

// Draws curves and constant levels.
function drawCurves(sheet, box, y, curves) {
  const { pen, right } = sheet;
  clipped(pen, LEFT, box.top, right, box.top + box.height, () => {
    for (const { curve, level, color, width, dashes = [] } of curves) {
      // Round caps would close the gaps between dashes.
      const lineCap = dashes.length ? "butt" : "round";
      Object.assign(pen, { strokeStyle: color, fillStyle: color, lineWidth: width, lineCap });
      pen.setLineDash(dashes);
      if (curve) trace(sheet, curve, y, dashes.length > 0);
      else pen.fillRect(LEFT, y(level) - 1, right, 2);
    }
  });
}

// ---------------------------------------------------------------- events

// Boxes of events in pixels, wide enough to be visible; of overlapping boxes, only the first is kept.
function boxes({ x, right: end }, events, least = 3) {
  const shown = [];
  let edge = -Infinity;
  (events || []).forEach(([first, behind], index) => {
    const left = Math.max(LEFT, x(first - 0.5));
    const right = Math.min(end, Math.max(x(behind - 0.5), x(first - 0.5) + least));
    if (right <= LEFT || left >= end || right <= edge + 2) return;
    shown.push({ left: Math.max(left, edge), right, index });
    edge = right;
  });
  return shown;
}

function hatch(pen, { left, right }, top, height) {
  clipped(pen, left, top, right, top + height, () => {
    pen.beginPath();
    for (let at = Math.floor((left - height) / 5) * 5; at < right; at += 5) {
      pen.moveTo(at, top + height);
      pen.lineTo(at + height, top);
    }
    pen.stroke();
  });
}

// Draws a row of events. One that overlaps an event of the other row is filled (true) or hatched (found), else hollow.
// Each has its number and kind if there is room, and the event `labelled` always. Returns the boxes.
function drawEvents(sheet, name, result, top, labelled) {
  const { pen, paint, right: end } = sheet;
  const [height, middle] = [ROW - 7, top + (ROW - 7) / 2];
  const both = result.truth && result.found;
  const partners = name === "truth" ? result.compared.hit : result.compared.right;
  Object.assign(pen, { textAlign: "right", textBaseline: "middle", fillStyle: paint.text, lineWidth: 1.5 });
  pen.fillText(name === "truth" ? "true" : "found", LEFT - 7, middle);
  // Wide enough to distinguish hollow from filled.
  const shown = boxes(sheet, result[name], 7);
  const labels = [];
  let taken = LEFT;
  shown.forEach((box, i) => {
    const paired = partners[box.index] || !both;
    pen.strokeStyle = pen.fillStyle = paint[name];
    if (name === "truth" && paired) pen.fillRect(box.left, top, box.right - box.left, height);
    else {
      if (paired) hatch(pen, box, top, height);
      pen.strokeRect(box.left + 0.75, top + 0.75, Math.max(1, box.right - box.left - 1.5), height - 1.5);
    }
    // Write its label after it, or before it, if there is room.
    const number = result.numbers[name][box.index];
    const word = number
      ? `${many(number)} ${both ? result.visit[number - 1].kind.replace("true event, ", "") : ""}`.trim()
      : "";
    const need = pen.measureText(word).width + 8;
    const after = need <= (shown[i + 1]?.left ?? end) - box.right;
    const before = need <= box.left - taken;
    const forced = number === labelled && word;
    taken = box.right + (after ? need : 0);
    if (forced || after || before) labels.push([word, box, after || (!before && box.right + need < end)]);
  });
  // After all boxes, because the label of `labelled` may cover a neighbour.
  for (const [word, { left, right }, after] of labels) {
    pen.textAlign = after ? "left" : "right";
    write(sheet, word, after ? right + 4 : left - 4, middle);
  }
  return shown;
}

// Draws the border between the training part, which is shaded, and the scored part, with their names above `base`.
function drawBorder(sheet, training, { top, height }, base) {
  if (!training) return;
  const { pen, paint, right, x } = sheet;
  const at = clamp(x(training - 0.5), LEFT, right);
  pen.fillStyle = paint.text;
  faintly(pen, 0.08, () => pen.fillRect(LEFT, top, at - LEFT, height));
  const [left, rest] = [at - LEFT, right - at];
  const above = Math.min(top, base - 14);
  if (left && rest) pen.fillRect(Math.round(at) - 1, above, 2, top + height - above);
  Object.assign(pen, { textBaseline: "bottom", textAlign: "left" });
  const [before, after] = ["◂ training", "scored ▸"];
  const needs = [before, after].map((word) => pen.measureText(word).width + 6);
  if (!rest) return write(sheet, "training", LEFT + 4, base);
  if (!left) return write(sheet, "scored", LEFT + 4, base);
  // If one of the names does not fit on its side, both are on the other side.
  const [both, wide] = [`${before} | ${after}`, needs[1] <= rest];
  if (wide) write(sheet, needs[0] <= left ? after : both, at + 5, base);
  pen.textAlign = "right";
  if (needs[0] <= left) write(sheet, wide ? before : both, at - 5, base);
}

// ---------------------------------------------------------------- pictures

// Vertical positions, from top to bottom.
function layout(lanes, result, hasScore, training) {
  const height = lanes === 1 ? 170 : Math.max(54, Math.round(270 / lanes) - GAP);
  const place = { lanes: [], rows: {}, score: null };
  let top = training ? TOP + 16 : TOP;
  for (let i = 0; i < lanes; i++, top += height + GAP) place.lanes.push({ top, height });
  for (const name of ["truth", "found"].filter((name) => result[name])) {
    place.rows[name] = { top, height: ROW };
    top += ROW;
  }
  if (hasScore) {
    place.score = { top: top + GAP / 2, height: SCORE };
    top += SCORE + GAP;
  }
  return { ...place, bottom: top, height: top + AXIS };
}

// Draws the visible part; returns the positions that the mouse handlers need.
export function drawMain(canvas, data, result, view, width) {
  const { stride, features, training } = data.facts;
  const place = layout(view.features.length, result, Boolean(data.scores), training);
  const sheet = makeSheet(canvas, width, place.height, [view.from, view.to], stride);
  const { pen, paint, x } = sheet;
  const marks = boxes(sheet, result.truth);
  const shown = [Math.floor(view.from / stride), Math.ceil(view.to / stride) + 1];
  view.features.forEach((f, lane) => {
    const [curve, reconstruction] = [data.curves[f], view.reconstruction ? data.reconstruction?.[f] : null];
    const curves = [{ curve, color: paint.signal, width: 1.3 }];
    if (reconstruction)
      curves.push({ curve: reconstruction, color: paint.reconstruction, width: 1.6, dashes: [5, 3.5] });
    const [from, to] = view.fit ? shown : [];
    const range = laneRange(curve, reconstruction, from, to, view.focus);
    drawLane(sheet, place.lanes[lane], range, marks, curves, laneName(features[f], extent(curve, ...shown)));
  });
  for (const [name, row] of Object.entries(place.rows))
    row.boxes = drawEvents(sheet, name, result, row.top, view.labelled);
  if (data.scores) {
    const curves = [{ curve: data.scores, color: paint.text, width: 1.1 }];
    if (view.threshold !== null) curves.push({ level: view.threshold, color: paint.found });
    const [low, high] = extent(data.scores, ...shown);
    const name = low > high ? "score: none here" : "score";
    place.score.y = drawLane(sheet, place.score, view.scoreRange, marks, curves, name);
  }
  const top = place.lanes[0].top;
  drawBorder(sheet, training, { top, height: place.bottom - GAP - top }, top - 2);
  drawTimeAxis(sheet, data.clock, place.bottom, width);
  if (view.cursor !== null && view.cursor >= view.from && view.cursor <= view.to) {
    pen.fillStyle = paint.text;
    faintly(pen, 0.6, () => pen.fillRect(x(view.cursor) - 0.5, TOP, 1, place.bottom - TOP - GAP));
  }
  return { score: place.score, step: sheet.step, rows: place.rows, perPixel: sheet.step(1) - sheet.step(0) };
}

// The name of a lane, and why it may be empty or flat.
function laneName(name, [low, high]) {
  if (low > high) return `${name}: no values here`;
  return low === high ? `${name}: constant, ${reading(low)}` : name;
}

function drawTimeAxis({ pen, paint, right, x, from, to }, clock, top, width) {
  Object.assign(pen, { fillStyle: paint.text, textBaseline: "top", textAlign: "left" });
  let edge = -Infinity;
  for (const { step, label } of timeMarks(clock, from, to, Math.max(2, (right - LEFT) / 95))) {
    const room = pen.measureText(label).width;
    const left = Math.min(x(step) - room / 2, width - room);
    if (step < from || step > to || left < edge + 8) continue;
    pen.fillRect(Math.round(x(step)), top - GAP, 1, 5);
    pen.fillText(label, left, top);
    edge = left + room;
  }
  pen.textAlign = "center";
  pen.fillText(timeTitle(clock, from, to), (LEFT + right) / 2, top + 19);
}

// Draws the whole series with its events (found above, true below) and the visible part as a handle.
export function drawOverview(canvas, data, result, view, width) {
  const { stride, length, features, training } = data.facts;
  const sheet = makeSheet(canvas, width, OVERVIEW, [-0.5, length - 0.5], stride);
  const { pen, paint, x, step } = sheet;
  const box = { top: 8, height: OVERVIEW - 16 };
  const curve = data.curves[view.features[0]];
  const y = scale(focused(withRoom(...extent(curve)), curve, view.focus), box);
  drawCurves(sheet, box, y, [{ curve, color: paint.signal, width: 1 }]);
  for (const name of ["found", "truth"]) {
    pen.fillStyle = paint[name];
    for (const { left, right } of boxes(sheet, result[name]))
      pen.fillRect(left, name === "found" ? 1 : OVERVIEW - 7, right - left, 6);
  }
  drawBorder(sheet, training, box, box.top + box.height - 2);
  Object.assign(pen, { textAlign: "left", textBaseline: "top" });
  if (features.length > 1) write(sheet, features[view.features[0]], LEFT + 6, box.top + 2, width / 2);
  const left = x(view.from);
  const right = Math.max(x(view.to), left + 6);
  const look = { lineWidth: 1.5, textAlign: "right", textBaseline: "middle" };
  Object.assign(pen, look, { fillStyle: paint.text, strokeStyle: paint.text });
  faintly(pen, 0.16, () => pen.fillRect(left, box.top, right - left, box.height));
  pen.strokeRect(left, box.top, right - left, box.height);
  // Grips at both edges.
  for (const edge of [left, right]) pen.fillRect(edge - 2.5, OVERVIEW / 2 - 8, 5, 16);
  pen.fillText("whole", LEFT - 7, OVERVIEW / 2);
  return { left, right, step };
}
