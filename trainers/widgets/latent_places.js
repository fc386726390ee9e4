// Places on a map: what is near, what lies which way, which part is in sight. Pure functions that know no page.
// scales.js, surroundings.js, sequences.js, latent_places.js, latent_drawing.js and latent_map.js are joined, in this
// order, into one module.

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
