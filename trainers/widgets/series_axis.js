// Where the marks of the time axis stand and what they say: steps, seconds and dates.

const SECOND = 1000,
  MINUTE = 60 * SECOND,
  HOUR = 60 * MINUTE,
  DAY = 24 * HOUR;
const DATE_STEPS = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  DAY,
  2 * DAY,
  7 * DAY,
];
const MONTH_STEPS = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

const reading = (value) => (Number.isFinite(value) ? short(value) : "missing");
// Without a sign: the first step is 0 and not -0.
const count = (number) => (Math.round(number) || 0).toLocaleString("en-US");

// ---------------------------------------------------------------- time

// Where a step is in time, and back. With uneven times, `times` holds one for each step that was sent.
function makeClock(about, times, stride) {
  if (!times.length)
    return {
      kind: about.kind,
      delta: about.delta,
      at: (step) => about.start + about.delta * step,
      step: (time) => (time - about.start) / about.delta,
    };
  const last = times.length - 1;
  const at = (step) => {
    const i = Math.max(0, Math.min(last, step / stride)),
      left = Math.floor(i),
      right = Math.min(last, left + 1);
    return times[left] + (i - left) * (times[right] - times[left]);
  };
  const step = (time) => {
    let low = 0,
      high = last;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle;
      else high = middle;
    }
    return stride * (low + (high > low ? (time - times[low]) / (times[high] - times[low]) : 0));
  };
  return { kind: about.kind, delta: about.delta, at, step };
}

// A step's time in words; empty where steps have none.
function timeText(clock, step) {
  if (clock.kind === "step") return "";
  if (clock.kind === "seconds") return `${Number(clock.at(step).toFixed(decimalsOf(clock.delta)))} s`;
  return dateText(clock.at(step), clock.delta < SECOND ? 23 : 19);
}

function decimalsOf(delta) {
  return Math.min(6, Math.max(0, Math.ceil(-Math.log10(delta))));
}

// "2024-05-01 12:30:00.000", cut to so many letters.
function dateText(time, letters) {
  const date = new Date(time);
  return Number.isNaN(date.getTime())
    ? reading(time)
    : date.toISOString().replace("T", " ").replace("Z", "").slice(0, letters);
}

// Marks of the time axis between two steps: [{ step, label }].
function timeMarks(clock, from, to, wanted) {
  if (clock.kind === "step") return ticks(from, to, wanted, 1).map((step) => ({ step, label: count(step) }));
  const low = clock.at(from),
    high = clock.at(to);
  const marks = clock.kind === "date" ? dateMarks(low, high, wanted) : numberMarks(low, high, wanted);
  return marks.map(({ time, label }) => ({ step: clock.step(time), label }));
}

function numberMarks(low, high, wanted) {
  const times = ticks(low, high, wanted),
    labels = tickLabels(times);
  return times.map((time, i) => ({ time, label: labels[i] }));
}

function dateMarks(low, high, wanted) {
  const rough = (high - low) / wanted,
    step = DATE_STEPS.find((s) => s >= rough);
  if (step === undefined) return monthMarks(low, high, rough);
  const marks = [];
  for (let time = Math.ceil(low / step) * step; time <= high; time += step) {
    const text = dateText(time, 23),
      midnight = time % DAY === 0;
    const label =
      step >= DAY || midnight ? text.slice(0, 10) : text.slice(11, step < SECOND ? 23 : step < MINUTE ? 19 : 16);
    marks.push({ time, label });
  }
  return marks;
}

function monthMarks(low, high, rough) {
  const months = MONTH_STEPS.find((m) => m * 30.4 * DAY >= rough) || MONTH_STEPS[MONTH_STEPS.length - 1];
  const first = new Date(low),
    marks = [];
  for (let m = Math.floor(first.getUTCMonth() / months) * months; ; m += months) {
    const time = Date.UTC(
      months > 12 ? Math.ceil(first.getUTCFullYear() / (months / 12)) * (months / 12) : first.getUTCFullYear(),
      m,
      1,
    );
    if (time > high || marks.length > 50) return marks;
    if (time >= low) marks.push({ time, label: dateText(time, months >= 12 ? 4 : 7) });
  }
}

function axisTitle(clock) {
  return { step: "time step", seconds: "time, seconds", date: "time" }[clock.kind];
}
