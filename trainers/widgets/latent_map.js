// A map of the latent space with the sequences next to it. In a notebook, anywidget synchronises the pinned sequence
// with the kernel's `selected`; an exported page works without a kernel.

import { bulkOf, clamp, many, rangeOf, scaledRange, short, svgAxes, tickLabels, ticks } from "./plot.js";
import { union, withRoom } from "./plot.js";
import { MODIFIER, build, clipped, drag, escape, followSize, hintFor, keepKeys, listen } from "./page.js";
import { numbers, onKey, onNextFrame, onWheel, placeIn, refusal, setText, sharpPen, tell } from "./page.js";
import { whenTyped, widthOf, zoomKeys } from "./page.js";
import { offerFeatures, outliersOf, pictureRanges, pictureStrips, sequenceLines, unpack } from "./sequences.js";

// ---------------------------------------------------------------- points

// Maximum zoom factor: points closer than that look like one.
const MAX_ZOOM = 2000;

function prepare(data) {
  const [places, labels] = [numbers(data.places, Float64Array), numbers(data.labels, Int32Array)];
  const n = places.length / 2;
  const scene = { ...data, n, places, pictures: unpack(data.pictures), members: data.classes.map(() => []) };
  scene.kind = (i) => (labels ? labels[i] : 0);
  for (let i = 0; i < n; i++) scene.members[scene.kind(i)].push(i);
  // Large classes first, so that rare ones are drawn on top.
  scene.byRarity = scene.members.map((_, k) => k).sort((a, b) => scene.members[b].length - scene.members[a].length);
  const ends = [0, 1].map((axis) => rangeOf(places, axis, places.length, 2));
  scene.full = ends.map((range) => withRoom(...range, 0.04));
  // A focus is offered if it at least doubles the scale of an axis.
  const bulks = [0, 1].map((axis) => bulkOf(places.filter((_, i) => i % 2 === axis).sort()));
  const far = bulks.map(([low, high], axis) => high - low < (ends[axis][1] - ends[axis][0]) / 2);
  scene.focus = far.some(Boolean) ? bulks.map((bulk, i) => (far[i] ? withRoom(...bulk, 0.04) : scene.full[i])) : null;
  const inFocus = (v, i) => v >= scene.focus[i % 2][0] && v <= scene.focus[i % 2][1];
  scene.far =
    scene.focus && scene.places.filter((v, i) => i % 2 && !(inFocus(v, 1) && inFocus(places[i - 1], 0))).length;
  scene.stacks = stacksOf(places, scene.focus ?? scene.full);
  scene.stackOf = new Map(scene.stacks.flatMap((members) => members.map((i) => [i, members])));
  scene.steady = steadyRanges(scene.pictures);
  return scene;
}

// Groups of points that no zoom separates, the largest first.
export function stacksOf(places, [[left, right], [bottom, top]]) {
  const groups = new Map();
  for (let i = 0; i < places.length / 2; i++) {
    const shares = [(places[2 * i] - left) / (right - left), (places[2 * i + 1] - bottom) / (top - bottom)];
    const key = shares.map((share) => Math.round(1e6 * share)).join();
    if (groups.has(key)) groups.get(key).push(i);
    else groups.set(key, [i]);
  }
  return [...groups.values()].filter((group) => group.length > 1).sort((a, b) => b.length - a.length);
}

// Pixels of every point: x and y alternate.
export function onScreen({ n, places }, [[low, high], [bottom, top]], frame) {
  const spots = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    spots[2 * i] = frame.left + ((places[2 * i] - low) / (high - low)) * (frame.right - frame.left);
    spots[2 * i + 1] = frame.top + ((top - places[2 * i + 1]) / (top - bottom)) * (frame.bottom - frame.top);
  }
  return spots;
}

// The nearest point, or null if there is none `within` this distance. A loop over thousands takes microseconds.
export function nearest(spots, seen, x, y, within = Infinity) {
  let [best, least] = [null, within * within];
  for (let i = 0; i < spots.length / 2; i++) {
    const distance = (spots[2 * i] - x) ** 2 + (spots[2 * i + 1] - y) ** 2;
    if (distance <= least && (best === null || distance < least) && seen(i)) [best, least] = [i, distance];
  }
  return best;
}

const DIRECTIONS = {
  ArrowRight: [1, 0, "right"],
  ArrowLeft: [-1, 0, "left"],
  ArrowDown: [0, 1, "down"],
  ArrowUp: [0, -1, "up"],
};

// The nearest point in the direction of an arrow key, within 45 degrees, or null. Among points in the same place, right
// and down go to the next index, left and up to the previous one, so that every point can be reached.
export function towards(spots, seen, from, key) {
  const [ahead, down] = DIRECTIONS[key];
  const onwards = ahead + down > 0;
  let [best, least] = [null, Infinity];
  for (let i = 0; i < spots.length / 2; i++) {
    const [dx, dy] = [spots[2 * i] - spots[2 * from], spots[2 * i + 1] - spots[2 * from + 1]];
    const [along, across] = [dx * ahead + dy * down, Math.abs(dx * down) + Math.abs(dy * ahead)];
    const same = !dx && !dy;
    if (same ? i === from || i > from !== onwards : along <= 0 || across > along) continue;
    const distance = dx * dx + dy * dy;
    if ((onwards ? distance < least : distance <= least) && seen(i)) [best, least] = [i, distance];
  }
  return best;
}

// ---------------------------------------------------------------- visible part

const zoomOf = (window, full) => (full[0][1] - full[0][0]) / (window[0][1] - window[0][0]);

// Shifts a range so that it stays within the full range.
const bounded = (range, limits) => scaledRange(range, 1, range[0], limits, 0);

// Zooms around `at`, which keeps its position.
export function zoomed(window, full, factor, at) {
  const wanted = clamp(zoomOf(window, full) * factor, 1, MAX_ZOOM);
  if (wanted === 1) return full;
  const change = zoomOf(window, full) / wanted;
  return window.map((range, axis) => scaledRange(range, change, at[axis], full[axis], 0));
}

// The window itself if it contains the place, else one of the same size around the place.
export function showing(window, full, place) {
  if (window.every(([low, high], axis) => place[axis] >= low && place[axis] <= high)) return window;
  return window.map(([low, high], axis) => {
    const half = (high - low) / 2;
    return bounded([place[axis] - half, place[axis] + half], full[axis]);
  });
}

// ---------------------------------------------------------------- map

// The same shapes in the same order as in latent_map.py.
const SHAPES = [
  "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z",
  "M-.9 -.9H.9V.9H-.9Z",
  "M0 -1.2L1.15 .8H-1.15Z",
  "M0 -1.35L1.15 0L0 1.35L-1.15 0Z",
  "M0 1.2L1.15 -.8H-1.15Z",
  "M-.4 -1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
  "M0 -1.4L.37 -.5L1.33 -.43L.6 .2L.82 1.13L0 .62L-.82 1.13L-.6 .2L-1.33 -.43L-.37 -.5Z",
];
const [TOP, RIGHT, BOTTOM] = [8, 12, 40];

const shape = (look, x, y, size) =>
  `<path d="${SHAPES[look.shape]}" fill="${look.color}" transform="translate(${x} ${y}) scale(${size})" />`;
const named = (scene, i) => [`sequence ${i}`, scene.classes[scene.kind(i)].name].filter(Boolean).join(", ");
// Width of the longest label next to a vertical axis.
const labelWidth = (labels) => 10 + 7.2 * Math.max(2, ...labels.map((text) => text.length));

// Edges of the plot in a picture of this width, and the ticks along it.
function mapFrame([across, upright], width) {
  const height = Math.round(clamp(0.72 * width, 260, 460));
  const rows = ticks(...upright, 5);
  const left = 18 + labelWidth(tickLabels(rows));
  const columns = ticks(...across, (width - left) / 80);
  return { left, top: TOP, right: width - RIGHT, bottom: height - BOTTOM, height, rows, columns };
}

function drawAxes(scene, [[low, high], [bottom, top]], frame) {
  const [rowLabels, columnLabels] = [tickLabels(frame.rows), tickLabels(frame.columns)];
  const columns = frame.columns.map((value, i) => {
    const at = frame.left + ((value - low) / (high - low)) * (frame.right - frame.left);
    return { at, label: columnLabels[i], x: Math.min(frame.right + RIGHT - 3.6 * columnLabels[i].length, at) };
  });
  const rows = frame.rows.map((value, i) => {
    const at = frame.top + ((top - value) / (top - bottom)) * (frame.bottom - frame.top);
    return { at, label: rowLabels[i] };
  });
  const look = { gap: 7, drop: 17, foot: 34, side: 13, grid: false, ticked: true, names: scene.axes.map(escape) };
  return svgAxes(frame, rows, columns, look);
}

const inFrame = ({ left, right, top, bottom }, x, y) =>
  x >= left - 1 && x <= right + 1 && y >= top - 1 && y <= bottom + 1;

// Paints a class's mark once; copying it is many times faster than drawing each point.
function paintMark({ shape, color }, radius, ratio) {
  const mark = document.createElement("canvas");
  mark.width = mark.height = Math.ceil(2 * (1.4 * radius + 1.5) * ratio);
  const brush = mark.getContext("2d");
  const path = new Path2D(SHAPES[shape]);
  brush.setTransform(radius * ratio, 0, 0, radius * ratio, mark.width / 2, mark.width / 2);
  Object.assign(brush, { fillStyle: color, strokeStyle: color, globalAlpha: 0.6, lineWidth: 0.9 / radius });
  brush.fill(path);
  brush.globalAlpha = 1;
  brush.stroke(path);
  return mark;
}

function drawPoints(pen, scene, view, frame) {
  const ratio = pen.getTransform().a;
  const larger = Math.min(2, zoomOf(view.window, view.full) ** 0.3);
  clipped(pen, frame.left, 0, frame.right + RIGHT, frame.bottom, () => {
    for (const kind of scene.byRarity.filter((kind) => !view.hidden.has(kind))) {
      // Small classes get larger marks, to be seen among many points.
      const count = scene.members[kind].length;
      const mark = paintMark(scene.classes[kind], larger * (count > 2000 ? 2.6 : count > 400 ? 3 : 4), ratio);
      const side = mark.width / ratio;
      for (const i of scene.members[kind]) {
        const [x, y] = [view.spots[2 * i], view.spots[2 * i + 1]];
        if (inFrame(frame, x, y)) pen.drawImage(mark, x - side / 2, y - side / 2, side, side);
      }
    }
  });
}

// The number of shown points beside each place with several, and at the edges the numbers of those outside the frame.
function drawCounts(scene, view, frame) {
  const seen = (i) => !view.hidden.has(scene.kind(i));
  const at = (i) => [view.spots[2 * i], view.spots[2 * i + 1]];
  const text = (x, y, words, anchor) => `<text class="count" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;
  const taken = [];
  const stacks = scene.stacks.map((members) => {
    const [[x, y], count] = [at(members[0]), members.filter(seen).length];
    const free = taken.every((one) => Math.abs(one[0] - x) > 50 || Math.abs(one[1] - y) > 14);
    if (count < 2 || !free || !inFrame(frame, x, y)) return "";
    taken.push([x, y]);
    const atEnd = x > frame.right - 60;
    return text(atEnd ? x - 12 : x + 12, Math.max(frame.top + 12, y - 10), `×${many(count)}`, atEnd ? "end" : "start");
  });
  const { left, right, top, bottom } = frame;
  const outside = { left: 0, right: 0, above: 0, below: 0 };
  for (let i = 0; i < scene.n; i++) {
    const [x, y] = at(i);
    if (inFrame(frame, x, y) || !seen(i)) continue;
    outside[x < left ? "left" : x > right ? "right" : y < top ? "above" : "below"]++;
  }
  const [middle, height] = [(left + right) / 2, (top + bottom) / 2];
  const edges = [
    outside.left && text(left + 6, height, `← ${many(outside.left)}`, "start"),
    outside.right && text(right - 6, height, `${many(outside.right)} →`, "end"),
    outside.above && text(middle, top + 14, `↑ ${many(outside.above)}`, "middle"),
    outside.below && text(middle, bottom - 8, `↓ ${many(outside.below)}`, "middle"),
  ];
  return stacks.join("") + edges.filter(Boolean).join("");
}

// What is special about the map now.
function stateText(scene, view) {
  const { n, classes, full, far, stacks } = scene;
  if (view.hidden.size === classes.length) return "All classes are hidden. A click on a class's name shows it.";
  if (n === 1) return "The map has only one sequence.";
  if (stacks[0]?.length === n) return `All ${many(n)} sequences are in the same place.`;
  if (view.window !== full) return "Numbers at the edges count the sequences outside the visible part.";
  return far ? `${outliersOf(far, n, "sequence")}: focus fits the map to the other sequences.` : "";
}

// A ring marks the current point, a ring with a cross the pinned one.
const ring = (pinned) => `<circle r="9"/>${pinned ? '<path d="M0 -15v6M0 15v-6M-15 0h6M15 0h-6"/>' : ""}`;

function drawMark(scene, view, frame, i, pinned) {
  if (i === null || view.hidden.has(scene.kind(i))) return "";
  const [x, y] = [view.spots[2 * i], view.spots[2 * i + 1]];
  if (!inFrame(frame, x, y)) return "";
  const look = pinned ? "pinned" : "current";
  return `${shape(scene.classes[scene.kind(i)], x, y, 5)}<g class="mark ${look}" transform="translate(${x} ${y})">
    <g class="halo">${ring(pinned)}</g>${ring(pinned)}</g>`;
}

function drawLegend({ classes, members }) {
  const button = (one, k) => `<button type="button" data-kind="${k}" aria-pressed="true" title="hide or show">
    <svg class="swatch" width="16" height="16" aria-hidden="true" style="color: ${one.color}">${shape(one, 8, 8, 5)}</svg>${escape(one.name)} <span>(${many(members[k].length)})</span></button>`;
  return classes.map(button).join("");
}

// ---------------------------------------------------------------- sequences next to the map

// The range of each feature without the outermost 1 %, so that one outlier does not flatten the others.
export function steadyRanges({ sequences, features }) {
  const every = features * Math.max(1, Math.floor(sequences.length / features / 50_000));
  return Array.from({ length: features }, (_, feature) => {
    const count = Math.ceil((sequences.length - feature) / every);
    const some = Float32Array.from({ length: count }, (_, i) => sequences[feature + i * every]);
    const sorted = some.filter((v) => Number.isFinite(v)).sort();
    if (!sorted.length) return [Infinity, -Infinity];
    return [0.005, 0.995].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
  });
}

// One scale for all sequences, extended if a shown sequence exceeds it.
function sharedRanges({ pictures, steady }, shown) {
  const drawn = pictureRanges(pictures, shown);
  return pictures.shown.map((feature, i) => withRoom(...union(steady[feature], drawn[i]), 0));
}

// A sequence, its reconstruction and its axes.
function drawSequence({ pictures, classes, kind }, i, ranges, width, about) {
  const { all_features: all, shown, time } = pictures;
  const features = shown.length;
  const row = pictures.row.get(i);
  if (row === undefined)
    return '<p class="quiet">This sequence is not in the page, which holds at most 2 million values.</p>';
  const height = features === 1 ? 120 : 62 * features;
  const strips = pictureStrips(ranges, height);
  const marks = ranges.map((range) => ticks(...range, features === 1 ? 4 : 3));
  const labels = marks.map((values) => tickLabels(values));
  const [left, right] = [labelWidth(labels.flat()), width - RIGHT];
  const x = (share) => left + share * (right - left);
  const rows = marks.flatMap((values, feature) =>
    values.map((value, m) => ({ at: strips[feature](value), label: labels[feature][m], feature })),
  );
  const steps = time > 1 ? ticks(0, time - 1, (width - left) / 70).filter(Number.isInteger) : [0];
  const columns = steps.map((step) => {
    const at = x(step / Math.max(1, time - 1));
    return { at, label: step, x: Math.min(width - 4 * String(step).length, at) };
  });
  const name = (_, f) =>
    `<text class="feature" x="${right}" y="${(height / features) * f + 11}" text-anchor="end">feature ${shown[f] + 1}</text>`;
  const look = { gap: 5, drop: 15, foot: 30, names: ["time step"] };
  return `<svg class="plot" viewBox="0 0 ${width} ${height + 34}" height="${height + 34}" role="img" aria-label="${escape(about)}">
    ${svgAxes({ left, right, top: 0, bottom: height }, rows, columns, look)}${all > 1 ? strips.map(name).join("") : ""}
    <g style="--line: ${classes[kind(i)].color}">${sequenceLines(pictures, row, strips, x)}</g></svg>`;
}

// A card next to the map: mark, name and picture of a sequence.
function drawCard(scene, i, pinned, ranges, width) {
  const words = named(scene, i);
  const about = scene.pictures.reconstructions ? `${words}, with its reconstruction` : words;
  const mark = shape(scene.classes[scene.kind(i)], 0, 0, 5) + ring(pinned);
  return `<figcaption><svg class="mark" width="34" height="34" viewBox="-17 -17 34 34" aria-hidden="true">${mark}</svg>
    <b>${escape(words)}</b>${pinned ? "<span>pinned</span>" : ""}</figcaption>${drawSequence(scene, i, ranges, width, about)}${drawStack(scene, i)}`;
}

function drawStack({ stackOf }, i) {
  const stack = stackOf.get(i);
  if (!stack) return "";
  return `<p class="quiet">Number ${many(stack.indexOf(i) + 1)} of ${many(stack.length)} sequences in the same place: ← and → go through them.</p>`;
}

// ---------------------------------------------------------------- widget

// Pixels: how far the mouse may be from a point to select it, and may move during a click.
const [REACH, STILL] = [30, 4];

const SKELETON = `
  <div class="bar">
    <button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
    <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button>
    <button type="button" data-do="whole">whole map</button>
    <button type="button" data-do="focus">focus</button>
    <button type="button" data-do="unpin">unpin</button>
    <label>sequence <input type="text" inputmode="numeric" size="6" autocomplete="off"></label>
  </div>
  <div class="legend" role="group" aria-label="classes to hide and show"></div>
  <div class="body">
    <div class="stage" tabindex="0" role="application"><canvas aria-hidden="true"></canvas><svg aria-hidden="true"><g class="still"></g><g class="marks"></g></svg><div class="hint" aria-hidden="true"></div></div>
    <div class="beside"><figure class="first"></figure><figure class="second"></figure>
      <p class="key"><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence, in its class's colour
        <span><svg width="26" height="10" aria-hidden="true"><path class="reconstruction" d="M1 5h24"/></svg> reconstruction</span></p>
      <p class="key of-features"><label>drawn <select></select></label></p></div>
  </div>
  <p class="state"></p>
  <p class="keys">Point at a dot, or use the arrow keys. A click or Enter pins it, Escape unpins it. Zoom with + and −, or with ${MODIFIER} and the wheel; 0 shows the whole map. Drag to move the map.</p>
  <p class="said spoken" role="status"></p>`;

// Builds a map in `root`. `act.selected(index or null)` is called when the user pins or unpins.
export function mount(root, data, act = {}) {
  const scene = prepare(data);
  // `full` is the largest visible part: the whole map, or the focus.
  const view = { full: scene.full, window: scene.full, current: null, hidden: new Set(), spots: null };
  view.pinned = data.selected ?? null;
  // `waits`: whether a complete drawing is requested, or null without a request.
  let [frame, waits] = [null, null];
  const part = build(root, "kit-latent", SKELETON);
  const [stage, number] = [part(".stage"), part("input")];
  stage.setAttribute(
    "aria-label",
    `Map of ${scene.n} sequences, ${scene.axes[0]} across, ${scene.axes[1]} upwards. The arrow keys go to the nearest point in their direction, Enter pins it, Escape unpins it, plus and minus zoom, 0 shows the whole map.`,
  );
  part(".legend").innerHTML = drawLegend(scene);
  part(".legend").hidden = !scene.classes[0].name;
  part(".key span").hidden = !scene.pictures.reconstructions;
  part(".of-features").hidden = scene.pictures.features === 1;
  part('[data-do="focus"]').hidden = !scene.focus;
  offerFeatures(part("select"), scene.pictures, () => drawSoon(false));
  keepKeys(part(".legend"));

  // ---------------------------------------------------------------- drawing

  function draw() {
    const width = Math.max(280, widthOf(stage) || 600);
    frame = mapFrame(view.window, width);
    view.spots = onScreen(scene, view.window, frame);
    drawPoints(sharpPen(part("canvas"), width, frame.height), scene, view, frame);
    part(".stage svg").setAttribute("viewBox", `0 0 ${width} ${frame.height}`);
    part(".still").innerHTML = drawAxes(scene, view.window, frame) + drawCounts(scene, view, frame);
    setText(part(".state"), stateText(scene, view));
    const zoomedIn = view.window !== view.full;
    stage.classList.toggle("zoomed", zoomedIn);
    part('[data-do="out"]').disabled = !zoomedIn;
    part('[data-do="whole"]').disabled = view.window === scene.full;
    part('[data-do="focus"]').setAttribute("aria-pressed", view.full !== scene.full);
    drawChosen();
  }

  // Draws what depends on the current and the pinned point.
  function drawChosen() {
    const [pinned, current] = [view.pinned, view.current === view.pinned ? null : view.current];
    part(".marks").innerHTML =
      drawMark(scene, view, frame, current, false) + drawMark(scene, view, frame, pinned, true);
    part('[data-do="unpin"]').disabled = pinned === null;
    if (number !== document.activeElement) showNumber();
    const shown = [pinned, current].filter((i) => i !== null);
    const width = Math.max(240, widthOf(part(".beside")) || 320);
    const ranges = sharedRanges(scene, shown);
    const [first, second = ""] = shown.map((i) => drawCard(scene, i, i === pinned, ranges, width));
    const pins = "Pin it with a click or Enter to compare it with another sequence.";
    const advice = pinned === null ? pins : "Point at another dot to compare the two sequences.";
    part(".first").innerHTML = first ?? '<p class="quiet">Point at a dot of the map to draw its sequence here.</p>';
    part(".second").innerHTML = shown.length === 1 ? `<p class="quiet">${advice}</p>` : second;
  }

  const frames = onNextFrame(() => {
    const all = waits;
    waits = null;
    all ? draw() : drawChosen();
  });

  function drawSoon(all = true) {
    waits ||= all;
    frames.soon();
  }

  // ---------------------------------------------------------------- selection

  const seen = (i) => !view.hidden.has(scene.kind(i));
  const placeOf = (i) => [scene.places[2 * i], scene.places[2 * i + 1]];
  const describe = (i) => `${named(scene, i)}${i === view.pinned ? ", pinned" : ""}`;
  const announce = (text) => (part(".said").textContent = text);
  const showNumber = () => (number.value = view.current ?? view.pinned ?? "");

  function show(window, full = view.full) {
    Object.assign(view, { window, full });
    drawSoon();
  }

  // Makes a point visible: shows its class and moves the window.
  function reveal(i) {
    if (view.hidden.delete(scene.kind(i))) showHidden();
    if (showing(view.full, scene.full, placeOf(i)) !== view.full) view.full = view.window = scene.full;
    show(showing(view.window, view.full, placeOf(i)));
  }

  function go(i) {
    view.current = i;
    reveal(i);
    announce(describe(i));
  }

  function pin(i) {
    if (i === view.pinned) return;
    clear();
    view.pinned = i;
    if (i !== null) reveal(i);
    drawSoon(false);
    announce(i === null ? "unpinned" : describe(i));
  }

  function userPins(i) {
    if (i === view.pinned) return;
    pin(i);
    act.selected?.(i);
  }

  const toggle = (i) => userPins(i === view.pinned ? null : i);

  function showHidden() {
    for (const button of part(".legend").children) {
      const kind = Number(button.dataset.kind);
      const hidden = view.hidden.has(kind);
      button.setAttribute("aria-pressed", !hidden);
      button.querySelector("span").textContent = `(${many(scene.members[kind].length)}${hidden ? ", hidden" : ""})`;
    }
  }

  // ---------------------------------------------------------------- mouse, finger, wheel

  const pointed = (event) => nearest(view.spots, seen, ...placeIn(stage, event), REACH);
  const [width, height] = [() => frame.right - frame.left, () => frame.bottom - frame.top];

  function placeAt([x, y]) {
    const [[low, high], [bottom, top]] = view.window;
    return [low + ((x - frame.left) / width()) * (high - low), top - ((y - frame.top) / height()) * (top - bottom)];
  }

  stage.addEventListener("pointermove", (event) => {
    if (view.held || event.pointerType === "touch") return;
    const i = pointed(event);
    // Over empty space, keep the last point.
    if (i === null || i === view.current) return;
    view.current = i;
    drawSoon(false);
  });

  drag(stage, (start) => {
    const [window, from] = [view.window, placeIn(stage, start)];
    let moved = false;
    view.held = true;
    const move = (event) => {
      const [dx, dy] = placeIn(stage, event).map((v, axis) => v - from[axis]);
      moved ||= Math.hypot(dx, dy) > STILL;
      if (!moved || window === view.full) return;
      stage.classList.add("held");
      const shares = [-dx / width(), dy / height()];
      const by = shares.map((share, axis) => share * (window[axis][1] - window[axis][0]));
      show(window.map(([low, high], axis) => bounded([low + by[axis], high + by[axis]], view.full[axis])));
    };
    const end = (event) => {
      view.held = false;
      stage.classList.remove("held");
      const i = moved || event.type !== "pointerup" ? null : pointed(event);
      if (i === null) return;
      // Touch has no hover: the first tap selects, the second pins.
      if (event.pointerType === "touch" && i !== view.current) return go(i);
      view.current = i;
      toggle(i);
    };
    return { move, end };
  });

  const hint = hintFor(part(".hint"));
  onWheel(stage, hint, (factor, event) =>
    show(zoomed(view.window, view.full, 1 / factor, placeAt(placeIn(stage, event)))),
  );

  // ---------------------------------------------------------------- keys and buttons

  // Zooms around the current point if it is visible, else around the middle.
  function zoomBy(factor) {
    let at = view.window.map(([low, high]) => (low + high) / 2);
    const place = view.current === null ? at : placeOf(view.current);
    if (showing(view.window, view.full, place) === view.window) at = place;
    show(zoomed(view.window, view.full, factor, at));
    announce(`zoom ${short(zoomOf(view.window, view.full), 2)}`);
  }

  function step(key) {
    const from = view.current ?? view.pinned;
    const middle = [(frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2];
    const lost = from === null || !seen(from);
    const to = lost ? nearest(view.spots, seen, ...middle) : towards(view.spots, seen, from, key);
    if (to !== null) go(to);
    else announce(`no point further ${DIRECTIONS[key][2]}`);
  }

  const actions = {
    in: () => zoomBy(1.5),
    out: () => zoomBy(1 / 1.5),
    whole: () => {
      show(scene.full, scene.full);
      announce("whole map");
    },
    focus: () => {
      if (view.full === scene.focus) return actions.whole();
      show(scene.focus, scene.focus);
      announce("focus: the map without the outliers");
    },
    unpin: () => userPins(null),
  };
  const pinCurrent = () => view.current !== null && toggle(view.current);
  const arrows = Object.fromEntries(Object.keys(DIRECTIONS).map((key) => [key, () => step(key)]));
  const keys = {
    ...arrows,
    ...zoomKeys(actions.in, actions.out, actions.whole),
    Enter: pinCurrent,
    Escape: actions.unpin,
  };

  onKey(stage, ({ key }) => {
    if (!(key in keys)) return null;
    // Draw the last key's result first: the next key starts from it.
    if (waits !== null) frames.now();
    return keys[key];
  });

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) actions[button.dataset.do]();
    if (!button?.dataset.kind) return;
    const kind = Number(button.dataset.kind);
    if (!view.hidden.delete(kind)) view.hidden.add(kind);
    if (view.current !== null && !seen(view.current)) view.current = null;
    showHidden();
    drawSoon();
  });

  const clear = whenTyped(number, (text) => {
    const i = text.trim() ? Number(text) : -1;
    const valid = Number.isInteger(i) && i >= 0 && i < scene.n;
    if (valid) go(i);
    showNumber();
    if (!valid) return refusal("sequence", `an integer from 0 to ${scene.n - 1}`, text);
  });

  const unfollow = followSize(part("canvas"), draw);
  draw();
  const destroy = () => {
    unfollow();
    hint();
    frames.cancel();
  };
  return { pin, destroy };
}

export default {
  render({ model, el }) {
    const selected = (index) => tell(model, { selected: index });
    const map = mount(el, { ...model.get("data"), selected: model.get("selected") }, { selected });
    const unlisten = listen(model, { "change:selected": () => map.pin(model.get("selected")) });
    return () => {
      unlisten();
      map.destroy();
    };
  },
};
