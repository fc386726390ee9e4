// What a threshold decides: counts, rates, curves, costs. Pure functions that know no page.

import { logTicks, rounded, short, tickLabels, ticks } from "./plot.js";
import { escape, keepKeys, numbers, whenTyped, widthOf } from "./page.js";
import { pictureRanges, pictureStrips, sequenceLines, unpack } from "./sequences.js";

// All that does not change while the threshold moves is sorted and counted once.
function prepare(data) {
  const scores = numbers(data.scores, Float64Array),
    labels = numbers(data.labels, Int32Array),
    n = scores.length;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const sorted = Float64Array.from(order, (i) => scores[i]);
  const calibration = numbers(data.calibration, Float64Array)?.sort();
  const known = {
    n,
    scores,
    labels,
    order,
    sorted,
    calibration,
    classes: data.classes,
    pictures: unpack(data.pictures),
  };
  const ends = [sorted, calibration].filter(Boolean).flatMap((list) => [list[0], list[list.length - 1]]);
  known.lowest = Math.min(...ends);
  known.highest = Math.max(...ends);
  if (labels) {
    // abnormalBelow[i]: how many of the i lowest scores are abnormal.
    known.abnormalBelow = new Uint32Array(n + 1);
    order.forEach((i, rank) => {
      known.abnormalBelow[rank + 1] = known.abnormalBelow[rank] + data.classes[labels[i]].abnormal;
    });
    known.abnormal = known.abnormalBelow[n];
    known.normal = n - known.abnormal;
    known.byClass = data.classes.map(() => []);
    order.forEach((i, rank) => known.byClass[labels[i]].push(sorted[rank]));
    known.curves = known.abnormal && known.normal ? curves(known) : null;
  }
  return known;
}

// How many of the sorted numbers are at most `value`; those above it are called abnormal.
function atMost(sorted, value) {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Of a side that does not occur nothing can be said: null. Precision and F1 are 0 where nothing is
// called abnormal, as in scikit-learn with zero_division=0.
function figuresAt(known, threshold) {
  const below = atMost(known.sorted, threshold),
    called = known.n - below;
  if (!known.labels) return { called };
  const missed = known.abnormalBelow[below],
    found = known.abnormal - missed,
    falseAlarms = called - found;
  const some = known.abnormal > 0;
  return {
    called,
    found,
    missed,
    falseAlarms,
    passed: below - missed,
    precision: some ? called && found / called : null,
    recall: some ? found / known.abnormal : null,
    f1: some ? (2 * found) / (found + called + missed) : null,
    falseAlarmRate: known.normal ? falseAlarms / known.normal : null,
    falseAlarmsPerThousand: (1000 * falseAlarms) / known.n,
  };
}

// Both curves, from the highest score down, a point where the score changes. The area under the ROC
// curve is that of its straight lines; average precision sums precision times the step in recall.
function curves({ n, sorted, abnormalBelow, abnormal, normal }) {
  const falseAlarmRate = [0],
    recall = [0],
    precision = [1];
  let area = 0,
    averagePrecision = 0,
    found = 0,
    falseAlarms = 0;
  for (let rank = n - 1; rank >= 0; rank--) {
    if (rank && sorted[rank - 1] === sorted[rank]) continue;
    const nowFound = abnormal - abnormalBelow[rank],
      nowFalse = n - rank - nowFound;
    area += ((nowFalse - falseAlarms) * (nowFound + found)) / 2;
    averagePrecision += ((nowFound - found) / abnormal) * (nowFound / (n - rank));
    [found, falseAlarms] = [nowFound, nowFalse];
    falseAlarmRate.push(falseAlarms / normal);
    recall.push(found / abnormal);
    precision.push(found / (n - rank));
  }
  return { falseAlarmRate, recall, precision, auroc: area / abnormal / normal, averagePrecision };
}

function costAt(figures, prices) {
  return figures.falseAlarms * prices.falseAlarm + figures.missed * prices.miss;
}

// The lowest threshold of least cost: one of the scores, or, for calling everything abnormal, `bottom`.
function leastCost({ n, sorted, abnormalBelow, abnormal }, prices, bottom) {
  let best = { threshold: bottom, cost: (n - abnormal) * prices.falseAlarm };
  for (let below = 1; below <= n; below++) {
    if (sorted[below] === sorted[below - 1]) continue;
    const missed = abnormalBelow[below],
      falseAlarms = n - below - abnormal + missed;
    const cost = falseAlarms * prices.falseAlarm + missed * prices.miss;
    if (cost < best.cost) best = { threshold: sorted[below - 1], cost };
  }
  return best;
}

// The sequences whose decision differs between two thresholds; `nearest` gives positions, those at the new one first.
function changed(known, from, to) {
  const [a, b] = [atMost(known.sorted, from), atMost(known.sorted, to)];
  const positions = known.order.subarray(Math.min(a, b), Math.max(a, b));
  return {
    called: to < from,
    count: positions.length,
    abnormal: known.labels ? Math.abs(known.abnormalBelow[b] - known.abnormalBelow[a]) : null,
    nearest: (most) => Array.from(b > a ? positions.slice(-most).reverse() : positions.slice(0, most)),
  };
}

// From a score to a place between 0 and 1, and back.
function scoreScale(known, threshold, log) {
  const to = log ? Math.log : (v) => v,
    from = log ? Math.exp : (v) => v;
  let low = to(known.lowest),
    high = to(known.highest);
  // Scores that are all but equal are one bar, on an axis that numbers can be written on.
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-6 * (log ? 1 : size)) {
    const room = log ? 0.1 : 0.1 * size || 0.5;
    [low, high] = [low - room, high + room];
  }
  const bins = [low, high],
    margin = 0.03 * (high - low);
  [low, high] = [low - margin, high + margin];
  // A threshold beyond all scores stays in sight; one that a logarithm does not have stands at the edge.
  if (!log || threshold > 0)
    [low, high] = [Math.min(low, to(threshold) - margin), Math.max(high, to(threshold) + margin)];
  const place = (value) => (log && value <= 0 ? 0 : (to(value) - low) / (high - low));
  return {
    log,
    bottom: from(low),
    top: from(high),
    place,
    value: (at) => from(low + at * (high - low)),
    edges: (count) => Array.from({ length: count + 1 }, (_, i) => from(bins[0] + (i / count) * (bins[1] - bins[0]))),
  };
}

// As exact as a hand can point, and short to read.
function pointed(scale, value) {
  return scale.log ? Number(value.toPrecision(4)) : rounded(value, (scale.top - scale.bottom) / 2000);
}

// Counts in each bin; what lies on an edge counts to the left, and nothing falls out at the ends.
function countBins(sorted, edges) {
  const upTo = edges.map((edge, i) => (i === 0 ? 0 : i === edges.length - 1 ? sorted.length : atMost(sorted, edge)));
  return upTo.slice(1).map((count, i) => count - upTo[i]);
}

// From figures to SVG and HTML text. Pure functions.

const NORMAL = "#0072B2",
  ABNORMAL = "#D55E00",
  LINE = "#009E73";
const HEIGHT = 250,
  LEFT = 54,
  RIGHT = 14,
  TOP = 26,
  BOTTOM = 42,
  BINS = 60;

// Without the last digits, which sums of such prices as 0.1 get wrong.
const price = (value) => short(value, 12);
const rate = (value) => (value === null ? "–" : value.toFixed(3));
const percent = (part, whole) => `${((100 * part) / whole).toFixed(1)} %`;
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

// ---------------------------------------------------------------- histogram

// What is drawn, and in which look: with hidden labels, all scores alike.
function histogramParts(known, hidden) {
  const parts = [];
  if (hidden) parts.push({ look: "all", name: "all", sorted: known.sorted });
  else {
    const side = (abnormal) =>
      known.sorted.filter((_, rank) => known.abnormalBelow[rank + 1] - known.abnormalBelow[rank] === abnormal);
    parts.push(
      { look: "normal", name: "normal", sorted: side(0) },
      { look: "abnormal", name: "abnormal", sorted: side(1) },
    );
  }
  if (known.calibration) parts.push({ look: "calibration", name: "calibration (normal)", sorted: known.calibration });
  return parts.filter((part) => part.sorted.length);
}

// Blue and filled, orange and hatched, grey, a dashed outline: told apart without colour too.
function paint(look, id) {
  if (look === "normal") return `fill="${NORMAL}" fill-opacity="0.45" stroke="${NORMAL}"`;
  if (look === "abnormal") return `fill="url(#${id})" stroke="${ABNORMAL}" stroke-width="1.5"`;
  if (look === "all") return `fill="currentColor" fill-opacity="0.25" stroke="currentColor"`;
  return `fill="none" stroke="currentColor" stroke-width="1.3" stroke-dasharray="4 3"`;
}

const hatch = (
  id,
) => `<pattern id="${id}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
  <rect width="6" height="6" fill="${ABNORMAL}" fill-opacity="0.15"/><line x1="1" x2="1" y2="6" stroke="${ABNORMAL}" stroke-width="2"/></pattern>`;

// The outline of the bars, with gaps where there are none.
function outline(counts, edges, x, y) {
  let text = "";
  counts.forEach((count, i) => {
    if (count)
      text += `${counts[i - 1] ? "" : `M${x(edges[i]).toFixed(1)} ${y(0)}`}V${y(count).toFixed(1)}H${x(edges[i + 1]).toFixed(1)}`;
    if (count && !counts[i + 1]) text += `V${y(0)}`;
  });
  return text;
}

function drawHistogram(parts, scale, width, logCounts, id) {
  const edges = scale.edges(BINS),
    counts = parts.map((part) => countBins(part.sorted, edges));
  const top = Math.max(...counts.flat()),
    bottom = HEIGHT - BOTTOM;
  const x = (value) => LEFT + scale.place(value) * (width - LEFT - RIGHT);
  // A count of 1 stands above the axis on a logarithmic scale as well.
  const share = (count) => (!logCounts ? count / top : count ? Math.log(2 * count) / Math.log(2 * top) : 0);
  const y = (count) => bottom - share(count) * (bottom - TOP);
  let text = hatch(id);
  const heights = logCounts ? logTicks(1, Math.max(top, 2), 5) : ticks(0, top, 4);
  for (const tick of heights.filter((count) => Number.isInteger(count) && count <= top))
    text += `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>
      <text x="${LEFT - 6}" y="${y(tick) + 4}" text-anchor="end">${tick}</text>`;
  const room = width / 75,
    marks = scale.log ? logTicks(scale.bottom, scale.top, room) : ticks(scale.bottom, scale.top, room);
  const labels = scale.log ? marks.map((v) => short(v, 3)) : tickLabels(marks, 10);
  let taken = -Infinity;
  marks.forEach((tick, i) => {
    text += `<line class="axes" x1="${x(tick)}" x2="${x(tick)}" y1="${bottom}" y2="${bottom + 4}"/>`;
    // A long number at an edge stays inside, and beside a long number there is none.
    const half = 4 * labels[i].length,
      at = Math.max(half, Math.min(width - half, x(tick)));
    if (at - half < taken) return;
    text += `<text x="${at}" y="${bottom + 20}" text-anchor="middle">${labels[i]}</text>`;
    taken = at + half;
  });
  text += `<path class="axes" d="M${LEFT} ${TOP}V${bottom}H${width - RIGHT}"/>
    <text x="${(LEFT + width - RIGHT) / 2}" y="${HEIGHT - 5}" text-anchor="middle">score (error)</text>
    <text transform="translate(12 ${(TOP + bottom) / 2}) rotate(-90)" text-anchor="middle">sequences</text>`;
  parts.forEach((part, p) => {
    text += `<path class="bars ${part.look}" d="${outline(counts[p], edges, x, y)}" ${paint(part.look, id)}/>`;
  });
  return text;
}

function drawLegend(parts, id) {
  return parts
    .map(
      (part) => `<li><svg width="26" height="14" aria-hidden="true"><rect x="1" y="2" width="24" height="10"
    ${paint(part.look, id)}/></svg>${part.name} (${part.sorted.length})</li>`,
    )
    .join("");
}

// The line's two sides are named where there is room for it.
function drawThreshold(px, width) {
  const bottom = HEIGHT - BOTTOM,
    left = px - LEFT > 110,
    right = width - RIGHT - px > 120;
  return `<rect class="called" x="${px}" y="${TOP}" width="${Math.max(0, width - RIGHT - px)}" height="${bottom - TOP}"/>
    <line x1="${px}" x2="${px}" y1="${TOP - 4}" y2="${bottom}" stroke="${LINE}" stroke-width="2.5"/>
    <rect class="grip" x="${px - 7}" y="${TOP - 22}" width="14" height="20" rx="4" fill="${LINE}"/>
    <path d="M${px - 2} ${TOP - 17}v10m4 -10v10" stroke="white"/>
    ${left ? `<text x="${px - 14}" y="${TOP - 8}" text-anchor="end">← called normal</text>` : ""}
    ${right ? `<text x="${px + 14}" y="${TOP - 8}">called abnormal →</text>` : ""}`;
}

function drawLeastCost(px) {
  return `<path class="least" d="M${px} ${HEIGHT - BOTTOM}l-5 9h10z"/>`;
}

// ---------------------------------------------------------------- curves

const CURVE = { width: 232, height: 206, left: 42, right: 10, top: 8, bottom: 36 };
const curveX = (v) => CURVE.left + v * (CURVE.width - CURVE.left - CURVE.right);
const curveY = (v) => CURVE.height - CURVE.bottom - v * (CURVE.height - CURVE.top - CURVE.bottom);

// Of many points in one pixel column: the first, the lowest, the highest, the last.
function curvePath(xs, ys, steps) {
  let text = "M",
    column = null;
  const point = (x, y) => {
    text += `${text === "M" ? "" : "L"}${x} ${y.toFixed(1)}`;
  };
  const flush = () =>
    column && [...new Set([column.first, column.low, column.high, column.last])].forEach((y) => point(column.x, y));
  const add = (x, y) => {
    if (column?.x === x)
      Object.assign(column, { low: Math.max(column.low, y), high: Math.min(column.high, y), last: y });
    else {
      flush();
      column = { x, first: y, low: y, high: y, last: y };
    }
  };
  for (let i = 0; i < xs.length; i++) {
    const x = Math.round(2 * curveX(xs[i])) / 2,
      y = curveY(ys[i]);
    if (steps && i && column.x !== x) add(column.x, y);
    add(x, y);
  }
  flush();
  return text;
}

function drawCurve(xs, ys, { steps, xName, yName, chance }) {
  let text = "";
  for (const tick of [0, 0.5, 1])
    text += `<line class="grid" x1="${curveX(0)}" x2="${curveX(1)}" y1="${curveY(tick)}" y2="${curveY(tick)}"/>
      <text x="${CURVE.left - 5}" y="${curveY(tick) + 4}" text-anchor="end">${tick}</text>
      <text x="${curveX(tick)}" y="${curveY(0) + 15}" text-anchor="middle">${tick}</text>`;
  return `${text}<path class="axes" d="M${curveX(0)} ${curveY(1)}V${curveY(0)}H${curveX(1)}"/>
    <text x="${curveX(0.5)}" y="${CURVE.height - 5}" text-anchor="middle">${xName}</text>
    <text transform="translate(11 ${curveY(0.5)}) rotate(-90)" text-anchor="middle">${yName}</text>
    <path class="chance" d="M${curveX(0)} ${curveY(chance[0])}L${curveX(1)} ${curveY(chance[1])}"/>
    <path class="curve" d="${curvePath(xs, ys, steps)}"/>`;
}

const drawPoint = (x, y) => `<circle class="now" cx="${curveX(x)}" cy="${curveY(y)}" r="5" fill="${LINE}"/>`;

// ---------------------------------------------------------------- numbers

function drawConfusion(figures) {
  const cell = (name, kind) => `<td class="${kind}" data-figure="${name}">${figures[name]}</td>`;
  return `<thead><tr><td></td><th scope="col">called normal</th><th scope="col">called abnormal</th></tr></thead>
    <tbody><tr><th scope="row">is normal</th>${cell("passed", "right")}${cell("falseAlarms", "wrong")}</tr>
    <tr><th scope="row">is abnormal</th>${cell("missed", "wrong")}${cell("found", "right")}</tr></tbody>`;
}

function drawRates(figures, known) {
  const row = (key, name, value, words) =>
    `<tr><th scope="row">${name}</th><td data-figure="${key}">${value}</td><td>${words}</td></tr>`;
  const { called, found, falseAlarms } = figures;
  return (
    row("precision", "precision", rate(figures.precision), `${found} of the ${called} called are abnormal`) +
    row("recall", "recall", rate(figures.recall), `${found} of the ${known.abnormal} abnormal are called`) +
    row("f1", "F1", rate(figures.f1), "their harmonic mean") +
    row(
      "falseAlarmRate",
      "false alarm rate",
      rate(figures.falseAlarmRate),
      `${falseAlarms} of the ${known.normal} normal are called`,
    ) +
    row("falseAlarmsPerThousand", "false alarms", figures.falseAlarmsPerThousand.toFixed(1), "in 1000 such sequences")
  );
}

function drawClasses(known, threshold) {
  return known.classes
    .map((one, i) => {
      const sorted = known.byClass[i],
        called = sorted.length - atMost(sorted, threshold);
      return `<tr><th scope="row">${escape(one.name)}</th><td>${sorted.length}</td><td data-called="${i}">${called}</td>
      <td data-share="${i}">${(called / sorted.length).toFixed(3)}</td></tr>`;
    })
    .join("");
}

// ---------------------------------------------------------------- sequences that changed sides

function drawPicture(pictures, row, ranges) {
  const w = 150,
    h = 78;
  return `<svg viewBox="0 0 ${w} ${h}" aria-hidden="true">${sequenceLines(pictures, row, pictureStrips(ranges, h), (at) => 3 + at * (w - 6))}</svg>`;
}

// What a changed decision means, of one and of several.
function verdict(abnormal, called, several) {
  if (abnormal) return called ? "now found" : "now missed";
  if (called) return several ? "now false alarms" : "now a false alarm";
  return several ? "no longer false alarms" : "no longer a false alarm";
}

function changedWords(move, hidden) {
  if (!move) return "Move the threshold: the sequences that change sides are shown here.";
  if (!move.count) return "No sequence changed sides by the last move.";
  const text = `${plural(move.count, "sequence")} changed sides by the last move, now called ${move.called ? "abnormal" : "normal"}`;
  if (hidden) return `${text}.`;
  const sides = [
    [move.abnormal, true],
    [move.count - move.abnormal, false],
  ].filter(([count]) => count);
  return `${text}: ${sides.map(([count, abnormal]) => `${count} ${verdict(abnormal, move.called, count > 1)}`).join(", ")}.`;
}

function drawChanged(known, move, hidden) {
  if (!move || !move.count) return "";
  // Of very many sequences only some have pictures.
  const near = move.nearest(known.pictures ? 2000 : 12),
    drawn = known.pictures ? near.filter((i) => known.pictures.row.has(i)).slice(0, 6) : [];
  const shown = drawn.length ? drawn : near.slice(0, 12),
    rows = drawn.map((i) => known.pictures.row.get(i));
  const ranges = drawn.length ? pictureRanges(known.pictures, rows) : [];
  const items = shown.map((i, at) => {
    const one = hidden ? null : known.classes[known.labels[i]];
    // Data often lie in order of their classes: where labels are hidden, a position would give them away.
    const place = one || !known.labels ? `sequence ${i}<br>` : "",
      outcome = one ? `<br>${verdict(one.abnormal, move.called)}` : "";
    return `<li>${one ? `<b>${escape(one.name)}</b>` : ""}${drawn.length ? drawPicture(known.pictures, rows[at], ranges) : ""}
      <small>${place}score ${short(known.scores[i])}${outcome}</small></li>`;
  });
  const more = move.count - shown.length;
  return items.join("") + (more > 0 ? `<li class="more">and ${more} more, farther from the threshold</li>` : "");
}

// The page: a threshold to move, and what follows from it. In a notebook through anywidget, which keeps
// threshold, labels and prices equal to the kernel's; in an exported page on its own.

const SKELETON = `
  <div class="bar">
    <label>threshold <input class="number" type="text" inputmode="decimal" size="10" autocomplete="off"></label>
    <span class="said" data-figure="called"></span>
    <label class="hide"><input type="checkbox"> hide the labels</label>
  </div>
  <svg class="plot histogram" role="group" aria-label="Histogram of the scores" height="${HEIGHT}">
    <g class="still"></g><g class="least-mark"></g>
    <g class="threshold" role="slider" tabindex="0" aria-label="threshold" aria-orientation="horizontal"></g>
  </svg>
  <div class="under"><ul class="legend"></ul>
    <button type="button" data-key="logCounts">log counts</button><button type="button" data-key="logScores">log scores</button></div>
  <p class="keys">Drag the line, or use ← → and Page Up, Page Down; with Shift, one score at a time.</p>
  <p class="known"></p>
  <p class="note"></p>
  <div class="truth">
    <div class="counts"><table class="confusion"></table><table class="rates"></table></div>
    <div class="curves"><figure class="roc"><figcaption>ROC, AUROC <b data-figure="auroc"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure>
    <figure class="pr"><figcaption>Precision–recall, AP <b data-figure="averagePrecision" title="average precision"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure></div>
    <table class="classes"><thead><tr><th scope="col">class</th><th scope="col">sequences</th><th scope="col">called abnormal</th>
      <th scope="col">share</th></tr></thead><tbody></tbody></table>
    <fieldset class="prices"><legend>Prices</legend>
      <label>a false alarm <input data-price="falseAlarm" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <label>a miss <input data-price="miss" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <p class="cost"></p><button type="button" class="go" hidden>go to the least cost</button></fieldset>
  </div>
  <p class="moved"></p>
  <p class="key" hidden><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence
    <span><svg width="26" height="10" aria-hidden="true"><path class="rebuilt" d="M1 5h24"/></svg> reconstruction</span></p>
  <ul class="changed"></ul>`;

let mounted = 0;
// A decimal comma is a decimal point; what is no number is null.
const parse = (text) =>
  text.trim() && Number.isFinite(Number(text.replace(",", "."))) ? Number(text.replace(",", ".")) : null;

const written = (threshold) => short(threshold, 6);

// Puts an explorer into `root`. `act.changed` is told of what the user sets: threshold, hide_labels, prices.
export function mount(root, data, act = {}) {
  const known = prepare(data),
    hatchId = `kit-hatch-${mounted++}-${Math.floor(Math.random() * 1e9)}`;
  const view = {
    threshold: data.threshold,
    base: data.threshold,
    move: null,
    hide: data.hide_labels,
    dragging: false,
    logCounts: false,
    logScores: false,
    prices: { falseAlarm: data.false_alarm_price, miss: data.miss_price },
  };
  root.classList.add("kit-threshold");
  root.innerHTML = SKELETON;
  keepKeys(root);
  const part = (name) => root.querySelector(name);
  const plot = part(".histogram"),
    slider = part(".threshold"),
    number = part(".number"),
    box = part(".hide input");
  const hidden = () => view.hide || !known.labels;
  const told = (changes) => act.changed?.(changes);
  part(".hide").hidden = !known.labels;
  part('[data-key="logScores"]').hidden = known.lowest <= 0;

  // ---------------------------------------------------------------- drawing

  // All that stands still while the threshold moves.
  function draw() {
    view.width = widthOf(plot);
    const width = Math.max(300, view.width || 600);
    view.drawnWidth = width;
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    view.scale = scoreScale(known, view.threshold, view.logScores);
    const parts = histogramParts(known, hidden());
    part(".still").innerHTML = drawHistogram(parts, view.scale, width, view.logCounts, hatchId);
    part(".legend").innerHTML = drawLegend(parts, hatchId);
    for (const button of root.querySelectorAll("[data-key]"))
      button.setAttribute("aria-pressed", view[button.dataset.key]);
    box.checked = view.hide;
    for (const input of root.querySelectorAll("[data-price]"))
      if (input !== document.activeElement) input.value = view.prices[input.dataset.price] ?? "";
    drawTruth();
    drawLeast();
    drawMove();
  }

  // With hidden labels nothing of the truth stays in sight: its part of the page is emptied, not only covered.
  function drawTruth() {
    const shown = !hidden(),
      both = shown && known.curves;
    part(".truth").hidden = !shown;
    part(".roc").hidden = part(".pr").hidden = !both;
    part(".note").textContent =
      shown && !both
        ? `All labels are ${known.abnormal ? "abnormal" : "normal"}: without the other side there are no curves, and figures that need it are left open (–).`
        : "";
    const { auroc, averagePrecision } = known.curves || {};
    root.querySelector('[data-figure="auroc"]').textContent = both ? rate(auroc) : "";
    root.querySelector('[data-figure="averagePrecision"]').textContent = both ? rate(averagePrecision) : "";
    view.roc =
      both &&
      drawCurve(known.curves.falseAlarmRate, known.curves.recall, {
        xName: "false alarm rate",
        yName: "recall",
        chance: [0, 1],
      });
    const share = known.abnormal / known.n;
    view.pr =
      both &&
      drawCurve(known.curves.recall, known.curves.precision, {
        steps: true,
        xName: "recall",
        yName: "precision",
        chance: [share, share],
      });
  }

  // All that moves with the threshold.
  function drawMove() {
    const { threshold, scale } = view,
      figures = figuresAt(known, threshold),
      shown = !hidden();
    const px = LEFT + scale.place(threshold) * (view.drawnWidth - LEFT - RIGHT);
    slider.innerHTML = drawThreshold(px, view.drawnWidth);
    const said = `${figures.called} of ${known.n} called abnormal (${percent(figures.called, known.n)})`;
    part(".said").textContent = said;
    if (number !== document.activeElement || view.dragging) number.value = written(threshold);
    const attributes = { "aria-valuemin": scale.bottom, "aria-valuemax": scale.top, "aria-valuenow": threshold };
    const rates = shown && known.curves ? `; precision ${rate(figures.precision)}, recall ${rate(figures.recall)}` : "";
    for (const [name, value] of Object.entries({
      ...attributes,
      "aria-valuetext": `${written(threshold)}: ${said}${rates}`,
    }))
      slider.setAttribute(name, value);
    if (known.calibration) {
      const n = known.calibration.length,
        above = n - atMost(known.calibration, threshold);
      part(".known").textContent =
        `Of the ${n} calibration sequences, known to be normal, ${above} would be called abnormal (${percent(above, n)}).`;
    }
    part(".confusion").innerHTML = shown ? drawConfusion(figures) : "";
    part(".rates").innerHTML = shown ? drawRates(figures, known) : "";
    part(".classes tbody").innerHTML = shown ? drawClasses(known, threshold) : "";
    const roc = part(".roc svg"),
      pr = part(".pr svg");
    roc.innerHTML = view.roc ? view.roc + drawPoint(figures.falseAlarmRate, figures.recall) : "";
    // Where nothing is called abnormal there is no precision to draw.
    pr.innerHTML = view.pr ? view.pr + (figures.called ? drawPoint(figures.recall, figures.precision) : "") : "";
    roc.setAttribute(
      "aria-label",
      view.roc ? `ROC curve; now false alarm rate ${rate(figures.falseAlarmRate)}, recall ${rate(figures.recall)}` : "",
    );
    pr.setAttribute(
      "aria-label",
      view.pr ? `Precision-recall curve; now recall ${rate(figures.recall)}, precision ${rate(figures.precision)}` : "",
    );
    drawCost(figures);
    part(".moved").textContent = changedWords(view.move, !shown);
    const list = drawChanged(known, view.move, !shown);
    part(".changed").innerHTML = list;
    part(".key").hidden = !(list && known.pictures);
    part(".key span").hidden = !known.pictures?.reconstructions;
  }

  // Searching all thresholds takes time with many scores: only when prices change.
  function drawLeast() {
    const priced = !hidden() && view.prices.falseAlarm != null && view.prices.miss != null;
    view.least = priced ? leastCost(known, view.prices, view.scale.bottom) : null;
    part(".least-mark").innerHTML = priced
      ? drawLeastCost(LEFT + view.scale.place(view.least.threshold) * (view.drawnWidth - LEFT - RIGHT))
      : "";
    part(".go").hidden = !priced;
  }

  function drawCost(figures) {
    const words = (cost) => `${price(cost)} (${short((1000 * cost) / known.n)} in 1000 sequences)`;
    const priced = `Cost at this threshold: <b data-figure="cost">${words(costAt(figures, view.prices))}</b>;
      least: <b data-figure="least">${words(view.least?.cost ?? 0)}</b> at threshold <b data-figure="leastAt">${written(view.least?.threshold ?? 0)}</b> (▲ on the axis).`;
    part(".cost").innerHTML = hidden()
      ? ""
      : view.least
        ? priced
        : "Give both prices to see the cost of a threshold, and where it is least.";
  }

  let waiting = null;
  function drawSoon() {
    waiting ??= requestAnimationFrame(() => {
      waiting = null;
      inSight(view.threshold) ? drawMove() : draw();
    });
  }

  const inSight = (threshold) => threshold >= view.scale.bottom && threshold <= view.scale.top;

  // ---------------------------------------------------------------- moving

  // What changed sides is counted from `base`: from where a drag, or a held key, began.
  function moveTo(threshold, base = view.threshold) {
    if (threshold === view.threshold && base === view.base) return;
    view.move = changed(known, base, threshold);
    Object.assign(view, { threshold, base });
    drawSoon();
  }

  function userMovesTo(threshold, base) {
    moveTo(threshold, base);
    told({ threshold });
  }

  function pointTo(event) {
    const frame = plot.getBoundingClientRect(),
      px = ((event.clientX - frame.left) * view.drawnWidth) / frame.width;
    const at = Math.max(0, Math.min(1, (px - LEFT) / (view.drawnWidth - LEFT - RIGHT)));
    userMovesTo(pointed(view.scale, view.scale.value(at)), view.base);
  }

  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    Object.assign(view, { dragging: true, base: view.threshold });
    slider.focus({ preventScroll: true });
    pointTo(event);
  });
  plot.addEventListener("pointermove", (event) => view.dragging && pointTo(event));
  plot.addEventListener("pointerup", () => {
    view.dragging = false;
  });
  // A finger that turned out to scroll the page has not moved the threshold.
  plot.addEventListener("pointercancel", () => {
    view.dragging = false;
    userMovesTo(view.base, view.base);
  });

  function keyTarget({ key, shiftKey }) {
    const { threshold, scale } = view,
      { sorted } = known,
      below = atMost(sorted, threshold);
    const by = (share) => pointed(scale, scale.value(Math.max(0, Math.min(1, scale.place(threshold) + share))));
    const up = ["ArrowRight", "ArrowUp"].includes(key),
      down = ["ArrowLeft", "ArrowDown"].includes(key);
    // At its own value a score is called normal still; for it to be called abnormal, the threshold goes to the next lower one.
    if (shiftKey && up) return below < sorted.length ? sorted[below] : threshold;
    if (shiftKey && down)
      return below ? (sorted.subarray(0, below).findLast((v) => v < sorted[below - 1]) ?? scale.bottom) : threshold;
    if (up || down) return by(up ? 0.005 : -0.005);
    return {
      PageUp: by(0.05),
      PageDown: by(-0.05),
      Home: scale.bottom,
      End: Math.max(sorted[sorted.length - 1], threshold),
    }[key];
  }

  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = keyTarget(event);
    if (to === undefined) return;
    // The notebook would move between cells, the page would scroll.
    event.preventDefault();
    event.stopPropagation();
    userMovesTo(to, event.repeat ? view.base : view.threshold);
  });

  whenTyped(number, () => {
    const to = parse(number.value);
    // As it is shown, the threshold may be shorter than it is.
    if (to !== null && number.value !== written(view.threshold)) userMovesTo(to);
    number.value = written(view.threshold);
  });

  // ---------------------------------------------------------------- the rest of the controls

  for (const button of root.querySelectorAll("[data-key]"))
    button.addEventListener("click", () => {
      view[button.dataset.key] = !view[button.dataset.key];
      draw();
    });
  box.addEventListener("change", () => {
    view.hide = box.checked;
    draw();
    told({ hide_labels: view.hide });
  });
  for (const input of root.querySelectorAll("[data-price]"))
    whenTyped(input, () => {
      const price = parse(input.value),
        kind = input.dataset.price;
      view.prices[kind] = price !== null && price >= 0 ? price : null;
      input.value = view.prices[kind] ?? "";
      draw();
      told({ [kind === "miss" ? "miss_price" : "false_alarm_price"]: view.prices[kind] });
    });
  part(".go").addEventListener("click", () => userMovesTo(view.least.threshold));

  // From the kernel, or from another view of the same explorer.
  function set(changes) {
    const { threshold = view.threshold, ...rest } = changes;
    if (Object.keys(rest).length) {
      if ("hide_labels" in rest) view.hide = rest.hide_labels;
      if ("false_alarm_price" in rest) view.prices.falseAlarm = rest.false_alarm_price;
      if ("miss_price" in rest) view.prices.miss = rest.miss_price;
      draw();
    }
    if (!view.dragging && threshold !== view.threshold) moveTo(threshold);
  }

  // Its first call comes without any change of size.
  const observer = new ResizeObserver(() => {
    if (widthOf(plot) !== view.width) draw();
  });
  observer.observe(root);
  draw();
  return {
    set,
    destroy: () => {
      observer.disconnect();
      cancelAnimationFrame(waiting);
    },
  };
}

const SYNCED = ["threshold", "hide_labels", "false_alarm_price", "miss_price"];

export default {
  render({ model, el }) {
    const state = Object.fromEntries(SYNCED.map((name) => [name, model.get(name)]));
    let pending = {},
      timer = null;
    // A drag tells the kernel where it is about 15 times a second, and where it ended.
    const send = () => {
      for (const [name, value] of Object.entries(pending)) model.set(name, value);
      [pending, timer] = [{}, null];
      model.save_changes();
    };
    const explorer = mount(
      el,
      { ...model.get("data"), ...state },
      {
        changed: (changes) => {
          Object.assign(pending, changes);
          timer ??= setTimeout(send, 65);
        },
      },
    );
    // What the user has set since counts more than an answer to something older.
    const listeners = SYNCED.map((name) => [
      `change:${name}`,
      () => name in pending || explorer.set({ [name]: model.get(name) }),
    ]);
    for (const [event, listener] of listeners) model.on(event, listener);
    return () => {
      if (timer) {
        clearTimeout(timer);
        send();
      }
      for (const [event, listener] of listeners) model.off(event, listener);
      explorer.destroy();
    };
  },
};
