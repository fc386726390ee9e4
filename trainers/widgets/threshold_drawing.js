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
