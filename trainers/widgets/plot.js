// Where the marks of an axis stand, and how numbers are written. Pure functions that every widget shares.

export const short = (value, digits = 4) => String(Number(value.toPrecision(digits)));

// No more exact than a power of ten up to `finest`, and without the last digits, which sums get wrong.
export function rounded(value, finest) {
  const unit = 10 ** Math.floor(Math.log10(finest));
  return Number((Math.round(value / unit) * unit).toPrecision(12));
}

// Some 1, 2 or 5 times a power of ten apart, never closer than `least`, with room for `wanted` such steps.
export function ticks(low, high, wanted, least = 0) {
  const rough = Math.max((high - low) / wanted, least),
    power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * (1 - 1e-9));
  const found = [];
  // As far as counting goes: beyond 2 ** 53 the next step would be the same one, without end.
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step && found.length <= wanted + 1; i++)
    found.push(i * step);
  return found;
}

// As many digits as tell the ticks apart; with powers of ten where that is shorter and more than `room` digits are too many.
export function tickLabels(values, room = 7) {
  // A tick that is alone has few digits itself.
  const step = values.length > 1 ? values[1] - values[0] : Math.abs(values[0]) / 1e4;
  const digits = (v) => (v ? Math.min(100, Math.max(0, Math.ceil(Math.log10(Math.abs(v) / step) - 1e-9))) : 0);
  const exact = values.map((v) => v.toExponential(digits(v)));
  const plain = exact.map((text) => String(Number(text)));
  const powers = exact.map((text) => (Number(text) ? text.replace(/\.?0*e\+?/, "e") : "0"));
  // A point takes next to no room.
  const longest = (texts) => Math.max(...texts.map((text) => text.replace(".", "").length));
  return longest(plain) <= Math.max(room, longest(powers)) ? plain : powers;
}

// As many of these multiples of each power of ten, or of 1, 2, 5, or as many powers, as there is room for; where they
// lie too far apart, even steps.
export function logTicks(low, high, wanted, multiples = [1, 2, 5]) {
  const from = Math.floor(Math.log10(low)),
    to = Math.floor(Math.log10(high));
  const inside = (list, every = 1) => {
    const found = [];
    for (let power = from; power <= to; power += every) for (const m of list) found.push(m * 10 ** power);
    return found.filter((v) => v >= low && v <= high);
  };
  const fits = [multiples, [1, 2, 5]].map((list) => inside(list)).find((found) => found.length <= wanted);
  const found = fits || inside([1], Math.ceil((to - from + 1) / wanted));
  return found.length > 1 ? found : ticks(low, high, wanted);
}
