// The chart of training runs: legend, plot, reconstructions and the slider of an exported page, as SVG without
// dependencies or a network. In a notebook, anywidget passes one message per epoch; an exported page contains the data.

import { clamp, fourDigits, rangeOf, svgPoints } from "./plot.js";
import { build, escape, followPanel, followSize, keepKeys, listen, panelHeight, savePicture } from "./page.js";
import { onNextFrame, setAttributes, setText, uniqueId, widthOf } from "./page.js";
import { EPOCH, RECONSTRUCTION, RESTORED, RESTORE, TRAIN, VALIDATION, VALIDATION_LOSS, WORDS } from "./loss_plot.js";
import { bestRow, drawPlot, frameOf, isAlone, looksOf, rowOf, startLoss } from "./loss_plot.js";
import { explore } from "./zoom.js";

// Height of the plot: smaller in a low panel, so that all fits into it with a cell of six lines: buttons, words,
// reconstructions and slider; in an exported page, there is only the heading.
const [HEIGHT, MIN_HEIGHT, AROUND, AROUND_ON_PAGE] = [280, 170, 420, 330];

// ---------------------------------------------------------------- legend

const countRestores = (run) => run.rows.filter((row) => row[RESTORED]).length;

function drawLegend(data, view) {
  const swatch = (inner) => `<svg width="30" height="14" aria-hidden="true">${inner}</svg>`;
  const line = (paint, dashes, width = 2) =>
    `<line x1="1" x2="29" y1="7" y2="7" stroke="${paint}" stroke-width="${width}" stroke-dasharray="${dashes}"/>`;
  const triangle = `<path d="M10 11h9l-4.5 -8z" fill="none" stroke="${RESTORE}" stroke-width="1.4"/>`;
  const entry = (inner, text) => `<li>${swatch(inner)}<span>${escape(text)}</span></li>`;
  const toggle = (key, inner, text) => {
    const hidden = view.hidden.has(key);
    return `<li><button type="button" data-key="${key}" aria-pressed="${!hidden}">${swatch(inner)}<span>${escape(text)}${hidden ? "<small>show</small>" : ""}</span></button></li>`;
  };
  const entries = [];
  const alone = isAlone(data);
  data.runs.forEach((run, index) => {
    const [best, start, restores] = [bestRow(run), startLoss(run), countRestores(run)];
    const { paint, dash, mark, behind } = looksOf(data, index);
    if (alone && !behind) {
      const name = `${data.named || data.runs.length > 1 ? `${run.name}, ` : ""}training${run.note ? ` (${run.note})` : ""}`;
      entries.push(toggle("training", line(TRAIN, ""), name));
      entries.push(toggle("validation", line(VALIDATION, "6 3"), "validation"));
      if (best)
        entries.push(entry(`<circle cx="15" cy="7" r="4" fill="${VALIDATION}"/>`, `best, epoch ${best[EPOCH]}`));
      if (start !== null) entries.push(entry(line(VALIDATION, "1 3"), "best: initial weights"));
      if (restores) entries.push(entry(triangle, `restored (${restores}×)`));
      return;
    }
    let text = run.name;
    if (best) text += `: ${fourDigits(best[VALIDATION_LOSS])} in epoch ${best[EPOCH]}`;
    if (start !== null) text += `: ${fourDigits(start)} at the start`;
    if (run.rows.length && !best && start === null) text += ": no finite loss";
    if (restores) text += `, restored ${restores}×`;
    const shape = `<path d="${mark}" transform="translate(15 7)" fill="${paint}"/>`;
    entries.push(toggle(index, line(paint, dash, behind ? 1.2 : 2) + shape, text));
  });
  if (!alone) {
    entries.push(toggle("training", line("currentColor", "", 1), "training losses"));
    if (data.runs.some(countRestores)) entries.push(entry(triangle, "restored"));
  }
  return `<ul>${entries.join("")}</ul>`;
}

// Buttons that change the view, and those that save it.
function drawTools(view) {
  const button = (key, text, title, more = "") =>
    `<button type="button" data-key="${key}" title="${title}" ${more}>${text}</button>`;
  const pressed = (on) => `aria-pressed="${on}"`;
  const refused = view.log && !view.frame.logged && !view.frame.empty;
  const option = (n) =>
    `<option value="${n}"${n === view.smooth ? " selected" : ""}>${n > 1 ? `mean of ${n}` : "not smoothed"}</option>`;
  const copies = navigator.clipboard?.write && window.ClipboardItem;
  return [
    button("log", `log scale${refused ? " (requires losses above zero)" : ""}`, "", pressed(view.log && !refused)),
    button("focus", "focus", "Show the later epochs larger; triangles mark what is outside", pressed(view.focus)),
    button("all", "show all", "Show all epochs and losses: key 0", view.frame.partial ? "" : "disabled"),
    `<select data-key="smooth" aria-label="smoothing" title="Mean of neighbouring epochs">${[1, 3, 5, 9].map(option).join("")}</select>`,
    button("png", "PNG", "Save the picture as PNG"),
    button("svg", "SVG", "Save the picture as SVG"),
    copies ? button("copy", "copy", "Copy the picture") : "",
  ].join("");
}

// Control characters, which a name may have.
const NOT_XML = /[^\t\n\r\u0020-\ufffd]/g;

// The picture as SVG text on white, with a title and the visible entries of the legend.
function pictureOf(plot, legend, title) {
  const [width, height] = ["width", "height"].map((name) => plot.viewBox.baseVal[name]);
  const copy = plot.cloneNode(true);
  plot.style.color = "#222";
  const inner = [...copy.querySelectorAll("*")];
  plot.querySelectorAll("*").forEach((element, i) => {
    const style = getComputedStyle(element);
    for (const name of ["fill", "stroke", "stroke-width", "stroke-linecap", "opacity", "font-size"])
      inner[i].style.setProperty(name, style.getPropertyValue(name));
  });
  plot.style.color = "";
  // A title may have characters that are not allowed in XML.
  for (const element of copy.querySelectorAll(".over, title")) element.remove();
  let [x, y, rows] = [10, height + 46, ""];
  for (const entry of legend.querySelectorAll("li:not(:has([aria-pressed='false']))")) {
    const text = entry.querySelector("span");
    const wide = 54 + 7 * text.textContent.length;
    if (x > 10 && x + wide > width) [x, y] = [10, y + 20];
    rows += `<g transform="translate(${x} ${y - 11})">${entry.querySelector("svg").innerHTML}<text x="36" y="11">${escape(text.textContent)}</text></g>`;
    x += wide;
  }
  const tall = y + 12;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${tall}" viewBox="0 0 ${width} ${tall}"
    style="color: #222; font: 12px system-ui, sans-serif"><rect width="100%" height="100%" fill="#fff"/>
    <text x="10" y="20" style="font-size: 14px; font-weight: 600" fill="#222">${escape(title)}</text>
    <g transform="translate(0 28)" fill="#222">${copy.innerHTML}</g><g fill="#222">${rows}</g></svg>`.replace(
    NOT_XML,
    "",
  );
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
      if (reconstruction.every(Number.isFinite)) {
        const error = values.reduce((sum, v, t) => sum + Math.abs(v - reconstruction[t]), 0) / values.length;
        const area = svgPoints([...points(values), ...points(reconstruction).reverse()]);
        [label, words] = [`mean absolute error ${error.toPrecision(3)}`, `error ${error.toPrecision(3)}`];
        lines = `<polygon points="${area}" fill="${RECONSTRUCTION}" opacity="0.3"/>${lines}
        ${line(reconstruction, `stroke="${RECONSTRUCTION}" stroke-dasharray="5 2.5"`)}`;
      }
      return `<figure><figcaption>${escape(title)}</figcaption>
      <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}, ${label}">${lines}</svg>
      <small>${words || label}</small></figure>`;
    })
    .join("");
}

// ---------------------------------------------------------------- widget

const SKELETON = `
  <div class="head"><span class="state"></span><span class="spoken" role="status"></span><progress max="1" hidden></progress><span class="left"></span></div>
  <div class="body"><div class="picture"><svg class="plot" role="application" tabindex="0"></svg>
    <div class="readout" role="status"></div><div class="hint" aria-hidden="true"></div></div>
    <div class="side"><div class="legend"></div><div class="tools"></div></div></div>
  <p class="words"></p>
  <div class="rewind" hidden><button type="button" class="play">▶ play</button>
    <label>epoch <input type="range" min="1" step="1"></label><output></output></div>
  <div class="examples"></div>`;
const NO_EPOCH = { epoch: null, kept: null, reconstruction: null };

// Builds a chart in `root`. Callbacks in `act`: select(epoch), and request() for all data.
export function mount(root, data, act = {}) {
  const view = { id: uniqueId("kit-clip"), hidden: new Set(), log: false, focus: false, smooth: 1 };
  Object.assign(view, { zoom: null, cross: null, selected: null, kept: null, reconstruction: null });
  if (!isAlone(data)) view.hidden.add("training");
  const part = build(root, "kit-chart", SKELETON);
  const [plot, words] = [part(".plot"), part(".words")];

  function draw() {
    const width = Math.max(300, widthOf(plot) || 600);
    const around = root.closest(".jp-WindowedPanel-outer") ? AROUND : AROUND_ON_PAGE;
    const height = isAlone(data) ? Math.round(clamp(panelHeight(plot) - around, MIN_HEIGHT, HEIGHT)) : HEIGHT;
    view.frame = frameOf(data, view, width, height);
    view.zoom = view.frame.zoom;
    const label = data.alt || "Training and validation loss by epoch";
    setAttributes(plot, { height, viewBox: `0 0 ${width} ${height}`, "aria-label": label });
    plot.innerHTML = drawPlot(data, view, view.frame, height);
    fill("legend", drawLegend(data, view));
    fill("tools", drawTools(view));
    const { text = "", left = "", done = null } = data.state || {};
    part(".state").textContent = text;
    // During a run, the epoch changes too often to be read aloud.
    setText(part(".spoken"), done === null ? text : text.split(",")[0]);
    part(".left").textContent = left;
    part("progress").hidden = !Number.isFinite(done);
    if (Number.isFinite(done)) part("progress").value = done;
    part(".examples").innerHTML = drawExamples(data, view);
    explorer.readAgain();
  }

  function showWords() {
    const row = rowOf(data, view.selected);
    words.textContent = view.hovered || (row && row[WORDS] + nearestNote(row)) || " ";
  }

  // Replaces a part only if it changed, to keep the keyboard focus, and not during a click on it, which would be lost.
  function fill(name, html) {
    if (html === view[name] || part(`.${name}`).matches(":active")) return;
    const focus = part(`.${name}`).contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    part(`.${name}`).innerHTML = view[name] = html;
    keepKeys(root);
    if (focus !== undefined) part(`.${name} [data-key="${focus}"]`)?.focus();
  }

  // The model of this epoch may have been dropped to save memory.
  function nearestNote(row) {
    if (!view.reconstruction || view.kept === row[EPOCH]) return "";
    return `; the reconstructions are by the nearest kept model, of epoch ${view.kept}`;
  }

  const say = (read) => {
    view.hovered = read && (read.name && `${read.name}, `) + read.row[WORDS];
    showWords();
  };
  const frames = onNextFrame(draw, 100);
  if (data.rewind) rewind(data.rewind); // stored with a notebook
  if (data.rewinds) act.select = slideThrough(part, data, update);
  const explorer = explore(plot, part(".picture"), view, () => data, { draw: frames.now, say, select: act.select });

  part(".legend").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const key = /^\d+$/.test(button.dataset.key) ? Number(button.dataset.key) : button.dataset.key;
    if (!view.hidden.delete(key)) view.hidden.add(key);
    frames.now();
  });
  part(".tools").addEventListener("click", (event) => {
    const key = event.target.closest("button")?.dataset.key;
    if (key === "log") view.log = !view.log;
    else if (key === "focus") [view.focus, view.zoom] = [!view.focus, null];
    else if (key === "all") {
      plot.focus(); // the button will be disabled
      return explorer.showAll();
    } else if (key) return save(key);
    frames.now();
  });
  part(".tools").addEventListener("change", (event) => {
    view.smooth = Number(event.target.value);
    frames.now();
  });

  function save(kind) {
    const { name } = data.runs.at(-1);
    const title = isAlone(data) ? `Training and validation loss of ${name}` : `Loss of ${data.runs.length} runs`;
    const done = kind === "copy" ? "copied" : "saved";
    savePicture(pictureOf(plot, part(".legend"), title), "loss", kind).then(
      () => explorer.hint(`The picture was ${done}.`),
      (error) => explorer.hint(`The picture cannot be ${done}: ${error.message}`),
    );
  }

  // Handles a message: all data, more rows, a new state or reconstructions.
  function update(message) {
    if (message.kind === "all") {
      const alone = isAlone(data);
      data = message.data;
      if (!isAlone(data) && alone) view.hidden.add("training");
      if (isAlone(data) && !alone) view.hidden.clear();
      rewind(message.rewind || NO_EPOCH);
    } else if (message.kind === "rows") {
      const { rows } = data.runs.at(-1);
      // Skip rows that arrived already, with a request for all data.
      for (const row of message.rows) if (row[EPOCH] === rows.length + 1) rows.push(row);
      // A message was lost: request all data.
      if (message.rows.some((row) => row[EPOCH] > rows.length)) act.request?.();
    } else if (message.kind === "rewind") rewind(message);
    Object.assign(data, message.more);
    frames.soon();
  }

  function rewind({ epoch, kept, reconstruction }) {
    Object.assign(view, { selected: epoch, kept, reconstruction });
  }

  const stops = [followSize(plot, frames.soon), followPanel(plot, frames.soon), explorer.destroy, frames.cancel];
  frames.now();
  return { update, destroy: () => stops.forEach((stop) => stop()) };
}

// Sets up the slider of an exported page, which holds its reconstructions; returns a function that selects an epoch.
function slideThrough(part, data, update) {
  const [slider, play] = [part("input"), part(".play")];
  const epochs = Object.keys(data.rewinds).map(Number); // in ascending order
  const count = data.runs.at(-1).rows.length;
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
  const box = el.closest(".kit-monitor");
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
    // Only a monitor, which has a state, rewinds.
    const select = model.get("data").state && ((epoch) => model.send({ kind: "select", epoch }));
    const chart = mount(el, structuredClone(model.get("data")), { request, select });
    let running = false;
    const receive = (message) => {
      const state = (message.more || message.data || {}).state;
      if (state) running = Number.isFinite(state.done);
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
