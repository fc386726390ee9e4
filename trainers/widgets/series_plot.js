// Draws a series on canvases: lanes, event rows, score, time axis, and an overview of the whole series.

import { atMost, clamp, rangeOf, short, tickLabels, ticks, union } from "./plot.js";
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
const AXIS_TITLES = { step: "time step", seconds: "time, seconds", date: "time" };

export const reading = (value) => (Number.isFinite(value) ? short(value) : "missing");
// Writes -0 as 0.
export const count = (number) => (Math.round(number) || 0).toLocaleString("en-US");

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
  return `${Number(clock.at(step).toFixed(clamp(Math.ceil(-Math.log10(clock.delta)), 0, 6)))} s`;
}

// "2024-05-01 12:30:00.000", cut to this number of characters.
function dateText(time, letters) {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return reading(time);
  return date.toISOString().replace("T", " ").replace("Z", "").slice(0, letters);
}

// Ticks of the time axis between two steps: [{ step, label }].
export function timeMarks(clock, from, to, wanted) {
  if (clock.kind === "step") return ticks(from, to, wanted, 1).map((step) => ({ step, label: count(step) }));
  const [low, high] = [clock.at(from), clock.at(to)];
  if (clock.kind === "date")
    return dateMarks(low, high, (high - low) / wanted).map(([time, label]) => ({ step: clock.step(time), label }));
  const times = ticks(low, high, wanted);
  const labels = tickLabels(times);
  return times.map((time, i) => ({ step: clock.step(time), label: labels[i] }));
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

// A curve with the extremes of each block: a picture of a million steps reads a few thousand numbers.
export function makeCurve(values) {
  const blocks = Math.ceil(values.length / BLOCK);
  const [low, high] = [new Float64Array(blocks), new Float64Array(blocks)];
  for (let b = 0; b < blocks; b++)
    [low[b], high[b]] = rangeOf(values, b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
  return { values, low, high };
}

// One curve for each feature; the features are stored one after the other.
export function makeCurves(source, features) {
  const all = numbers(source, Float32Array);
  const length = all.length / features;
  if (!all.length) return null;
  return Array.from({ length: features }, (_, f) => makeCurve(all.subarray(f * length, (f + 1) * length)));
}

// Minimum and maximum of a curve between two steps; [Infinity, -Infinity] if all values are missing.
export function extent({ values, low, high }, from = 0, to = values.length) {
  const [start, end] = [Math.max(0, from), Math.min(values.length, to)];
  const [first, last] = [Math.ceil(start / BLOCK), Math.floor(end / BLOCK)];
  if (first >= last) return rangeOf(values, start, end);
  const blocks = [rangeOf(low, first, last)[0], rangeOf(high, first, last)[1]];
  return union(rangeOf(values, start, first * BLOCK), blocks, rangeOf(values, last * BLOCK, end));
}

// The range of a lane. A diverging reconstruction extends it only so far that the signal is not flattened.
function laneRange(curve, reconstruction, from, to) {
  let [low, high] = extent(curve, from, to);
  if (low > high) [low, high] = extent(curve);
  const [least, most] = reconstruction ? extent(reconstruction, from, to) : [low, high];
  const room = high - low || 1;
  return padded(clamp(least, low - room, low), clamp(most, high, high + room));
}

export function padded(low, high) {
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

// ---------------------------------------------------------------- canvas

export const LEFT = 64;
const [RIGHT, TOP, ROW, GAP, SCORE, AXIS, OVERVIEW] = [14, 6, 20, 8, 90, 38, 54];

// Colours of the theme. Each has contrast 3 to the background (WCAG, graphics); dash, fill and position differ too.
export function palette(root) {
  const text = getComputedStyle(root).color;
  const [r, g, b] = (text.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b > (text.startsWith("rgb") ? 128 : 0.5);
  const background = backgroundOf(root);
  return dark
    ? {
        text,
        background,
        signal: "#56B4E9",
        reconstruction: "#F0965A",
        truth: "#2FC598",
        found: "#E08BDC",
        focus: "#56B4E9",
      }
    : {
        text,
        background,
        signal: "#0072B2",
        reconstruction: "#D55E00",
        truth: "#008060",
        found: "#AA4499",
        focus: "#0072B2",
      };
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

// ---------------------------------------------------------------- lanes

// Draws a curve. Where several steps share a pixel column, each column spans its minimum to its maximum: filled, or for
// a dashed curve as its two edges, since vertical dashes would merge into a blot.
function trace({ pen, x, from, to, stride }, curve, y, dashed) {
  const first = Math.max(0, Math.floor(from / stride) - 1);
  const last = Math.min(curve.values.length, Math.ceil(to / stride) + 2);
  const perPixel = 1 / (x(stride) - x(0) || 1);
  if (perPixel <= 1.5) {
    const points = [];
    for (let i = first; i < last; i++) points.push([x(i * stride), y(curve.values[i])]);
    return line(pen, points);
  }
  const spans = [];
  // Columns start at step 0, so that a curve does not flicker during a drag.
  for (let column = Math.floor(first / perPixel); column * perPixel < last; column++) {
    const [start, end] = [column * perPixel, (column + 1) * perPixel].map(Math.round);
    const [low, high] = extent(curve, start, end);
    // Whole pixels without gaps.
    spans.push([Math.round(x(column * perPixel * stride)), ...(low > high ? [NaN, NaN] : [y(high), y(low)])]);
  }
  if (!dashed) return fillSpans(pen, spans);
  const edge = (side) => spans.map((span) => [span[0], span[side]]);
  line(pen, edge(1));
  line(pen, edge(2));
}

// A line through points. A missing y makes a gap; a point between two gaps is a dot.
function line(pen, points) {
  const there = (i) => Number.isFinite(points[i]?.[1]);
  pen.beginPath();
  points.forEach(([px, py], i) => {
    if (!there(i)) return;
    if (there(i - 1)) return pen.lineTo(px, py);
    pen.moveTo(px, py);
    if (there(i + 1)) return;
    pen.moveTo(px - 0.75, py);
    pen.lineTo(px + 0.75, py);
  });
  pen.stroke();
}

// Draws columns that touch their neighbours; rectangles are painted many times faster than vertical lines.
function fillSpans(pen, spans) {
  const half = pen.lineWidth / 2;
  let [above, below] = [NaN, NaN];
  for (const [px, high, low] of spans) {
    const [top, bottom] = [below < high ? below : high, above > low ? above : low];
    if (Number.isFinite(high)) pen.fillRect(px, top - half, 1, bottom - top + 2 * half);
    [above, below] = [high, low];
  }
}

// Draws a lane: true events behind it, frame and tick labels, curves, name.
function drawLane(sheet, box, range, marks, curves, name) {
  const { pen, paint, right } = sheet;
  const y = scale(range, box);
  const bottom = box.top + box.height;
  pen.fillStyle = paint.truth;
  faintly(pen, 0.18, () =>
    marks.forEach((mark) => pen.fillRect(mark.left, box.top, mark.right - mark.left, box.height)),
  );
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
  // A halo in the background colour keeps the name readable on a curve.
  Object.assign(pen, { textAlign: "left", textBaseline: "top", lineWidth: 4, strokeStyle: paint.background });
  pen.strokeText(name, LEFT + 6, box.top + 3, right - LEFT - 12);
  pen.fillText(name, LEFT + 6, box.top + 3, right - LEFT - 12);
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
function drawEvents(sheet, name, result, top) {
  const { pen, paint, right: end } = sheet;
  const [height, middle] = [ROW - 7, top + (ROW - 7) / 2];
  const both = result.truth && result.found;
  const [title, partners, alone, together] =
    name === "truth"
      ? ["true", result.compared.hit, "missed", "found"]
      : ["found", result.compared.right, "false alarm", ""];
  Object.assign(pen, { textAlign: "right", textBaseline: "middle", fillStyle: paint.text, lineWidth: 1.5 });
  pen.fillText(title, LEFT - 7, middle);
  // Wide enough to distinguish hollow from filled.
  const shown = boxes(sheet, result[name], 7);
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
    const word = both ? (paired ? together : alone) : "";
    const need = pen.measureText(word).width + 8;
    const after = need <= (shown[i + 1]?.left ?? end) - box.right;
    const before = need <= box.left - taken;
    taken = box.right + (after ? need : 0);
    if (!after && !before) return;
    Object.assign(pen, { fillStyle: paint.text, textAlign: after ? "left" : "right" });
    pen.fillText(word, after ? box.right + 4 : box.left - 4, middle);
  });
}

// ---------------------------------------------------------------- pictures

// Vertical positions, from top to bottom.
function layout(lanes, result, hasScore) {
  const height = lanes === 1 ? 170 : Math.max(54, Math.round(270 / lanes) - GAP);
  const place = { lanes: [], rows: {}, score: null };
  let top = TOP;
  for (let i = 0; i < lanes; i++, top += height + GAP) place.lanes.push({ top, height });
  for (const name of ["truth", "found"].filter((name) => result[name])) {
    place.rows[name] = top;
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
  const { stride, features } = data.facts;
  const place = layout(view.features.length, result, Boolean(data.scores));
  const sheet = makeSheet(canvas, width, place.height, [view.from, view.to], stride);
  const { pen, paint, x } = sheet;
  const marks = boxes(sheet, result.truth);
  const shown = view.fit ? [Math.floor(view.from / stride), Math.ceil(view.to / stride) + 1] : [];
  view.features.forEach((f, lane) => {
    const [curve, reconstruction] = [data.curves[f], view.reconstruction ? data.reconstruction?.[f] : null];
    const curves = [{ curve, color: paint.signal, width: 1.3 }];
    if (reconstruction)
      curves.push({ curve: reconstruction, color: paint.reconstruction, width: 1.6, dashes: [5, 3.5] });
    const name = features.length > 1 ? features[f] : "";
    drawLane(sheet, place.lanes[lane], laneRange(curve, reconstruction, ...shown), marks, curves, name);
  });
  for (const [name, top] of Object.entries(place.rows)) drawEvents(sheet, name, result, top);
  if (data.scores) {
    const curves = [{ curve: data.scores, color: paint.text, width: 1.1 }];
    if (view.threshold !== null) curves.push({ level: view.threshold, color: paint.found });
    place.score.y = drawLane(sheet, place.score, view.scoreRange, marks, curves, "score");
  }
  drawTimeAxis(sheet, data.clock, place.bottom, width);
  if (view.cursor !== null && view.cursor >= view.from && view.cursor <= view.to) {
    pen.fillStyle = paint.text;
    faintly(pen, 0.6, () => pen.fillRect(x(view.cursor) - 0.5, TOP, 1, place.bottom - TOP - GAP));
  }
  return { score: place.score, step: sheet.step };
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
  pen.fillText(AXIS_TITLES[clock.kind], (LEFT + right) / 2, top + 19);
}

// Draws the whole series with its events (found above, true below) and the visible part as a handle.
export function drawOverview(canvas, data, result, view, width) {
  const { stride, length } = data.facts;
  const sheet = makeSheet(canvas, width, OVERVIEW, [-0.5, length - 0.5], stride);
  const { pen, paint, x, step } = sheet;
  const box = { top: 8, height: OVERVIEW - 16 };
  const curve = data.curves[view.features[0]];
  drawCurves(sheet, box, scale(padded(...extent(curve)), box), [{ curve, color: paint.signal, width: 1 }]);
  for (const name of ["found", "truth"]) {
    pen.fillStyle = paint[name];
    for (const { left, right } of boxes(sheet, result[name]))
      pen.fillRect(left, name === "found" ? 1 : OVERVIEW - 7, right - left, 6);
  }
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
