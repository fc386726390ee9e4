// A histogram of scores with a draggable threshold, and the resulting counts, rates, curves and costs. In a notebook,
// anywidget synchronises threshold, labels and costs with the kernel; an exported page works without a kernel.

import { atMost, bulkOf, clamp, logTicks, many, plural, rounded, short, svgAxes, svgPath } from "./plot.js";
import { tickLabels, ticks, union } from "./plot.js";
import { build, drag, escape, followSize, listen, numbers, onKey, onNextFrame, parse } from "./page.js";
import { placeIn, refusal, setAttributes, tell, uniqueId, whenTyped, widthOf } from "./page.js";
import { offerFeatures, outliersOf, partOf, pictureRanges, pictureStrips, sequenceLines, unpack } from "./sequences.js";

// ---------------------------------------------------------------- counts, rates and curves

// Computes once what does not depend on the threshold.
export function prepare(data) {
  const [scores, labels] = [numbers(data.scores, Float64Array), numbers(data.labels, Int32Array)];
  const n = scores.length;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const sorted = Float64Array.from(order, (i) => scores[i]);
  const calibration = numbers(data.calibration, Float64Array)?.sort();
  const [classes, pictures] = [data.classes, unpack(data.pictures)];
  const stats = { n, scores, labels, order, sorted, calibration, classes, pictures };
  const all = new Float64Array(n + (calibration?.length ?? 0));
  all.set(sorted);
  all.set(calibration ?? [], n);
  all.sort();
  [stats.lowest, stats.highest, stats.bulk] = [all[0], all.at(-1), bulkOf(all)];
  // A focus on the bulk is offered if it at least doubles the scale.
  stats.far = stats.bulk[1] - stats.bulk[0] < (stats.highest - stats.lowest) / 2;
  if (!labels) return stats;
  // abnormalBelow[i]: number of abnormal sequences among the i lowest scores.
  stats.abnormalBelow = new Uint32Array(n + 1);
  stats.byClass = classes.map(() => []);
  order.forEach((i, rank) => {
    stats.abnormalBelow[rank + 1] = stats.abnormalBelow[rank] + classes[labels[i]].abnormal;
    stats.byClass[labels[i]].push(sorted[rank]);
  });
  stats.abnormal = stats.abnormalBelow[n];
  stats.normal = n - stats.abnormal;
  stats.curves = stats.abnormal && stats.normal ? curves(stats) : null;
  return stats;
}

// Counts and rates at a threshold; scores above it are flagged. A rate is null if its class does not occur.
// Precision and F1 are 0 if nothing is flagged, as in scikit-learn with zero_division=0.
export function metricsAt(stats, threshold) {
  const below = atMost(stats.sorted, threshold);
  const flagged = stats.n - below;
  if (!stats.labels) return { flagged };
  const missed = stats.abnormalBelow[below];
  const found = stats.abnormal - missed;
  const falseAlarms = flagged - found;
  const anyAbnormal = stats.abnormal > 0;
  const counts = { flagged, found, missed, falseAlarms, passed: below - missed };
  return {
    ...counts,
    precision: anyAbnormal ? flagged && found / flagged : null,
    recall: anyAbnormal ? found / stats.abnormal : null,
    f1: anyAbnormal ? (2 * found) / (found + flagged + missed) : null,
    falseAlarmRate: stats.normal ? falseAlarms / stats.normal : null,
    falseAlarmsPerThousand: (1000 * falseAlarms) / stats.n,
  };
}

// ROC and precision-recall curve, from the highest score down, one point per distinct score. AUROC follows the
// trapezoidal rule; average precision sums precision times the step in recall.
function curves({ n, sorted, abnormalBelow, abnormal, normal }) {
  const [roc, precisionRecall] = [[[0, 0]], [[0, 1]]];
  let [area, averagePrecision, found, falseAlarms] = [0, 0, 0, 0];
  for (let rank = n - 1; rank >= 0; rank--) {
    if (rank && sorted[rank - 1] === sorted[rank]) continue;
    const nowFound = abnormal - abnormalBelow[rank];
    const nowFalse = n - rank - nowFound;
    area += ((nowFalse - falseAlarms) * (nowFound + found)) / 2;
    averagePrecision += ((nowFound - found) / abnormal) * (nowFound / (n - rank));
    [found, falseAlarms] = [nowFound, nowFalse];
    roc.push([falseAlarms / normal, found / abnormal]);
    precisionRecall.push([found / abnormal, found / (n - rank)]);
  }
  return { roc, precisionRecall, auroc: area / abnormal / normal, averagePrecision };
}

const totalCost = (falseAlarms, missed, costs) => falseAlarms * costs.false_alarm_cost + missed * costs.miss_cost;

// The lowest threshold with the lowest total cost: one of the scores, or `bottom`, where everything is flagged.
export function lowestCost({ n, sorted, abnormalBelow, abnormal }, costs, bottom) {
  let best = { threshold: bottom, cost: totalCost(n - abnormal, 0, costs) };
  for (let below = 1; below <= n; below++) {
    if (sorted[below] === sorted[below - 1]) continue;
    const missed = abnormalBelow[below];
    const cost = totalCost(n - below - abnormal + missed, missed, costs);
    if (cost < best.cost) best = { threshold: sorted[below - 1], cost };
  }
  return best;
}

// The sequences whose prediction differs between two thresholds; `nearest` returns those closest to the new one first.
export function changed(stats, from, to) {
  const [a, b] = [atMost(stats.sorted, from), atMost(stats.sorted, to)];
  const positions = stats.order.subarray(Math.min(a, b), Math.max(a, b));
  return {
    flagged: to < from,
    count: positions.length,
    abnormal: stats.labels ? Math.abs(stats.abnormalBelow[b] - stats.abnormalBelow[a]) : null,
    nearest: (most) => Array.from(b > a ? positions.slice(-most).reverse() : positions.slice(0, most)),
  };
}

// ---------------------------------------------------------------- the axis of scores

// Converts scores to positions between 0 and 1 and back. With `focus`, the axis shows the bulk of the scores and the
// threshold; `from` and `to` are the ends of the bars.
export function scoreScale(stats, threshold, log, focus = false) {
  const [convert, invert] = log ? [Math.log, Math.exp] : [(v) => v, (v) => v];
  const near = clamp(threshold, stats.lowest, stats.highest);
  const [from, to] = focus ? union(stats.bulk, [near, near]) : [stats.lowest, stats.highest];
  let [low, high] = [convert(from), convert(to)];
  // Nearly equal scores are one bar: widen the axis for its labels.
  const size = log ? 1 : Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-6 * size) {
    const room = 0.1 * size || 0.5;
    [low, high] = [low - room, high + room];
  }
  const [first, width, margin] = [low, high - low, 0.03 * (high - low)];
  // Keep a threshold beyond all scores visible; without a logarithm it is drawn at the edge.
  const places = !log || threshold > 0 ? [low, high, convert(threshold)] : [low, high];
  [low, high] = [Math.min(...places) - margin, Math.max(...places) + margin];
  const ends = { from, to, bottom: invert(low), top: invert(high) };
  return {
    ...ends,
    log,
    place: (value) => (log && value <= 0 ? 0 : (convert(value) - low) / (high - low)),
    value: (at) => invert(low + at * (high - low)),
    edges: (count) => Array.from({ length: count + 1 }, (_, i) => invert(first + (i / count) * width)),
  };
}

// The sorted scores between the ends of the bars, and the numbers of those below and above.
export function split(stats, sorted, { from, to }) {
  const [start, end] = [from > stats.lowest ? atMost(sorted, from) : 0, atMost(sorted, to)];
  return { inside: sorted.subarray(start, end), below: start, above: sorted.length - end };
}

// The score at a position, rounded to the picture's resolution.
function pointed(scale, at) {
  const value = scale.value(clamp(at, 0, 1));
  return scale.log ? Number(value.toPrecision(4)) : rounded(value, (scale.top - scale.bottom) / 2000);
}

// Counts in each bin; a score on an edge belongs to the left bin, and the outer bins have no limit.
export function countBins(sorted, edges) {
  const upTo = [0, ...edges.slice(1, -1).map((edge) => atMost(sorted, edge)), sorted.length];
  return upTo.slice(1).map((count, i) => count - upTo[i]);
}

// ---------------------------------------------------------------- texts

// Without the floating-point noise of sums of costs such as 0.1.
const costText = (value) => short(value, 12);
const rate = (value) => value?.toFixed(3) ?? "–";
const percent = (part, all) => `${((100 * part) / all).toFixed(1)} %`;
const written = (threshold) => short(threshold, 6);

// The meaning of a changed prediction, for one or for several sequences.
function meaning(abnormal, flagged, several) {
  if (abnormal) return flagged ? "now found" : "now missed";
  if (flagged) return several ? "now false alarms" : "now a false alarm";
  return several ? "no longer false alarms" : "no longer a false alarm";
}

export function changedText(move, hidden) {
  if (!move) return "Move the threshold: the sequences whose prediction changes are shown here.";
  if (!move.count) return "The last move changed no prediction.";
  const verb = move.count === 1 ? "is" : "are";
  const text = `After the last move, ${plural(move.count, "sequence")} ${verb} ${move.flagged ? "now" : "no longer"} flagged`;
  if (hidden) return `${text}.`;
  const meanings = [true, false]
    .map((abnormal) => [abnormal ? move.abnormal : move.count - move.abnormal, abnormal])
    .filter(([count]) => count)
    .map(([count, abnormal]) => `${many(count)} ${meaning(abnormal, move.flagged, count > 1)}`);
  return `${text}: ${meanings.join(", ")}.`;
}

// What is special about the scores and the axis.
export function stateText(stats, scale, hidden) {
  const { n, sorted, lowest, highest, labels, curves, abnormal, far } = stats;
  const { below, above } = split(stats, sorted, scale);
  const texts = [];
  if (n === 1) texts.push(`There is only one score, ${short(sorted[0])}.`);
  else if (sorted[0] === sorted[n - 1]) texts.push(`All ${many(n)} scores are equal, ${short(sorted[0])}.`);
  if (below || above)
    texts.push(
      `The axis shows the scores from ${short(scale.from)} to ${short(scale.to)}; ${partOf(below + above, n, "score")} outside it. All are from ${short(lowest)} to ${short(highest)}.`,
    );
  else if (far) {
    const bulk = split(stats, sorted, { from: stats.bulk[0], to: stats.bulk[1] }).inside.length;
    texts.push(`${outliersOf(n - bulk, n, "score")}: focus fits the axis to the other scores.`);
  }
  if (labels && !hidden && !curves)
    texts.push(
      `All labels are ${abnormal ? "abnormal" : "normal"}: the curves and the metrics shown as – need both kinds.`,
    );
  return texts.join(" ");
}

// ---------------------------------------------------------------- histogram

const [NORMAL, ABNORMAL] = ["#0072B2", "#B5790A"];
const [HEIGHT, LEFT, RIGHT, TOP, BOTTOM, BINS] = [250, 54, 14, 26, 42, 60];
const FLOOR = HEIGHT - BOTTOM;

// The scores of each histogram: with hidden labels, one for all scores.
function histogramParts({ sorted, abnormalBelow, calibration }, hidden) {
  const side = (abnormal) => sorted.filter((_, rank) => abnormalBelow[rank + 1] - abnormalBelow[rank] === abnormal);
  const looks = hidden ? { all: sorted } : { normal: side(0), abnormal: side(1) };
  return Object.entries({ ...looks, calibration: calibration ?? [] }).filter(([, scores]) => scores.length);
}

// Fill, hatching, grey and a dashed outline can also be distinguished without colour.
const paint = (look, id) =>
  ({
    normal: `fill="${NORMAL}" fill-opacity="0.45" stroke="${NORMAL}"`,
    abnormal: `fill="url(#${id})" stroke="${ABNORMAL}" stroke-width="1.5"`,
    all: `fill="currentColor" fill-opacity="0.25" stroke="currentColor"`,
    calibration: `fill="none" stroke="currentColor" stroke-width="1.3" stroke-dasharray="4 3"`,
  })[look];

function hatch(id) {
  return `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
  <rect width="6" height="6" fill="${ABNORMAL}" fill-opacity="0.15"/><line x1="1" x2="1" y2="6" stroke="${ABNORMAL}" stroke-width="2"/></pattern>`;
}

// The outline of the bars, with gaps at empty bins.
function outline(counts, edges, x, y) {
  let text = "";
  counts.forEach((count, i) => {
    if (!count) return;
    if (!counts[i - 1]) text += `M${x(edges[i]).toFixed(1)} ${y(0)}`;
    text += `V${y(count).toFixed(1)}H${x(edges[i + 1]).toFixed(1)}`;
    if (!counts[i + 1]) text += `V${y(0)}`;
  });
  return text;
}

const across = (scale, width) => (value) => LEFT + scale.place(value) * (width - LEFT - RIGHT);

function scoreMarks(scale, width) {
  const room = width / 75;
  const marks = (scale.log ? logTicks : ticks)(scale.bottom, scale.top, room);
  const labels = scale.log ? marks.map((v) => short(v, 3)) : tickLabels(marks, 10);
  let taken = -Infinity;
  return marks.map(across(scale, width)).map((at, i) => {
    // Keep long labels inside the picture, and leave out those that would overlap.
    const half = 4 * labels[i].length;
    const x = clamp(at, half, width - half);
    if (x - half < taken) return { at };
    taken = x + half;
    return { at, x, label: labels[i] };
  });
}

function drawHistogram(stats, parts, scale, width, logCounts, id) {
  const edges = scale.edges(BINS);
  const shares = parts.map(([, scores]) => split(stats, scores, scale));
  const counts = shares.map(({ inside }) => countBins(inside, edges));
  const [below, above] = ["below", "above"].map((side) => shares.reduce((sum, share) => sum + share[side], 0));
  const mark = (text, x, anchor) =>
    `<text class="beyond" x="${x}" y="${TOP + 14}" text-anchor="${anchor}">${text}</text>`;
  const top = Math.max(1, ...counts.flat());
  // On a logarithmic scale, a count of 1 is above the axis too.
  const share = (count) => (!logCounts ? count / top : count && Math.log(2 * count) / Math.log(2 * top));
  const y = (count) => FLOOR - share(count) * (FLOOR - TOP);
  const heights = logCounts ? logTicks(1, Math.max(top, 2), 5) : ticks(0, top, 4);
  const rows = heights
    .filter((count) => Number.isInteger(count) && count <= top)
    .map((count) => ({ at: y(count), label: count < 10_000 ? count : `${count / 1000}k` }));
  const box = { left: LEFT, right: width - RIGHT, top: TOP, bottom: FLOOR };
  const look = { gap: 6, drop: 20, foot: 37, side: 12, ticked: true, names: ["score (error)", "sequences"] };
  const x = across(scale, width);
  const bar = ([kind], p) => `<path class="bars ${kind}" d="${outline(counts[p], edges, x, y)}" ${paint(kind, id)}/>`;
  const axes = svgAxes(box, rows, scoreMarks(scale, width), look);
  const beyond = [
    below && mark(`← ${many(below)} more`, LEFT + 4, "start"),
    above && mark(`${many(above)} more →`, width - RIGHT - 4, "end"),
  ];
  return hatch(id) + axes + parts.map(bar).join("") + beyond.filter(Boolean).join("");
}

function drawLegend(parts, id) {
  const entry = ([kind, scores]) => {
    const name = kind === "calibration" ? "calibration (normal)" : kind;
    const swatch = `<rect x="1" y="2" width="24" height="10" ${paint(kind, id)}/>`;
    return `<li><svg width="26" height="14" aria-hidden="true">${swatch}</svg>${name} (${many(scores.length)})</li>`;
  };
  return parts.map(entry).join("");
}

// The line of the threshold; its sides are labelled if there is room.
function drawThreshold(px, width) {
  const [left, right] = [px - LEFT, width - RIGHT - px];
  return `<rect class="flagged" x="${px}" y="${TOP}" width="${Math.max(0, right)}" height="${FLOOR - TOP}"/>
    <line x1="${px}" x2="${px}" y1="${TOP - 4}" y2="${FLOOR}" stroke="currentColor" stroke-width="2.5"/>
    <rect class="grip" x="${px - 7}" y="${TOP - 22}" width="14" height="20" rx="4" fill="currentColor"/>
    <path class="groove" d="M${px - 2} ${TOP - 17}v10m4 -10v10"/>
    ${left > 110 ? `<text x="${px - 14}" y="${TOP - 8}" text-anchor="end">← not flagged</text>` : ""}
    ${right > 120 ? `<text x="${px + 14}" y="${TOP - 8}">flagged →</text>` : ""}`;
}

// ---------------------------------------------------------------- ROC and precision-recall curve

const CURVE = { width: 232, height: 206, left: 42, right: 222, top: 8, bottom: 170 };
const curveX = (v) => CURVE.left + v * (CURVE.right - CURVE.left);
const curveY = (v) => CURVE.bottom - v * (CURVE.bottom - CURVE.top);
const curvePoints = (points) => svgPath(points.map(([x, y]) => [curveX(x), curveY(y)]));

function drawCurve(points, chance, names) {
  const marks = [0, 0.5, 1];
  const rows = marks.map((label) => ({ at: curveY(label), label }));
  const columns = marks.map((label) => ({ at: curveX(label), label }));
  return `${svgAxes(CURVE, rows, columns, { gap: 5, drop: 15, foot: 31, side: 11, names })}
    <path class="chance" d="M${curveX(0)} ${curveY(chance[0])}L${curveX(1)} ${curveY(chance[1])}"/>
    <path class="curve" d="${curvePoints(points)}"/>`;
}

// Adds the corners of steps: between two points precision is that of the second.
function inSteps(points) {
  const corners = points.slice(1).map(([, y], i) => [points[i][0], y]);
  return points.flatMap((point, i) => (i ? [corners[i - 1], point] : [point]));
}

const drawPoint = (x, y) => `<circle class="now" cx="${curveX(x)}" cy="${curveY(y)}" r="5" fill="currentColor"/>`;

// ---------------------------------------------------------------- tables

function drawConfusion(metrics) {
  const cell = (name, kind) => `<td class="${kind}" data-figure="${name}">${metrics[name]}</td>`;
  return `<thead><tr><td></td><th scope="col">not flagged</th><th scope="col">flagged</th></tr></thead>
    <tbody><tr><th scope="row">is normal</th>${cell("passed", "right")}${cell("falseAlarms", "wrong")}</tr>
    <tr><th scope="row">is abnormal</th>${cell("missed", "wrong")}${cell("found", "right")}</tr></tbody>`;
}

function drawRates(metrics, stats) {
  const { flagged, found, falseAlarms, falseAlarmsPerThousand } = metrics;
  const rates = [
    ["precision", "precision", `${many(found)} of the ${many(flagged)} flagged are abnormal`],
    ["recall", "recall", `${many(found)} of the ${many(stats.abnormal)} abnormal are flagged`],
    ["f1", "F1", "harmonic mean of precision and recall"],
    ["falseAlarmRate", "false alarm rate", `${many(falseAlarms)} of the ${many(stats.normal)} normal are flagged`],
    ["falseAlarmsPerThousand", "false alarms", "per 1000 sequences", falseAlarmsPerThousand.toFixed(1)],
  ];
  const row = ([key, name, words, value = rate(metrics[key])]) =>
    `<tr><th scope="row">${name}</th><td data-figure="${key}">${value}</td><td>${words}</td></tr>`;
  return rates.map(row).join("");
}

function drawClasses(stats, threshold) {
  const row = ({ name }, i) => {
    const size = stats.byClass[i].length;
    const flagged = size - atMost(stats.byClass[i], threshold);
    return `<tr><th scope="row">${escape(name)}</th><td>${size}</td><td data-flagged="${i}">${flagged}</td>
      <td data-share="${i}">${(flagged / size).toFixed(3)}</td></tr>`;
  };
  return stats.classes.map(row).join("");
}

// ---------------------------------------------------------------- sequences with changed predictions

function drawPicture(pictures, row, ranges) {
  const lines = sequenceLines(pictures, row, pictureStrips(ranges, 78), (at) => 3 + at * 144);
  return `<svg viewBox="0 0 150 78" aria-hidden="true">${lines}</svg>`;
}

function drawChanged({ pictures, classes, labels, scores }, move, hidden) {
  if (!move?.count) return "";
  // Of a large number of sequences, only some have pictures.
  const near = move.nearest(pictures ? 2000 : 12);
  const drawn = pictures ? near.filter((i) => pictures.row.has(i)).slice(0, 6) : [];
  const shown = drawn.length ? drawn : near.slice(0, 12);
  const ranges = drawn.length ? pictureRanges(pictures, drawn) : [];
  const items = shown.map((i) => {
    const one = hidden ? null : classes[labels[i]];
    const picture = drawn.length ? drawPicture(pictures, pictures.row.get(i), ranges) : "";
    // Data are often sorted by class: with hidden labels, the position would reveal the label.
    const position = one || !labels ? `sequence ${i}<br>` : "";
    return `<li>${one ? `<b>${escape(one.name)}</b>` : ""}${picture}
      <small>${position}score ${short(scores[i])}${one ? `<br>${meaning(one.abnormal, move.flagged)}` : ""}</small></li>`;
  });
  const more = move.count - shown.length;
  return items.join("") + (more > 0 ? `<li class="more">and ${many(more)} more, farther from the threshold</li>` : "");
}

// ---------------------------------------------------------------- widget

const SKELETON = `
  <div class="bar">
    <label>threshold <input class="number" type="text" inputmode="decimal" size="10" autocomplete="off"></label>
    <span class="said" data-figure="flagged"></span>
    <label class="hide"><input type="checkbox"> hide the labels</label>
  </div>
  <svg class="plot histogram" role="group" aria-label="Histogram of the scores" height="${HEIGHT}">
    <g class="still"></g><g class="lowest-mark"></g>
    <g class="threshold" role="slider" tabindex="0" aria-label="threshold" aria-orientation="horizontal"></g>
  </svg>
  <div class="under"><ul class="legend"></ul>
    <button type="button" data-key="focus">focus</button><button type="button" data-key="logCounts">log counts</button><button type="button" data-key="logScores">log scores</button></div>
  <p class="keys">Drag the threshold, or use ←, →, Page Up and Page Down. Shift with an arrow key moves by one score.</p>
  <p class="of-calibration"></p>
  <p class="note"></p>
  <div class="truth">
    <div class="counts"><table class="confusion"></table><table class="rates"></table></div>
    <div class="curves"><figure class="roc"><figcaption>ROC, AUROC <b data-figure="auroc"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure>
    <figure class="pr"><figcaption>Precision–recall, AP <b data-figure="averagePrecision" title="average precision"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure></div>
    <table class="classes"><thead><tr><th scope="col">class</th><th scope="col">sequences</th><th scope="col">flagged</th>
      <th scope="col">share</th></tr></thead><tbody></tbody></table>
    <fieldset class="costs"><legend>Costs</legend>
      <label>a false alarm <input data-cost="false_alarm_cost" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <label>a miss <input data-cost="miss_cost" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <p class="cost"></p><button type="button" class="go" hidden>go to the lowest cost</button></fieldset>
  </div>
  <p class="moved"></p>
  <p class="key" hidden><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence
    <span><svg width="26" height="10" aria-hidden="true"><path class="reconstruction" d="M1 5h24"/></svg> reconstruction</span>
    <label class="of-features">drawn <select></select></label></p>
  <ul class="changed"></ul>`;

// What a user can change, also from Python.
const SYNCED = ["threshold", "hide_labels", "false_alarm_cost", "miss_cost"];

// Builds an explorer in `root`. `act.changed` receives the user's changes of threshold, hide_labels and costs.
export function mount(root, data, act = {}) {
  const stats = prepare(data);
  const hatchId = uniqueId("kit-hatch");
  const view = { base: data.threshold, logCounts: false, logScores: false, focus: false };
  for (const name of SYNCED) view[name] = data[name];
  const part = build(root, "kit-threshold", SKELETON);
  const [plot, slider, number, box] = [".histogram", ".threshold", ".number", ".hide input"].map(part);
  const toggles = root.querySelectorAll("[data-key]");
  const costs = root.querySelectorAll("[data-cost]");
  const hidden = () => view.hide_labels || !stats.labels;
  const notify = (changes) => act.changed?.(changes);
  part(".hide").hidden = !stats.labels;
  part('[data-key="logScores"]').hidden = stats.lowest <= 0;
  part('[data-key="focus"]').hidden = !stats.far;
  part(".key span").hidden = !stats.pictures?.reconstructions;
  part(".of-features").hidden = !(stats.pictures?.features > 1);
  if (stats.pictures) offerFeatures(part("select"), stats.pictures, drawMove);

  // ---------------------------------------------------------------- drawing

  // Draws everything.
  function draw() {
    view.width = Math.max(300, widthOf(plot) || 600);
    plot.setAttribute("viewBox", `0 0 ${view.width} ${HEIGHT}`);
    view.scale = scoreScale(stats, view.threshold, view.logScores, view.focus);
    view.bottom = Math.min(view.scale.bottom, scoreScale(stats, view.threshold, view.logScores).bottom);
    view.x = across(view.scale, view.width);
    const parts = histogramParts(stats, hidden());
    part(".still").innerHTML = drawHistogram(stats, parts, view.scale, view.width, view.logCounts, hatchId);
    part(".legend").innerHTML = drawLegend(parts, hatchId);
    for (const button of toggles) button.setAttribute("aria-pressed", view[button.dataset.key]);
    box.checked = view.hide_labels;
    for (const input of costs) if (input !== document.activeElement) input.value = view[input.dataset.cost] ?? "";
    drawTruth();
    drawLowest();
    drawMove();
  }

  // With hidden labels, everything that depends on them is removed from the page, not only covered.
  function drawTruth() {
    const both = hidden() ? null : stats.curves;
    part(".truth").hidden = hidden();
    part(".roc").hidden = part(".pr").hidden = !both;
    part(".note").textContent = stateText(stats, view.scale, hidden());
    part('[data-figure="auroc"]').textContent = both ? rate(both.auroc) : "";
    part('[data-figure="averagePrecision"]').textContent = both ? rate(both.averagePrecision) : "";
    const share = stats.abnormal / stats.n;
    view.roc = both ? drawCurve(both.roc, [0, 1], ["false alarm rate", "recall"]) : "";
    view.pr = both ? drawCurve(inSteps(both.precisionRecall), [share, share], ["recall", "precision"]) : "";
  }

  // Draws what depends on the threshold.
  function drawMove() {
    const metrics = metricsAt(stats, view.threshold);
    const [falseAlarmRate, recall, precision] = [metrics.falseAlarmRate, metrics.recall, metrics.precision].map(rate);
    slider.innerHTML = drawThreshold(view.x(view.threshold), view.width);
    const count = `${many(metrics.flagged)} of ${many(stats.n)} flagged (${percent(metrics.flagged, stats.n)})`;
    part(".said").textContent = count;
    if (number !== document.activeElement || view.dragging) number.value = written(view.threshold);
    setAttributes(slider, {
      "aria-valuemin": view.scale.bottom,
      "aria-valuemax": view.scale.top,
      "aria-valuenow": view.threshold,
      "aria-valuetext": `${written(view.threshold)}: ${count}${view.roc && `; precision ${precision}, recall ${recall}`}`,
    });
    if (stats.calibration) {
      const n = stats.calibration.length;
      const above = n - atMost(stats.calibration, view.threshold);
      part(".of-calibration").textContent =
        `Of the ${many(n)} calibration sequences, known to be normal, ${many(above)} would be flagged (${percent(above, n)}).`;
    }
    part(".confusion").innerHTML = hidden() ? "" : drawConfusion(metrics);
    part(".rates").innerHTML = hidden() ? "" : drawRates(metrics, stats);
    part(".classes tbody").innerHTML = hidden() ? "" : drawClasses(stats, view.threshold);
    const [roc, pr] = [part(".roc svg"), part(".pr svg")];
    roc.innerHTML = view.roc && view.roc + drawPoint(metrics.falseAlarmRate, metrics.recall);
    roc.setAttribute("aria-label", view.roc && `ROC curve; now false alarm rate ${falseAlarmRate}, recall ${recall}`);
    // If nothing is flagged, precision is undefined.
    pr.innerHTML = view.pr && view.pr + (metrics.flagged ? drawPoint(metrics.recall, metrics.precision) : "");
    pr.setAttribute("aria-label", view.pr && `Precision-recall curve; now recall ${recall}, precision ${precision}`);
    drawCost(metrics);
    part(".moved").textContent = changedText(view.move, hidden());
    part(".changed").innerHTML = drawChanged(stats, view.move, hidden());
    part(".key").hidden = !(view.move?.count && stats.pictures);
  }

  // The search over all thresholds is slow with many scores, so it does not run on every move.
  function drawLowest() {
    const given = !hidden() && view.false_alarm_cost != null && view.miss_cost != null;
    view.lowest = given ? lowestCost(stats, view, view.bottom) : null;
    const px = given && clamp(view.x(view.lowest.threshold), LEFT, view.width - RIGHT);
    const mark = given ? `<path class="lowest" d="M${px} ${FLOOR}l-5 9h10z"/>` : "";
    part(".lowest-mark").innerHTML = mark;
    part(".go").hidden = !given;
  }

  function drawCost({ falseAlarms, missed }) {
    const amount = (cost) => `${costText(cost)} (${short((1000 * cost) / stats.n)} per 1000 sequences)`;
    let text = "Enter both costs to see the total cost at the threshold, and the threshold with the lowest total cost.";
    if (view.lowest)
      text = `Cost at this threshold: <b data-figure="cost">${amount(totalCost(falseAlarms, missed, view))}</b>;
        lowest: <b data-figure="lowest">${amount(view.lowest.cost)}</b> at threshold <b data-figure="lowestAt">${written(view.lowest.threshold)}</b> (▲ on the axis).`;
    part(".cost").innerHTML = hidden() ? "" : text;
  }

  const frames = onNextFrame(() => {
    const inSight = view.threshold >= view.scale.bottom && view.threshold <= view.scale.top;
    inSight ? drawMove() : draw();
  });

  // ---------------------------------------------------------------- moving

  // Changed predictions are counted from `base`, where a drag or a held key began.
  function moveTo(threshold, base = view.threshold) {
    clear();
    if (threshold === view.threshold && base === view.base) return;
    view.move = changed(stats, base, threshold);
    Object.assign(view, { threshold, base });
    frames.soon();
  }

  function userMovesTo(threshold, base) {
    moveTo(threshold, base);
    notify({ threshold });
  }

  function pointTo(event) {
    const px = (placeIn(plot, event)[0] * view.width) / widthOf(plot);
    userMovesTo(pointed(view.scale, (px - LEFT) / (view.width - LEFT - RIGHT)), view.base);
  }

  drag(plot, (start) => {
    Object.assign(view, { dragging: true, base: view.threshold });
    slider.focus({ preventScroll: true });
    pointTo(start);
    const end = (event) => {
      view.dragging = false;
      // A touch that became a scroll must not move the threshold.
      if (event.type === "pointercancel") userMovesTo(view.base, view.base);
    };
    return { move: pointTo, end };
  });

  function keyTarget({ key, shiftKey }) {
    const { threshold, scale } = view;
    const { sorted } = stats;
    const below = atMost(sorted, threshold);
    const by = (share) => pointed(scale, scale.place(threshold) + share);
    const up = key === "ArrowRight" || key === "ArrowUp";
    const down = key === "ArrowLeft" || key === "ArrowDown";
    // A score at the threshold is not flagged: to flag it, go to the next lower score.
    if (shiftKey && up) return sorted[below] ?? threshold;
    if (shiftKey && down)
      return below ? (sorted.subarray(0, below).findLast((v) => v < sorted[below - 1]) ?? view.bottom) : threshold;
    if (up || down) return by(up ? 0.005 : -0.005);
    const end = Math.max(sorted[sorted.length - 1], threshold);
    return { PageUp: by(0.05), PageDown: by(-0.05), Home: view.bottom, End: end }[key];
  }

  onKey(slider, (event) => {
    const to = keyTarget(event);
    if (to !== undefined) return () => userMovesTo(to, event.repeat ? view.base : view.threshold);
  });

  const clear = whenTyped(number, (text) => {
    const to = parse(text);
    // The field shows a rounded threshold: an unchanged text must not change the threshold.
    if (to !== null && text !== written(view.threshold)) userMovesTo(to);
    number.value = written(view.threshold);
    if (to === null) return refusal("threshold", "a finite number", text);
  });

  // ---------------------------------------------------------------- the rest of the controls

  for (const button of toggles)
    button.addEventListener("click", () => {
      view[button.dataset.key] = !view[button.dataset.key];
      draw();
    });
  box.addEventListener("change", () => {
    view.hide_labels = box.checked;
    draw();
    notify({ hide_labels: view.hide_labels });
  });
  const clears = {};
  for (const input of costs)
    clears[input.dataset.cost] = whenTyped(input, (text) => {
      const [value, name] = [parse(text), input.dataset.cost];
      const valid = value === null ? !text.trim() : value >= 0;
      if (valid) view[name] = value;
      input.value = view[name] ?? "";
      if (!valid) return refusal(`the cost of ${input.labels[0].textContent.trim()}`, "a number of at least 0", text);
      draw();
      notify({ [name]: value });
    });
  part(".go").addEventListener("click", () => userMovesTo(view.lowest.threshold));

  // Applies changes from the kernel or from another view.
  function set({ threshold = view.threshold, ...rest }) {
    if (Object.keys(rest).length) {
      Object.assign(view, rest);
      for (const name in rest) clears[name]?.();
      draw();
    }
    if (!view.dragging && threshold !== view.threshold) moveTo(threshold);
  }

  const unfollow = followSize(plot, draw);
  draw();
  const destroy = () => {
    unfollow();
    frames.cancel();
  };
  return { set, destroy };
}

export default {
  render({ model, el }) {
    const state = Object.fromEntries(SYNCED.map((name) => [name, model.get(name)]));
    let [pending, timer] = [{}, null];
    // During a drag, send about 15 values a second, and the last one.
    const send = () => {
      tell(model, pending);
      [pending, timer] = [{}, null];
    };
    const changed = (changes) => {
      Object.assign(pending, changes);
      timer ??= setTimeout(send, 65);
    };
    const explorer = mount(el, { ...model.get("data"), ...state }, { changed });
    // A pending change of the user replaces the kernel's echo of an older one.
    const receive = (name) => () => name in pending || explorer.set({ [name]: model.get(name) });
    const unlisten = listen(model, Object.fromEntries(SYNCED.map((name) => [`change:${name}`, receive(name)])));
    return () => {
      clearTimeout(timer);
      if (timer) send();
      unlisten();
      explorer.destroy();
    };
  },
};
