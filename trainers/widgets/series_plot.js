// Where the marks of the time axis stand and what they say: steps, seconds and dates.

import { short, tickLabels, ticks } from "./plot.js";
import { numbers, sharpPen } from "./page.js";

const SECOND = 1000,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE,
  DAY = 24 * HOUR;
const DATE_STEPS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  DAY,
  2 * DAY,
  7 * DAY,
];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

export const reading = (value) => (Number.isFinite(value) ? short(value) : "missing");
// Without a sign: the first step is 0 and not -0.
export const count = (number) => (Math.round(number) || 0).toLocaleString("en-US");

// ---------------------------------------------------------------- time

// Where a step is in time, and back. With uneven times, `times` holds one for each step that was sent.
export function makeClock(about, times, stride) {
  if (!times.length)
    return {
      kind: about.kind,
      delta: about.delta,
      at: (step) => about.start + about.delta * step,
      step: (time) => (time - about.start) / about.delta,
    };
  const last = times.length - 1;
  const at = (step) => {
    const i = Math.max(0, Math.min(last, step / stride)),
      left = Math.floor(i),
      right = Math.min(last, left + 1);
    return times[left] + (i - left) * (times[right] - times[left]);
  };
  const step = (time) => {
    let low = 0,
      high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle;
      else high = middle;
    }
    return stride * (low + (high > low ? (time - times[low]) / (times[high] - times[low]) : 0));
  };
  return { kind: about.kind, delta: about.delta, at, step };
}

// A step's time in words; empty where steps have none.
export function timeText(clock, step) {
  if (clock.kind === "step") return "";
  if (clock.kind === "seconds") return `${Number(clock.at(step).toFixed(decimalsOf(clock.delta)))} s`;
  return dateText(clock.at(step), clock.delta < SECOND ? 23 : 19);
}

function decimalsOf(delta) {
  return Math.min(6, Math.max(0, Math.ceil(-Math.log10(delta))));
}

// "2024-05-01 12:30:00.000", cut to so many letters.
function dateText(time, letters) {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? reading(time)
    : date.toISOString().replace("T", " ").replace("Z", "").slice(0, letters);
}

// Marks of the time axis between two steps: [{ step, label }].
function timeMarks(clock, from, to, wanted) {
  if (clock.kind === "step") return ticks(from, to, wanted, 1).map((step) => ({ step, label: count(step) }));
  const low = clock.at(from),
    high = clock.at(to);
  const marks = clock.kind === "date" ? dateMarks(low, high, wanted) : numberMarks(low, high, wanted);
  return marks.map(({ time, label }) => ({ step: clock.step(time), label }));
}

function numberMarks(low, high, wanted) {
  const times = ticks(low, high, wanted),
    labels = tickLabels(times);
  return times.map((time, i) => ({ time, label: labels[i] }));
}

function dateMarks(low, high, wanted) {
  const rough = (high - low) / wanted,
    step = DATE_STEPS.find((s) => s >= rough);
  if (step === undefined) return monthMarks(low, high, rough);
  const marks = [];
  for (let time = Math.ceil(low / step) * step; time <= high; time += step) {
    const text = dateText(time, 23),
      midnight = time % DAY === 0;
    const label =
      step >= DAY || midnight ? text.slice(0, 10) : text.slice(11, step < SECOND ? 23 : step < MINUTE ? 19 : 16);
    marks.push({ time, label });
  }
  return marks;
}

function monthMarks(low, high, rough) {
  const months = MONTH_STEPS.find((m) => m * 30.4 * DAY >= rough) || MONTH_STEPS[MONTH_STEPS.length - 1];
  const first = new Date(low),
    marks = [];
  for (let m = Math.floor(first.getUTCMonth() / months) * months; ; m += months) {
    const time = Date.UTC(
      months > 12 ? Math.ceil(first.getUTCFullYear() / (months / 12)) * (months / 12) : first.getUTCFullYear(),
      m,
      1,
    );
    if (time > high || marks.length > 50) return marks;
    if (time >= low) marks.push({ time, label: dateText(time, months >= 12 ? 4 : 7) });
  }
}

function axisTitle(clock) {
  return { step: "time step", seconds: "time, seconds", date: "time" }[clock.kind];
}

// What a series viewer knows: curves that give their extremes fast, events, and which of them were found.

const BLOCK = 64;

// A curve with the extremes of each block, so that a picture of a million steps reads some thousands of numbers.
export function makeCurve(values) {
  const blocks = Math.ceil(values.length / BLOCK),
    low = new Float64Array(blocks),
    high = new Float64Array(blocks);
  for (let b = 0; b < blocks; b++)
    [low[b], high[b]] = extremes(values, b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
  return { values, low, high };
}

// Lowest and highest; Infinity and -Infinity where every value is missing.
function extremes(values, from, to) {
  let low = Infinity,
    high = -Infinity;
  for (let i = from; i < to; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

export function extent(curve, from, to) {
  from = Math.max(0, from);
  to = Math.min(curve.values.length, to);
  const first = Math.ceil(from / BLOCK),
    last = Math.floor(to / BLOCK);
  if (first >= last) return extremes(curve.values, from, to);
  let [low, high] = extremes(curve.values, from, first * BLOCK);
  for (let b = first; b < last; b++) {
    if (curve.low[b] < low) low = curve.low[b];
    if (curve.high[b] > high) high = curve.high[b];
  }
  const [restLow, restHigh] = extremes(curve.values, last * BLOCK, to);
  return [Math.min(low, restLow), Math.max(high, restHigh)];
}

export function highestStep(curve, from, to) {
  let best = from;
  for (let i = from; i < Math.min(to, curve.values.length); i++) if (curve.values[i] > curve.values[best]) best = i;
  return best;
}

// One curve of each feature; they lie one behind the other.
export function makeCurves(source, features) {
  const all = numbers(source, Float32Array),
    length = all.length / features;
  if (!all.length) return null;
  return Array.from({ length: features }, (_, f) => makeCurve(all.subarray(f * length, (f + 1) * length)));
}

// ---------------------------------------------------------------- events: [start, end), in steps

function runsAbove(scores, threshold, stride, length) {
  const found = [];
  let start = -1;
  for (let i = 0; i <= scores.length; i++) {
    const above = i < scores.length && scores[i] > threshold;
    if (above && start < 0) start = i;
    if (!above && start >= 0) {
      found.push([start * stride, Math.min(length, i * stride)]);
      start = -1;
    }
  }
  return found;
}

// Whether each true event shares a step with a found one, and each found one with a true one.
function compareEvents(truth, found) {
  const hit = truth.map(() => false),
    right = found.map(() => false);
  for (let i = 0, j = 0; i < truth.length && j < found.length;) {
    if (truth[i][0] < found[j][1] && found[j][0] < truth[i][1]) hit[i] = right[j] = true;
    if (truth[i][1] <= found[j][1]) i++;
    else j++;
  }
  return { hit, right };
}

// What there is to visit: the true events and the found ones that touch none, in order.
function eventsToVisit(truth, found, compared) {
  if (!truth) return (found || []).map(([start, end]) => ({ start, end, kind: "event found" }));
  const known = found !== null;
  const events = truth.map(([start, end], i) => ({
    start,
    end,
    kind: !known ? "true event" : compared.hit[i] ? "found" : "missed",
  }));
  (found || []).forEach(([start, end], j) => {
    if (!compared.right[j]) events.push({ start, end, kind: "false alarm" });
  });
  return events.sort((a, b) => a.start - b.start);
}

// The next place in `events` after `step`, or before it; -1 if there is none.
export function neighbour(events, step, direction) {
  if (direction > 0) return events.findIndex((event) => event.start > step);
  for (let i = events.length - 1; i >= 0; i--) if (events[i].start < step) return i;
  return -1;
}

// All about the found events at a threshold; a list given by hand goes before it.
export function judge(facts, scores, threshold, given) {
  let found = given;
  if (!found && scores && threshold !== null) found = runsAbove(scores.values, threshold, facts.stride, facts.length);
  found = found || null;
  const compared = compareEvents(facts.true || [], found || []);
  return { truth: facts.true, found, compared, visit: eventsToVisit(facts.true, found, compared) };
}

// Draws on canvases: lanes, event rows, score, axis, and the whole series at the bottom.

export const LEFT = 64,
  RIGHT = 14,
  TOP = 6,
  ROW = 20,
  GAP = 8,
  SCORE = 90,
  AXIS = 38,
  OVERVIEW = 54;

// Told apart by dash, fill and place as well as by colour; each has contrast 3 to its ground (WCAG, graphics).
export function palette(root) {
  const text = getComputedStyle(root).color,
    [r, g, b] = (text.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
  const dark = 0.299 * r + 0.587 * g + 0.114 * b > (text.startsWith("rgb") ? 128 : 0.5);
  const ground = groundOf(root);
  return dark
    ? { text, ground, signal: "#56B4E9", rebuilt: "#F0965A", truth: "#2FC598", found: "#E08BDC", focus: "#56B4E9" }
    : { text, ground, signal: "#0072B2", rebuilt: "#D55E00", truth: "#008060", found: "#AA4499", focus: "#0072B2" };
}

// The colour behind the picture, whoever painted it.
function groundOf(element) {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (color && color !== "transparent" && !/, 0\)$/.test(color)) return color;
  }
  return "transparent";
}

// Where everything is, from top to bottom.
function layout(lanes, judged, hasScore) {
  const laneHeight = lanes === 1 ? 170 : Math.max(54, Math.round(270 / lanes) - GAP),
    place = { lanes: [], rows: {} };
  let top = TOP;
  for (let i = 0; i < lanes; i++) {
    place.lanes.push({ top, height: laneHeight });
    top += laneHeight + GAP;
  }
  for (const name of ["truth", "found"]) {
    if (!judged[name]) continue;
    place.rows[name] = top;
    top += ROW;
  }
  if (hasScore) {
    place.score = { top: top + GAP / 2, height: SCORE };
    top += SCORE + GAP;
  }
  return { ...place, bottom: top, height: top + AXIS };
}

// ---------------------------------------------------------------- curves

// A curve between two steps. Where several steps share a column of pixels, each column from its lowest to its
// highest value: filled, or for a dashed curve both edges, since dashes up and down would be a blot.
function trace(pen, curve, stride, x, y, from, to, dashes = []) {
  const first = Math.max(0, Math.floor(from / stride) - 1),
    last = Math.min(curve.values.length, Math.ceil(to / stride) + 2);
  const perPixel = 1 / (x(stride) - x(0) || 1);
  pen.setLineDash(dashes);
  if (perPixel <= 1.5) {
    line(
      pen,
      Array.from({ length: Math.max(0, last - first) }, (_, k) => [
        x((first + k) * stride),
        y(curve.values[first + k]),
      ]),
    );
    return;
  }
  const spans = [];
  // Columns are counted from step 0, so that a curve does not flicker while it is dragged.
  for (let column = Math.floor(first / perPixel); column * perPixel < last; column++) {
    const i = Math.round(column * perPixel),
      [low, high] = extent(curve, i, Math.round((column + 1) * perPixel));
    // Whole pixels, one beside the other.
    spans.push([Math.round(x(column * perPixel * stride)), low > high ? NaN : y(high), low > high ? NaN : y(low)]);
  }
  if (!dashes.length) fillSpans(pen, spans);
  else
    for (const edge of [1, 2])
      line(
        pen,
        spans.map((span) => [span[0], span[edge]]),
      );
}

// A line through points; where a height is missing a gap, and a point between two gaps is a dot.
function line(pen, points) {
  pen.beginPath();
  points.forEach(([px, py], i) => {
    if (!Number.isFinite(py)) return;
    if (i && Number.isFinite(points[i - 1][1])) return pen.lineTo(px, py);
    pen.moveTo(px, py);
    if (!(i + 1 < points.length && Number.isFinite(points[i + 1][1]))) {
      pen.moveTo(px - 0.75, py);
      pen.lineTo(px + 0.75, py);
    }
  });
  pen.stroke();
}

// Columns that reach their neighbours; rectangles are painted many times faster than a line up and down.
function fillSpans(pen, spans) {
  const half = pen.lineWidth / 2;
  let before = null;
  pen.fillStyle = pen.strokeStyle;
  for (const span of spans) {
    const px = span[0];
    let [, top, bottom] = span;
    if (before && before[2] < top) top = before[2];
    if (before && before[1] > bottom) bottom = before[1];
    if (Number.isFinite(span[1])) pen.fillRect(px, top - half, 1, bottom - top + 2 * half);
    before = Number.isFinite(span[1]) ? span : null;
  }
}

// The range of a lane: of the whole series or of the visible part; a reconstruction that blew up does not flatten it.
function laneRange(curve, rebuilt, from, to) {
  let [low, high] = extent(curve, from, to);
  if (low > high) [low, high] = extent(curve, 0, curve.values.length);
  if (rebuilt) {
    const room = high - low || 1,
      [least, most] = extent(rebuilt, from, to);
    if (least <= most)
      [low, high] = [Math.max(low - room, Math.min(low, least)), Math.min(high + room, Math.max(high, most))];
  }
  return padded(low, high);
}

export function padded(low, high) {
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

const scale =
  ([low, high], top, height) =>
  (value) =>
    top + height * (1 - (value - low) / (high - low));

function inBox(pen, box, width, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, box.top, width - LEFT - RIGHT, box.height);
  pen.clip();
  draw();
  pen.restore();
}

function frame(pen, paint, box, range, width) {
  const y = scale(range, box.top, box.height),
    marks = ticks(range[0], range[1], box.height > 70 ? 4 : 3),
    labels = tickLabels(marks);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = pen.strokeStyle = paint.text;
  pen.lineWidth = 1;
  marks.forEach((value, i) => {
    pen.globalAlpha = 0.13;
    pen.fillRect(LEFT, Math.round(y(value)), width - LEFT - RIGHT, 1);
    pen.globalAlpha = 1;
    if (y(value) > box.top + 4 && y(value) < box.top + box.height - 4)
      pen.fillText(labels[i], LEFT - 7, y(value), LEFT - 8);
  });
  pen.globalAlpha = 0.5;
  pen.strokeRect(LEFT + 0.5, box.top + 0.5, width - LEFT - RIGHT - 1, box.height - 1);
  pen.globalAlpha = 1;
}

// ---------------------------------------------------------------- events

// The boxes of events in pixels, none too narrow to be seen; of many in one place the first.
function boxes(events, x, width, least = 3) {
  const shown = [];
  let edge = -Infinity;
  events.forEach(([start, end], index) => {
    const left = Math.max(LEFT, x(start - 0.5)),
      right = Math.min(width - RIGHT, Math.max(x(end - 0.5), x(start - 0.5) + least));
    if (right <= LEFT || left >= width - RIGHT || right <= edge + 2) return;
    shown.push({ left: Math.max(left, edge), right, index });
    edge = right;
  });
  return shown;
}

function hatch(pen, box, top, height) {
  pen.save();
  pen.beginPath();
  pen.rect(box.left, top, box.right - box.left, height);
  pen.clip();
  pen.beginPath();
  for (let at = Math.floor((box.left - height) / 5) * 5; at < box.right; at += 5) {
    pen.moveTo(at, top + height);
    pen.lineTo(at + height, top);
  }
  pen.stroke();
  pen.restore();
}

// One row: an event that has a partner in the other row is full (true) or hatched (found), one that has none is hollow.
function eventRow(pen, paint, name, judged, top, x, width) {
  const partners = name === "truth" ? judged.compared.hit : judged.compared.right,
    height = ROW - 7,
    color = paint[name];
  const words =
    judged.truth && judged.found ? (name === "truth" ? ["missed", "found"] : ["false alarm", ""]) : ["", ""];
  // Wide enough to tell a hollow one from a full one.
  const shown = boxes(judged[name], x, width, 7),
    middle = top + height / 2;
  let taken = LEFT;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = paint.text;
  pen.fillText(name === "truth" ? "true" : "found", LEFT - 7, middle);
  pen.strokeStyle = pen.fillStyle = color;
  shown.forEach((box, i) => {
    const paired = partners[box.index] || !judged.truth || !judged.found;
    pen.lineWidth = 1.5;
    if (name === "truth" && paired) pen.fillRect(box.left, top, box.right - box.left, height);
    else {
      if (paired) hatch(pen, box, top, height);
      pen.strokeRect(box.left + 0.75, top + 0.75, Math.max(1, box.right - box.left - 1.5), height - 1.5);
    }
    const word = words[Number(paired)],
      need = pen.measureText(word).width + 8,
      next = shown[i + 1] ? shown[i + 1].left : width - RIGHT;
    const after = need <= next - box.right,
      before = !after && need <= box.left - taken;
    taken = box.right + (after ? need : 0);
    if (!word || !(after || before)) return;
    pen.fillStyle = paint.text;
    pen.textAlign = after ? "left" : "right";
    pen.fillText(word, after ? box.right + 4 : box.left - 4, middle);
    pen.fillStyle = color;
  });
}

// ---------------------------------------------------------------- the pictures

// Draws the visible part; returns where things came to lie, for the mouse.
export function drawMain(canvas, data, judged, view, width) {
  const paint = palette(canvas),
    place = layout(view.features.length, judged, Boolean(data.scores)),
    { stride } = data.facts;
  const pen = sharpPen(canvas, width, place.height),
    x = (step) => LEFT + ((step - view.from) / (view.to - view.from)) * (width - LEFT - RIGHT);
  const marks = boxes(judged.truth || [], x, width),
    first = Math.floor(view.from / stride),
    last = Math.ceil(view.to / stride) + 1;
  const ground = (box) => {
    pen.fillStyle = paint.truth;
    pen.globalAlpha = 0.18;
    for (const { left, right } of marks) pen.fillRect(left, box.top, right - left, box.height);
    pen.globalAlpha = 1;
  };
  view.features.forEach((f, lane) => {
    const box = place.lanes[lane],
      rebuilt = view.rebuilt && data.rebuilt ? data.rebuilt[f] : null,
      curve = data.curves[f];
    const range = view.fit ? laneRange(curve, rebuilt, first, last) : laneRange(curve, rebuilt, 0, curve.values.length);
    ground(box);
    frame(pen, paint, box, range, width);
    inBox(pen, box, width, () => {
      const y = scale(range, box.top, box.height);
      pen.strokeStyle = paint.signal;
      pen.lineWidth = 1.3;
      trace(pen, curve, stride, x, y, view.from, view.to);
      if (rebuilt) {
        pen.strokeStyle = paint.rebuilt;
        pen.lineWidth = 1.6;
        pen.lineCap = "butt"; // round ends would close the gaps between dashes
        trace(pen, rebuilt, stride, x, y, view.from, view.to, [5, 3.5]);
      }
    });
    if (data.facts.features.length > 1)
      label(pen, paint, data.facts.features[f], LEFT + 6, box.top + 3, width - LEFT - RIGHT - 12);
  });
  for (const name of Object.keys(place.rows)) eventRow(pen, paint, name, judged, place.rows[name], x, width);
  if (data.scores) {
    const box = place.score,
      range = view.scoreRange;
    place.score.y = scale(range, box.top, box.height);
    ground(box);
    frame(pen, paint, box, range, width);
    inBox(pen, box, width, () => {
      pen.strokeStyle = paint.text;
      pen.lineWidth = 1.1;
      trace(pen, data.scores, stride, x, place.score.y, view.from, view.to);
      if (view.threshold === null) return;
      pen.fillStyle = paint.found;
      pen.fillRect(LEFT, place.score.y(view.threshold) - 1, width, 2);
    });
    label(pen, paint, "score", LEFT + 6, box.top + 3, 100);
  }
  timeAxis(pen, paint, data.clock, view, place.bottom, x, width);
  if (view.cursor !== null && view.cursor >= view.from && view.cursor <= view.to) {
    pen.fillStyle = paint.text;
    pen.globalAlpha = 0.6;
    pen.fillRect(x(view.cursor) - 0.5, TOP, 1, place.bottom - TOP - GAP);
    pen.globalAlpha = 1;
  }
  return { ...place, x, step: (px) => view.from + ((px - LEFT) / (width - LEFT - RIGHT)) * (view.to - view.from) };
}

// A name inside its box; a halo of the ground's colour keeps it readable on a curve.
function label(pen, paint, text, left, top, room) {
  pen.textAlign = "left";
  pen.textBaseline = "top";
  pen.lineWidth = 4;
  pen.strokeStyle = paint.ground;
  pen.strokeText(text, left, top, room);
  pen.fillStyle = paint.text;
  pen.fillText(text, left, top, room);
}

function timeAxis(pen, paint, clock, view, top, x, width) {
  pen.fillStyle = paint.text;
  pen.textBaseline = "top";
  let edge = -Infinity;
  for (const { step, label } of timeMarks(clock, view.from, view.to, Math.max(2, (width - LEFT - RIGHT) / 95))) {
    const room = pen.measureText(label).width,
      left = Math.min(x(step) - room / 2, width - room);
    if (step < view.from || step > view.to || left < edge + 8) continue;
    pen.fillRect(Math.round(x(step)), top - GAP, 1, 5);
    pen.textAlign = "left";
    pen.fillText(label, left, top);
    edge = left + room;
  }
  pen.textAlign = "center";
  pen.fillText(axisTitle(clock), (LEFT + width - RIGHT) / 2, top + 19);
}

// The whole series with all its events (true at the foot, found at the head) and the visible part as a handle.
export function drawOverview(canvas, data, judged, view, width) {
  const paint = palette(canvas),
    pen = sharpPen(canvas, width, OVERVIEW),
    { stride, length } = data.facts,
    whole = [-0.5, length - 0.5];
  const x = (step) => LEFT + ((step + 0.5) / length) * (width - LEFT - RIGHT),
    box = { top: 8, height: OVERVIEW - 16 };
  const curve = data.curves[view.features[0]],
    y = scale(padded(...extent(curve, 0, curve.values.length)), box.top, box.height);
  inBox(pen, box, width, () => {
    pen.strokeStyle = paint.signal;
    pen.lineWidth = 1;
    trace(pen, curve, stride, x, y, ...whole);
  });
  for (const [name, top] of [
    ["found", 1],
    ["truth", OVERVIEW - 7],
  ]) {
    pen.fillStyle = paint[name];
    for (const { left, right } of boxes(judged[name] || [], x, width)) pen.fillRect(left, top, right - left, 6);
  }
  const left = x(view.from),
    right = Math.max(x(view.to), left + 6);
  pen.fillStyle = pen.strokeStyle = paint.text;
  pen.globalAlpha = 0.16;
  pen.fillRect(left, 8, right - left, OVERVIEW - 16);
  pen.globalAlpha = 1;
  pen.lineWidth = 1.5;
  pen.strokeRect(left, 8, right - left, OVERVIEW - 16);
  // Grips at both edges.
  for (const edge of [left, right]) pen.fillRect(edge - 2.5, OVERVIEW / 2 - 8, 5, 16);
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText("whole", LEFT - 7, OVERVIEW / 2);
  return { x, left, right, step: (px) => ((px - LEFT) / (width - LEFT - RIGHT)) * length - 0.5 };
}
