// Draws loss curves as SVG: scales, curves, marks, and a lane for the learning rate.
//
// The rule of both pictures, here and in trainers/plotting.py: the epochs begin at 1 and end at the longest run, or at
// the planned epochs, and at 2 at least. The losses are those of all visible runs, with a margin of 6 % on each side,
// on a logarithmic axis 6 % of its length; a linear axis does not go below zero unless a loss does. Nearly equal losses
// are spread to 0.1 % of their size. About 5 ticks on a linear axis and 12 on a logarithmic one, by plot.js.

import { clamp, fourDigits, logTicks, rangeOf, short, svgAxes, svgPath, svgPoints, tickLabels, ticks } from "./plot.js";
import { escape } from "./page.js";

// The same colours, dashes and marks as in trainers/plotting.py. The colours of runs have no other meaning, and contrast
// 3 to white and to #111.
export const [TRAIN, VALIDATION, RESTORE, RECONSTRUCTION] = ["#0072B2", "#D55E00", "#009E73", "#C06A9B"];
export const COLORS = ["#A52D96", "#6F8A1E", "#00889B", "#D0404F", "#5A6FD6", "#96603C", "#C369F0", "#4B694B"];
const DASHES = ["", "6 3", "2 3", "10 3 2 3", "14 4", "4 2 1 2", "8 2 2 2 2 2", "1 3"];
const MARKS = [
  "M-3.5 -3.5h7v7h-7z", // square
  "M0 -5l5 5l-5 5l-5 -5z", // diamond
  "M-4.5 -3.5h9l-4.5 8z", // down
  "M3.5 -4.5v9l-8 -4.5z", // left
  "M-3.5 -4.5v9l8 -4.5z", // right
  "M-1.5 -4.5h3v3h3v3h-3v3h-3v-3h-3v-3h3z", // plus
  "M-4 -2l2 -2l2 2l2 -2l2 2l-2 2l2 2l-2 2l-2 -2l-2 2l-2 -2l2 -2z", // cross
  "M0 -5l3 5l-3 5l-3 -5z", // thin diamond
];
// The fields of a row. If the initial weights are the best, BEST is 0 and START is their validation loss.
export const [EPOCH, TRAINING_LOSS, VALIDATION_LOSS, BEST, RESTORED, WORDS, START, RATE] = [0, 1, 2, 3, 4, 5, 6, 7];
const [LEFT, RIGHT, TOP, BOTTOM, LANE] = [58, 12, 10, 40, 38];

// ---------------------------------------------------------------- runs

// Whether only one run is drawn in the foreground: it has the colours of training and validation.
export const isAlone = (data) => data.runs.filter((run) => !run.behind).length === 1;

// Colours, dash and mark of a run. The ninth run has the colour of the first, with another dash and mark.
export function looksOf(data, index) {
  const { behind } = data.runs[index];
  if (isAlone(data) && !behind) return { train: TRAIN, paint: VALIDATION, dash: "6 3", alone: true };
  const paint = COLORS[index % COLORS.length];
  const other = (index + Math.floor(index / COLORS.length)) % COLORS.length;
  return { train: paint, paint, dash: DASHES[other], mark: MARKS[other], behind };
}

export const bestRow = ({ rows }) => (rows.at(-1)?.[BEST] ? rows[rows.at(-1)[BEST] - 1] : null);

// Validation loss of the initial weights if they are the best, else null.
export const startLoss = ({ rows }) => (rows.at(-1)?.[BEST] === 0 ? rows.at(-1)[START] : null);

// The losses of a run that are drawn. A run behind the others has a validation loss only.
export function lossesOf(data, index, hidden) {
  const { alone, behind } = looksOf(data, index);
  if (hidden.has(alone ? "validation" : index)) return alone && !hidden.has("training") ? [TRAINING_LOSS] : [];
  return behind || hidden.has("training") ? [VALIDATION_LOSS] : [TRAINING_LOSS, VALIDATION_LOSS];
}

// All that is drawn of a run: [epoch, loss, when, if it is not the loss of an epoch].
function pointsOf(data, index, hidden) {
  const [run, losses] = [data.runs[index], lossesOf(data, index, hidden)];
  if (!losses.length) return [];
  const points = run.rows.flatMap((row, i) =>
    [...losses.map((key) => row[key]), ...(run.band?.[i] || [])].map((loss) => [row[EPOCH], loss]),
  );
  if (losses.includes(VALIDATION_LOSS)) points.unshift([1, startLoss(run), "before training"]);
  return points.filter(([, loss]) => Number.isFinite(loss));
}

// Averages each loss with its neighbours, `count` epochs in all; a missing loss stays missing.
export function smoothed(values, count) {
  const reach = (count - 1) / 2;
  return values.map((value, i) => {
    let [sum, found] = [0, 0];
    for (let j = i - reach; j <= i + reach; j++)
      if (Number.isFinite(values[j])) [sum, found] = [sum + values[j], found + 1];
    return Number.isFinite(value) ? sum / found : null;
  });
}

// ---------------------------------------------------------------- scales

// Ends of an axis that shows these losses.
export function limitsOf(losses, log) {
  let [low, high] = rangeOf(losses);
  if (low > high) return [0, 1];
  // Nearly equal losses: widen the range until tick labels differ.
  const least = 1e-3 * (Math.max(Math.abs(high), Math.abs(low)) || 1);
  if (high - low < least) [high, low] = [(high + low + least) / 2, (high + low - least) / 2];
  if (log && low > 0) return [low / (high / low) ** 0.06, high * (high / low) ** 0.06];
  const margin = 0.06 * (high - low);
  return [Math.max(low - margin, low >= 0 ? 0 : -Infinity), high + margin];
}

// Focus: without the first tenth of the epochs, and without what exceeds five times the median.
export function focused(points, final) {
  const late = points.filter(([epoch]) => epoch > Math.max(1, final * 0.1));
  const sorted = (late.length ? late : points).map(([, loss]) => loss).sort((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle > 0 ? sorted.filter((loss) => loss <= 5 * middle) : sorted;
}

// How pixels map to epochs and losses: `full` has the ends of the axes for all data, `shown` those of this view.
// `scaled` and `plain` convert a loss to the axis's own scale and back.
export function frameOf(data, view, width, height) {
  const byRun = data.runs.map((_, index) => pointsOf(data, index, view.hidden));
  const points = byRun.flat();
  const losses = points.map(([, loss]) => loss);
  const longest = Math.max(0, ...data.runs.map((run) => run.rows.at(-1)?.[EPOCH] ?? 0));
  const final = Math.max(2, data.planned || 0, longest);
  const logged = view.log && losses.length > 0 && rangeOf(losses)[0] > 0;
  const full = { x: [1, final], y: limitsOf(losses, logged) };
  // A zoom is dropped if it shows no part of these data, such as that of a longer run.
  const inside = ({ x, y }) => x[0] <= Math.max(1, longest) && y[0] < full.y[1] && y[1] > full.y[0];
  const zoom = view.zoom && inside(view.zoom) ? view.zoom : null;
  const shown = zoom || { x: full.x, y: view.focus ? limitsOf(focused(points, longest), logged) : full.y };
  const [scaled, plain] = logged ? [Math.log, Math.exp] : [(v) => v, (v) => v];
  const changes = (run) => new Set(run.rows.map((row) => row[RATE]).filter(Number.isFinite)).size > 1;
  const lane = data.runs.some((run) => !run.behind && changes(run)) ? LANE : 0;
  const box = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM - lane };
  const [[from, to], [low, high]] = [shown.x, shown.y.map((v) => scaled(Math.max(v, logged ? full.y[0] : v)))];
  const [across, upright] = [box.right - box.left, box.bottom - box.top];
  const fixed = { box, full, lane, logged, scaled, plain, final, longest, zoom, byRun, empty: !points.length };
  return {
    ...fixed,
    shown: { x: [from, to], y: [low, high].map(plain) },
    partial: Boolean(zoom || view.focus),
    x: (epoch) => LEFT + ((epoch - from) / (to - from)) * across,
    y: (loss) => TOP + upright * (1 - (scaled(loss) - low) / (high - low)),
    epochAt: (px) => from + ((px - LEFT) / across) * (to - from),
    lossAt: (py) => plain(low + (1 - (py - TOP) / upright) * (high - low)),
  };
}

// ---------------------------------------------------------------- curves

function drawRestores(run, { x, y, box }) {
  let [text, before] = ["", -9];
  for (const row of run.rows.filter((row) => row[RESTORED])) {
    const px = x(row[EPOCH]);
    if (px - before < 2) continue; // with thousands of epochs, marks would overlap
    before = px;
    const best = run.rows[row[BEST] - 1];
    // The mark of a loss that is not finite is drawn at the upper edge.
    const py = Number.isFinite(row[VALIDATION_LOSS]) ? y(row[VALIDATION_LOSS]) : box.top + 5;
    if (best)
      // Beside the curve, so that the line is visible if the best epoch is the previous one.
      text += `<path class="back" d="M${px} ${py}V${y(best[VALIDATION_LOSS])}H${x(row[BEST])}" stroke="${RESTORE}"/>`;
    text += `<path class="restored" d="M${px - 4.5} ${py + 4}h9l-4.5 -8z" stroke="${RESTORE}"/>`;
  }
  return text;
}

function drawBand(run, { x, y }, paint) {
  if (!run.band) return "";
  const spans = run.band.map((span, i) => [x(run.rows[i][EPOCH]), ...span]).filter(([, low]) => Number.isFinite(low));
  const edges = [...spans.map(([px, , high]) => [px, y(high)]), ...spans.reverse().map(([px, low]) => [px, y(low)])];
  return `<polygon points="${svgPoints(edges)}" fill="${paint}" opacity="0.2"/>`;
}

// A curve, with a dot for each loss between two that are missing; if smoothed, the raw curve is faint.
function drawCurve(run, key, { x, y }, smooth, kind, look) {
  const losses = run.rows.map((row) => row[key]);
  const path = (values) => svgPath(values.map((v, i) => [x(run.rows[i][EPOCH]), Number.isFinite(v) ? y(v) : NaN]));
  const single = losses.map((v, i) => (Number.isFinite(losses[i - 1]) || Number.isFinite(losses[i + 1]) ? null : v));
  const raw = `<path class="curve ${kind}${smooth > 1 ? " raw" : ""}" d="${path(losses)}" ${look}/>`;
  const dots = single.some(Number.isFinite) ? `<path class="dots" d="${path(single)}" ${look}/>` : "";
  if (smooth === 1) return raw + dots;
  return `${raw}${dots}<path class="smooth ${kind}" d="${path(smoothed(losses, smooth))}" ${look}/>`;
}

function drawRun(run, { train, paint, dash, mark, alone, behind }, losses, frame, smooth) {
  const { x, y, box } = frame;
  if (!losses.length) return "";
  let text = drawBand(run, frame, paint);
  if (losses.includes(TRAINING_LOSS))
    text += drawCurve(run, TRAINING_LOSS, frame, smooth, alone ? "" : "faint", `stroke="${train}"`);
  if (!losses.includes(VALIDATION_LOSS)) return text;
  const look = `stroke="${paint}" stroke-dasharray="${dash}"`;
  text += drawCurve(run, VALIDATION_LOSS, frame, smooth, behind ? "behind" : "", look);
  const [best, start, end] = [
    bestRow(run),
    startLoss(run),
    run.rows.findLast((row) => Number.isFinite(row[VALIDATION_LOSS])),
  ];
  const at = (row) => [x(row[EPOCH]), y(row[VALIDATION_LOSS])].map((v) => v.toFixed(1));
  if (mark && end) text += `<path class="end" d="${mark}" transform="translate(${at(end)})" fill="${paint}"/>`;
  if (behind) return text;
  text += drawRestores(run, frame);
  const ring = alone ? `r="4" fill="${paint}"` : `r="6" fill="none" stroke="${paint}"`;
  if (best) text += `<circle class="best" cx="${at(best)[0]}" cy="${at(best)[1]}" ${ring}/>`;
  if (start === null) return text;
  const py = Math.min(y(start), box.bottom);
  return `${text}<line class="start" x1="${x(1)}" x2="${x(run.rows.length)}" y1="${py}" y2="${py}" stroke="${paint}"
    stroke-width="1.5" stroke-dasharray="1 3"/>`;
}

function epochMarks({ x, shown, box }) {
  const [from, to] = shown.x;
  const width = box.right + RIGHT;
  const epochs = new Set([...(from <= 1 ? [1] : []), ...ticks(from, to, Math.min(10, width / 60), 1)]);
  return [...epochs]
    .filter((epoch) => epoch === 1 || from > 1 || x(epoch) - x(1) >= 14)
    .map((epoch) => {
      // Align a long number at the right edge to its end.
      const long = x(epoch) + 4 * String(epoch).length > width;
      return { at: x(epoch), label: epoch, ...(long && { x: width - 1, anchor: "end" }) };
    });
}

export function lossMarks([low, high], logged) {
  const marks = logged ? logTicks(low, high, 12, [1, 1.5, 2, 3, 5, 7]) : ticks(low, high, 5);
  // Over many decades, all long labels have exponents.
  const room = high / low > 1e4 ? 4 : 5;
  const labels = logged ? marks.map((tick) => tickLabels([tick], room)[0]) : tickLabels(marks);
  return marks.map((tick, i) => ({ tick, label: labels[i] }));
}

// A mark at the edge for each run that exceeds this view, with the most distant loss.
function drawOutside(data, { shown, box, x, y, byRun }) {
  const [[from, to], [low, high]] = [shown.x, shown.y];
  const taken = { above: [], below: [], beside: [] };
  const mark = (index, [epoch, loss, when = `in epoch ${epoch}`], side) => {
    let px = side === "beside" ? (epoch < from ? box.left : box.right) : x(epoch);
    const py = { above: box.top, below: box.bottom }[side] ?? clamp(y(loss), box.top, box.bottom);
    const flip = px > (box.left + box.right) / 2;
    // Marks beside each other, with their losses.
    const first = px;
    while (side !== "beside" && taken[side].some((other) => Math.abs(other - px) < 60)) px += flip ? -10 : 10;
    taken[side].push(px);
    const room = px >= box.left && px <= box.right;
    if (!room) px = first;
    const { paint } = looksOf(data, index);
    const shape = { above: "M-5 8h10l-5 -9z", below: "M-5 -8h10l-5 9z" }[side];
    const aside = epoch < from ? "M8 -5v10l-9 -5z" : "M-8 -5v10l9 -5z";
    const words = `${data.runs[index].name}: ${fourDigits(loss)} ${when} is ${side} this view; click to show all`;
    const label = `<text x="${flip ? -9 : 9}" y="${side === "above" ? 9 : side === "below" ? -1 : 4}" text-anchor="${flip ? "end" : "start"}">${fourDigits(loss)}</text>`;
    return `<g class="outside" transform="translate(${px.toFixed(1)} ${py.toFixed(1)})"><title>${escape(words)}</title>
      <path d="${shape || aside}" fill="${paint}"/>${room ? label : ""}</g>`;
  };
  return byRun
    .map((points, index) => {
      const inside = points.filter(([epoch]) => epoch >= from && epoch <= to);
      if (!inside.length)
        return points.length ? mark(index, points[0][0] > to ? points[0] : points.at(-1), "beside") : "";
      const top = inside.reduce((a, b) => (b[1] > a[1] ? b : a));
      const bottom = inside.reduce((a, b) => (b[1] < a[1] ? b : a));
      return (top[1] > high ? mark(index, top, "above") : "") + (bottom[1] < low ? mark(index, bottom, "below") : "");
    })
    .join("");
}

// The learning rates of the visible runs, in steps on a logarithmic axis.
function drawLane(data, view, { lane, box, x }, height) {
  const shown = data.runs.filter((run, index) => !run.behind && lossesOf(data, index, view.hidden).length);
  const rates = shown.flatMap((run) => run.rows.map((row) => row[RATE])).filter((rate) => rate > 0);
  if (!lane || !rates.length) return "";
  const [low, high] = rangeOf(rates);
  const [top, bottom] = [height - lane + 12, height - 5];
  const y = (rate) => bottom - ((bottom - top) * Math.log(rate / low)) / (Math.log(high / low) || 1);
  const steps = (run) =>
    run.rows.flatMap((row) => [-0.5, 0.5].map((d) => [x(row[EPOCH] + d), row[RATE] > 0 ? y(row[RATE]) : NaN]));
  const label = (rate) =>
    `<text class="rate" x="${box.left - 7}" y="${y(rate) + 4}" text-anchor="end">${short(rate, 3)}</text>`;
  const lines = shown.map((run) => {
    const look = looksOf(data, data.runs.indexOf(run));
    return `<path class="rate" d="${svgPath(steps(run))}" stroke="${look.alone ? "currentColor" : look.paint}"/>`;
  });
  return `${label(high)}${high > low ? label(low) : ""}<text class="rate" x="${box.left}" y="${top - 4}">learning rate</text>
    <svg x="${box.left}" y="${top - 2}" width="${box.right - box.left}" height="${bottom - top + 4}"
      viewBox="${box.left} ${top - 2} ${box.right - box.left} ${bottom - top + 4}">${lines.join("")}</svg>`;
}

export const rowOf = (data, epoch) => (epoch ? data.runs.at(-1)?.rows[epoch - 1] : undefined);

function drawSelected(row, { x, y, box }) {
  if (!row) return "";
  const px = x(row[EPOCH]);
  const line = `<line class="selected" x1="${px}" x2="${px}" y1="${box.top}" y2="${box.bottom}"/>`;
  if (!Number.isFinite(row[VALIDATION_LOSS])) return line;
  return `${line}<circle class="selected" cx="${px}" cy="${y(row[VALIDATION_LOSS])}" r="8"/>`;
}

// Why the plot is empty; otherwise "".
function emptyText(data, view, { empty, longest }) {
  if (!empty) return "";
  if (!longest) return "no epoch trained yet";
  if (!data.runs.some((_, index) => lossesOf(data, index, view.hidden).length)) return "all curves are hidden";
  return `no finite loss in ${longest} epoch${longest > 1 ? "s" : ""}: NaN or infinite`;
}

export function drawPlot(data, view, frame, height) {
  const { box, y } = frame;
  const rows = lossMarks(frame.shown.y, frame.logged).map(({ tick, label }) => ({ at: y(tick), label }));
  const trained = isAlone(data) || !view.hidden.has("training");
  const names = ["epoch", trained ? "reconstruction loss" : "validation loss"];
  const look = { gap: 7, drop: 17, foot: 33, side: 13, middle: TOP + box.bottom / 2, names };
  const curves = data.runs.map((run, index) =>
    drawRun(run, looksOf(data, index), lossesOf(data, index, view.hidden), frame, view.smooth),
  );
  const middle = `x="${(box.left + box.right) / 2}" y="${(box.top + box.bottom) / 2}" text-anchor="middle"`;
  const [left, top, width, tall] = [box.left - 9, box.top - 5, box.right - box.left + 18, box.bottom - box.top + 10];
  return `<clipPath id="${view.id}"><rect x="${left}" y="${top}" width="${width}" height="${tall}"/></clipPath>
    ${svgAxes(box, rows, epochMarks(frame), look)}${drawLane(data, view, frame, height)}
    <g clip-path="url(#${view.id})">${curves.join("")}${drawSelected(rowOf(data, view.selected), frame)}</g>
    ${frame.partial ? drawOutside(data, frame) : ""}<text class="empty" ${middle}>${emptyText(data, view, frame)}</text>
    <g class="over"></g>`;
}
