// A viewer of a series, its events and its threshold. In a notebook, anywidget synchronises the threshold with the
// kernel; an exported page works without a kernel.

import { clamp, rounded, short, wheelFactor } from "./plot.js";
import { build, drag, enlargement, escape, followSize, keepKeys, listen, numbers, onKey, onNextFrame } from "./page.js";
import { placeIn, setAttributes, tell, wheelPixels, widthOf } from "./page.js";
import { LEFT, count, drawMain, drawOverview, extent, makeClock, makeCurve, makeCurves } from "./series_plot.js";
import { padded, palette, reading, timeText } from "./series_plot.js";

// ---------------------------------------------------------------- events: [start, end), in steps

export function runsAbove(scores, threshold, stride, length) {
  const found = [];
  for (let i = 0; i < scores.length; i++) {
    const start = i;
    while (scores[i] > threshold) i++;
    if (i > start) found.push([start * stride, Math.min(length, i * stride)]);
  }
  return found;
}

// Whether each true event shares a step with a found event (hit), and each found event with a true event (right).
export function compareEvents(truth, found) {
  const [hit, right] = [truth, found].map((events) => events.map(() => false));
  let [i, j] = [0, 0];
  while (i < truth.length && j < found.length) {
    if (truth[i][0] < found[j][1] && found[j][0] < truth[i][1]) hit[i] = right[j] = true;
    if (truth[i][1] <= found[j][1]) i++;
    else j++;
  }
  return { hit, right };
}

// The events to visit in order: the true events, and the found events that overlap none of them.
export function eventsToVisit(truth, found, { hit, right }) {
  const event =
    (kind) =>
    ([start, end], i) => ({ start, end, kind: kind(i) });
  if (!truth) return (found || []).map(event(() => "event found"));
  const events = truth.map(event((i) => (!found ? "true event" : hit[i] ? "true event, found" : "true event, missed")));
  const wrong = (found || []).filter((_, j) => !right[j]).map(event(() => "false alarm"));
  return [...events, ...wrong].sort((a, b) => a.start - b.start);
}

// The events found at a threshold, or the given ones, compared with the true events.
function compare(facts, scores, threshold, given) {
  const counts = !given && scores && threshold !== null;
  const found = counts ? runsAbove(scores.values, threshold, facts.stride, facts.length) : given || null;
  const compared = compareEvents(facts.true || [], found || []);
  return { truth: facts.true, found, compared, visit: eventsToVisit(facts.true, found, compared) };
}

// ---------------------------------------------------------------- texts

const plural = (number, what) => `${count(number)} ${what}${number === 1 ? "" : "s"}`;

function span(start, end, clock) {
  const ends = end - start > 1 ? [start, end - 1] : [start];
  const steps = `${ends.length > 1 ? "steps" : "step"} ${ends.map(count).join(" to ")}`;
  return clock.kind === "step" ? steps : `${steps} (${ends.map((step) => timeText(clock, step)).join(" to ")})`;
}

function eventText(events, index, clock, peak) {
  const { kind, start, end } = events[index];
  const score = peak === null ? "" : `; highest score ${reading(peak)}`;
  return `event ${count(index + 1)} of ${count(events.length)}: ${kind}, ${span(start, end, clock)}${score}`;
}

// Counts are of events, not of steps.
export function countText({ truth, found, compared }) {
  if (!truth && !found) return "no events given";
  if (!truth) return `${plural(found.length, "event")} found`;
  if (!found) return plural(truth.length, "true event");
  const hits = compared.hit.filter(Boolean).length;
  const wrong = compared.right.filter((right) => !right).length;
  return `${plural(truth.length, "true event")}: ${hits} found, ${truth.length - hits} missed; ${plural(wrong, "false alarm")}`;
}

// Describes a step: time, visible features, score.
function pointText({ facts, clock, curves, reconstruction, scores }, shown, step) {
  const i = Math.floor(step / facts.stride);
  const time = timeText(clock, step);
  const values = shown.features.map((f) => {
    const name = facts.features.length > 1 ? facts.features[f] : "value";
    const other = shown.reconstruction ? reconstruction?.[f].values[i] : NaN;
    return `; ${name} ${reading(curves[f].values[i])}${Number.isFinite(other) ? ` (reconstruction ${reading(other)})` : ""}`;
  });
  const score = scores ? `; score ${reading(scores.values[i])}` : "";
  return `step ${count(step)}${time && ` (${time})`}${values.join("")}${score}`;
}

// Describes the picture for screen readers.
function pictureText({ facts, scores }, result, threshold, part) {
  const level = threshold === null ? "" : ` with the threshold ${short(threshold)}`;
  const score = scores ? ` The score is drawn below the signal${level}.` : "";
  return `${facts.name}, ${plural(facts.features.length, "feature")}: ${part}.${score} The whole series has ${countText(result)}.`;
}

function downsamplingNote({ stride }) {
  if (stride === 1) return "";
  return `This long series is downsampled: the page has the lowest and highest values and the highest score of every ${stride} steps, so events are exact to ${stride} steps.`;
}

// ---------------------------------------------------------------- widget

// LANES features are shown at a time; with more, a chooser selects them.
const [LANES, MAX_ROWS, MIN_STEPS] = [6, 200, 10];

const SWATCH = {
  signal: '<path d="M1 7h26" stroke="var(--kit-signal)" stroke-width="2"/>',
  reconstruction: '<path d="M1 7h26" stroke="var(--kit-reconstruction)" stroke-width="2" stroke-dasharray="5 3.5"/>',
  truth: '<rect x="4" y="2" width="20" height="10" fill="var(--kit-truth)"/>',
  found:
    '<path d="M5 11l8-9m-2 9l8-9m-2 9l6-7" stroke="var(--kit-found)" stroke-width="1.3"/><rect x="4" y="2" width="20" height="10" fill="none" stroke="var(--kit-found)" stroke-width="1.4"/>',
  threshold:
    '<path d="M1 7h26" stroke="var(--kit-found)" stroke-width="2"/><path d="M28 1v12l-8-6z" fill="var(--kit-found)"/>',
};
const swatch = (name) => `<svg width="28" height="14" aria-hidden="true" fill="none">${SWATCH[name]}</svg>`;

function skeleton({ facts, reconstruction, scores }) {
  const names = facts.features.map(escape);
  const option = (_, i) =>
    `<option value="${i}">${names[i * LANES]} to ${names[Math.min(names.length, (i + 1) * LANES) - 1]}</option>`;
  const options = Array.from({ length: Math.ceil(names.length / LANES) }, option);
  const when = (condition, html) => (condition ? html : "");
  return `<div class="counts" role="status"></div>
    <div class="bar"><button type="button" data-do="previous">◀ previous event</button><button type="button" data-do="next">next event ▶</button>
      <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button><button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
      <button type="button" data-do="whole">whole series</button><button type="button" data-do="fit" aria-pressed="false">fit height</button>
      ${when(options.length > 1, `<label>features <select>${options.join("")}</select></label>`)}
      ${when(scores, `<label>${swatch("threshold")}threshold <input type="number" step="any" class="at"></label>`)}</div>
    <div class="legend"><span>${swatch("signal")}signal</span>
      ${when(reconstruction, `<label><input type="checkbox" class="reconstruction" checked>${swatch("reconstruction")}reconstruction</label>`)}
      ${when(facts.true, `<span>${swatch("truth")}true event</span>`)}
      <span class="of-found" hidden>${swatch("found")}found event</span>
      ${when(facts.true, "<span>hollow: missed, or false alarm</span>")}</div>
    <p class="event" role="status"></p>
    <div class="stage" tabindex="0" role="group" aria-label="Series. The arrow keys move, plus and minus zoom, Home and End go to the ends, N and P go to the next and previous event, Shift with an arrow key moves the cursor by one step.">
      <canvas class="main" role="img"></canvas><div class="threshold" role="slider" tabindex="0" aria-orientation="vertical" aria-label="threshold" hidden></div></div>
    <canvas class="overview" tabindex="0" role="slider" aria-label="visible part of the series"></canvas>
    <p class="words" aria-live="off"></p><p class="note">${downsamplingNote(facts)}</p>
    <details><summary>events as a table</summary><div class="table"></div></details>`;
}

// Builds a viewer in `root`. `act.threshold(value)` is called when the user sets the threshold.
export function mount(root, { facts, threshold, given, ...binary }, act = {}) {
  const { stride, length } = facts;
  const scores = numbers(binary.scores, Float64Array);
  const data = {
    facts,
    curves: makeCurves(binary.values, facts.features.length),
    reconstruction: makeCurves(binary.reconstruction, facts.features.length),
    scores: scores.length ? makeCurve(scores) : null,
    clock: makeClock(facts.clock, numbers(binary.times, Float64Array), stride),
  };
  const full = [-0.5, length - 0.5];
  const shortest = Math.min(length, MIN_STEPS * stride);
  const lanesFrom = (first) => data.curves.map((_, f) => f).slice(first, first + LANES);
  const view = {
    from: full[0],
    to: full[1],
    features: lanesFrom(0),
    reconstruction: true,
    fit: false,
    threshold,
    given,
  };
  Object.assign(view, { cursor: null, selected: null, scoreRange: null, dragging: false });
  let result = compare(facts, data.scores, threshold, given);
  let [place, strip] = [null, null];
  const part = build(root, "kit-series", skeleton(data));
  const [stage, main, handle, overview, field] = [".stage", ".main", ".threshold", ".overview", ".at"].map(part);
  const frames = onNextFrame(draw);
  const drawSoon = frames.soon;

  // ---------------------------------------------------------------- drawing

  function draw() {
    const width = Math.max(280, widthOf(stage) || 600);
    for (const [name, color] of Object.entries(palette(root))) root.style.setProperty(`--kit-${name}`, color);
    if (data.scores && !view.dragging) view.scoreRange = scoreRange();
    place = drawMain(main, data, result, view, width);
    strip = drawOverview(overview, data, result, view, width);
    const shown = `${span(Math.ceil(view.from), Math.floor(view.to) + 1, data.clock)} of ${count(length)}`;
    main.setAttribute("aria-label", pictureText(data, result, view.threshold, shown));
    setAttributes(overview, {
      "aria-valuemin": 0,
      "aria-valuemax": length - 1,
      "aria-valuenow": Math.max(0, Math.ceil(view.from)),
      "aria-valuetext": shown,
    });
    part(".words").textContent = view.cursor === null ? `showing ${shown}` : pointText(data, view, view.cursor);
    part(".counts").textContent = countText(result);
    part(".of-found").hidden = !result.found;
    showThreshold(width);
    if (part("details").open) showTable();
  }

  function scoreRange() {
    const [low, high] = extent(data.scores);
    const t = view.threshold;
    return t === null ? padded(low, high) : padded(Math.min(low, t), Math.max(high, t));
  }

  function showThreshold(width) {
    const t = view.threshold;
    handle.hidden = t === null;
    if (field && document.activeElement !== field) field.value = t === null ? "" : short(t, 6);
    if (handle.hidden) return;
    Object.assign(handle.style, { left: `${LEFT}px`, width: `${width - LEFT - 2}px`, top: `${place.score.y(t)}px` });
    const [low, high] = view.scoreRange;
    const text = `${short(t)}: ${countText(result)}`;
    setAttributes(handle, { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": t, "aria-valuetext": text });
  }

  function showTable() {
    const events = result.visit;
    const rows = events.slice(0, MAX_ROWS).map((event, i) => {
      const score = data.scores ? `<td>${reading(peakOf(event))}</td>` : "";
      return `<tr><td><button type="button" data-event="${i}" aria-label="show event ${i + 1}">${i + 1}</button></td><td>${event.kind}</td><td>${span(event.start, event.end, data.clock)}</td>${score}</tr>`;
    });
    const more = events.length > MAX_ROWS ? `<p>The first ${MAX_ROWS} of ${count(events.length)}.</p>` : "";
    const text = `<table><thead><tr><th>event</th><th>kind</th><th>steps</th>${data.scores ? "<th>highest score</th>" : ""}</tr></thead><tbody>${rows.join("")}</tbody></table>${more}`;
    // Replace the table only if it changed, to keep the keyboard focus.
    if (text === view.table) return;
    part(".table").innerHTML = view.table = text;
    keepKeys(part(".table"));
  }

  // ---------------------------------------------------------------- moving

  function show(from, to) {
    const size = clamp(to - from, shortest, length);
    view.from = clamp(from + (to - from - size) / 2, full[0], full[1] - size);
    view.to = view.from + size;
    drawSoon();
  }

  // Moves the visible part by hand: "next event" then searches from there.
  function move(from, to) {
    view.selected = null;
    part(".event").textContent = "";
    show(from, to);
  }

  const isFull = () => view.to - view.from >= length;
  // At an end of the series, `show` keeps the size of the visible part.
  const moveBy = (by, { from, to } = view) => move(from + by, to + by);
  const pan = (share) => moveBy(share * (view.to - view.from));

  function zoom(factor, at = (view.from + view.to) / 2) {
    const size = clamp((view.to - view.from) * factor, shortest, length);
    const from = at - ((at - view.from) / (view.to - view.from)) * size;
    move(from, from + size);
  }

  const scoresOf = ({ start, end }) => [Math.floor(start / stride), Math.ceil(end / stride)];
  const peakOf = (event) => (data.scores ? extent(data.scores, ...scoresOf(event))[1] : null);

  // Shows an event in the middle third, with the cursor at its highest score.
  function lookAt(event) {
    const margin = Math.max(40 * stride, event.end - event.start);
    view.selected = view.cursor = event.start;
    if (data.scores) {
      const [first, last] = scoresOf(event);
      view.cursor = stride * (first + Math.max(0, scores.subarray(first, last).indexOf(peakOf(event))));
    }
    show(event.start - margin, event.end + margin);
    const index = result.visit.findIndex(({ start, end }) => start < event.end && event.start < end);
    part(".event").textContent =
      index < 0 ? "" : eventText(result.visit, index, data.clock, peakOf(result.visit[index]));
  }
  const visit = (index) => lookAt(result.visit[index]);
  // Sent by a page around the viewer, such as a table of events.
  root.addEventListener("kit-show", ({ detail }) => lookAt(detail));

  // Visits the next or the previous event.
  function step(direction) {
    const here = view.selected ?? (isFull() ? -direction * Infinity : (view.from + view.to) / 2);
    const index =
      direction > 0
        ? result.visit.findIndex((event) => event.start > here)
        : result.visit.findLastIndex((event) => event.start < here);
    const none = result.visit.length ? `no event ${direction > 0 ? "after" : "before"} this one` : "no events";
    if (index >= 0) visit(index);
    else part(".event").textContent = none;
  }

  function read(by) {
    const to = view.cursor === null ? Math.round((view.from + view.to) / 2) : view.cursor + by * stride;
    view.cursor = clamp(to, 0, length - 1);
    if (view.cursor < view.from || view.cursor > view.to) pan(by / 2);
    drawSoon();
  }

  const actions = {
    previous: () => step(-1),
    next: () => step(1),
    in: () => zoom(0.5),
    out: () => zoom(2),
    whole: () => move(...full),
    fit: () => {
      view.fit = !view.fit;
      part('[data-do="fit"]').setAttribute("aria-pressed", view.fit);
      drawSoon();
    },
  };
  const zooms = { "+": actions.in, "=": actions.in, "-": actions.out, "−": actions.out, 0: actions.whole };
  const moves = { ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), ArrowUp: actions.in, ArrowDown: actions.out };
  const pages = {
    PageUp: () => pan(-0.9),
    PageDown: () => pan(0.9),
    Home: () => moveBy(-length),
    End: () => moveBy(length),
  };
  const keys = { ...zooms, ...moves, ...pages, n: actions.next, p: actions.previous };

  // ---------------------------------------------------------------- buttons and keys

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) actions[button.dataset.do]();
    else if (button?.dataset.event) visit(Number(button.dataset.event));
  });
  part("input.reconstruction")?.addEventListener("change", (event) => {
    view.reconstruction = event.target.checked;
    drawSoon();
  });
  part("select")?.addEventListener("change", (event) => {
    view.features = lanesFrom(LANES * Number(event.target.value));
    drawSoon();
  });
  part("details").addEventListener("toggle", drawSoon);

  const keyAction = ({ target, currentTarget, key, shiftKey }) => {
    if (target !== currentTarget) return null;
    const reads = shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[key];
    return reads ? () => read(reads) : keys[key.length === 1 ? key.toLowerCase() : key];
  };
  onKey(stage, keyAction);
  onKey(overview, keyAction);

  // ---------------------------------------------------------------- picture

  const pointed = (event) => place.step(placeIn(stage, event)[0]);

  const turn = (event) => {
    const by = wheelPixels(event, event.deltaY || event.deltaX);
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    // If the whole series is visible, let the wheel scroll the page.
    if (isFull() && (sideways || by > 0)) return;
    event.preventDefault();
    if (sideways) pan((wheelPixels(event, event.deltaX) || by) / 600);
    else zoom(wheelFactor(by), pointed(event));
  };
  stage.addEventListener("wheel", turn, { passive: false });

  drag(stage, (start) => {
    const before = { ...view };
    const perPixel = (place.step(1) - place.step(0)) / enlargement(stage);
    stage.classList.add("held");
    return {
      move: (event) => moveBy((start.clientX - event.clientX) * perPixel, before),
      end: () => stage.classList.remove("held"),
    };
  });
  stage.addEventListener("pointermove", (event) => {
    view.cursor = clamp(Math.round(pointed(event) / stride) * stride, 0, length - 1);
    drawSoon();
  });
  stage.addEventListener("pointerleave", () => {
    view.cursor = null;
    drawSoon();
  });

  // ---------------------------------------------------------------- overview

  drag(overview, (start) => {
    const { left, right, step } = strip;
    const [px, before] = [placeIn(overview, start)[0], { ...view }];
    const stepAt = (event) => step(placeIn(overview, event)[0]);
    // Keep a middle part to drag, also in a narrow handle.
    const outside = 7;
    const inward = Math.min(outside, (right - left) / 4);
    const pulls = (edge, sign) => sign * (px - edge) < outside && sign * (edge - px) < inward;
    // An edge resizes the visible part, the middle moves it; a press next to the handle centres it there.
    if (pulls(left, -1)) return { move: (event) => move(Math.min(before.to - 1, stepAt(event)), before.to) };
    if (pulls(right, 1)) return { move: (event) => move(before.from, Math.max(before.from + 1, stepAt(event))) };
    const at = step(px);
    const by = at < before.from || at > before.to ? at - (before.from + before.to) / 2 : 0;
    const carry = (event) => moveBy(stepAt(event) - at + by, before);
    carry(start);
    return { move: carry };
  });

  // ---------------------------------------------------------------- threshold

  drag(handle, () => {
    const { top, height } = place.score;
    const [low, high] = view.scoreRange;
    view.dragging = true;
    return {
      move: (event) => setThreshold(high - ((placeIn(stage, event)[1] - top) / height) * (high - low)),
      end: () => {
        view.dragging = false;
        drawSoon();
      },
    };
  });
  const shares = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.1, PageDown: -0.1 };
  onKey(handle, ({ key }) => {
    const [low, high] = view.scoreRange;
    const to = { Home: low, End: high }[key] ?? view.threshold + shares[key] * (high - low);
    return Number.isNaN(to) ? null : () => setThreshold(to);
  });
  field?.addEventListener("change", () => {
    if (field.value.trim() === "" && field.validity.valid) useThreshold(null);
    else if (Number.isFinite(field.valueAsNumber)) useThreshold(field.valueAsNumber);
  });

  function setThreshold(value) {
    // Round to the resolution of the picture, to a short number.
    const [low, high] = view.scoreRange;
    useThreshold(rounded(clamp(value, low, high), (high - low) / 1000));
  }

  function useThreshold(value) {
    if (value === view.threshold) return;
    updateEvents(value, null);
    act.threshold?.(value);
  }

  function updateEvents(threshold, given) {
    Object.assign(view, { threshold, given });
    result = compare(facts, data.scores, threshold, given);
    // The visited event may have changed or disappeared.
    const index = result.visit.findIndex((event) => event.start === view.selected);
    part(".event").textContent =
      index < 0 ? "" : eventText(result.visit, index, data.clock, peakOf(result.visit[index]));
    drawSoon();
  }

  // From the kernel.
  function update(threshold, given) {
    const same = threshold === view.threshold && (given === view.given || (!given && !view.given));
    // During a drag, ignore the kernel's echo of earlier values.
    if (!view.dragging && !same) updateEvents(threshold, given);
  }

  const stop = watchLooks(main, drawSoon);
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
    const names = ["facts", "given", "values", "scores", "reconstruction", "times"];
    const data = Object.fromEntries(names.map((name) => [name, model.get(`_${name}`)]));
    const threshold = (value) => tell(model, { threshold: value });
    const viewer = mount(el, { ...data, threshold: model.get("threshold") }, { threshold });
    const receive = () => viewer.update(model.get("threshold"), model.get("_given"));
    const unlisten = listen(model, { "change:threshold": receive, "change:_given": receive });
    return () => {
      unlisten();
      viewer.destroy();
    };
  },
};
