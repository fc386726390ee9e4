// What the viewer says: events, the place under the mouse, counts.

import { rounded, short } from "./plot.js";
import { drag, enlargement, escape, followSize, keepKeys, numbers, widthOf } from "./page.js";
import {
  LEFT,
  count,
  drawMain,
  drawOverview,
  extent,
  highestStep,
  judge,
  makeClock,
  makeCurve,
  makeCurves,
  neighbour,
  padded,
  palette,
  reading,
  timeText,
} from "./series_plot.js";

const plural = (number, what) => `${count(number)} ${what}${number === 1 ? "" : "s"}`;

function span(start, end, clock) {
  const last = end - 1,
    steps = last > start ? `steps ${count(start)} to ${count(last)}` : `step ${count(start)}`;
  if (clock.kind === "step") return steps;
  return last > start
    ? `${steps} (${timeText(clock, start)} to ${timeText(clock, last)})`
    : `${steps} (${timeText(clock, start)})`;
}

function kindWords(kind) {
  return {
    found: "true event, found",
    missed: "true event, missed",
    "true event": "true event",
    "false alarm": "false alarm",
    "event found": "event found",
  }[kind];
}

function eventWords(events, index, clock, peak) {
  const event = events[index],
    score = peak === null ? "" : `; highest score ${reading(peak)}`;
  return `event ${count(index + 1)} of ${count(events.length)}: ${kindWords(event.kind)}, ${span(event.start, event.end, clock)}${score}`;
}

// Counts are of events, not of steps.
function countWords({ truth, found, compared }) {
  if (!truth && !found) return "no events known";
  if (!truth) return `${plural(found.length, "event")} found`;
  if (!found) return plural(truth.length, "true event");
  const hits = compared.hit.filter(Boolean).length,
    wrong = compared.right.filter((right) => !right).length;
  return `${plural(truth.length, "true event")}: ${hits} found, ${truth.length - hits} missed; ${plural(wrong, "false alarm")}`;
}

// What is to be seen at a step: where, each visible feature, the score.
function pointWords(data, shown, step) {
  const i = Math.floor(step / data.facts.stride),
    time = timeText(data.clock, step),
    several = data.facts.features.length > 1;
  let text = `step ${count(step)}${time ? ` (${time})` : ""}`;
  for (const f of shown.features) {
    text += `; ${several ? data.facts.features[f] : "value"} ${reading(data.curves[f].values[i])}`;
    if (data.rebuilt && shown.rebuilt && Number.isFinite(data.rebuilt[f].values[i]))
      text += ` (rebuilt ${reading(data.rebuilt[f].values[i])})`;
  }
  return text + (data.scores ? `; score ${reading(data.scores.values[i])}` : "");
}

// The picture in a sentence, for who cannot see it.
function pictureWords(data, judged, threshold, view) {
  const features = data.facts.features.length;
  let text = `${data.facts.name}, ${plural(features, "feature")}: ${span(Math.ceil(view.from), Math.floor(view.to) + 1, data.clock)} of ${count(data.facts.length)}.`;
  if (data.scores)
    text += threshold === null ? " Below it the score." : ` Below it the score with its threshold ${short(threshold)}.`;
  return `${text} In the whole series ${countWords(judged)}.`;
}

function thinningWords(facts) {
  if (facts.stride === 1) return "";
  return `A long series: the page has the lowest and highest values and the highest score of every ${facts.stride} steps; events are exact to ${facts.stride} steps.`;
}

// What mouse and keyboard do to a viewer.

function listenTo({ stage, handle, overview, root, part }, data, view, does) {
  const inside = (event, element) => (event.clientX - element.getBoundingClientRect().left) / enlargement(element);

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) does.orders[button.dataset.do]();
    else if (button?.dataset.event) does.visit(Number(button.dataset.event));
  });
  part(".rebuilt")?.addEventListener("change", (event) => {
    view.rebuilt = event.target.checked;
    does.drawSoon();
  });
  part("select")?.addEventListener("change", (event) => {
    const first = LANES * Number(event.target.value);
    view.features = data.curves.map((_, f) => f).slice(first, first + LANES);
    does.drawSoon();
  });

  // ---------------------------------------------------------------- the picture

  stage.addEventListener(
    "wheel",
    (event) => {
      // Firefox counts in lines.
      const unit = event.deltaMode === 1 ? 16 : 1,
        by = unit * (event.deltaY || event.deltaX);
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // With the whole series in sight, the wheel scrolls the page on.
      if (does.isWhole() && (sideways || by > 0)) return;
      event.preventDefault();
      if (sideways) does.moveBy(((unit * event.deltaX || by) / 600) * (view.to - view.from), view.from, view.to);
      else does.zoom(Math.min(4, Math.max(0.25, 1.002 ** by)), does.place().step(inside(event, stage)));
    },
    { passive: false },
  );

  drag(stage, (start) => {
    const { from, to } = view,
      perPixel = does.place().step(1) - does.place().step(0);
    stage.classList.add("held");
    return {
      move: (event) => does.moveBy(((start.clientX - event.clientX) / enlargement(stage)) * perPixel, from, to),
      end: () => stage.classList.remove("held"),
    };
  });
  stage.addEventListener("pointermove", (event) => {
    const step = Math.round(does.place().step(inside(event, stage)) / data.facts.stride) * data.facts.stride;
    view.cursor = Math.max(0, Math.min(data.facts.length - 1, step));
    does.drawSoon();
  });
  stage.addEventListener("pointerleave", () => {
    view.cursor = null;
    does.drawSoon();
  });

  const press = (event) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const reads = event.shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const order = does.keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!reads && !order) return;
    event.preventDefault();
    event.stopPropagation();
    if (reads) does.read(reads);
    else order();
  };
  stage.addEventListener("keydown", press);
  overview.addEventListener("keydown", press);

  // ---------------------------------------------------------------- the whole series

  drag(overview, (start) => {
    const strip = does.strip(),
      px = inside(start, overview),
      at = strip.step(px),
      { from, to } = view;
    // A narrow handle has a middle to carry it by, too.
    const outside = 7,
      inward = Math.min(outside, (strip.right - strip.left) / 4);
    const pulls = (edge, sign) => sign * (px - edge) < outside && sign * (edge - px) < inward;
    // An edge is pulled, the part between them carried; beside it, the part comes to the mouse.
    if (pulls(strip.left, -1))
      return { move: (event) => does.move(Math.min(to - 1, strip.step(inside(event, overview))), to) };
    if (pulls(strip.right, 1))
      return { move: (event) => does.move(from, Math.max(from + 1, strip.step(inside(event, overview)))) };
    const by = at < from || at > to ? at - (from + to) / 2 : 0,
      carry = (event) => does.moveBy(strip.step(inside(event, overview)) - at + by, from, to);
    carry(start);
    return { move: carry };
  });

  // ---------------------------------------------------------------- the threshold

  drag(handle, () => {
    const box = stage.getBoundingClientRect(),
      { top, height } = does.place().score,
      [low, high] = view.scoreRange;
    view.dragging = true;
    return {
      move: (event) =>
        does.setThreshold(high - (((event.clientY - box.top) / enlargement(stage) - top) / height) * (high - low)),
      end: () => {
        view.dragging = false;
        does.drawSoon();
      },
    };
  });
  handle.addEventListener("keydown", (event) => {
    const [low, high] = view.scoreRange,
      unit = (high - low) / 100;
    const by = {
      ArrowUp: unit,
      ArrowRight: unit,
      ArrowDown: -unit,
      ArrowLeft: -unit,
      PageUp: 10 * unit,
      PageDown: -10 * unit,
    }[event.key];
    const to = { Home: low, End: high }[event.key];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    does.setThreshold(to ?? view.threshold + by);
  });
  part(".at")?.addEventListener("change", (event) => {
    const value = event.target.value.trim();
    if (value === "" && event.target.validity.valid) does.useThreshold(null);
    else if (Number.isFinite(event.target.valueAsNumber)) does.useThreshold(event.target.valueAsNumber);
  });
}

// The viewer: its parts, what moves it, and the two places it lives in, a notebook and an exported page.

// So many lanes fit; of more features, a chooser shows as many at a time.
const LANES = 6,
  MOST_ROWS = 200,
  LEAST_STEPS = 10;

const SWATCH = {
  signal: '<path d="M1 7h26" stroke="var(--kit-signal)" stroke-width="2"/>',
  rebuilt: '<path d="M1 7h26" stroke="var(--kit-rebuilt)" stroke-width="2" stroke-dasharray="5 3.5"/>',
  truth: '<rect x="4" y="2" width="20" height="10" fill="var(--kit-truth)"/>',
  found:
    '<path d="M5 11l8-9m-2 9l8-9m-2 9l6-7" stroke="var(--kit-found)" stroke-width="1.3"/><rect x="4" y="2" width="20" height="10" fill="none" stroke="var(--kit-found)" stroke-width="1.4"/>',
  threshold:
    '<path d="M1 7h26" stroke="var(--kit-found)" stroke-width="2"/><path d="M28 1v12l-8-6z" fill="var(--kit-found)"/>',
};
const swatch = (name) => `<svg width="28" height="14" aria-hidden="true" fill="none">${SWATCH[name]}</svg>`;

function skeleton(data) {
  const n = data.facts.features.length,
    pages = Array.from({ length: Math.ceil(n / LANES) }, (_, i) => i);
  const option = (i) =>
    `<option value="${i}">${escape(data.facts.features[i * LANES])} to ${escape(data.facts.features[Math.min(n, (i + 1) * LANES) - 1])}</option>`;
  const rebuilt = data.rebuilt
    ? `<label><input type="checkbox" class="rebuilt" checked>${swatch("rebuilt")}reconstruction</label>`
    : "";
  const threshold = data.scores
    ? `<label>${swatch("threshold")}threshold <input type="number" step="any" class="at"></label>`
    : "";
  const hollow = data.facts.true ? "<span>hollow: missed, or a false alarm</span>" : "";
  return `<div class="counts" role="status"></div>
    <div class="bar"><button type="button" data-do="previous">◀ previous event</button><button type="button" data-do="next">next event ▶</button>
      <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button><button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
      <button type="button" data-do="whole">whole series</button><button type="button" data-do="fit" aria-pressed="false">fit height</button>
      ${pages.length > 1 ? `<label>features <select>${pages.map(option).join("")}</select></label>` : ""}${threshold}</div>
    <div class="legend"><span>${swatch("signal")}signal</span>${rebuilt}${data.facts.true ? `<span>${swatch("truth")}true event</span>` : ""}
      <span class="of-found" hidden>${swatch("found")}found event</span>${hollow}</div>
    <p class="event" role="status"></p>
    <div class="stage" tabindex="0" role="group" aria-label="Series. Arrow keys move, plus and minus zoom, Home and End go to its ends, N and P to the next and previous event, Shift with an arrow key reads step by step.">
      <canvas class="main" role="img"></canvas><div class="threshold" role="slider" tabindex="0" aria-orientation="vertical" aria-label="threshold" hidden></div></div>
    <canvas class="overview" tabindex="0" role="slider" aria-label="visible part of the series"></canvas>
    <p class="words" aria-live="off"></p><p class="note">${thinningWords(data.facts)}</p>
    <details><summary>events as a table</summary><div class="table"></div></details>`;
}

// Puts a viewer into `root`. `act.threshold(value)` is told of a threshold set in the page.
export function mount(root, { facts, threshold, given, ...binary }, act = {}) {
  const scores = numbers(binary.scores, Float64Array),
    times = numbers(binary.times, Float64Array),
    features = facts.features.length;
  const data = {
    facts,
    curves: makeCurves(binary.values, features),
    rebuilt: makeCurves(binary.rebuilt, features),
    scores: scores.length ? makeCurve(scores) : null,
    clock: makeClock(facts.clock, times, facts.stride),
  };
  const whole = [-0.5, facts.length - 0.5],
    shortest = Math.min(facts.length, LEAST_STEPS * facts.stride);
  const view = {
    from: whole[0],
    to: whole[1],
    features: data.curves.map((_, f) => f).slice(0, LANES),
    rebuilt: true,
    fit: false,
    threshold,
    given,
    cursor: null,
    selected: null,
    scoreRange: null,
    dragging: false,
    waiting: false,
    width: 0,
  };
  let judged = judge(facts, data.scores, threshold, given),
    place = null,
    strip = null;
  root.classList.add("kit-series");
  root.innerHTML = skeleton(data);
  keepKeys(root);
  const part = (name) => root.querySelector(name);
  const stage = part(".stage"),
    handle = part(".threshold"),
    overview = part(".overview"),
    field = part(".at");

  // ---------------------------------------------------------------- drawing

  function draw() {
    view.waiting = false;
    const width = Math.max(280, widthOf(stage) || 600);
    for (const [name, color] of Object.entries(palette(root))) root.style.setProperty(`--kit-${name}`, color);
    if (data.scores && !view.dragging) view.scoreRange = scoreRange();
    place = drawMain(part(".main"), data, judged, view, width);
    strip = drawOverview(overview, data, judged, view, width);
    part(".main").setAttribute("aria-label", pictureWords(data, judged, view.threshold, view));
    overview.setAttribute("aria-valuemin", 0);
    overview.setAttribute("aria-valuemax", facts.length - 1);
    overview.setAttribute("aria-valuenow", Math.max(0, Math.ceil(view.from)));
    overview.setAttribute(
      "aria-valuetext",
      `${span(Math.ceil(view.from), Math.floor(view.to) + 1, data.clock)} of ${count(facts.length)}`,
    );
    part(".words").textContent =
      view.cursor === null ? `showing ${overview.getAttribute("aria-valuetext")}` : pointWords(data, view, view.cursor);
    part(".counts").textContent = countWords(judged);
    part(".of-found").hidden = !judged.found;
    showThreshold(width);
    if (part("details").open) showTable();
  }

  function drawSoon() {
    if (!view.waiting) requestAnimationFrame(draw);
    view.waiting = true;
  }

  function scoreRange() {
    const [low, high] = extent(data.scores, 0, scores.length),
      t = view.threshold;
    return t === null ? padded(low, high) : padded(Math.min(low, t), Math.max(high, t));
  }

  function showThreshold(width) {
    handle.hidden = view.threshold === null;
    if (field && document.activeElement !== field)
      field.value = view.threshold === null ? "" : Number(view.threshold.toPrecision(6));
    if (handle.hidden) return;
    Object.assign(handle.style, {
      left: `${LEFT}px`,
      width: `${width - LEFT - 2}px`,
      top: `${place.score.y(view.threshold)}px`,
    });
    const [low, high] = view.scoreRange;
    for (const [name, value] of [
      ["min", low],
      ["max", high],
      ["now", view.threshold],
      ["text", `${short(view.threshold)}: ${countWords(judged)}`],
    ])
      handle.setAttribute(`aria-value${name}`, value);
  }

  function showTable() {
    const events = judged.visit,
      rows = events.slice(0, MOST_ROWS).map((event, i) => {
        const score = data.scores ? `<td>${reading(peakOf(event))}</td>` : "";
        return `<tr><td><button type="button" data-event="${i}" aria-label="show event ${i + 1}">${i + 1}</button></td><td>${kindWords(event.kind)}</td><td>${span(event.start, event.end, data.clock)}</td>${score}</tr>`;
      });
    const more = events.length > MOST_ROWS ? `<p>The first ${MOST_ROWS} of ${count(events.length)}.</p>` : "";
    const text = `<table><thead><tr><th>event</th><th>kind</th><th>steps</th>${data.scores ? "<th>highest score</th>" : ""}</tr></thead><tbody>${rows.join("")}</tbody></table>${more}`;
    // Left alone where nothing has changed, so that the keyboard's focus stays.
    if (text === view.table) return;
    part(".table").innerHTML = view.table = text;
    keepKeys(part(".table"));
  }

  // ---------------------------------------------------------------- moving

  function show(from, to) {
    const size = Math.max(shortest, Math.min(facts.length, to - from));
    view.from = Math.max(whole[0], Math.min(whole[1] - size, from + (to - from - size) / 2));
    view.to = view.from + size;
    drawSoon();
  }

  // Moved by hand: what comes next is then counted from here.
  function move(from, to) {
    view.selected = null;
    part(".event").textContent = "";
    show(from, to);
  }

  const isWhole = () => view.to - view.from >= facts.length;
  function zoom(factor, at = (view.from + view.to) / 2) {
    const size = Math.max(shortest, Math.min(facts.length, (view.to - view.from) * factor)),
      left = (at - view.from) / (view.to - view.from);
    move(at - left * size, at - left * size + size);
  }
  const pan = (share) => {
    const by = share * (view.to - view.from);
    moveBy(by, view.from, view.to);
  };
  // At an end the part stands still and does not shrink.
  function moveBy(by, from, to) {
    const least = Math.max(whole[0] - from, Math.min(whole[1] - to, by));
    move(from + least, to + least);
  }

  function peakOf({ start, end }) {
    if (!data.scores) return null;
    return extent(data.scores, Math.floor(start / facts.stride), Math.ceil(end / facts.stride))[1];
  }

  function visit(index) {
    const event = judged.visit[index],
      margin = Math.max(40 * facts.stride, event.end - event.start);
    view.selected = event.start;
    view.cursor = data.scores
      ? facts.stride *
        highestStep(data.scores, Math.floor(event.start / facts.stride), Math.ceil(event.end / facts.stride))
      : event.start;
    show(event.start - margin, event.end + margin);
    part(".event").textContent = eventWords(judged.visit, index, data.clock, peakOf(event));
  }

  function step(direction) {
    const middle = (view.from + view.to) / 2,
      here = view.selected ?? (isWhole() ? -direction * Infinity : middle);
    const index = neighbour(judged.visit, here, direction);
    if (index >= 0) visit(index);
    else
      part(".event").textContent = judged.visit.length
        ? `no event ${direction > 0 ? "after" : "before"} this one`
        : "no event to go to";
  }

  function read(by) {
    const middle = Math.round((view.from + view.to) / 2),
      to = view.cursor === null ? middle : view.cursor + by * facts.stride;
    view.cursor = Math.max(0, Math.min(facts.length - 1, to));
    if (view.cursor < view.from || view.cursor > view.to) moveBy((by * (view.to - view.from)) / 2, view.from, view.to);
    drawSoon();
  }

  const orders = {
    previous: () => step(-1),
    next: () => step(1),
    in: () => zoom(0.5),
    out: () => zoom(2),
    whole: () => move(...whole),
    fit: () => {
      view.fit = !view.fit;
      part('[data-do="fit"]').setAttribute("aria-pressed", view.fit);
      drawSoon();
    },
  };
  const keys = {
    "+": orders.in,
    "=": orders.in,
    "-": orders.out,
    "−": orders.out,
    0: orders.whole,
    n: orders.next,
    p: orders.previous,
    ArrowLeft: () => pan(-0.1),
    ArrowRight: () => pan(0.1),
    ArrowUp: orders.in,
    ArrowDown: orders.out,
    PageUp: () => pan(-0.9),
    PageDown: () => pan(0.9),
    Home: () => moveBy(-Infinity, view.from, view.to),
    End: () => moveBy(Infinity, view.from, view.to),
  };

  // ---------------------------------------------------------------- threshold and outside

  function judgeAgain() {
    judged = judge(facts, data.scores, view.threshold, view.given);
    // The event that was gone to may be another now, or none.
    const index = judged.visit.findIndex((event) => event.start === view.selected);
    part(".event").textContent =
      index < 0 ? "" : eventWords(judged.visit, index, data.clock, peakOf(judged.visit[index]));
    drawSoon();
  }

  function setThreshold(value) {
    // As many digits as the picture can tell apart: a number to type again elsewhere.
    const [low, high] = view.scoreRange;
    useThreshold(rounded(Math.max(low, Math.min(high, value)), (high - low) / 1000));
  }

  function useThreshold(value) {
    if (value === view.threshold) return;
    Object.assign(view, { threshold: value, given: null });
    judgeAgain();
    act.threshold?.(value);
  }

  function update(value, events) {
    // What is dragged here goes before the echo of where it was.
    if (view.dragging || (value === view.threshold && (events === view.given || (!events && !view.given)))) return;
    Object.assign(view, { threshold: value, given: events });
    judgeAgain();
  }

  const parts = { stage, handle, overview, root, part };
  listenTo(parts, data, view, {
    orders,
    keys,
    drawSoon,
    move,
    moveBy,
    zoom,
    isWhole,
    read,
    visit,
    setThreshold,
    useThreshold,
    place: () => place,
    strip: () => strip,
  });
  part("details").addEventListener("toggle", drawSoon);
  const stop = watchLooks(part(".main"), drawSoon);
  draw();
  return { update, destroy: stop };
}

// Draws again when the size or the theme changes.
function watchLooks(canvas, drawSoon) {
  const unfollow = followSize(canvas, drawSoon);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", drawSoon);
  const theme = new MutationObserver(drawSoon);
  for (const element of [document.body, document.documentElement]) theme.observe(element, { attributes: true });
  return () => {
    unfollow();
    theme.disconnect();
    scheme.removeEventListener("change", drawSoon);
  };
}

export default {
  render({ model, el }) {
    const taken = Object.fromEntries(
      ["facts", "given", "values", "scores", "rebuilt", "times"].map((name) => [name, model.get(`_${name}`)]),
    );
    const tell = (value) => {
      model.set("threshold", value);
      model.save_changes();
    };
    const viewer = mount(el, { ...taken, threshold: model.get("threshold") }, { threshold: tell });
    const listen = () => viewer.update(model.get("threshold"), model.get("_given"));
    model.on("change:threshold", listen);
    model.on("change:_given", listen);
    return () => {
      model.off("change:threshold", listen);
      model.off("change:_given", listen);
      viewer.destroy();
    };
  },
};
