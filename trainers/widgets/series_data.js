// What a series viewer knows: curves that give their extremes fast, events, and which of them were found.
// After scales.js and surroundings.js, the files series_*.js are read one after the other, as one module.

const BLOCK = 64;

// A curve with the extremes of each block, so that a picture of a million steps reads some thousands of numbers.
function makeCurve(values) {
  const blocks = Math.ceil(values.length / BLOCK),
    low = new Float64Array(blocks),
    high = new Float64Array(blocks);
  for (let b = 0; b < blocks; b++)
    [low[b], high[b]] = extremes(values, b * BLOCK, Math.min(values.length, (b + 1) * BLOCK));
  return { values, low, high };
}

// Lowest and highest; Infinity and -Infinity where every value is missing.
function extremes(values, from, to) {
  let low = Infinity,
    high = -Infinity;
  for (let i = from; i < to; i++) {
    if (values[i] < low) low = values[i];
    if (values[i] > high) high = values[i];
  }
  return [low, high];
}

function extent(curve, from, to) {
  from = Math.max(0, from);
  to = Math.min(curve.values.length, to);
  const first = Math.ceil(from / BLOCK),
    last = Math.floor(to / BLOCK);
  if (first >= last) return extremes(curve.values, from, to);
  let [low, high] = extremes(curve.values, from, first * BLOCK);
  for (let b = first; b < last; b++) {
    if (curve.low[b] < low) low = curve.low[b];
    if (curve.high[b] > high) high = curve.high[b];
  }
  const [restLow, restHigh] = extremes(curve.values, last * BLOCK, to);
  return [Math.min(low, restLow), Math.max(high, restHigh)];
}

function highestStep(curve, from, to) {
  let best = from;
  for (let i = from; i < Math.min(to, curve.values.length); i++) if (curve.values[i] > curve.values[best]) best = i;
  return best;
}

// One curve of each feature; they lie one behind the other.
function makeCurves(source, features) {
  const all = numbers(source, Float32Array),
    length = all.length / features;
  if (!all.length) return null;
  return Array.from({ length: features }, (_, f) => makeCurve(all.subarray(f * length, (f + 1) * length)));
}

// ---------------------------------------------------------------- events: [start, end), in steps

function runsAbove(scores, threshold, stride, length) {
  const found = [];
  let start = -1;
  for (let i = 0; i <= scores.length; i++) {
    const above = i < scores.length && scores[i] > threshold;
    if (above && start < 0) start = i;
    if (!above && start >= 0) {
      found.push([start * stride, Math.min(length, i * stride)]);
      start = -1;
    }
  }
  return found;
}

// Whether each true event shares a step with a found one, and each found one with a true one.
function compareEvents(truth, found) {
  const hit = truth.map(() => false),
    right = found.map(() => false);
  for (let i = 0, j = 0; i < truth.length && j < found.length;) {
    if (truth[i][0] < found[j][1] && found[j][0] < truth[i][1]) hit[i] = right[j] = true;
    if (truth[i][1] <= found[j][1]) i++;
    else j++;
  }
  return { hit, right };
}

// What there is to visit: the true events and the found ones that touch none, in order.
function eventsToVisit(truth, found, compared) {
  if (!truth) return (found || []).map(([start, end]) => ({ start, end, kind: "event found" }));
  const known = found !== null;
  const events = truth.map(([start, end], i) => ({
    start,
    end,
    kind: !known ? "true event" : compared.hit[i] ? "found" : "missed",
  }));
  (found || []).forEach(([start, end], j) => {
    if (!compared.right[j]) events.push({ start, end, kind: "false alarm" });
  });
  return events.sort((a, b) => a.start - b.start);
}

// The next place in `events` after `step`, or before it; -1 if there is none.
function neighbour(events, step, direction) {
  if (direction > 0) return events.findIndex((event) => event.start > step);
  for (let i = events.length - 1; i >= 0; i--) if (events[i].start < step) return i;
  return -1;
}

// All about the found events at a threshold; a list given by hand goes before it.
function judge(facts, scores, threshold, given) {
  let found = given;
  if (!found && scores && threshold !== null) found = runsAbove(scores.values, threshold, facts.stride, facts.length);
  found = found || null;
  const compared = compareEvents(facts.true || [], found || []);
  return { truth: facts.true, found, compared, visit: eventsToVisit(facts.true, found, compared) };
}
