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
