// Places on a map: what is near, what lies which way, which part is in sight. Pure functions that know no page.

import { short, tickLabels, ticks } from "./plot.js";
import { drag, enlargement, escape, followSize, keepKeys, numbers, sharpPen, whenTyped, widthOf } from "./page.js";
import { pictureRanges, pictureStrips, sequenceLines, unpack } from "./sequences.js";

// So far can one zoom in: points that are closer than that are one.
const MOST_ZOOM = 2000;

function prepare(data) {
  const places = numbers(data.places, Float64Array),
    labels = numbers(data.labels, Int32Array),
    n = places.length / 2;
  const known = { ...data, n, places, pictures: unpack(data.pictures), members: data.classes.map(() => []) };
  known.kind = (i) => (labels ? labels[i] : 0);
  for (let i = 0; i < n; i++) known.members[known.kind(i)].push(i);
  // Large classes first, so that the rare ones lie on top.
  known.byRarity = known.members.map((_, k) => k).sort((a, b) => known.members[b].length - known.members[a].length);
  known.whole = [0, 1].map((axis) => {
    const [low, high] = rangeOf(places, axis, 2);
    return withRoom(low, high, 0.04);
  });
  return known;
}

// Lowest and highest of every `step`th number.
function rangeOf(values, from, step) {
  let low = Infinity,
    high = -Infinity;
  for (let i = from; i < values.length; i += step) [low, high] = [Math.min(low, values[i]), Math.max(high, values[i])];
  return [low, high];
}

// A range that numbers can be written along, however close its ends.
function withRoom(low, high, share) {
  const size = Math.max(Math.abs(low), Math.abs(high));
  const room = high - low > 1e-9 * size ? share * (high - low) : 0.1 * size || 0.5;
  return [low - room, high + room];
}

// Pixels of every point: x and y by turns.
function onScreen(known, window, frame) {
  const [[left, right], [bottom, top]] = window,
    spots = new Float32Array(2 * known.n);
  for (let i = 0; i < known.n; i++) {
    spots[2 * i] = frame.left + ((known.places[2 * i] - left) / (right - left)) * frame.width;
    spots[2 * i + 1] = frame.top + ((top - known.places[2 * i + 1]) / (top - bottom)) * frame.height;
  }
  return spots;
}

// The nearest point, or null if none is that near. A loop over thousands takes microseconds.
function nearest(spots, seen, x, y, within = Infinity) {
  let best = null,
    least = within * within;
  for (let i = 0; i < spots.length / 2; i++) {
    const distance = (spots[2 * i] - x) ** 2 + (spots[2 * i + 1] - y) ** 2;
    if (distance <= least && (best === null || distance < least) && seen(i)) [best, least] = [i, distance];
  }
  return best;
}

const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

// The nearest point that way, within 45 degrees; null if there is none. Of points in one place, right and down go to
// the next by number, left and up to the one before: none is out of reach.
function towards(spots, seen, from, key) {
  const [ahead, down] = WAYS[key],
    onwards = ahead + down > 0;
  let best = null,
    least = Infinity;
  for (let i = 0; i < spots.length / 2; i++) {
    const dx = spots[2 * i] - spots[2 * from],
      dy = spots[2 * i + 1] - spots[2 * from + 1];
    const along = dx * ahead + dy * down,
      across = Math.abs(dx * down) + Math.abs(dy * ahead),
      same = !dx && !dy;
    if (same ? i === from || i > from !== onwards : along <= 0 || across > along) continue;
    const distance = dx * dx + dy * dy;
    if ((onwards ? distance < least : distance <= least) && seen(i)) [best, least] = [i, distance];
  }
  return best;
}

// ---------------------------------------------------------------- the part in sight

const zoomOf = (window, whole) => (whole[0][1] - whole[0][0]) / (window[0][1] - window[0][0]);

// Moved so far in from the edges that nothing beyond the whole is in sight.
function bounded(window, whole) {
  return window.map(([low, high], axis) => {
    const [bottom, top] = whole[axis],
      size = Math.min(high - low, top - bottom),
      from = Math.max(bottom, Math.min(top - size, low));
    return [from, from + size];
  });
}

// `at`: the place that stays where it is.
function zoomed(window, whole, factor, at) {
  const wanted = Math.max(1, Math.min(MOST_ZOOM, zoomOf(window, whole) * factor));
  if (wanted === 1) return whole;
  const change = zoomOf(window, whole) / wanted;
  return bounded(
    window.map(([low, high], axis) => [at[axis] - (at[axis] - low) * change, at[axis] + (high - at[axis]) * change]),
    whole,
  );
}

// The window itself if it has the place in it, else one of that size around the place.
function showing(window, whole, place) {
  if (window.every(([low, high], axis) => place[axis] >= low && place[axis] <= high)) return window;
  return bounded(
    window.map(([low, high], axis) => [place[axis] - (high - low) / 2, place[axis] + (high - low) / 2]),
    whole,
  );
}

// From points and sequences to a canvas, and to SVG and HTML text.

// latent_map.py has the same in the same order.
const SHAPES = [
  "M1 0A1 1 0 1 1 -1 0A1 1 0 1 1 1 0Z",
  "M-.9 -.9H.9V.9H-.9Z",
  "M0 -1.2L1.15 .8H-1.15Z",
  "M0 -1.35L1.15 0L0 1.35L-1.15 0Z",
  "M0 1.2L1.15 -.8H-1.15Z",
  "M-.4 -1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z",
  "M0 -1.4L.37 -.5L1.33 -.43L.6 .2L.82 1.13L0 .62L-.82 1.13L-.6 .2L-1.33 -.43L-.37 -.5Z",
];
const TOP = 8,
  RIGHT = 12,
  BOTTOM = 40;

const shape = (look, x, y, size, more = "") =>
  `<path d="${SHAPES[look.shape]}" fill="${look.color}" transform="translate(${x} ${y}) scale(${size})" ${more}/>`;
const swatch = (look) => `<svg class="swatch" width="16" height="16" aria-hidden="true">${shape(look, 8, 8, 5)}</svg>`;

const named = (known, i) => [`sequence ${i}`, known.classes[known.kind(i)].name].filter(Boolean).join(", ");

// Room for the longest number beside an upright axis.
const beside = (labels) => 10 + 7.2 * Math.max(2, ...labels.map((text) => text.length));

// ---------------------------------------------------------------- the map

// Where the map's plot lies in so wide a picture, and the numbers along it.
function mapFrame(window, width) {
  const height = Math.round(Math.max(260, Math.min(460, 0.72 * width))),
    [across, upright] = window;
  const rows = ticks(...upright, 5),
    rowLabels = tickLabels(rows),
    left = 18 + beside(rowLabels);
  const columns = ticks(...across, (width - left) / 80),
    columnLabels = tickLabels(columns);
  return {
    left,
    top: TOP,
    width: width - left - RIGHT,
    height: height - TOP - BOTTOM,
    whole: height,
    rows,
    rowLabels,
    columns,
    columnLabels,
  };
}

function drawAxes(known, window, frame) {
  const [[left, right], [low, high]] = window,
    bottom = frame.top + frame.height,
    end = frame.left + frame.width;
  let text = `<path class="axes" d="M${frame.left} ${frame.top}V${bottom}H${end}"/>`;
  frame.columns.forEach((value, i) => {
    const x = frame.left + ((value - left) / (right - left)) * frame.width,
      half = 3.6 * frame.columnLabels[i].length;
    text += `<path class="axes" d="M${x} ${bottom}v4"/><text class="column" x="${Math.min(end + RIGHT - half, x)}" y="${bottom + 17}" text-anchor="middle">${frame.columnLabels[i]}</text>`;
  });
  frame.rows.forEach((value, i) => {
    const y = frame.top + ((high - value) / (high - low)) * frame.height;
    text += `<path class="axes" d="M${frame.left} ${y}h-4"/><text class="row" x="${frame.left - 7}" y="${Math.max(10, y + 4)}" text-anchor="end">${frame.rowLabels[i]}</text>`;
  });
  return `${text}<text x="${frame.left + frame.width / 2}" y="${frame.whole - 6}" text-anchor="middle">${escape(known.axes[0])}</text>
    <text transform="translate(13 ${frame.top + frame.height / 2}) rotate(-90)" text-anchor="middle">${escape(known.axes[1])}</text>`;
}

// Each class's mark is painted once and then copied, which is many times faster than to draw each anew.
function drawPoints(pen, known, view, frame) {
  const ratio = pen.getTransform().a,
    larger = Math.min(2, zoomOf(view.window, known.whole) ** 0.3);
  pen.save();
  pen.beginPath();
  pen.rect(frame.left, 0, frame.width + RIGHT, frame.top + frame.height);
  pen.clip();
  for (const kind of known.byRarity) {
    if (view.hidden.has(kind)) continue;
    // The fewer, the larger: what is rare is seen among many.
    const count = known.members[kind].length,
      radius = larger * (count > 2000 ? 2.6 : count > 400 ? 3 : 4),
      side = Math.ceil(2 * (1.4 * radius + 1.5) * ratio);
    const mark = document.createElement("canvas"),
      brush = mark.getContext("2d"),
      look = known.classes[kind];
    mark.width = mark.height = side;
    brush.setTransform(radius * ratio, 0, 0, radius * ratio, side / 2, side / 2);
    const path = new Path2D(SHAPES[look.shape]);
    Object.assign(brush, { fillStyle: look.color, strokeStyle: look.color, globalAlpha: 0.6, lineWidth: 0.9 / radius });
    brush.fill(path);
    brush.globalAlpha = 1;
    brush.stroke(path);
    for (const i of known.members[kind]) {
      const x = view.spots[2 * i],
        y = view.spots[2 * i + 1];
      if (
        x >= frame.left - 1 &&
        x <= frame.left + frame.width + 1 &&
        y >= frame.top - 1 &&
        y <= frame.top + frame.height + 1
      )
        pen.drawImage(mark, x - side / 2 / ratio, y - side / 2 / ratio, side / ratio, side / ratio);
    }
  }
  pen.restore();
}

// A ring for the one that is looked at, a ring with a cross's arms for the pinned one.
const ring = (pinned) => `<circle r="9"/>${pinned ? '<path d="M0 -15v6M0 15v-6M-15 0h6M15 0h-6"/>' : ""}`;

function drawMarks(known, view, frame) {
  const inside = (x, y) =>
    x >= frame.left - 1 && x <= frame.left + frame.width + 1 && y >= frame.top - 1 && y <= frame.top + frame.height + 1;
  return [
    [view.current, false],
    [view.pinned, true],
  ]
    .map(([i, pinned]) => {
      if (i === null || (!pinned && i === view.pinned) || view.hidden.has(known.kind(i))) return "";
      const x = view.spots[2 * i],
        y = view.spots[2 * i + 1];
      if (!inside(x, y)) return "";
      return `${shape(known.classes[known.kind(i)], x, y, 5)}<g class="mark ${pinned ? "pinned" : "current"}" transform="translate(${x} ${y})">
      <g class="halo">${ring(pinned)}</g>${ring(pinned)}</g>`;
    })
    .join("");
}

function drawLegend(known, hidden) {
  return known.classes
    .map(
      (one, k) => `<button type="button" data-kind="${k}" aria-pressed="${!hidden.has(k)}" title="hide or show">
    ${swatch(one)}${escape(one.name)} <span>(${known.members[k].length})</span></button>`,
    )
    .join("");
}

// ---------------------------------------------------------------- the sequences beside it

// The range of each feature, without the outermost hundredth, so that one wild sequence does not flatten the others.
function steadyRanges({ sequences, features }) {
  const every = features * Math.max(1, Math.floor(sequences.length / features / 50_000));
  return Array.from({ length: features }, (_, feature) => {
    const sorted = sequences.filter((_, i) => i % every === feature).sort(),
      at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    return [at(0.005), at(0.995)];
  });
}

// One scale for all, which stays the same from sequence to sequence unless one goes beyond it.
function sharedRanges(known, shown) {
  const drawn = pictureRanges(
    known.pictures,
    shown.map((i) => known.pictures.row.get(i)).filter((row) => row !== undefined),
  );
  return known.steady.map(([low, high], f) => withRoom(Math.min(low, drawn[f][0]), Math.max(high, drawn[f][1]), 0));
}

// A sequence, its reconstruction and its axes.
function drawSequence(known, i, ranges, width, about) {
  const { pictures } = known,
    row = pictures.row.get(i),
    { features, time } = pictures;
  if (row === undefined) return '<p class="hint">Not in this page, which holds 2 million values at most.</p>';
  const height = features === 1 ? 120 : 62 * features,
    strips = pictureStrips(ranges, height);
  const marks = ranges.map(([low, high]) => ticks(low, high, features === 1 ? 4 : 3)),
    labels = marks.map((values) => tickLabels(values));
  const left = beside(labels.flat()),
    x = (share) => left + share * (width - left - RIGHT);
  let text = `<path class="axes" d="M${left} 0V${height}H${width - RIGHT}"/>`;
  marks.forEach((values, f) =>
    values.forEach((value, m) => {
      const y = strips[f](value);
      text += `<path class="grid" d="M${left} ${y}H${width - RIGHT}"/><text class="row" data-feature="${f}" x="${left - 5}" y="${Math.max(10, y + 4)}" text-anchor="end">${labels[f][m]}</text>`;
    }),
  );
  const steps = time > 1 ? ticks(0, time - 1, (width - left) / 70).filter(Number.isInteger) : [0];
  for (const step of steps)
    text += `<text class="column" x="${Math.min(width - 4 * String(step).length, x(step / Math.max(1, time - 1)))}" y="${height + 15}" text-anchor="middle">${step}</text>`;
  if (features > 1)
    for (let f = 0; f < features; f++)
      text += `<text class="feature" x="${width - RIGHT}" y="${(height / features) * f + 11}" text-anchor="end">feature ${f + 1}</text>`;
  return `<svg class="plot" viewBox="0 0 ${width} ${height + 34}" height="${height + 34}" role="img" aria-label="${escape(about)}">${text}
    <text x="${(left + width - RIGHT) / 2}" y="${height + 30}" text-anchor="middle">time step</text>
    <g style="--line: ${known.classes[known.kind(i)].color}">${sequenceLines(pictures, row, strips, x)}</g></svg>`;
}

// One place beside the map: its mark, its words, its picture.
function drawCard(known, i, pinned, ranges, width) {
  const words = named(known, i),
    rebuilt = known.pictures.reconstructions ? ", with its reconstruction" : "";
  return `<figcaption><svg class="mark" width="34" height="34" viewBox="-17 -17 34 34" aria-hidden="true">${shape(known.classes[known.kind(i)], 0, 0, 5)}${ring(pinned)}</svg>
    <b>${escape(words)}</b>${pinned ? "<span>pinned</span>" : ""}</figcaption>${drawSequence(known, i, ranges, width, `${words}${rebuilt}`)}`;
}

// The page: a map to walk through, and beside it the sequences. In a notebook through anywidget, which keeps the
// pinned one equal to the kernel's `selected`; in an exported page on its own.

// So far, in pixels, may the mouse be from the point it means, and may it move in a click.
const REACH = 30,
  STILL = 4;

const SKELETON = `
  <div class="bar">
    <button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
    <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button>
    <button type="button" data-do="whole">whole map</button>
    <button type="button" data-do="unpin">unpin</button>
    <label>sequence <input type="text" inputmode="numeric" size="6" autocomplete="off"></label>
  </div>
  <div class="legend" role="group" aria-label="classes, to hide and show"></div>
  <div class="body">
    <div class="stage" tabindex="0" role="application"><canvas aria-hidden="true"></canvas><svg aria-hidden="true"><g class="still"></g><g class="marks"></g></svg></div>
    <div class="beside"><figure class="first"></figure><figure class="second"></figure>
      <p class="key"><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence, in its class's colour
        <span><svg width="26" height="10" aria-hidden="true"><path class="rebuilt" d="M1 5h24"/></svg> reconstruction</span></p>
      <p class="key of-features"></p></div>
  </div>
  <p class="keys">Point at a dot, or use the arrow keys; a click or Enter pins it, Escape unpins. Wheel, + and − zoom, 0 shows the whole map, a drag moves it.</p>
  <p class="said" role="status"></p>`;

// Puts a map into `root`. `act.selected(index or null)` is told what the user has pinned.
export function mount(root, data, act = {}) {
  const known = prepare(data);
  known.steady = steadyRanges(known.pictures);
  const view = {
    window: known.whole,
    current: null,
    pinned: data.selected ?? null,
    hidden: new Set(),
    spots: null,
    width: 0,
    held: false,
  };
  let frame = null,
    waiting = null,
    whole = false;
  root.classList.add("kit-latent");
  root.innerHTML = SKELETON;
  const part = (name) => root.querySelector(name);
  const stage = part(".stage"),
    number = part("input"),
    { features, all_features: all } = known.pictures;
  stage.setAttribute(
    "aria-label",
    `Map of ${known.n} sequences, ${known.axes[0]} across, ${known.axes[1]} upwards. Arrow keys go to the nearest point that way, Enter pins it, Escape unpins, plus and minus zoom, 0 shows the whole map.`,
  );
  part(".legend").innerHTML = drawLegend(known, view.hidden);
  part(".legend").hidden = !known.classes[0].name;
  part(".key span").hidden = !known.pictures.reconstructions;
  part(".of-features").textContent = all > features ? `The first ${features} of ${all} features are drawn.` : "";
  keepKeys(root);

  // ---------------------------------------------------------------- drawing

  function draw() {
    const width = Math.max(280, widthOf(stage) || 600);
    frame = mapFrame(view.window, width);
    view.spots = onScreen(known, view.window, frame);
    drawPoints(sharpPen(part("canvas"), width, frame.whole), known, view, frame);
    part(".stage svg").setAttribute("viewBox", `0 0 ${width} ${frame.whole}`);
    part(".still").innerHTML = drawAxes(known, view.window, frame);
    const zoomedIn = view.window !== known.whole;
    stage.classList.toggle("zoomed", zoomedIn);
    part('[data-do="out"]').disabled = part('[data-do="whole"]').disabled = !zoomedIn;
    drawChosen();
  }

  // All that changes from point to point.
  function drawChosen() {
    part(".marks").innerHTML = drawMarks(known, view, frame);
    part('[data-do="unpin"]').disabled = view.pinned === null;
    if (number !== document.activeElement) number.value = view.current ?? view.pinned ?? "";
    const shown = [view.pinned, view.current === view.pinned ? null : view.current].filter((i) => i !== null);
    const width = Math.max(240, widthOf(part(".beside")) || 320),
      ranges = sharedRanges(known, shown);
    const card = (at) =>
      shown[at] === undefined ? "" : drawCard(known, shown[at], shown[at] === view.pinned, ranges, width);
    part(".first").innerHTML = card(0) || '<p class="hint">Point at a dot of the map: its sequence is drawn here.</p>';
    part(".second").innerHTML =
      card(1) ||
      (shown.length
        ? `<p class="hint">${view.pinned === null ? "Pin it with a click or Enter, to compare another with it." : "Point at another dot to compare the two."}</p>`
        : "");
  }

  function drawSoon(all = true) {
    whole ||= all;
    waiting ??= requestAnimationFrame(() => {
      [waiting, all, whole] = [null, whole, false];
      all ? draw() : drawChosen();
    });
  }

  // ---------------------------------------------------------------- choosing

  const seen = (i) => !view.hidden.has(known.kind(i));
  const placeOf = (i) => [known.places[2 * i], known.places[2 * i + 1]];
  const say = (words) => {
    part(".said").textContent = words;
  };
  const describe = (i) => `${named(known, i)}${i === view.pinned ? ", pinned" : ""}`;

  function show(window) {
    view.window = window;
    drawSoon();
  }

  // In sight, even if its class was hidden or it lies beyond the part that is shown.
  function bringUp(i) {
    if (view.hidden.delete(known.kind(i))) legendAgain();
    show(showing(view.window, known.whole, placeOf(i)));
  }

  function go(i) {
    view.current = i;
    bringUp(i);
    say(describe(i));
  }

  function pin(i) {
    if (i === view.pinned) return;
    view.pinned = i;
    if (i !== null) bringUp(i);
    drawSoon(false);
    say(i === null ? "unpinned" : describe(i));
  }

  function userPins(i) {
    const before = view.pinned;
    pin(i);
    if (view.pinned !== before) act.selected?.(view.pinned);
  }

  const toggle = (i) => userPins(i === view.pinned ? null : i);

  function legendAgain() {
    for (const button of part(".legend").children)
      button.setAttribute("aria-pressed", !view.hidden.has(Number(button.dataset.kind)));
  }

  // ---------------------------------------------------------------- mouse, finger, wheel

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((v) => v / enlargement(stage));
  };
  const placeAt = ([x, y]) => {
    const [[left, right], [bottom, top]] = view.window;
    return [
      left + ((x - frame.left) / frame.width) * (right - left),
      top - ((y - frame.top) / frame.height) * (top - bottom),
    ];
  };
  const pointed = (event) => nearest(view.spots, seen, ...spot(event), REACH);

  stage.addEventListener("pointermove", (event) => {
    if (view.held || event.pointerType === "touch") return;
    const i = pointed(event);
    // Over empty ground the last one stays.
    if (i === null || i === view.current) return;
    view.current = i;
    drawSoon(false);
  });

  drag(stage, (start) => {
    const window = view.window,
      from = spot(start);
    let moved = false;
    view.held = true;
    return {
      move: (event) => {
        const [dx, dy] = spot(event).map((v, axis) => v - from[axis]);
        moved ||= Math.hypot(dx, dy) > STILL;
        if (!moved || window === known.whole) return;
        stage.classList.add("held");
        const [across, upright] = window.map(([low, high]) => high - low),
          right = (-dx / frame.width) * across,
          up = (dy / frame.height) * upright;
        show(bounded([window[0].map((v) => v + right), window[1].map((v) => v + up)], known.whole));
      },
      end: (event) => {
        view.held = false;
        stage.classList.remove("held");
        const i = moved || event.type !== "pointerup" ? null : pointed(event);
        if (i === null) return;
        // A finger cannot hover: its first tap looks, its second pins.
        if (event.pointerType === "touch" && i !== view.current) return go(i);
        view.current = i;
        toggle(i);
      },
    };
  });

  stage.addEventListener(
    "wheel",
    (event) => {
      // With the whole map in sight the wheel scrolls the page on.
      if (event.ctrlKey || (view.window === known.whole && event.deltaY >= 0)) return;
      event.preventDefault();
      // Firefox counts in lines.
      const by = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      show(zoomed(view.window, known.whole, Math.min(4, Math.max(0.25, 1.002 ** -by)), placeAt(spot(event))));
    },
    { passive: false },
  );

  // ---------------------------------------------------------------- keys and buttons

  // Around the point that is looked at, where it is in sight.
  function zoomBy(factor) {
    const middle = view.window.map(([low, high]) => (low + high) / 2),
      place = view.current === null ? middle : placeOf(view.current);
    show(
      zoomed(
        view.window,
        known.whole,
        factor,
        showing(view.window, known.whole, place) === view.window ? place : middle,
      ),
    );
    say(`zoom ${short(zoomOf(view.window, known.whole), 2)}`);
  }

  function step(key) {
    const from = view.current ?? view.pinned;
    const to =
      from === null || !seen(from)
        ? nearest(view.spots, seen, frame.left + frame.width / 2, frame.top + frame.height / 2)
        : towards(view.spots, seen, from, key);
    if (to !== null) go(to);
    else say(`no point further ${{ ArrowRight: "right", ArrowLeft: "left", ArrowUp: "up", ArrowDown: "down" }[key]}`);
  }

  const orders = {
    in: () => zoomBy(1.5),
    out: () => zoomBy(1 / 1.5),
    whole: () => {
      show(known.whole);
      say("whole map");
    },
    unpin: () => userPins(null),
  };
  const keys = {
    "+": orders.in,
    "=": orders.in,
    "-": orders.out,
    "−": orders.out,
    0: orders.whole,
    Enter: () => view.current !== null && toggle(view.current),
    Escape: orders.unpin,
  };

  stage.addEventListener("keydown", (event) => {
    const order = event.key in WAYS ? () => step(event.key) : keys[event.key];
    if (!order || event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook would move between cells, the page would scroll.
    event.preventDefault();
    event.stopPropagation();
    // What a key begins is seen before the next one counts from it.
    if (waiting) {
      cancelAnimationFrame(waiting);
      [waiting, whole] = [null, false];
      draw();
    }
    order();
  });

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) orders[button.dataset.do]();
    if (!button?.dataset.kind) return;
    const kind = Number(button.dataset.kind);
    if (!view.hidden.delete(kind)) view.hidden.add(kind);
    if (view.current !== null && !seen(view.current)) view.current = null;
    legendAgain();
    drawSoon();
  });

  whenTyped(number, () => {
    const wanted = number.value.trim(),
      i = Number(wanted);
    if (wanted && Number.isInteger(i) && i >= 0 && i < known.n) go(i);
    else if (wanted) say(`there are sequences 0 to ${known.n - 1}`);
    number.value = view.current ?? view.pinned ?? "";
  });

  const unfollow = followSize(part("canvas"), draw);
  draw();
  return {
    pin,
    destroy: () => {
      unfollow();
      cancelAnimationFrame(waiting);
    },
  };
}

export default {
  render({ model, el }) {
    const map = mount(
      el,
      { ...model.get("data"), selected: model.get("selected") },
      {
        selected: (index) => {
          model.set("selected", index);
          model.save_changes();
        },
      },
    );
    const listen = () => map.pin(model.get("selected"));
    model.on("change:selected", listen);
    return () => {
      model.off("change:selected", listen);
      map.destroy();
    };
  },
};
