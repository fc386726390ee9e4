// Draws loss curves, restores and reconstructions as SVG, without dependencies or a network. In a notebook, anywidget
// passes one message per epoch; an exported page contains the data.

import { clamp, logTicks, rangeOf, short, svgAxes, svgPath, svgPoints, tickLabels, ticks } from "./plot.js";
import { build, enlargement, escape, followSize, keepKeys, listen, placeIn, setAttributes, widthOf } from "./page.js";

const [TRAIN, VALIDATION, RESTORE] = ["#0072B2", "#D55E00", "#009E73"];
// Okabe and Ito's palette, readable with colour blindness; the dash distinguishes the runs too.
const COLORS = [VALIDATION, TRAIN, "#CC79A7", RESTORE, "#E69F00", "#56B4E9"];
const DASHES = ["6 3", "", "2 2", "10 3 2 3", "14 4", "4 2 1 2"];
// The fields of a row. If the initial weights are the best, BEST is 0 and START is their validation loss.
const [EPOCH, TRAINING_LOSS, VALIDATION_LOSS, BEST, RESTORED, WORDS, START] = [0, 1, 2, 3, 4, 5, 6];
// Height of the plot: smaller in a low window, so that buttons and reconstructions (about 270 pixels) fit below it.
const [HEIGHT, MIN_HEIGHT, AROUND] = [280, 170, 270];
const [LEFT, RIGHT, TOP, BOTTOM] = [58, 12, 10, 40];

const isNumber = (value) => value !== null && Number.isFinite(value);
const last = (list) => list[list.length - 1];

// Colours and dash of a run. The seventh run has the colour of the first, with another dash.
function looksOf(data, index) {
  if (data.runs.length === 1) return { train: TRAIN, paint: VALIDATION, restore: RESTORE, dash: "6 3", faint: "" };
  const paint = COLORS[index % COLORS.length];
  const dash = DASHES[(index + Math.floor(index / COLORS.length)) % DASHES.length];
  return { train: paint, paint, restore: paint, dash, faint: " faint" };
}

function bestRow({ rows }) {
  return last(rows)?.[BEST] ? rows[last(rows)[BEST] - 1] : null;
}

// Validation loss of the initial weights if they are the best, else null.
function startLoss({ rows }) {
  return last(rows)?.[BEST] === 0 ? last(rows)[START] : null;
}

// ---------------------------------------------------------------- scales

export function valueRange(data, hidden, log) {
  const [all, late] = [[], []];
  const losses = visibleLosses(data, hidden);
  const long = Math.max(2, ...data.runs.map((run) => run.rows.length));
  data.runs.forEach((run, index) => {
    if (hidden.has(index)) return;
    run.rows.forEach((row, i) => {
      const values = [...losses.map((key) => row[key]), ...(run.band?.[i] || [])].filter(isNumber);
      all.push(...values);
      // The first epochs are steep: the range is that of the later ones.
      if (row[EPOCH] > Math.max(1, long * 0.1)) late.push(...values);
    });
  });
  if (!all.length) return [0, 1];
  const sorted = (late.length ? late : all).sort((a, b) => a - b);
  // One diverging epoch must not flatten the other curves: its mark is drawn at the upper edge.
  const middle = sorted[Math.floor(sorted.length / 2)];
  let top = middle > 0 ? Math.min(last(sorted), 5 * middle) : last(sorted);
  let [bottom] = rangeOf(all);
  // Nearly equal losses: widen the range until tick labels differ.
  const least = 1e-3 * (Math.max(Math.abs(top), Math.abs(bottom)) || 1);
  if (top - bottom < least) [top, bottom] = [(top + bottom + least) / 2, (top + bottom - least) / 2];
  if (log && bottom > 0) return [bottom * 0.97, top * 1.05];
  const margin = 0.06 * (top - bottom);
  return [Math.max(bottom - margin, bottom >= 0 ? 0 : -Infinity), top + margin];
}

function visibleLosses(data, hidden) {
  return [TRAINING_LOSS, VALIDATION_LOSS].filter((key) =>
    key === TRAINING_LOSS ? !hidden.has("training") : data.runs.length > 1 || !hidden.has("validation"),
  );
}

// ---------------------------------------------------------------- curves

function drawRestores(run, x, y, paint) {
  let [text, before] = ["", -9];
  for (const row of run.rows.filter((row) => row[RESTORED])) {
    const px = x(row[EPOCH]);
    if (px - before < 2) continue; // with thousands of epochs, marks would overlap
    before = px;
    const best = run.rows[row[BEST] - 1];
    // The mark of a loss that is not finite is drawn at the upper edge.
    const py = isNumber(row[VALIDATION_LOSS]) ? Math.max(y(row[VALIDATION_LOSS]), TOP + 5) : TOP + 5;
    if (best)
      text += `<line class="back" x1="${px}" y1="${py}" x2="${x(row[BEST])}" y2="${y(best[VALIDATION_LOSS])}" stroke="${paint}"/>`;
    text += `<path class="restored" d="M${px - 4.5} ${py + 4}h9l-4.5 -8z" stroke="${paint}"/>`;
  }
  return text;
}

function drawBand(run, x, y, paint) {
  if (!run.band) return "";
  const spans = run.band.map((span, i) => [x(run.rows[i][EPOCH]), ...span]).filter(([, low]) => isNumber(low));
  const edges = [...spans.map(([px, , high]) => [px, y(high)]), ...spans.reverse().map(([px, low]) => [px, y(low)])];
  return `<polygon points="${svgPoints(edges)}" fill="${paint}" opacity="0.2"/>`;
}

function drawRun(run, { train, paint, restore, dash, faint }, losses, x, y, bottom) {
  const path = (key) => svgPath(run.rows.map((row) => [x(row[EPOCH]), isNumber(row[key]) ? y(row[key]) : NaN]));
  let text = drawBand(run, x, y, paint);
  if (losses.includes(TRAINING_LOSS))
    text += `<path class="curve${faint}" d="${path(TRAINING_LOSS)}" stroke="${train}"/>`;
  if (!losses.includes(VALIDATION_LOSS)) return text;
  text += `<path class="curve" d="${path(VALIDATION_LOSS)}" stroke="${paint}" stroke-dasharray="${dash}"/>`;
  text += drawRestores(run, x, y, restore);
  const [best, start] = [bestRow(run), startLoss(run)];
  if (best) text += `<circle cx="${x(best[EPOCH])}" cy="${y(best[VALIDATION_LOSS])}" r="4" fill="${paint}"/>`;
  if (start === null) return text;
  const py = Math.min(y(start), bottom);
  return `${text}<line class="start" x1="${x(1)}" x2="${x(run.rows.length)}" y1="${py}" y2="${py}" stroke="${paint}"
    stroke-width="1.5" stroke-dasharray="1 3"/>`;
}

function drawEpochAxis(x, final, width) {
  const epochs = new Set([1, ...ticks(1, final, Math.min(10, width / 60)).map(Math.round)]);
  return [...epochs]
    .filter((epoch) => epoch === 1 || (epoch > 1 && x(epoch) - x(1) >= 14))
    .map((epoch) => {
      // Align a long number at the right edge to its end.
      const long = x(epoch) + 4 * String(epoch).length > width;
      return { at: x(epoch), label: epoch, ...(long && { x: width - 1, anchor: "end" }) };
    });
}

// Returns the plot; stores in `view` how pixels map to epochs and losses.
function drawPlot(data, view, width, height) {
  const [low, high] = valueRange(data, view.hidden, view.log);
  const box = { left: LEFT, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
  const [across, upright] = [box.right - box.left, box.bottom - box.top];
  const final = Math.max(2, data.planned || 0, ...data.runs.map((run) => last(run.rows)?.[EPOCH] ?? 0));
  view.logged = view.log && low > 0;
  const scale = view.logged ? Math.log : (v) => v;
  const x = (epoch) => LEFT + ((epoch - 1) / (final - 1)) * across;
  const y = (value) => TOP + upright * (1 - (scale(value) - scale(low)) / (scale(high) - scale(low)));
  view.epochAt = (px) => Math.round(1 + ((px - LEFT) / across) * (final - 1));
  view.yOf = y;
  const marks = view.logged ? logTicks(low, high, 12, [1, 1.5, 2, 3, 5, 7]) : ticks(low, high, 5);
  const labels = view.logged ? marks.map((tick) => short(tick)) : tickLabels(marks);
  const rows = marks.map((tick, i) => ({ at: y(tick), label: labels[i] }));
  const look = { gap: 7, drop: 17, foot: 35, side: 13, middle: TOP + box.bottom / 2 };
  const axes = svgAxes(box, rows, drawEpochAxis(x, final, width), { ...look, names: ["epoch", "reconstruction loss"] });
  const losses = visibleLosses(data, view.hidden);
  const curves = data.runs.map((run, index) =>
    view.hidden.has(index) ? "" : drawRun(run, looksOf(data, index), losses, x, y, box.bottom),
  );
  return `<clipPath id="${view.id}"><rect x="${LEFT - 6}" y="${TOP - 5}" width="${across + 12}" height="${upright + 10}"/></clipPath>
    ${axes}<g clip-path="url(#${view.id})">${curves.join("")}${drawSelected(selectedRow(data, view), x, y, box)}</g>`;
}

function selectedRow(data, view) {
  return view.selected ? last(data.runs)?.rows[view.selected - 1] : undefined;
}

function drawSelected(row, x, y, { top, bottom }) {
  if (!row) return "";
  const px = x(row[EPOCH]);
  const mark = isNumber(row[VALIDATION_LOSS])
    ? `<circle class="selected" cx="${px}" cy="${y(row[VALIDATION_LOSS])}" r="6"/>`
    : "";
  return `<line class="selected" x1="${px}" x2="${px}" y1="${top}" y2="${bottom}"/>${mark}`;
}

// ---------------------------------------------------------------- legend

function drawLegend(data, view) {
  const swatch = (inner) => `<svg width="30" height="14" aria-hidden="true">${inner}</svg>`;
  const line = (paint, dashes, width = 2) =>
    `<line x1="1" x2="29" y1="7" y2="7" stroke="${paint}" stroke-width="${width}" stroke-dasharray="${dashes}"/>`;
  const triangle = (paint) => `<path d="M10 11h9l-4.5 -8z" fill="none" stroke="${paint}" stroke-width="1.4"/>`;
  const entry = (inner, text) => `<li>${swatch(inner)}<span>${escape(text)}</span></li>`;
  const toggle = (key, inner, text) =>
    `<li><button type="button" data-key="${key}" aria-pressed="${!view.hidden.has(key)}">${swatch(inner)}<span>${escape(text)}</span></button></li>`;
  const entries = [];
  const countRestores = (run) => run.rows.filter((row) => row[RESTORED]).length;
  if (data.runs.length === 1) {
    const [run] = data.runs;
    const [best, restores] = [bestRow(run), countRestores(run)];
    const name = `${data.named ? `${run.name}, ` : ""}training${run.note ? ` (${run.note})` : ""}`;
    entries.push(
      toggle("training", line(TRAIN, ""), name),
      toggle("validation", line(VALIDATION, "6 3"), "validation"),
    );
    if (best) entries.push(entry(`<circle cx="15" cy="7" r="4" fill="${VALIDATION}"/>`, `best, epoch ${best[EPOCH]}`));
    if (startLoss(run) !== null) entries.push(entry(line(VALIDATION, "1 3"), "best: initial weights"));
    if (restores) entries.push(entry(triangle(RESTORE), `restored (${restores}×)`));
  } else {
    data.runs.forEach((run, index) => {
      const [best, start, restores] = [bestRow(run), startLoss(run), countRestores(run)];
      let text = run.name;
      if (best) text += `: ${short(best[VALIDATION_LOSS])} in epoch ${best[EPOCH]}`;
      if (start !== null) text += `: ${short(start)} at the start`;
      if (restores) text += `, restored ${restores}×`;
      const { paint, dash } = looksOf(data, index);
      entries.push(toggle(index, line(paint, dash), text));
    });
    entries.push(toggle("training", line("currentColor", "", 1), "training losses"));
    if (data.runs.some(countRestores)) entries.push(entry(triangle("currentColor"), "restored"));
  }
  const reason = view.log && !view.logged ? ' title="requires losses above zero"' : "";
  const log = `<button type="button" data-key="log" aria-pressed="${view.logged}"${reason}>log scale${reason && " (losses of zero)"}</button>`;
  return `<ul>${entries.join("")}</ul>${log}`;
}

// ---------------------------------------------------------------- reconstructions

function drawExamples(data, view) {
  if (!data.examples?.length || !view.reconstruction) return "";
  const [low, high] = rangeOf(data.examples.flatMap((example) => example.values));
  const [width, height, margin] = [168, 92, 0.12 * (high - low || 1)];
  const [bottom, top] = [low - margin, high + margin];
  const y = (v) => height - 4 - ((clamp(v, bottom, top) - bottom) / (top - bottom)) * (height - 8);
  return data.examples
    .map(({ title, values }, i) => {
      const reconstruction = view.reconstruction[i];
      const x = (t) => 4 + (t / Math.max(1, values.length - 1)) * (width - 8);
      const points = (list) => list.map((v, t) => [x(t), y(v)]);
      const line = (list, more) => `<polyline class="beat" points="${svgPoints(points(list))}" ${more}/>`;
      let [lines, label, words] = [line(values, `stroke="${TRAIN}"`), "reconstruction not finite", ""];
      if (reconstruction.every(isNumber)) {
        const error = values.reduce((sum, v, t) => sum + Math.abs(v - reconstruction[t]), 0) / values.length;
        const area = svgPoints([...points(values), ...points(reconstruction).reverse()]);
        [label, words] = [`mean absolute error ${error.toPrecision(3)}`, `error ${error.toPrecision(3)}`];
        lines = `<polygon points="${area}" fill="${VALIDATION}" opacity="0.3"/>${lines}
        ${line(reconstruction, `stroke="${VALIDATION}" stroke-dasharray="5 2.5"`)}`;
      }
      return `<figure><figcaption>${escape(title)}</figcaption>
      <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}, ${label}">${lines}</svg>
      <small>${words || label}</small></figure>`;
    })
    .join("");
}

// ---------------------------------------------------------------- widget

const SKELETON = `
  <div class="head"><span class="state" role="status"></span><progress max="1" hidden></progress><span class="left"></span></div>
  <div class="body"><svg class="plot" role="img"></svg><div class="legend"></div></div>
  <p class="words"></p>
  <div class="rewind" hidden><button type="button" class="play">▶ play</button>
    <label>epoch <input type="range" min="1" step="1"></label><output></output></div>
  <div class="examples"></div>`;
const NO_EPOCH = { epoch: null, kept: null, reconstruction: null };

let counted = 0;

// Builds a chart in `root`. Callbacks in `act`: select(epoch), and request() for all data.
export function mount(root, data, act = {}) {
  const view = {
    log: false,
    hidden: new Set(),
    selected: null,
    kept: null,
    reconstruction: null,
    drawn: 0,
    waiting: null,
  };
  view.id = `kit-clip-${counted++}-${Math.floor(Math.random() * 1e9)}`;
  if (data.runs.length > 1) view.hidden.add("training");
  const part = build(root, "kit-chart", SKELETON);
  const [plot, words] = [part(".plot"), part(".words")];

  function draw() {
    view.drawn = performance.now();
    view.waiting = null;
    const width = Math.max(300, widthOf(plot) || 600);
    const room = clamp(window.innerHeight / enlargement(plot) - AROUND, MIN_HEIGHT, HEIGHT);
    const height = data.runs.length > 1 ? HEIGHT : Math.round(room);
    const label = data.alt || "Training and validation loss by epoch";
    setAttributes(plot, { height, viewBox: `0 0 ${width} ${height}`, "aria-label": label });
    plot.innerHTML = drawPlot(data, view, width, height);
    showLegend();
    const { text = "", left = "", done = null } = data.state || {};
    part(".state").textContent = text;
    part(".left").textContent = left;
    part("progress").hidden = !isNumber(done);
    if (isNumber(done)) part("progress").value = done;
    const row = selectedRow(data, view);
    words.textContent = view.hovered || (row && row[WORDS] + nearestNote(row)) || " ";
    part(".examples").innerHTML = drawExamples(data, view);
  }

  function showLegend() {
    const legend = drawLegend(data, view);
    // Replace the legend only if it changed, to keep the keyboard focus.
    if (legend === view.legend) return;
    const focus = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    part(".legend").innerHTML = view.legend = legend;
    keepKeys(root);
    if (focus !== undefined) part(`.legend [data-key="${focus}"]`)?.focus();
  }

  // Draws at most every 100 ms, and always the last state.
  function drawSoon() {
    const wait = Math.max(0, 100 - (performance.now() - view.drawn));
    view.waiting ??= setTimeout(() => requestAnimationFrame(draw), wait);
  }

  // The model of this epoch may have been dropped to save memory.
  function nearestNote(row) {
    if (!view.reconstruction || view.kept === row[EPOCH]) return "";
    return `; the reconstructions are by the nearest kept model, of epoch ${view.kept}`;
  }

  function hover(event) {
    const [px, py] = placeIn(plot, event);
    const epoch = view.epochAt((px * plot.viewBox.baseVal.width) / widthOf(plot));
    let [nearest, distance] = [null, Infinity];
    data.runs.forEach((run, index) => {
      const row = run.rows[epoch - 1];
      if (!row || view.hidden.has(index)) return;
      const away = isNumber(row[VALIDATION_LOSS]) ? Math.abs(view.yOf(row[VALIDATION_LOSS]) - py) : 1e6;
      if (away < distance) [nearest, distance] = [(data.runs.length > 1 ? `${run.name}, ` : "") + row[WORDS], away];
    });
    view.hovered = nearest;
    words.textContent = nearest || " ";
    return epoch;
  }

  plot.addEventListener("pointermove", hover);
  plot.addEventListener("pointerleave", () => {
    view.hovered = null;
    drawSoon();
  });
  plot.addEventListener("click", (event) => act.select?.(hover(event)));
  part(".legend").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const key = /^\d+$/.test(button.dataset.key) ? Number(button.dataset.key) : button.dataset.key;
    if (key === "log") view.log = !view.log;
    else if (!view.hidden.delete(key)) view.hidden.add(key);
    draw();
  });

  // Handles a message: all data, more rows, a new state or reconstructions.
  function update(message) {
    if (message.kind === "all") {
      const several = data.runs.length > 1;
      data = message.data;
      if (data.runs.length > 1 && !several) view.hidden.add("training");
      if (data.runs.length === 1 && several) view.hidden.clear();
      rewind(message.rewind || NO_EPOCH);
    } else if (message.kind === "rows") {
      const { rows } = last(data.runs);
      // Skip rows that arrived already, with a request for all data.
      for (const row of message.rows) if (row[EPOCH] === rows.length + 1) rows.push(row);
      // A message was lost: request all data.
      if (message.rows.some((row) => row[EPOCH] > rows.length)) act.request?.();
    } else if (message.kind === "rewind") rewind(message);
    Object.assign(data, message.more);
    drawSoon();
  }

  function rewind({ epoch, kept, reconstruction }) {
    Object.assign(view, { selected: epoch, kept, reconstruction });
  }

  if (data.rewinds) act.select = slideThrough(part, data, update);
  const unfollow = followSize(plot, drawSoon);
  draw();
  const destroy = () => {
    unfollow();
    clearTimeout(view.waiting);
  };
  return { update, destroy };
}

// Sets up the slider of an exported page, which holds its reconstructions; returns a function that selects an epoch.
function slideThrough(part, data, update) {
  const [slider, play] = [part("input"), part(".play")];
  const epochs = Object.keys(data.rewinds)
    .map(Number)
    .sort((a, b) => a - b);
  const count = last(data.runs).rows.length;
  const select = (wanted) => {
    const epoch = clamp(wanted, 1, count);
    const kept = epochs.reduce((a, b) => (Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a));
    slider.value = part("output").textContent = epoch;
    update({ kind: "rewind", epoch, kept, reconstruction: data.rewinds[kept] });
  };
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ play";
  };
  const step = () => (Number(slider.value) < count ? select(Number(slider.value) + 1) : stop());
  play.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) >= count) select(1);
    play.textContent = "❚❚ pause";
    timer = setInterval(step, 350);
  });
  part(".rewind").hidden = false;
  slider.max = count;
  slider.addEventListener("input", () => select(Number(slider.value)));
  select(count);
  return select;
}

// Moves the slider to its end: noUiSlider would move it to the maximum that it had when it was created.
function onEndKey(event) {
  const slider = event.key === "End" && event.target.closest(".noUi-target")?.noUiSlider;
  if (!slider) return;
  event.preventDefault();
  event.stopPropagation();
  slider.set(Number.MAX_SAFE_INTEGER);
}

// Names the slider's handle and the play buttons, which ipywidgets leaves without an accessible name.
function nameControls(el) {
  const box = el.closest(".widget-vbox");
  box?.addEventListener("keydown", onEndKey, { capture: true }); // added once, however often it is called
  box?.querySelectorAll(".noUi-handle").forEach((handle) => handle.setAttribute("aria-label", "epoch"));
  box?.querySelectorAll(".widget-play button").forEach((button, i) => {
    button.title = ["Play", "Back to the first epoch"][i] || "";
    button.setAttribute("aria-label", button.title); // otherwise the icon's glyph would be the name
  });
}

export default {
  render({ model, el }) {
    const request = () => model.send({ kind: "hello" });
    const select = (epoch) => model.send({ kind: "select", epoch });
    const chart = mount(el, structuredClone(model.get("data")), { request, select });
    let running = false;
    const receive = (message) => {
      const state = (message.more || message.data || {}).state;
      if (state) running = isNumber(state.done);
      chart.update(structuredClone(message));
      nameControls(el);
    };
    const unlisten = listen(model, { "msg:custom": receive });
    // Request the data that was sent before this page was opened.
    request();
    // During a training run, tell the kernel that a page is open.
    const signal = setInterval(() => running && model.send({ kind: "here" }), 10000);
    return () => {
      clearInterval(signal);
      unlisten();
      chart.destroy();
    };
  },
};
