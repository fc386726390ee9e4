// Draws loss curves, restores and reconstructions. Live through anywidget, one message an epoch;
// in an exported page from data that lie beside it. SVG, no dependency, no network.

import { logTicks, short, tickLabels, ticks } from "./plot.js";
import { enlargement, escape, keepKeys, widthOf } from "./page.js";

const TRAIN = "#0072B2",
  VALIDATION = "#D55E00",
  RESTORE = "#009E73";
// Told apart by dash as well as by colour (Okabe and Ito's palette, for every kind of sight).
const COLOURS = [VALIDATION, TRAIN, "#CC79A7", RESTORE, "#E69F00", "#56B4E9"];
const DASHES = ["6 3", "", "2 2", "10 3 2 3", "14 4", "4 2 1 2"];
// A row as it comes: [epoch, training loss, validation loss, best epoch, restored, words]; where the weights that the
// run began with are the best, the best epoch is 0 and their validation loss comes last.
const EPOCH = 0,
  LOSS = 1,
  JUDGED = 2,
  BEST = 3,
  RESTORED = 4,
  WORDS = 5,
  START = 6;
// Of the plot: less in a low window, so that curves, buttons and reconstructions (some 270 pixels) are seen at once.
const HEIGHT = 280,
  LEAST_HEIGHT = 170,
  AROUND = 270;
const LEFT = 58,
  RIGHT = 12,
  TOP = 10,
  BOTTOM = 40;

const isNumber = (value) => value !== null && Number.isFinite(value);
const colour = (run) => COLOURS[run % COLOURS.length];
// The seventh run has the colour of the first, and another dash.
const dash = (run) => DASHES[(run + Math.floor(run / COLOURS.length)) % DASHES.length];

// ---------------------------------------------------------------- scales

function valueRange(data, hidden, log) {
  const all = [],
    late = [];
  const long = Math.max(2, ...data.runs.map((run) => run.rows.length));
  data.runs.forEach((run, index) => {
    if (hidden.has(index)) return;
    const losses = visibleLosses(data, hidden);
    run.rows.forEach((row, i) => {
      const values = [...losses.map((key) => row[key]), ...((run.band || [])[i] || [])].filter(isNumber);
      all.push(...values);
      // The first epochs are steep; the scale is made for those that follow.
      if (row[EPOCH] > Math.max(1, long * 0.1)) late.push(...values);
    });
  });
  if (!all.length) return [0, 1];
  const sorted = (late.length ? late : all).sort((a, b) => a - b);
  // One epoch that blew up must not flatten the rest either; its mark stands at the upper edge.
  const middle = sorted[Math.floor(sorted.length / 2)];
  let top = sorted[sorted.length - 1];
  if (middle > 0) top = Math.min(top, 5 * middle);
  let bottom = all.reduce((a, b) => Math.min(a, b), Infinity);
  // Losses that are all but equal: a range that ticks and labels can tell apart.
  const least = 1e-3 * (Math.max(Math.abs(top), Math.abs(bottom)) || 1);
  if (top - bottom < least) [top, bottom] = [(top + bottom + least) / 2, (top + bottom - least) / 2];
  if (log && bottom > 0) return [bottom * 0.97, top * 1.05];
  const margin = 0.06 * (top - bottom);
  return [Math.max(bottom - margin, bottom >= 0 ? 0 : -Infinity), top + margin];
}

function visibleLosses(data, hidden) {
  if (data.runs.length > 1) return hidden.has("training") ? [JUDGED] : [LOSS, JUDGED];
  return [LOSS, JUDGED].filter((key) => !hidden.has(key === LOSS ? "training" : "validation"));
}

// ---------------------------------------------------------------- curves

// A path through the finite losses; of many epochs in one pixel column only the lowest and the highest.
function path(rows, key, x, y) {
  let text = "",
    pen = "M",
    column = null,
    low = 0,
    high = 0;
  const point = (at, value) => {
    text += `${pen}${at.toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  };
  const flush = () => {
    if (column !== null) {
      point(column, low);
      if (high > low) point(column, high);
    }
    column = null;
  };
  // A loss between two that are not finite is a dot: with round ends, a line of no length is one.
  const gap = () => {
    flush();
    if (pen === "L") text += "h0";
    pen = "M";
  };
  for (const row of rows) {
    const value = row[key];
    if (!isNumber(value)) {
      gap();
      continue;
    }
    const at = Math.round(2 * x(row[EPOCH])) / 2;
    if (at !== column) {
      flush();
      [column, low, high] = [at, value, value];
    } else [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  gap();
  return text;
}

function restores(run, x, y, paint) {
  let text = "",
    last = -9;
  for (const row of run.rows) {
    if (!row[RESTORED]) continue;
    const px = x(row[EPOCH]);
    if (px - last < 2) continue; // at thousands of epochs marks would lie on each other
    last = px;
    const best = run.rows[row[BEST] - 1];
    // A loss that is not finite has no height of its own: its mark stands at the upper edge.
    const py = isNumber(row[JUDGED]) ? Math.max(y(row[JUDGED]), TOP + 5) : TOP + 5;
    if (best)
      text += `<line class="back" x1="${px}" y1="${py}" x2="${x(row[BEST])}" y2="${y(best[JUDGED])}" stroke="${paint}"/>`;
    text += `<path class="restored" d="M${px - 4.5} ${py + 4}h9l-4.5 -8z" stroke="${paint}"/>`;
  }
  return text;
}

function bandShape(run, x, y) {
  if (!run.band) return "";
  const points = run.band.map(([low, high], i) => [x(run.rows[i][EPOCH]), low, high]).filter((p) => isNumber(p[1]));
  const edge = [...points.map((p) => [p[0], p[2]]), ...points.reverse().map((p) => [p[0], p[1]])];
  return edge.map(([px, value]) => `${px.toFixed(1)},${y(value).toFixed(1)}`).join(" ");
}

function drawPlot(data, view, width, height) {
  const log = view.log,
    [low, high] = valueRange(data, view.hidden, log);
  const logged = log && low > 0;
  view.logged = logged;
  const last = Math.max(
    2,
    data.planned || 0,
    ...data.runs.flatMap((run) => run.rows.slice(-1).map((row) => row[EPOCH])),
  );
  const x = (epoch) => LEFT + ((epoch - 1) / (last - 1)) * (width - LEFT - RIGHT);
  const scale = logged ? Math.log : (v) => v;
  const y = (value) => TOP + (height - TOP - BOTTOM) * (1 - (scale(value) - scale(low)) / (scale(high) - scale(low)));
  view.epochAt = (px) => Math.round(1 + ((px - LEFT) / (width - LEFT - RIGHT)) * (last - 1));
  view.yOf = y;
  let text = `<clipPath id="${view.id}"><rect x="${LEFT - 6}" y="${TOP - 5}" width="${width - LEFT - RIGHT + 12}" height="${height - TOP - BOTTOM + 10}"/></clipPath>`;
  const marks = logged ? logTicks(low, high, 12, [1, 1.5, 2, 3, 5, 7]) : ticks(low, high, 5);
  const labels = logged ? marks.map((tick) => short(tick)) : tickLabels(marks);
  marks.forEach((tick, i) => {
    text += `<line class="grid" x1="${LEFT}" x2="${width - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>`;
    text += `<text x="${LEFT - 7}" y="${y(tick) + 4}" text-anchor="end">${labels[i]}</text>`;
  });
  for (const tick of new Set([1, ...ticks(1, last, Math.min(10, width / 60)).map(Math.round)])) {
    if (tick < 1 || (tick !== 1 && x(tick) - x(1) < 14)) continue;
    // A long number at the right edge ends there.
    const anchor = x(tick) + 4 * String(tick).length > width ? "end" : "middle";
    text += `<text x="${anchor === "end" ? width - 1 : x(tick)}" y="${height - BOTTOM + 17}" text-anchor="${anchor}">${tick}</text>`;
  }
  text += `<path class="axes" d="M${LEFT} ${TOP}V${height - BOTTOM}H${width - RIGHT}"/>`;
  text += `<text x="${(LEFT + width - RIGHT) / 2}" y="${height - 5}" text-anchor="middle">epoch</text>`;
  text += `<text transform="translate(13 ${(height - BOTTOM) / 2 + TOP}) rotate(-90)" text-anchor="middle">reconstruction loss</text>`;
  text += `<g clip-path="url(#${view.id})">`;
  const several = data.runs.length > 1;
  data.runs.forEach((run, index) => {
    if (view.hidden.has(index)) return;
    const paint = several ? colour(index) : VALIDATION;
    const losses = visibleLosses(data, view.hidden);
    if (run.band) text += `<polygon points="${bandShape(run, x, y)}" fill="${paint}" opacity="0.2"/>`;
    if (losses.includes(LOSS))
      text += `<path class="curve${several ? " faint" : ""}" d="${path(run.rows, LOSS, x, y)}" stroke="${several ? paint : TRAIN}"/>`;
    if (losses.includes(JUDGED))
      text += `<path class="curve" d="${path(run.rows, JUDGED, x, y)}" stroke="${paint}" stroke-dasharray="${several ? dash(index) : "6 3"}"/>`;
    if (losses.includes(JUDGED)) text += restores(run, x, y, several ? paint : RESTORE);
    const best = bestRow(run);
    if (best && losses.includes(JUDGED))
      text += `<circle cx="${x(best[EPOCH])}" cy="${y(best[JUDGED])}" r="4" fill="${paint}"/>`;
    const start = startLoss(run);
    if (start !== null && losses.includes(JUDGED)) {
      const py = Math.min(y(start), height - BOTTOM);
      text += `<line class="start" x1="${x(1)}" x2="${x(run.rows.length)}" y1="${py}" y2="${py}" stroke="${paint}" stroke-width="1.5" stroke-dasharray="1 3"/>`;
    }
  });
  const run = data.runs[data.runs.length - 1],
    row = run && run.rows[view.selected - 1];
  if (row) {
    text += `<line class="selected" x1="${x(row[EPOCH])}" x2="${x(row[EPOCH])}" y1="${TOP}" y2="${height - BOTTOM}"/>`;
    if (isNumber(row[JUDGED])) text += `<circle class="selected" cx="${x(row[EPOCH])}" cy="${y(row[JUDGED])}" r="6"/>`;
  }
  return text + "</g>";
}

function bestRow(run) {
  const last = run.rows[run.rows.length - 1];
  return last && last[BEST] ? run.rows[last[BEST] - 1] : null;
}

function startLoss(run) {
  const last = run.rows[run.rows.length - 1];
  return last && last[BEST] === 0 ? last[START] : null;
}

// ---------------------------------------------------------------- legend

function drawLegend(data, view) {
  const entry = (key, swatch, text, toggles) => {
    const label = `<svg width="30" height="14" aria-hidden="true">${swatch}</svg><span>${escape(text)}</span>`;
    if (!toggles) return `<li>${label}</li>`;
    return `<li><button type="button" data-key="${key}" aria-pressed="${!view.hidden.has(key)}">${label}</button></li>`;
  };
  const line = (paint, dashes) =>
    `<line x1="1" x2="29" y1="7" y2="7" stroke="${paint}" stroke-width="2" stroke-dasharray="${dashes}"/>`;
  const triangle = (paint) => `<path d="M10 11h9l-4.5 -8z" fill="none" stroke="${paint}" stroke-width="1.4"/>`;
  let text = "";
  if (data.runs.length === 1) {
    const run = data.runs[0],
      best = bestRow(run),
      fired = run.rows.filter((row) => row[RESTORED]).length;
    text += entry(
      "training",
      line(TRAIN, ""),
      (data.named ? `${run.name}, ` : "") + "training" + (run.note ? ` (${run.note})` : ""),
      true,
    );
    text += entry("validation", line(VALIDATION, "6 3"), "validation", true);
    if (best) text += entry("", `<circle cx="15" cy="7" r="4" fill="${VALIDATION}"/>`, `best, epoch ${best[EPOCH]}`);
    if (startLoss(run) !== null) text += entry("", line(VALIDATION, "1 3"), "best, the start");
    if (fired) text += entry("", triangle(RESTORE), `restored (${fired}×)`);
  } else {
    data.runs.forEach((run, index) => {
      const best = bestRow(run),
        fired = run.rows.filter((row) => row[RESTORED]).length;
      const start = startLoss(run) === null ? "" : `: ${short(startLoss(run))} at the start`;
      const more =
        (best ? `: ${short(best[JUDGED])} in epoch ${best[EPOCH]}` : start) + (fired ? `, restored ${fired}×` : "");
      text += entry(index, line(colour(index), dash(index)), run.name + more, true);
    });
    text += entry(
      "training",
      `<line x1="1" x2="29" y1="7" y2="7" stroke="currentColor" stroke-width="1"/>`,
      "training losses",
      true,
    );
    if (data.runs.some((run) => run.rows.some((row) => row[RESTORED])))
      text += entry("", triangle("currentColor"), "restored");
  }
  const why = view.log && !view.logged ? ' title="needs losses above zero"' : "";
  const log = `<button type="button" data-key="log" aria-pressed="${view.logged}"${why}>log scale${why && " (losses of zero)"}</button>`;
  return `<ul>${text}</ul>${log}`;
}

// ---------------------------------------------------------------- reconstructions

function drawExamples(data, view) {
  if (!data.examples || !data.examples.length || !view.rebuilt) return "";
  const values = data.examples.flatMap((example) => example.values);
  const low = values.reduce((a, b) => Math.min(a, b)),
    high = values.reduce((a, b) => Math.max(a, b));
  const w = 168,
    h = 92,
    margin = 0.12 * (high - low || 1);
  const y = (v) =>
    h - 4 - ((Math.max(low - margin, Math.min(high + margin, v)) - low + margin) / (high - low + 2 * margin)) * (h - 8);
  return data.examples
    .map((example, i) => {
      const rebuilt = view.rebuilt[i],
        n = example.values.length,
        x = (t) => 4 + (t / Math.max(1, n - 1)) * (w - 8);
      const points = (list) => list.map((v, t) => `${x(t).toFixed(1)},${y(v).toFixed(1)}`);
      if (!rebuilt.every(isNumber))
        return `<figure><figcaption>${escape(example.title)}</figcaption><svg viewBox="0 0 ${w} ${h}" role="img"
        aria-label="${escape(example.title)}, reconstruction not finite"><polyline class="beat" stroke="${TRAIN}"
        points="${points(example.values).join(" ")}"/></svg><small>reconstruction not finite</small></figure>`;
      const error = (example.values.reduce((sum, v, t) => sum + Math.abs(v - rebuilt[t]), 0) / n).toPrecision(3);
      const area = [...points(example.values), ...points(rebuilt).reverse()].join(" ");
      const label = `${example.title}, mean absolute error ${error}`;
      return `<figure><figcaption>${escape(example.title)}</figcaption>
      <svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${escape(label)}">
        <polygon points="${area}" fill="${VALIDATION}" opacity="0.3"/>
        <polyline class="beat" points="${points(example.values).join(" ")}" stroke="${TRAIN}"/>
        <polyline class="beat" points="${points(rebuilt).join(" ")}" stroke="${VALIDATION}" stroke-dasharray="5 2.5"/>
      </svg><small>error ${error}</small></figure>`;
    })
    .join("");
}

// ---------------------------------------------------------------- the whole

let counted = 0;

// Puts a chart into `root`. `act` holds what the surroundings offer: select(epoch).
export function mount(root, data, act = {}) {
  const view = {
    id: `kit-clip-${counted++}-${Math.floor(Math.random() * 1e9)}`,
    log: false,
    hidden: new Set(),
    selected: null,
    kept: null,
    rebuilt: null,
    drawn: 0,
    waiting: null,
  };
  if (data.runs.length > 1) view.hidden.add("training");
  root.classList.add("kit-chart");
  root.innerHTML = `
    <div class="head"><span class="state" role="status"></span><progress max="1" hidden></progress><span class="left"></span></div>
    <div class="body"><svg class="plot" role="img"></svg><div class="legend"></div></div>
    <p class="words"></p>
    <div class="rewind" hidden><button type="button" class="play">▶ play</button>
      <label>epoch <input type="range" min="1" step="1"></label><output></output></div>
    <div class="examples"></div>`;
  const part = (name) => root.querySelector(name);
  const plot = part(".plot"),
    words = part(".words"),
    slider = part("input"),
    play = part(".play");

  function draw() {
    view.drawn = performance.now();
    view.waiting = null;
    view.width = widthOf(plot);
    const width = Math.max(300, view.width || 600),
      room = window.innerHeight / enlargement(plot) - AROUND;
    const height = data.runs.length > 1 ? HEIGHT : Math.round(Math.max(LEAST_HEIGHT, Math.min(HEIGHT, room)));
    plot.setAttribute("height", height);
    plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    plot.innerHTML = drawPlot(data, view, width, height);
    plot.setAttribute("aria-label", data.alt || "Training and validation loss by epoch");
    const legend = drawLegend(data, view);
    // Left alone where nothing has changed, so that the keyboard's focus stays.
    if (legend !== view.legend) {
      const focus = root.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
      part(".legend").innerHTML = view.legend = legend;
      keepKeys(root);
      if (focus !== undefined) part(`.legend [data-key="${focus}"]`)?.focus();
    }
    const state = data.state || {};
    part(".state").textContent = state.text || "";
    part(".left").textContent = state.left || "";
    part("progress").hidden = !isNumber(state.done);
    if (isNumber(state.done)) part("progress").value = state.done;
    const row = selectedRow();
    words.textContent = view.hovered || (row ? row[WORDS] + elsewhere(row) : "") || " ";
    part(".examples").innerHTML = drawExamples(data, view);
  }

  // At most every 100 ms, and the last state always.
  function drawSoon() {
    if (view.waiting === null)
      view.waiting = setTimeout(() => requestAnimationFrame(draw), Math.max(0, 100 - (performance.now() - view.drawn)));
  }

  // Models of some epochs may have been dropped to save memory.
  function elsewhere(row) {
    return view.rebuilt && view.kept !== row[EPOCH]
      ? `; below, the nearest kept model: that of epoch ${view.kept}`
      : "";
  }

  function selectedRow() {
    const run = data.runs[data.runs.length - 1];
    return run && view.selected ? run.rows[view.selected - 1] : null;
  }

  function hover(event) {
    const box = plot.getBoundingClientRect(),
      py = (event.clientY - box.top) / enlargement(plot);
    const epoch = view.epochAt(((event.clientX - box.left) * plot.viewBox.baseVal.width) / box.width);
    let nearest = null,
      distance = Infinity;
    data.runs.forEach((run, index) => {
      const row = run.rows[epoch - 1];
      if (!row || view.hidden.has(index)) return;
      const away = isNumber(row[JUDGED]) ? Math.abs(view.yOf(row[JUDGED]) - py) : 1e6;
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
  plot.addEventListener("click", (event) => act.select && act.select(hover(event)));
  part(".legend").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const key = /^\d+$/.test(button.dataset.key) ? Number(button.dataset.key) : button.dataset.key;
    if (key === "log") view.log = !view.log;
    else if (!view.hidden.delete(key)) view.hidden.add(key);
    draw();
  });

  // What happened: whole data, more rows, another state, a reconstruction.
  function update(message) {
    if (message.kind === "all") {
      const several = data.runs.length > 1;
      data = message.data;
      if (data.runs.length > 1 && !several) view.hidden.add("training");
      if (data.runs.length === 1 && several) view.hidden.clear();
      rewind(message.rewind || { epoch: null, kept: null, rebuilt: null });
    } else if (message.kind === "rows") {
      const rows = data.runs[data.runs.length - 1].rows;
      // Rows that are there already come again when a page has asked for all of them in between.
      for (const row of message.rows) if (row[EPOCH] === rows.length + 1) rows.push(row);
      // A message was lost in between: ask for the whole.
      if (message.rows.some((row) => row[EPOCH] > rows.length)) act.ask?.();
      Object.assign(data, message.more);
    } else if (message.kind === "state") Object.assign(data, message.more);
    else if (message.kind === "rewind") rewind(message);
    drawSoon();
  }

  function rewind({ epoch, kept, rebuilt }) {
    Object.assign(view, { selected: epoch, kept, rebuilt });
  }

  // An exported page brings its reconstructions along, and so its own slider.
  if (data.rewinds) {
    const epochs = Object.keys(data.rewinds)
      .map(Number)
      .sort((a, b) => a - b);
    const select = (epoch) => {
      const kept = epochs.reduce((a, b) => (Math.abs(b - epoch) < Math.abs(a - epoch) ? b : a));
      slider.value = part("output").textContent = epoch;
      update({ kind: "rewind", epoch, kept, rebuilt: data.rewinds[kept] });
    };
    const rows = data.runs[data.runs.length - 1].rows;
    part(".rewind").hidden = false;
    slider.max = rows.length;
    slider.addEventListener("input", () => select(Number(slider.value)));
    act.select = (epoch) => select(Math.max(1, Math.min(rows.length, epoch)));
    let timer = null;
    const stop = () => {
      clearInterval(timer);
      timer = null;
      play.textContent = "▶ play";
    };
    play.addEventListener("click", () => {
      if (timer) return stop();
      if (Number(slider.value) >= rows.length) act.select(1);
      play.textContent = "❚❚ pause";
      timer = setInterval(
        () => (Number(slider.value) < rows.length ? act.select(Number(slider.value) + 1) : stop()),
        350,
      );
    });
    act.select(rows.length);
  }

  // Its first call comes without any change of size.
  const observer = new ResizeObserver(() => {
    if (widthOf(plot) !== view.width) drawSoon();
  });
  observer.observe(root);
  draw();
  return {
    update,
    destroy: () => {
      observer.disconnect();
      clearTimeout(view.waiting);
    },
  };
}

// ipywidgets gives its slider's handle and its play buttons no name of their own.
function nameControls(el) {
  const box = el.closest(".widget-vbox");
  box?.querySelectorAll(".noUi-handle").forEach((handle) => handle.setAttribute("aria-label", "epoch"));
  box?.querySelectorAll(".widget-play button").forEach((button, i) => {
    button.title = ["Play", "Back to the first epoch"][i] || "";
    button.setAttribute("aria-label", button.title); // its icon's glyph would be its name
  });
}

export default {
  render({ model, el }) {
    const ask = () => model.send({ kind: "hello" });
    const chart = mount(el, structuredClone(model.get("data")), {
      ask,
      select: (epoch) => model.send({ kind: "select", epoch }),
    });
    let running = false;
    const listen = (message) => {
      const state = (message.more || message.data || {}).state;
      if (state) running = isNumber(state.done);
      chart.update(structuredClone(message));
      nameControls(el);
    };
    model.on("msg:custom", listen);
    // What was sent before this page existed is asked for.
    ask();
    // While a run goes on, the kernel is told that somebody watches.
    const beat = setInterval(() => running && model.send({ kind: "here" }), 10000);
    return () => {
      clearInterval(beat);
      model.off("msg:custom", listen);
      chart.destroy();
    };
  },
};
