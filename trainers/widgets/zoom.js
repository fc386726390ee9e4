// Zoom and crosshair of a loss plot, by mouse, touch and keys.

import { clamp, fourDigits, scaledRange, short } from "./plot.js";
import { drag, escape, hintFor, onKey, onNextFrame, onWheel, placeIn, widthOf, zoomKeys } from "./page.js";
import { RATE, TRAINING_LOSS, VALIDATION_LOSS, lossesOf, looksOf } from "./loss_plot.js";

const HELP = "+ and − zoom, or drag a box; 0 shows all. ← and → read the curves, or move a zoomed view.";

// What is visible of each run at an epoch, the lowest validation loss first; `losses` are [name, loss, colour].
export function readings(data, hidden, epoch) {
  const found = data.runs.map((run, index) => {
    const [row, keys, { paint, train }] = [run.rows[epoch - 1], lossesOf(data, index, hidden), looksOf(data, index)];
    const kinds = [
      ["training", TRAINING_LOSS, train],
      ["validation", VALIDATION_LOSS, paint],
    ];
    const losses = kinds
      .filter(([, key]) => row && keys.includes(key))
      .map(([kind, key, color]) => [kind, row[key], color]);
    const text = losses.map(([kind, loss]) => `${kind} ${Number.isFinite(loss) ? fourDigits(loss) : "not finite"}`);
    if (losses.length && Number.isFinite(row[RATE])) text.push(`learning rate ${short(row[RATE], 3)}`);
    const name = data.runs.length > 1 ? `${run.name}: ` : "";
    return { text: name + text.join(", "), paint, losses, order: row?.[VALIDATION_LOSS] ?? Infinity };
  });
  return found.filter(({ losses }) => losses.length).sort((a, b) => a.order - b.order || 0);
}

// Lets the plot be zoomed and read. `act` has draw(), say(words) for what is read or null, and optionally select(epoch).
export function explore(plot, over, view, getData, act) {
  const { soon, cancel } = onNextFrame(act.draw);
  const readout = over.querySelector(".readout");
  const [hint, help] = [hintFor(over.querySelector(".hint")), HELP + (act.select ? " Enter rewinds." : "")];
  const place = (event) => placeIn(plot, event).map((v) => (v * plot.viewBox.baseVal.width) / widthOf(plot));
  // The dragged box, the run and row that the crosshair reads, and the mouse's height then.
  let [box, reading, height] = [null, null, null];

  function zoomTo(x, y) {
    const { full, scaled, plain } = view.frame;
    const height = scaled(full.y[1]) - scaled(full.y[0]);
    if (x[1] - x[0] >= full.x[1] - full.x[0] && y[1] - y[0] >= (1 - 1e-9) * height) return showAll();
    view.zoom = { x, y: y.map(plain) };
    soon();
  }

  function showAll() {
    [view.zoom, view.focus] = [null, false];
    soon();
  }

  // Scales and moves both axes; the shifts are shares of what is visible.
  function change(factor, at, right = 0, up = 0) {
    const { full, shown, scaled } = view.frame;
    const [y, all] = [shown.y.map(scaled), full.y.map(scaled)];
    const by = [right * (shown.x[1] - shown.x[0]), up * (y[1] - y[0])];
    const least = [Math.min(1, full.x[1] - full.x[0]), 1e-4 * (all[1] - all[0])];
    const range = (now, i, limits) => {
      const moved = now.map((v) => v + by[i]);
      return scaledRange(moved, factor, at ? at[i] : (moved[0] + moved[1]) / 2, limits, least[i]);
    };
    zoomTo(range(shown.x, 0, full.x), range(y, 1, all));
  }

  const valuesAt = ([px, py]) => [view.frame.epochAt(px), view.frame.scaled(view.frame.lossAt(py))];

  // ---------------------------------------------------------------- crosshair

  // Reads all curves at an epoch. With a height, the words are those of the nearest run; otherwise of the last one.
  function read(epoch, py = null) {
    const data = getData();
    const { longest } = view.frame;
    view.cross = epoch === null || !longest ? null : clamp(Math.round(epoch), 1, longest);
    [reading, height] = [null, py];
    // Screen readers read what a key shows, but not every place of the mouse.
    readout.ariaLive = py === null ? "polite" : "off";
    data.runs.forEach((run, index) => {
      const row = run.rows[view.cross - 1];
      if (!row || !lossesOf(data, index, view.hidden).length) return;
      const loss = row[VALIDATION_LOSS];
      const away = py === null ? -index : Number.isFinite(loss) ? Math.abs(view.frame.y(loss) - py) : 1e6;
      if (!reading || away < reading.away) reading = { run, row, away };
    });
    act.say(reading && { name: data.runs.length > 1 ? reading.run.name : "", row: reading.row });
    drawOver();
  }

  // Reads again after a change of the data; another run may have fewer epochs.
  const readAgain = () => read(view.cross > view.frame.longest ? null : view.cross, height);

  function drawOver() {
    const [data, { x, y, box: frame }] = [getData(), view.frame];
    const px = x(view.cross);
    let [text, list] = ["", ""];
    if (box) {
      const [[left, right], [top, bottom]] = edges();
      text = `<rect class="zoombox" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>`;
    } else if (view.cross && px >= frame.left && px <= frame.right) {
      const found = readings(data, view.hidden, view.cross);
      const inside = (loss) => Number.isFinite(loss) && y(loss) >= frame.top - 1 && y(loss) <= frame.bottom + 1;
      text = `<line class="cross" x1="${px}" x2="${px}" y1="${frame.top}" y2="${frame.bottom}"/>`;
      for (const [, loss, color] of found.flatMap(({ losses }) => losses))
        if (inside(loss)) text += `<circle class="cross" cx="${px}" cy="${y(loss)}" r="3.5" fill="${color}"/>`;
      const lines = found.map((run) => `<li><i style="background:${run.paint}"></i>${escape(run.text)}</li>`);
      if (lines.length > 10) lines.splice(10, lines.length, `<li>and ${lines.length - 10} more</li>`);
      list = `<b>epoch ${view.cross}</b><ul>${lines.join("")}</ul>`;
      // Beside the crosshair, where there is more room.
      const [scale, onLeft] = [widthOf(plot) / plot.viewBox.baseVal.width, px > (frame.left + frame.right) / 2];
      readout.style.left = onLeft ? "" : `${(px + 12) * scale}px`;
      readout.style.right = onLeft ? `${widthOf(plot) - (px - 12) * scale}px` : "";
    }
    if (list !== readout.list) readout.innerHTML = readout.list = list;
    plot.querySelector(".over").innerHTML = text;
  }

  // Moves the crosshair by keys, within the view.
  function move(epoch) {
    const [from, to] = view.frame.shown.x;
    read(clamp(epoch, Math.ceil(from), Math.floor(to)));
  }

  // ---------------------------------------------------------------- mouse and touch

  // Edges of the dragged box; a flat box has the full height, and a narrow one the full width.
  function edges() {
    const { left, right, top, bottom } = view.frame.box;
    const span = (i, low, high) => {
      const ends = box.map((corner) => clamp(corner[i], low, high)).sort((a, b) => a - b);
      return ends[1] - ends[0] < 12 ? [low, high] : ends;
    };
    return [span(0, left, right), span(1, top, bottom)];
  }

  drag(plot, (start) => {
    const from = place(start);
    const far = (at) => Math.hypot(at[0] - from[0], at[1] - from[1]) >= 6;
    const stretch = (event) => {
      box = far(place(event)) ? [from, place(event)] : null;
      drawOver();
    };
    const end = (event) => {
      const dragged = box && edges();
      box = null;
      if (event.type !== "pointerup") return drawOver();
      // A finger does not hover: a tap reads.
      if (!dragged && event.pointerType !== "mouse") read(view.frame.epochAt(from[0]), from[1]);
      if (dragged) {
        const [[left, right], [top, bottom]] = dragged;
        const [[from, low], [to, high]] = [valuesAt([left, bottom]), valuesAt([right, top])];
        // At least one epoch wide.
        zoomTo(scaledRange([from, to], 1, (from + to) / 2, view.frame.full.x, 1), [low, high]);
      } else if (start.target.closest(".outside")) showAll();
      else if (act.select) act.select(clamp(Math.round(valuesAt(from)[0]), 1, view.frame.final));
    };
    return { move: stretch, end };
  });

  plot.addEventListener("pointermove", (event) => {
    const [px, py] = place(event);
    read(view.frame.epochAt(px), py);
  });
  plot.addEventListener("pointerleave", (event) => event.pointerType === "touch" || read(null));

  onWheel(plot, hint, (factor, event) => change(factor, valuesAt(place(event))));

  // ---------------------------------------------------------------- keys

  onKey(plot, ({ key, shiftKey }) => {
    const zoomed = view.zoom && !shiftKey;
    const crossed = view.cross && [view.cross, view.frame.scaled(crossLoss())];
    return {
      ...zoomKeys(
        () => change(1 / 1.5, crossed),
        () => change(1.5, crossed),
        showAll,
      ),
      ArrowLeft: () => (zoomed ? change(1, null, -0.2) : move((view.cross ?? Infinity) - 1)),
      ArrowRight: () => (zoomed ? change(1, null, 0.2) : move((view.cross ?? 0) + 1)),
      ArrowUp: zoomed && (() => change(1, null, 0, 0.2)),
      ArrowDown: zoomed && (() => change(1, null, 0, -0.2)),
      Home: () => move(1),
      End: () => move(Infinity),
      Escape: view.cross && (() => read(null)),
      Enter: view.cross && act.select && (() => act.select(view.cross)),
    }[key];
  });

  // The loss where the crosshair meets the curve that it reads; otherwise the middle of the view.
  function crossLoss() {
    const [loss, [low, high]] = [reading?.row[VALIDATION_LOSS], view.frame.shown.y];
    return Number.isFinite(loss) ? clamp(loss, low, high) : (low + high) / 2;
  }

  plot.setAttribute("aria-description", help);
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && hint(help));
  plot.addEventListener("blur", () => read(null));
  return { readAgain, showAll, hint, destroy: () => (cancel(), hint()) };
}
