// What a threshold decides: counts, rates, curves, costs. Pure functions that know no page.
// scales.js, surroundings.js, sequences.js, threshold_figures.js, threshold_drawing.js and threshold_explorer.js are
// joined, in this order, into one module.

// All that does not change while the threshold moves is sorted and counted once.
function prepare(data) {
  const scores = numbers(data.scores, Float64Array),
    labels = numbers(data.labels, Int32Array),
    n = scores.length;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[a] - scores[b]);
  const sorted = Float64Array.from(order, (i) => scores[i]);
  const calibration = numbers(data.calibration, Float64Array)?.sort();
  const known = {
    n,
    scores,
    labels,
    order,
    sorted,
    calibration,
    classes: data.classes,
    pictures: unpack(data.pictures),
  };
  const ends = [sorted, calibration].filter(Boolean).flatMap((list) => [list[0], list[list.length - 1]]);
  known.lowest = Math.min(...ends);
  known.highest = Math.max(...ends);
  if (labels) {
    // abnormalBelow[i]: how many of the i lowest scores are abnormal.
    known.abnormalBelow = new Uint32Array(n + 1);
    order.forEach((i, rank) => {
      known.abnormalBelow[rank + 1] = known.abnormalBelow[rank] + data.classes[labels[i]].abnormal;
    });
    known.abnormal = known.abnormalBelow[n];
    known.normal = n - known.abnormal;
    known.byClass = data.classes.map(() => []);
    order.forEach((i, rank) => known.byClass[labels[i]].push(sorted[rank]));
    known.curves = known.abnormal && known.normal ? curves(known) : null;
  }
  return known;
}

// How many of the sorted numbers are at most `value`; those above it are called abnormal.
function atMost(sorted, value) {
  let low = 0,
    high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Of a side that does not occur nothing can be said: null. Precision and F1 are 0 where nothing is
// called abnormal, as in scikit-learn with zero_division=0.
function figuresAt(known, threshold) {
  const below = atMost(known.sorted, threshold),
    called = known.n - below;
  if (!known.labels) return { called };
  const missed = known.abnormalBelow[below],
    found = known.abnormal - missed,
    falseAlarms = called - found;
  const some = known.abnormal > 0;
  return {
    called,
    found,
    missed,
    falseAlarms,
    passed: below - missed,
    precision: some ? called && found / called : null,
    recall: some ? found / known.abnormal : null,
    f1: some ? (2 * found) / (found + called + missed) : null,
    falseAlarmRate: known.normal ? falseAlarms / known.normal : null,
    falseAlarmsPerThousand: (1000 * falseAlarms) / known.n,
  };
}

// Both curves, from the highest score down, a point where the score changes. The area under the ROC
// curve is that of its straight lines; average precision sums precision times the step in recall.
function curves({ n, sorted, abnormalBelow, abnormal, normal }) {
  const falseAlarmRate = [0],
    recall = [0],
    precision = [1];
  let area = 0,
    averagePrecision = 0,
    found = 0,
    falseAlarms = 0;
  for (let rank = n - 1; rank >= 0; rank--) {
    if (rank && sorted[rank - 1] === sorted[rank]) continue;
    const nowFound = abnormal - abnormalBelow[rank],
      nowFalse = n - rank - nowFound;
    area += ((nowFalse - falseAlarms) * (nowFound + found)) / 2;
    averagePrecision += ((nowFound - found) / abnormal) * (nowFound / (n - rank));
    [found, falseAlarms] = [nowFound, nowFalse];
    falseAlarmRate.push(falseAlarms / normal);
    recall.push(found / abnormal);
    precision.push(found / (n - rank));
  }
  return { falseAlarmRate, recall, precision, auroc: area / abnormal / normal, averagePrecision };
}

function costAt(figures, prices) {
  return figures.falseAlarms * prices.falseAlarm + figures.missed * prices.miss;
}

// The lowest threshold of least cost: one of the scores, or, for calling everything abnormal, `bottom`.
function leastCost({ n, sorted, abnormalBelow, abnormal }, prices, bottom) {
  let best = { threshold: bottom, cost: (n - abnormal) * prices.falseAlarm };
  for (let below = 1; below <= n; below++) {
    if (sorted[below] === sorted[below - 1]) continue;
    const missed = abnormalBelow[below],
      falseAlarms = n - below - abnormal + missed;
    const cost = falseAlarms * prices.falseAlarm + missed * prices.miss;
    if (cost < best.cost) best = { threshold: sorted[below - 1], cost };
  }
  return best;
}

// The sequences whose decision differs between two thresholds; `nearest` gives positions, those at the new one first.
function changed(known, from, to) {
  const [a, b] = [atMost(known.sorted, from), atMost(known.sorted, to)];
  const positions = known.order.subarray(Math.min(a, b), Math.max(a, b));
  return {
    called: to < from,
    count: positions.length,
    abnormal: known.labels ? Math.abs(known.abnormalBelow[b] - known.abnormalBelow[a]) : null,
    nearest: (most) => Array.from(b > a ? positions.slice(-most).reverse() : positions.slice(0, most)),
  };
}

// From a score to a place between 0 and 1, and back.
function scoreScale(known, threshold, log) {
  const to = log ? Math.log : (v) => v,
    from = log ? Math.exp : (v) => v;
  let low = to(known.lowest),
    high = to(known.highest);
  // Scores that are all but equal are one bar, on an axis that numbers can be written on.
  const size = Math.max(Math.abs(low), Math.abs(high));
  if (high - low <= 1e-6 * (log ? 1 : size)) {
    const room = log ? 0.1 : 0.1 * size || 0.5;
    [low, high] = [low - room, high + room];
  }
  const bins = [low, high],
    margin = 0.03 * (high - low);
  [low, high] = [low - margin, high + margin];
  // A threshold beyond all scores stays in sight; one that a logarithm does not have stands at the edge.
  if (!log || threshold > 0)
    [low, high] = [Math.min(low, to(threshold) - margin), Math.max(high, to(threshold) + margin)];
  const place = (value) => (log && value <= 0 ? 0 : (to(value) - low) / (high - low));
  return {
    log,
    bottom: from(low),
    top: from(high),
    place,
    value: (at) => from(low + at * (high - low)),
    edges: (count) => Array.from({ length: count + 1 }, (_, i) => from(bins[0] + (i / count) * (bins[1] - bins[0]))),
  };
}

// As exact as a hand can point, and short to read.
function pointed(scale, value) {
  return scale.log ? Number(value.toPrecision(4)) : rounded(value, (scale.top - scale.bottom) / 2000);
}

// Counts in each bin; what lies on an edge counts to the left, and nothing falls out at the ends.
function countBins(sorted, edges) {
  const upTo = edges.map((edge, i) => (i === 0 ? 0 : i === edges.length - 1 ? sorted.length : atMost(sorted, edge)));
  return upTo.slice(1).map((count, i) => count - upTo[i]);
}
