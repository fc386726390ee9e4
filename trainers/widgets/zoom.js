// Zoom and crosshair of a loss plot, by mouse, touch and keys.

import { clamp, fourDigits, wheelFactor } from "./plot.js";
import { drag, escape, onKey, onNextFrame, placeIn, wheelPixels, widthOf } from "./page.js";
import { RATE, TRAINING_LOSS, VALIDATION_LOSS, isNumber, last, lossesOf, looksOf } from "./loss_plot.js";

const HELP =
  "Drag a box or press + and − to zoom, 0 to show all. Arrows move the crosshair, or the view if zoomed; Home and End too. Enter rewinds.";

// Scales a range about `at`, within `full`; not below `least`.
export function scaledRange([from, to], factor, at, [low, high], least) {
  const span = clamp((to - from) * factor, least, high - low);
  const start = clamp(at - ((at - from) / (to - from)) * span, low, high - span);
  return [start, start + span];
}

// All visible curves at an epoch, the lowest first: [{ name, paint, losses }]; losses as text by their names.
export function readings(data, hidden, epoch) {
  const found = data.runs.map((run, index) => {
    const [row, losses] = [run.rows[epoch - 1], lossesOf(data, index, hidden)];
    const text = (loss) => (isNumber(loss) ? fourDigits(loss) : "not finite");
    const parts = [];
    if (losses.includes(TRAINING_LOSS) && row) parts.push(`training ${text(row[TRAINING_LOSS])}`);
    if (losses.includes(VALIDATION_LOSS) && row) parts.push(`validation ${text(row[VALIDATION_LOSS])}`);
    const { alone, paint } = looksOf(data, index);
    const name = alone && data.runs.length === 1 ? "" : run.name;
    return { name, paint, order: row?.[VALIDATION_LOSS] ?? Infinity, rate: row?.[RATE], text: parts.join(", ") };
  });
  return found.filter(({ text }) => text).sort((a, b) => a.order - b.order || 0);
}

// Lets the plot be zoomed and read. `act` has draw(), select(epoch) and say(words), for what is read or null.
export function explore(plot, over, view, getData, act) {
  const { soon, cancel } = onNextFrame(act.draw);
  const [readout, hint] = [over.querySelector(".readout"), over.querySelector(".hint")];
  const place = (event) => placeIn(plot, event).map((v) => (v * plot.viewBox.baseVal.width) / widthOf(plot));
  let [box, fading] = [null, null];

  function zoomTo(x, y) {
    const { full, scaled, plain } = view.frame;
    const whole = x[1] - x[0] >= full.x[1] - full.x[0] && y[1] - y[0] >= scaled(full.y[1]) - scaled(full.y[0]) - 1e-9;
    view.zoom = whole ? null : { x, y: y.map(plain) };
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
    const longest = Math.max(0, ...data.runs.map(({ rows }) => rows.length));
    view.cross = epoch === null || !longest ? null : clamp(Math.round(epoch), 1, longest);
    let nearest = null;
    data.runs.forEach((run, index) => {
      const row = run.rows[view.cross - 1];
      if (!row || !lossesOf(data, index, view.hidden).length) return;
      const loss = row[VALIDATION_LOSS];
      const away = py === null ? -index : isNumber(loss) ? Math.abs(view.frame.y(loss) - py) : 1e6;
      if (!nearest || away < nearest.away) nearest = { run, row, away };
    });
    act.say(nearest && { name: data.runs.length > 1 ? nearest.run.name : "", row: nearest.row });
    drawOver();
  }

  function drawOver() {
    const [data, { x, y, box: frame }] = [getData(), view.frame];
    const group = plot.querySelector(".over");
    let text = "";
    if (box) {
      const { left, top, right, bottom } = edges();
      text += `<rect class="zoombox" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>`;
    }
    const found = view.cross && !box ? readings(data, view.hidden, view.cross) : [];
    readout.hidden = !found.length;
    if (found.length) {
      const px = x(view.cross);
      text += `<line class="cross" x1="${px}" x2="${px}" y1="${frame.top}" y2="${frame.bottom}"/>`;
      data.runs.forEach((run, index) => {
        const { paint, train } = looksOf(data, index);
        for (const key of lossesOf(data, index, view.hidden)) {
          const loss = run.rows[view.cross - 1]?.[key];
          const py = isNumber(loss) ? y(loss) : -1;
          if (py >= frame.top - 1 && py <= frame.bottom + 1)
            text += `<circle class="cross" cx="${px}" cy="${py}" r="3.5" fill="${key === TRAINING_LOSS ? train : paint}"/>`;
        }
      });
      const line = ({ name, paint, text, rate }) =>
        `<li><i style="background:${paint}"></i>${name ? `${escape(name)}: ` : ""}${text}${isNumber(rate) ? `, learning rate ${Number(rate.toPrecision(3))}` : ""}</li>`;
      const more = found.length > 10 ? `<li>and ${found.length - 10} more</li>` : "";
      const list = `<b>epoch ${view.cross}</b><ul>${found.slice(0, 10).map(line).join("")}${more}</ul>`;
      if (readout.innerHTML !== list) readout.innerHTML = list;
      // Beside the crosshair, where there is more room.
      const onLeft = px > (frame.left + frame.right) / 2;
      const scale = widthOf(plot) / plot.viewBox.baseVal.width;
      readout.style.left = onLeft ? "" : `${(px + 12) * scale}px`;
      readout.style.right = onLeft ? `${widthOf(plot) - (px - 12) * scale}px` : "";
    }
    if (group) group.innerHTML = text;
  }

  function step(by) {
    const { shown } = view.frame;
    read(view.cross === null ? (by > 0 ? Math.ceil(shown.x[0]) : Math.floor(shown.x[1])) : view.cross + by);
  }

  // ---------------------------------------------------------------- mouse and touch

  // Edges of the dragged box; a flat box has the full height, and a narrow one the full width.
  function edges() {
    const { box: frame } = view.frame;
    const [[ax, ay], [bx, by]] = box.map(([px, py]) => [
      clamp(px, frame.left, frame.right),
      clamp(py, frame.top, frame.bottom),
    ]);
    const [wide, high] = [Math.abs(ax - bx) >= 12, Math.abs(ay - by) >= 12];
    return {
      left: wide ? Math.min(ax, bx) : frame.left,
      right: wide ? Math.max(ax, bx) : frame.right,
      top: high ? Math.min(ay, by) : frame.top,
      bottom: high ? Math.max(ay, by) : frame.bottom,
    };
  }

  drag(plot, (start) => {
    const from = place(start);
    const far = (at) => Math.hypot(at[0] - from[0], at[1] - from[1]) >= 6;
    const move = (event) => {
      box = far(place(event)) ? [from, place(event)] : null;
      drawOver();
    };
    const end = (event) => {
      const dragged = box && edges();
      box = null;
      if (event.type !== "pointerup") return drawOver();
      if (dragged) {
        const [a, b] = [valuesAt([dragged.left, dragged.bottom]), valuesAt([dragged.right, dragged.top])];
        if (b[0] - a[0] < 1) [a[0], b[0]] = scaledRange([a[0], b[0]], 0, (a[0] + b[0]) / 2, view.frame.full.x, 1);
        zoomTo([a[0], b[0]], [a[1], b[1]]);
      } else if (start.target.closest(".outside")) showAll();
      else if (act.select) act.select(clamp(Math.round(valuesAt(from)[0]), 1, view.frame.final));
    };
    return { move, end };
  });

  plot.addEventListener("pointermove", (event) => {
    const [px, py] = place(event);
    read(view.frame.epochAt(px), py);
  });
  plot.addEventListener("pointerleave", () => read(null));

  plot.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey)
        return say(`${/Mac/.test(navigator.platform) ? "⌘" : "Ctrl"} + wheel zooms`);
      event.preventDefault();
      event.stopPropagation();
      change(wheelFactor(wheelPixels(event)), valuesAt(place(event)));
    },
    { passive: false },
  );

  // ---------------------------------------------------------------- keys and hints

  function say(text) {
    hint.textContent = text;
    clearTimeout(fading);
    fading = setTimeout(() => (hint.textContent = ""), 2500);
  }

  onKey(plot, ({ key, shiftKey }) => {
    const zoomed = view.zoom && !shiftKey;
    const crossed = view.cross && [view.cross, view.frame.scaled(crossLoss())];
    const longest = () => Math.max(...getData().runs.map(({ rows }) => rows.length));
    return {
      "+": () => change(1 / 1.5, crossed),
      "=": () => change(1 / 1.5, crossed),
      "-": () => change(1.5, crossed),
      0: showAll,
      ArrowLeft: () => (zoomed ? change(1, null, -0.2) : step(-1)),
      ArrowRight: () => (zoomed ? change(1, null, 0.2) : step(1)),
      ArrowUp: zoomed && (() => change(1, null, 0, 0.2)),
      ArrowDown: zoomed && (() => change(1, null, 0, -0.2)),
      Home: () => read(1),
      End: () => read(longest()),
      Escape: view.cross && (() => read(null)),
      Enter: view.cross && (() => act.select?.(view.cross)),
    }[key];
  });

  // The loss at which the crosshair meets the last run; otherwise the middle of the view.
  function crossLoss() {
    const [loss, [low, high]] = [last(getData().runs).rows[view.cross - 1]?.[VALIDATION_LOSS], view.frame.shown.y];
    return isNumber(loss) ? clamp(loss, low, high) : (low + high) / 2;
  }

  plot.setAttribute("aria-description", HELP);
  plot.addEventListener("focus", () => plot.matches(":focus-visible") && say(HELP));
  plot.addEventListener("blur", () => read(null));
  return { drawOver, showAll, destroy: () => (cancel(), clearTimeout(fading)) };
}
