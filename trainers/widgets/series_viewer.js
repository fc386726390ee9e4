// A viewer of a series, its events and its threshold. In a notebook, anywidget synchronises the threshold with the
// kernel; an exported page works without a kernel.

import { clamp, many, plural, rounded, scaledRange, short, wheelFactor, withRoom } from "./plot.js";
import { WHEEL, build, drag, enlargement, escape, followSize, hintFor, keepKeys, listen, numbers } from "./page.js";
import { onKey, onNextFrame, parse, placeIn, refusal, setAttributes, setText, tell, wheelPixels } from "./page.js";
import { whenTyped, widthOf, zoomKeys } from "./page.js";
import { LEFT, drawMain, drawOverview, extent, focused, hasOutliers, makeClock, makeCurve } from "./series_plot.js";
import { makeCurves, palette, reading, timeText } from "./series_plot.js";

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
export function eventsToVisit(truth, found, { hit, right, unscored, tooMuch }) {
  const event =
    (row, kind) =>
    ([start, end], index) => ({ start, end, row, index, kind: kind(index) });
  if (!truth) return (found || []).map(event("found", () => "event found"));
  const outcome = (i) => (hit[i] ? (tooMuch ? "flagged" : "found") : unscored?.[i] ? "not scored" : "missed");
  const events = truth.map(event("truth", (i) => `true event${found ? `, ${outcome(i)}` : ""}`));
  const wrong = (found || []).map(event("found", () => "false alarm")).filter(({ index }) => !right[index]);
  return [...events, ...wrong].sort((a, b) => a.start - b.start);
}

// The parts that events have in common.
function common(events, others) {
  const parts = [];
  let [i, j] = [0, 0];
  while (i < events.length && j < others.length) {
    const [start, end] = [Math.max(events[i][0], others[j][0]), Math.min(events[i][1], others[j][1])];
    if (start < end) parts.push([start, end]);
    if (events[i][1] <= others[j][1]) i++;
    else j++;
  }
  return parts;
}

// The number of steps of events that have a score; of all their steps without scores.
function scoredSteps(events, scores, { stride }) {
  // Number of scored groups of steps before each group.
  if (scores && !scores.before) {
    scores.before = new Uint32Array(scores.values.length + 1);
    scores.values.forEach((score, i) => (scores.before[i + 1] = scores.before[i] + !Number.isNaN(score)));
  }
  const before = (step) => {
    const group = Math.floor(step / stride);
    return stride * scores.before[group] + (Number.isNaN(scores.values[group]) ? 0 : step % stride);
  };
  return events.reduce((sum, [start, end]) => sum + (scores ? before(end) - before(start) : end - start), 0);
}

// The events found at a threshold, or the given ones, compared with the true events.
export function compare(facts, scores, threshold, given) {
  const above = scores && threshold !== null ? runsAbove(scores.values, threshold, facts.stride, facts.length) : null;
  const found = given || above;
  const truth = facts.true || [];
  const compared = compareEvents(truth, found || []);
  const steps = (events) => scoredSteps(events, scores, facts);
  compared.unscored = truth.map((event) => !steps([event]));
  // Numbers of steps: scored, flagged, and normal ones. Given events may contain steps that are not flagged.
  const [flagged, hits] = [above || found || [], common(found || [], truth)];
  const scored = steps([[0, facts.length]]);
  const normal = scored - steps(truth);
  const share = steps(flagged) / scored;
  const falseShare = normal && (steps(flagged) - steps(common(flagged, truth))) / normal;
  compared.tooMuch = share > MUCH_FLAGGED && (!facts.true || falseShare > MUCH_FLAGGED / 2);
  const visit = eventsToVisit(facts.true, found, compared);
  const numbers = { truth: [], found: [] };
  visit.forEach(({ row, index }, i) => (numbers[row][index] = i + 1));
  // Found events that join true events through more normal than abnormal steps.
  let [joined, next] = [0, 0];
  for (const event of facts.true ? found || [] : []) {
    const inside = [];
    for (; next < hits.length && hits[next][1] <= event[1]; next++) inside.push(hits[next]);
    if (inside.length > 1 && 2 * (steps([event]) - steps(inside)) > event[1] - event[0]) joined++;
  }
  return { truth: facts.true, found, compared, visit, numbers, scored, all: scored === facts.length, share, joined };
}

// ---------------------------------------------------------------- texts

function span(start, end, clock) {
  const ends = end - start > 1 ? [start, end - 1] : [start];
  const steps = `${ends.length > 1 ? "steps" : "step"} ${ends.map((step) => many(step)).join(" to ")}`;
  return clock.kind === "step" ? steps : `${steps} (${ends.map((step) => timeText(clock, step)).join(" to ")})`;
}

function eventText(events, index, clock, peak) {
  const { kind, start, end } = events[index];
  const score = peak === null ? "" : `; highest score ${reading(peak)}`;
  return `event ${many(index + 1)} of ${many(events.length)}: ${kind}, ${span(start, end, clock)}${score}`;
}

// The numbers of events, and the share of the steps that is flagged. If many normal steps are flagged, the text says so
// instead of the numbers of missed events and false alarms. The kernel writes the same text.
export function countText({ truth, found, compared, scored, all, share, joined }, stride = 1) {
  const events = truth ? plural(truth.length, "true event") : "no events given";
  if (!found) return events;
  if (!scored) return truth ? `${events}; nothing is scored` : "nothing is scored";
  const steps = `${stride > 1 ? "at most " : ""}${percent(share)} of the ${all ? "" : "scored "}steps`;
  const hits = compared.hit.filter(Boolean).length;
  if (compared.tooMuch) {
    const text = `${share === 1 ? "everything" : "too much"} is flagged: ${steps}`;
    return truth ? `${text}; true events among them: ${many(hits)} of ${many(truth.length)}` : text;
  }
  if (!truth) return `${plural(found.length, "event")} found; ${steps} flagged`;
  const cover = `but ${plural(joined, "found event")} join${joined === 1 ? "s" : ""} several true events`;
  const wrong = compared.right.filter((right) => !right).length;
  const unscored = compared.hit.filter((hit, i) => !hit && compared.unscored[i]).length;
  const missed = `${truth.length - hits - unscored} missed${unscored ? `, ${unscored} not scored` : ""}`;
  return `${events}: ${hits} found${joined ? ` (${cover})` : ""}, ${missed}; ${plural(wrong, "false alarm")}; ${steps} flagged`;
}

// Only 0 and 1 become "0 %" and "100 %".
export function percent(share) {
  if (share > 0 && share < 1e-5) return "under 0.001 %";
  return share > 0.999 && share < 1 ? "over 99.9 %" : `${short(100 * share, share > 0.99 ? 3 : 2)} %`;
}

// Describes a step: time, visible features, score.
function pointText({ facts, clock, curves, reconstruction, scores }, shown, step) {
  const i = Math.floor(step / facts.stride);
  const time = timeText(clock, step);
  const values = shown.features.map((f) => {
    const [low, high] = extent(curves[f]);
    const other = shown.reconstruction ? reconstruction?.[f].values[i] : NaN;
    return `; ${facts.features[f]} ${reading(curves[f].values[i], high - low)}${Number.isFinite(other) ? ` (reconstruction ${reading(other, high - low)})` : ""}`;
  });
  const unscored = step < facts.training ? "; training part, not scored" : "; not scored";
  const score = !scores ? "" : Number.isNaN(scores.values[i]) ? unscored : `; score ${reading(scores.values[i])}`;
  return `step ${many(step)}${time && ` (${time})`}${values.join("")}${score}`;
}

// Describes the picture for screen readers.
function pictureText({ facts, scores }, result, threshold, part) {
  const level = threshold === null ? "" : ` with the threshold ${short(threshold, 3)}`;
  const score = scores ? ` The score is drawn below the signal${level}.` : "";
  const border = facts.training ? ` The first ${plural(facts.training, "step")} are the training part.` : "";
  return `${facts.name}, ${plural(facts.features.length, "feature")}: ${part}.${score}${border} The whole series has ${countText(result, facts.stride)}.`;
}

// What a reader may not expect of these data.
function noteText({ facts: { stride }, scores, curves, outlying }) {
  const notes = [];
  if (stride > 1)
    notes.push(
      `This long series is downsampled: the page has the lowest and highest values and scores of every ${stride} steps, so events are exact to ${stride} steps.`,
    );
  if (outlying) notes.push("A few values are outliers: focus fits the axis to the other values.");
  if (!curves.some((curve) => extent(curve)[0] <= extent(curve)[1])) notes.push("The series has no values.");
  if (!scores) notes.push("No scores are given, so there is no threshold.");
  return notes.join(" ");
}

// ---------------------------------------------------------------- widget

// At first, LANES features are shown.
const [LANES, MAX_ROWS, MIN_STEPS] = [6, 200, 10];
// As in series_viewer.py.
const MUCH_FLAGGED = 0.2;

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

function skeleton(data) {
  const { facts, reconstruction, scores, outlying } = data;
  const names = facts.features.map(escape);
  const when = (condition, html) => (condition ? html : "");
  const box = (name, i) => `<label><input type="checkbox" value="${i}">${name}</label>`;
  return `<div class="counts" role="status"></div>
    <div class="bar"><button type="button" data-do="previous">◀ previous event</button><button type="button" data-do="next">next event ▶</button>
      <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button><button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
      <button type="button" data-do="whole" title="show all ${plural(facts.length, "step")} (0)">whole series</button><button type="button" data-do="fit" aria-pressed="false" title="fit the height to the visible part">fit height</button>
      ${when(outlying, '<button type="button" data-do="focus" aria-pressed="false" title="fit the height to nearly all values; triangles mark the others at the edge">focus</button>')}
      ${when(scores, `<label>${swatch("threshold")}threshold <input type="text" inputmode="decimal" autocomplete="off" class="at"></label>`)}
      ${when(names.length > 1, `<details class="choose"><summary></summary><div class="menu" role="group" aria-label="features to show">${names.map(box).join("")}</div>${when(names.length > LANES, `<button type="button" data-do="others">next ${LANES}</button>`)}</details>`)}</div>
    <div class="legend"><span>${swatch("signal")}signal</span>
      ${when(reconstruction, `<label><input type="checkbox" class="reconstruction" checked>${swatch("reconstruction")}reconstruction</label>`)}
      ${when(facts.true, `<span>${swatch("truth")}true event</span>`)}
      <span class="of-found" hidden>${swatch("found")}found event</span>
      ${when(facts.true, "<span>hollow: missed, or false alarm</span>")}</div>
    <p class="event" role="status"></p>
    <div class="stage" tabindex="0" role="group" aria-label="Series. The arrow keys move, plus and minus zoom, Home and End go to the ends, N and P go to the next and previous event, Shift with an arrow key moves the cursor by one step.">
      <canvas class="main" role="img"></canvas><div class="threshold" role="slider" tabindex="0" aria-orientation="vertical" aria-label="threshold" hidden></div>
      <div class="hint" aria-hidden="true"></div></div>
    <canvas class="overview" tabindex="0" role="slider"></canvas>
    <p class="words" aria-live="off"></p><p class="note">${noteText(data)}</p>
    <details class="list"><summary>events as a table</summary><div class="table"></div></details>`;
}

// Builds a viewer in `root`. `act.threshold(value)` is called when the user sets the threshold.
export function mount(root, { facts, threshold, given, ...binary }, act = {}) {
  const { stride, length } = facts;
  const [scores, lowScores] = [binary.scores, binary.low_scores].map((packed) => numbers(packed, Float64Array));
  const data = {
    facts,
    curves: makeCurves(binary.values, facts.features.length),
    reconstruction: makeCurves(binary.reconstruction, facts.features.length),
    scores: scores.length ? makeCurve(scores, lowScores.length ? lowScores : scores) : null,
    clock: makeClock(facts.clock, numbers(binary.times, Float64Array), stride),
  };
  data.outlying = [...data.curves, ...(data.scores ? [data.scores] : [])].some(hasOutliers);
  const full = [-0.5, length - 0.5];
  const shortest = Math.min(length, MIN_STEPS * stride);
  const lanesFrom = (first) => data.curves.map((_, f) => f).slice(first, first + LANES);
  const view = { from: full[0], to: full[1], features: lanesFrom(0), reconstruction: true, threshold, given };
  Object.assign(view, { fit: false, focus: false, dragging: false });
  Object.assign(view, { cursor: null, selected: null, hovered: null, scoreRange: null });
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
    view.labelled = 1 + (view.hovered ?? result.visit.findIndex((event) => event.start === view.selected));
    place = drawMain(main, data, result, view, width);
    strip = drawOverview(overview, data, result, view, width);
    const shown = `${span(Math.ceil(view.from), Math.floor(view.to) + 1, data.clock)} of ${many(length)}`;
    main.setAttribute("aria-label", pictureText(data, result, view.threshold, shown));
    setAttributes(overview, {
      "aria-label": `visible part of the series; the overview shows ${facts.features[view.features[0]]}`,
      "aria-valuemin": 0,
      "aria-valuemax": length - 1,
      "aria-valuenow": Math.max(0, Math.ceil(view.from)),
      "aria-valuetext": shown,
    });
    const words = view.cursor === null ? viewText(shown) : pointText(data, view, view.cursor);
    part(".words").textContent = view.hovered === null ? words : textOf(view.hovered);
    // During a drag of the threshold, screen readers read only the last numbers.
    part(".counts").ariaLive = view.dragging ? "off" : "polite";
    setText(part(".counts"), countText(result, stride));
    part(".of-found").hidden = !result.found;
    showThreshold(width);
    if (part(".list").open) showTable();
  }

  // Says what is visible, and what one pixel column contains.
  function viewText(shown) {
    const steps = Math.round(place.perPixel);
    const part = [Math.floor(view.from / stride), Math.ceil(view.to / stride) + 1];
    const empty = view.features.filter((f) => extent(data.curves[f], ...part)[0] === Infinity);
    const names = data.curves.length > 1 ? ` of ${empty.map((f) => facts.features[f]).join(", ")}` : "";
    const missing = empty.length ? `; no values${names} here` : "";
    const columns = `; each column of pixels shows the lowest and highest of ${many(steps)} steps`;
    return `showing ${shown}${missing}${steps > 1 ? columns : ""}`;
  }

  function scoreRange() {
    const [low, high] = focused(extent(data.scores), data.scores, view.focus);
    const t = view.threshold;
    return t === null ? withRoom(low, high) : withRoom(Math.min(low, t), Math.max(high, t));
  }

  function showThreshold(width) {
    const t = view.threshold;
    handle.hidden = t === null;
    if (field && document.activeElement !== field) field.value = written();
    if (handle.hidden) return;
    Object.assign(handle.style, { left: `${LEFT}px`, width: `${width - LEFT - 2}px`, top: `${place.score.y(t)}px` });
    const [low, high] = view.scoreRange;
    const text = `${short(t, 3)}: ${countText(result, stride)}`;
    setAttributes(handle, { "aria-valuemin": low, "aria-valuemax": high, "aria-valuenow": t, "aria-valuetext": text });
  }

  function showTable() {
    const events = result.visit;
    const rows = events.slice(0, MAX_ROWS).map((event, i) => {
      const score = data.scores ? `<td>${reading(peakOf(event))}</td>` : "";
      return `<tr data-event="${i}"><td><button type="button" aria-label="show event ${i + 1}">${i + 1}</button></td><td>${event.kind}</td><td>${span(event.start, event.end, data.clock)}</td>${score}</tr>`;
    });
    const more = events.length > MAX_ROWS ? `<p>The first ${MAX_ROWS} of ${many(events.length)}.</p>` : "";
    const text = `<table><thead><tr><th>event</th><th>kind</th><th>steps</th>${data.scores ? "<th>highest score</th>" : ""}</tr></thead><tbody>${rows.join("")}</tbody></table>${more}`;
    // Replace the table only if it changed, to keep the keyboard focus.
    if (text === view.table) return;
    part(".table").innerHTML = view.table = text;
    keepKeys(part(".table"));
  }

  // ---------------------------------------------------------------- moving

  function show(from, to) {
    [view.from, view.to] = scaledRange([from, to], 1, (from + to) / 2, full, shortest);
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
    move(...scaledRange([view.from, view.to], factor, at, full, shortest));
  }

  const scoresOf = ({ start, end }) => [Math.floor(start / stride), Math.ceil(end / stride)];
  const peakOf = (event) => (data.scores ? extent(data.scores, ...scoresOf(event))[1] : null);
  const textOf = (index) => eventText(result.visit, index, data.clock, peakOf(result.visit[index]));

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
    part(".event").textContent = index < 0 ? "" : textOf(index);
  }
  const visit = (index) => lookAt(result.visit[index]);
  // Sent by a page around the viewer, such as a table of events.
  root.addEventListener("kit-show", ({ detail }) => lookAt(detail));

  // Visits the next or the previous event.
  function step(direction) {
    const here = view.selected ?? (isFull() ? -direction * Infinity : (view.from + view.to) / 2);
    const [events, ahead] = [result.visit, direction > 0];
    const index = ahead ? events.findIndex((e) => e.start > here) : events.findLastIndex((e) => e.start < here);
    const none = events.length ? `no event ${ahead ? "after" : "before"} this one` : "no events";
    if (index >= 0) visit(index);
    else part(".event").textContent = none;
  }

  function read(by) {
    const to = view.cursor === null ? Math.round((view.from + view.to) / 2) : view.cursor + by * stride;
    view.cursor = clamp(to, 0, length - 1);
    if (view.cursor < view.from || view.cursor > view.to) pan(by / 2);
    drawSoon();
  }

  const toggle = (name) => {
    view[name] = !view[name];
    part(`[data-do="${name}"]`).setAttribute("aria-pressed", view[name]);
    drawSoon();
  };
  const actions = {
    previous: () => step(-1),
    next: () => step(1),
    in: () => zoom(0.5),
    out: () => zoom(2),
    whole: () => move(...full),
    fit: () => toggle("fit"),
    focus: () => toggle("focus"),
    others: () => {
      const next = view.features.at(-1) + 1;
      choose(lanesFrom(next < data.curves.length ? next : 0));
    },
  };
  const moves = { ArrowLeft: () => pan(-0.1), ArrowRight: () => pan(0.1), ArrowUp: actions.in, ArrowDown: actions.out };
  const ends = { Home: () => moveBy(-length), End: () => moveBy(length) };
  const pages = { PageUp: () => pan(-0.9), PageDown: () => pan(0.9), ...ends, n: actions.next, p: actions.previous };
  const keys = { ...zoomKeys(actions.in, actions.out, actions.whole), ...moves, ...pages };

  // ---------------------------------------------------------------- buttons and keys

  root.addEventListener("click", (event) => {
    const { do: action, event: index } = event.target.closest("[data-do], [data-event]")?.dataset ?? {};
    if (action) actions[action]();
    else if (index) visit(Number(index));
  });
  part("input.reconstruction")?.addEventListener("change", (event) => {
    view.reconstruction = event.target.checked;
    drawSoon();
  });
  // Shows these features; the last one cannot be removed.
  function choose(features) {
    if (!features.length) return choose(view.features);
    view.features = features;
    part(".choose summary").textContent = `features: ${features.length} of ${many(data.curves.length)}`;
    for (const box of root.querySelectorAll(".menu input")) box.checked = features.includes(Number(box.value));
    drawSoon();
  }
  if (data.curves.length > 1) choose(view.features);
  part(".menu")?.addEventListener("change", () =>
    choose([...root.querySelectorAll(".menu :checked")].map((box) => Number(box.value))),
  );
  part(".list").addEventListener("toggle", drawSoon);

  const keyAction = ({ target, currentTarget, key, shiftKey }) => {
    if (target !== currentTarget) return null;
    const reads = shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[key];
    return reads ? () => read(reads) : keys[key.length === 1 ? key.toLowerCase() : key];
  };
  onKey(stage, keyAction);
  onKey(overview, keyAction);

  // ---------------------------------------------------------------- picture

  const pointed = (event) => place.step(placeIn(stage, event)[0]);

  // The number of the event in the event rows at the mouse, or null.
  function eventAt(event) {
    const [px, py] = placeIn(stage, event);
    const row = Object.keys(place.rows).find(
      (name) => py >= place.rows[name].top && py < place.rows[name].top + place.rows[name].height,
    );
    const box = row && place.rows[row].boxes.find(({ left, right }) => px >= left - 2 && px <= right + 2);
    if (!box) return null;
    const [start, end] = result[row][box.index];
    // A found event that overlaps a true event leads to it.
    const index = result.visit.findIndex((other) => other.start < end && start < other.end);
    return index < 0 ? null : index;
  }

  const hint = hintFor(part(".hint"));
  const turn = (event) => {
    const by = wheelPixels(event, event.deltaY || event.deltaX);
    const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    // Without the key, let the wheel scroll the page.
    if (!sideways && !event.ctrlKey && !event.metaKey) return hint(WHEEL);
    if (sideways && isFull()) return;
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
      end: (event) => {
        stage.classList.remove("held");
        const index = eventAt(event);
        const still = Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < 4;
        if (event.type === "pointerup" && still && index !== null) visit(index);
      },
    };
  });
  stage.addEventListener("pointermove", (event) => {
    view.cursor = clamp(Math.round(pointed(event) / stride) * stride, 0, length - 1);
    view.hovered = eventAt(event);
    stage.classList.toggle("on-event", view.hovered !== null);
    drawSoon();
  });
  stage.addEventListener("pointerleave", () => {
    view.cursor = view.hovered = null;
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
        part(".counts").textContent = ""; // is written again, and read aloud
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
  const written = () => (view.threshold === null ? "" : short(view.threshold, 6));
  const clear =
    field &&
    whenTyped(field, (text) => {
      const value = parse(text);
      const valid = value !== null || !text.trim();
      // The field shows a rounded threshold: an unchanged text must not change the threshold.
      if (valid && text !== written()) useThreshold(value);
      field.value = written();
      if (!valid) return refusal("threshold", "a number such as 2.5", text);
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
    clear?.();
    result = compare(facts, data.scores, threshold, given);
    // The visited event may have changed or disappeared.
    const index = result.visit.findIndex((event) => event.start === view.selected);
    part(".event").textContent = index < 0 ? "" : textOf(index);
    view.hovered = null;
    drawSoon();
  }

  // From the kernel.
  function update(threshold, given) {
    const same = threshold === view.threshold && (given === view.given || (!given && !view.given));
    // During a drag, ignore the kernel's echo of earlier values.
    if (!view.dragging && !same) updateEvents(threshold, given);
  }

  const stops = [watchLooks(main, drawSoon), frames.cancel, hint];
  draw();
  return { update, destroy: () => stops.forEach((stop) => stop()) };
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
    const names = ["facts", "given", "values", "scores", "low_scores", "reconstruction", "times"];
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
