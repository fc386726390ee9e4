// What the viewer says: events, the place under the mouse, counts.

const plural = (number, what) => `${count(number)} ${what}${number === 1 ? "" : "s"}`;

function span(start, end, clock) {
  const last = end - 1,
    steps = last > start ? `steps ${count(start)} to ${count(last)}` : `step ${count(start)}`;
  if (clock.kind === "step") return steps;
  return last > start
    ? `${steps} (${timeText(clock, start)} to ${timeText(clock, last)})`
    : `${steps} (${timeText(clock, start)})`;
}

function kindWords(kind) {
  return {
    found: "true event, found",
    missed: "true event, missed",
    "true event": "true event",
    "false alarm": "false alarm",
    "event found": "event found",
  }[kind];
}

function eventWords(events, index, clock, peak) {
  const event = events[index],
    score = peak === null ? "" : `; highest score ${reading(peak)}`;
  return `event ${count(index + 1)} of ${count(events.length)}: ${kindWords(event.kind)}, ${span(event.start, event.end, clock)}${score}`;
}

// Counts are of events, not of steps.
function countWords({ truth, found, compared }) {
  if (!truth && !found) return "no events known";
  if (!truth) return `${plural(found.length, "event")} found`;
  if (!found) return plural(truth.length, "true event");
  const hits = compared.hit.filter(Boolean).length,
    wrong = compared.right.filter((right) => !right).length;
  return `${plural(truth.length, "true event")}: ${hits} found, ${truth.length - hits} missed; ${plural(wrong, "false alarm")}`;
}

// What is to be seen at a step: where, each visible feature, the score.
function pointWords(data, shown, step) {
  const i = Math.floor(step / data.facts.stride),
    time = timeText(data.clock, step),
    several = data.facts.features.length > 1;
  let text = `step ${count(step)}${time ? ` (${time})` : ""}`;
  for (const f of shown.features) {
    text += `; ${several ? data.facts.features[f] : "value"} ${reading(data.curves[f].values[i])}`;
    if (data.rebuilt && shown.rebuilt && Number.isFinite(data.rebuilt[f].values[i]))
      text += ` (rebuilt ${reading(data.rebuilt[f].values[i])})`;
  }
  return text + (data.scores ? `; score ${reading(data.scores.values[i])}` : "");
}

// The picture in a sentence, for who cannot see it.
function pictureWords(data, judged, threshold, view) {
  const features = data.facts.features.length;
  let text = `${data.facts.name}, ${plural(features, "feature")}: ${span(Math.ceil(view.from), Math.floor(view.to) + 1, data.clock)} of ${count(data.facts.length)}.`;
  if (data.scores)
    text += threshold === null ? " Below it the score." : ` Below it the score with its threshold ${short(threshold)}.`;
  return `${text} In the whole series ${countWords(judged)}.`;
}

function thinningWords(facts) {
  if (facts.stride === 1) return "";
  return `A long series: the page has the lowest and highest values and the highest score of every ${facts.stride} steps; events are exact to ${facts.stride} steps.`;
}
