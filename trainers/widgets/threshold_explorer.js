// The page: a threshold to move, and what follows from it. In a notebook through anywidget, which keeps
// threshold, labels and prices equal to the kernel's; in an exported page on its own.

const SKELETON = `
  <div class="bar">
    <label>threshold <input class="number" type="text" inputmode="decimal" size="10" autocomplete="off"></label>
    <span class="said" data-figure="called"></span>
    <label class="hide"><input type="checkbox"> hide the labels</label>
  </div>
  <svg class="plot histogram" role="group" aria-label="Histogram of the scores" height="${HEIGHT}">
    <g class="still"></g><g class="least-mark"></g>
    <g class="threshold" role="slider" tabindex="0" aria-label="threshold" aria-orientation="horizontal"></g>
  </svg>
  <div class="under"><ul class="legend"></ul>
    <button type="button" data-key="logCounts">log counts</button><button type="button" data-key="logScores">log scores</button></div>
  <p class="keys">Drag the line, or use ← → and Page Up, Page Down; with Shift, one score at a time.</p>
  <p class="known"></p>
  <p class="note"></p>
  <div class="truth">
    <div class="counts"><table class="confusion"></table><table class="rates"></table></div>
    <div class="curves"><figure class="roc"><figcaption>ROC, AUROC <b data-figure="auroc"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure>
    <figure class="pr"><figcaption>Precision–recall, AP <b data-figure="averagePrecision" title="average precision"></b></figcaption>
      <svg class="plot" role="img" width="${CURVE.width}" height="${CURVE.height}"></svg></figure></div>
    <table class="classes"><thead><tr><th scope="col">class</th><th scope="col">sequences</th><th scope="col">called abnormal</th>
      <th scope="col">share</th></tr></thead><tbody></tbody></table>
    <fieldset class="prices"><legend>Prices</legend>
      <label>a false alarm <input data-price="falseAlarm" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <label>a miss <input data-price="miss" type="text" inputmode="decimal" size="6" autocomplete="off"></label>
      <p class="cost"></p><button type="button" class="go" hidden>go to the least cost</button></fieldset>
  </div>
  <p class="moved"></p>
  <p class="key" hidden><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence
    <span><svg width="26" height="10" aria-hidden="true"><path class="rebuilt" d="M1 5h24"/></svg> reconstruction</span></p>
  <ul class="changed"></ul>`;

let mounted = 0;
// A decimal comma is a decimal point; what is no number is null.
const parse = (text) =>
  text.trim() && Number.isFinite(Number(text.replace(",", "."))) ? Number(text.replace(",", ".")) : null;

const written = (threshold) => short(threshold, 6);

// Puts an explorer into `root`. `act.changed` is told of what the user sets: threshold, hide_labels, prices.
export function mount(root, data, act = {}) {
  const known = prepare(data),
    hatchId = `kit-hatch-${mounted++}-${Math.floor(Math.random() * 1e9)}`;
  const view = {
    threshold: data.threshold,
    base: data.threshold,
    move: null,
    hide: data.hide_labels,
    dragging: false,
    logCounts: false,
    logScores: false,
    prices: { falseAlarm: data.false_alarm_price, miss: data.miss_price },
  };
  root.classList.add("kit-threshold");
  root.innerHTML = SKELETON;
  keepKeys(root);
  const part = (name) => root.querySelector(name);
  const plot = part(".histogram"),
    slider = part(".threshold"),
    number = part(".number"),
    box = part(".hide input");
  const hidden = () => view.hide || !known.labels;
  const told = (changes) => act.changed?.(changes);
  part(".hide").hidden = !known.labels;
  part('[data-key="logScores"]').hidden = known.lowest <= 0;

  // ---------------------------------------------------------------- drawing

  // All that stands still while the threshold moves.
  function draw() {
    view.width = widthOf(plot);
    const width = Math.max(300, view.width || 600);
    view.drawnWidth = width;
    plot.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    view.scale = scoreScale(known, view.threshold, view.logScores);
    const parts = histogramParts(known, hidden());
    part(".still").innerHTML = drawHistogram(parts, view.scale, width, view.logCounts, hatchId);
    part(".legend").innerHTML = drawLegend(parts, hatchId);
    for (const button of root.querySelectorAll("[data-key]"))
      button.setAttribute("aria-pressed", view[button.dataset.key]);
    box.checked = view.hide;
    for (const input of root.querySelectorAll("[data-price]"))
      if (input !== document.activeElement) input.value = view.prices[input.dataset.price] ?? "";
    drawTruth();
    drawLeast();
    drawMove();
  }

  // With hidden labels nothing of the truth stays in sight: its part of the page is emptied, not only covered.
  function drawTruth() {
    const shown = !hidden(),
      both = shown && known.curves;
    part(".truth").hidden = !shown;
    part(".roc").hidden = part(".pr").hidden = !both;
    part(".note").textContent =
      shown && !both
        ? `All labels are ${known.abnormal ? "abnormal" : "normal"}: without the other side there are no curves, and figures that need it are left open (–).`
        : "";
    const { auroc, averagePrecision } = known.curves || {};
    root.querySelector('[data-figure="auroc"]').textContent = both ? rate(auroc) : "";
    root.querySelector('[data-figure="averagePrecision"]').textContent = both ? rate(averagePrecision) : "";
    view.roc =
      both &&
      drawCurve(known.curves.falseAlarmRate, known.curves.recall, {
        xName: "false alarm rate",
        yName: "recall",
        chance: [0, 1],
      });
    const share = known.abnormal / known.n;
    view.pr =
      both &&
      drawCurve(known.curves.recall, known.curves.precision, {
        steps: true,
        xName: "recall",
        yName: "precision",
        chance: [share, share],
      });
  }

  // All that moves with the threshold.
  function drawMove() {
    const { threshold, scale } = view,
      figures = figuresAt(known, threshold),
      shown = !hidden();
    const px = LEFT + scale.place(threshold) * (view.drawnWidth - LEFT - RIGHT);
    slider.innerHTML = drawThreshold(px, view.drawnWidth);
    const said = `${figures.called} of ${known.n} called abnormal (${percent(figures.called, known.n)})`;
    part(".said").textContent = said;
    if (number !== document.activeElement || view.dragging) number.value = written(threshold);
    const attributes = { "aria-valuemin": scale.bottom, "aria-valuemax": scale.top, "aria-valuenow": threshold };
    const rates = shown && known.curves ? `; precision ${rate(figures.precision)}, recall ${rate(figures.recall)}` : "";
    for (const [name, value] of Object.entries({
      ...attributes,
      "aria-valuetext": `${written(threshold)}: ${said}${rates}`,
    }))
      slider.setAttribute(name, value);
    if (known.calibration) {
      const n = known.calibration.length,
        above = n - atMost(known.calibration, threshold);
      part(".known").textContent =
        `Of the ${n} calibration sequences, known to be normal, ${above} would be called abnormal (${percent(above, n)}).`;
    }
    part(".confusion").innerHTML = shown ? drawConfusion(figures) : "";
    part(".rates").innerHTML = shown ? drawRates(figures, known) : "";
    part(".classes tbody").innerHTML = shown ? drawClasses(known, threshold) : "";
    const roc = part(".roc svg"),
      pr = part(".pr svg");
    roc.innerHTML = view.roc ? view.roc + drawPoint(figures.falseAlarmRate, figures.recall) : "";
    // Where nothing is called abnormal there is no precision to draw.
    pr.innerHTML = view.pr ? view.pr + (figures.called ? drawPoint(figures.recall, figures.precision) : "") : "";
    roc.setAttribute(
      "aria-label",
      view.roc ? `ROC curve; now false alarm rate ${rate(figures.falseAlarmRate)}, recall ${rate(figures.recall)}` : "",
    );
    pr.setAttribute(
      "aria-label",
      view.pr ? `Precision-recall curve; now recall ${rate(figures.recall)}, precision ${rate(figures.precision)}` : "",
    );
    drawCost(figures);
    part(".moved").textContent = changedWords(view.move, !shown);
    const list = drawChanged(known, view.move, !shown);
    part(".changed").innerHTML = list;
    part(".key").hidden = !(list && known.pictures);
    part(".key span").hidden = !known.pictures?.reconstructions;
  }

  // Searching all thresholds takes time with many scores: only when prices change.
  function drawLeast() {
    const priced = !hidden() && view.prices.falseAlarm != null && view.prices.miss != null;
    view.least = priced ? leastCost(known, view.prices, view.scale.bottom) : null;
    part(".least-mark").innerHTML = priced
      ? drawLeastCost(LEFT + view.scale.place(view.least.threshold) * (view.drawnWidth - LEFT - RIGHT))
      : "";
    part(".go").hidden = !priced;
  }

  function drawCost(figures) {
    const words = (cost) => `${price(cost)} (${short((1000 * cost) / known.n)} in 1000 sequences)`;
    const priced = `Cost at this threshold: <b data-figure="cost">${words(costAt(figures, view.prices))}</b>;
      least: <b data-figure="least">${words(view.least?.cost ?? 0)}</b> at threshold <b data-figure="leastAt">${written(view.least?.threshold ?? 0)}</b> (▲ on the axis).`;
    part(".cost").innerHTML = hidden()
      ? ""
      : view.least
        ? priced
        : "Give both prices to see the cost of a threshold, and where it is least.";
  }

  let waiting = null;
  function drawSoon() {
    waiting ??= requestAnimationFrame(() => {
      waiting = null;
      inSight(view.threshold) ? drawMove() : draw();
    });
  }

  const inSight = (threshold) => threshold >= view.scale.bottom && threshold <= view.scale.top;

  // ---------------------------------------------------------------- moving

  // What changed sides is counted from `base`: from where a drag, or a held key, began.
  function moveTo(threshold, base = view.threshold) {
    if (threshold === view.threshold && base === view.base) return;
    view.move = changed(known, base, threshold);
    Object.assign(view, { threshold, base });
    drawSoon();
  }

  function userMovesTo(threshold, base) {
    moveTo(threshold, base);
    told({ threshold });
  }

  function pointTo(event) {
    const frame = plot.getBoundingClientRect(),
      px = ((event.clientX - frame.left) * view.drawnWidth) / frame.width;
    const at = Math.max(0, Math.min(1, (px - LEFT) / (view.drawnWidth - LEFT - RIGHT)));
    userMovesTo(pointed(view.scale, view.scale.value(at)), view.base);
  }

  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    Object.assign(view, { dragging: true, base: view.threshold });
    slider.focus({ preventScroll: true });
    pointTo(event);
  });
  plot.addEventListener("pointermove", (event) => view.dragging && pointTo(event));
  plot.addEventListener("pointerup", () => {
    view.dragging = false;
  });
  // A finger that turned out to scroll the page has not moved the threshold.
  plot.addEventListener("pointercancel", () => {
    view.dragging = false;
    userMovesTo(view.base, view.base);
  });

  function keyTarget({ key, shiftKey }) {
    const { threshold, scale } = view,
      { sorted } = known,
      below = atMost(sorted, threshold);
    const by = (share) => pointed(scale, scale.value(Math.max(0, Math.min(1, scale.place(threshold) + share))));
    const up = ["ArrowRight", "ArrowUp"].includes(key),
      down = ["ArrowLeft", "ArrowDown"].includes(key);
    // At its own value a score is called normal still; for it to be called abnormal, the threshold goes to the next lower one.
    if (shiftKey && up) return below < sorted.length ? sorted[below] : threshold;
    if (shiftKey && down)
      return below ? (sorted.subarray(0, below).findLast((v) => v < sorted[below - 1]) ?? scale.bottom) : threshold;
    if (up || down) return by(up ? 0.005 : -0.005);
    return {
      PageUp: by(0.05),
      PageDown: by(-0.05),
      Home: scale.bottom,
      End: Math.max(sorted[sorted.length - 1], threshold),
    }[key];
  }

  slider.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = keyTarget(event);
    if (to === undefined) return;
    // The notebook would move between cells, the page would scroll.
    event.preventDefault();
    event.stopPropagation();
    userMovesTo(to, event.repeat ? view.base : view.threshold);
  });

  whenTyped(number, () => {
    const to = parse(number.value);
    // As it is shown, the threshold may be shorter than it is.
    if (to !== null && number.value !== written(view.threshold)) userMovesTo(to);
    number.value = written(view.threshold);
  });

  // ---------------------------------------------------------------- the rest of the controls

  for (const button of root.querySelectorAll("[data-key]"))
    button.addEventListener("click", () => {
      view[button.dataset.key] = !view[button.dataset.key];
      draw();
    });
  box.addEventListener("change", () => {
    view.hide = box.checked;
    draw();
    told({ hide_labels: view.hide });
  });
  for (const input of root.querySelectorAll("[data-price]"))
    whenTyped(input, () => {
      const price = parse(input.value),
        kind = input.dataset.price;
      view.prices[kind] = price !== null && price >= 0 ? price : null;
      input.value = view.prices[kind] ?? "";
      draw();
      told({ [kind === "miss" ? "miss_price" : "false_alarm_price"]: view.prices[kind] });
    });
  part(".go").addEventListener("click", () => userMovesTo(view.least.threshold));

  // From the kernel, or from another view of the same explorer.
  function set(changes) {
    const { threshold = view.threshold, ...rest } = changes;
    if (Object.keys(rest).length) {
      if ("hide_labels" in rest) view.hide = rest.hide_labels;
      if ("false_alarm_price" in rest) view.prices.falseAlarm = rest.false_alarm_price;
      if ("miss_price" in rest) view.prices.miss = rest.miss_price;
      draw();
    }
    if (!view.dragging && threshold !== view.threshold) moveTo(threshold);
  }

  // Its first call comes without any change of size.
  const observer = new ResizeObserver(() => {
    if (widthOf(plot) !== view.width) draw();
  });
  observer.observe(root);
  draw();
  return {
    set,
    destroy: () => {
      observer.disconnect();
      cancelAnimationFrame(waiting);
    },
  };
}

const SYNCED = ["threshold", "hide_labels", "false_alarm_price", "miss_price"];

export default {
  render({ model, el }) {
    const state = Object.fromEntries(SYNCED.map((name) => [name, model.get(name)]));
    let pending = {},
      timer = null;
    // A drag tells the kernel where it is about 15 times a second, and where it ended.
    const send = () => {
      for (const [name, value] of Object.entries(pending)) model.set(name, value);
      [pending, timer] = [{}, null];
      model.save_changes();
    };
    const explorer = mount(
      el,
      { ...model.get("data"), ...state },
      {
        changed: (changes) => {
          Object.assign(pending, changes);
          timer ??= setTimeout(send, 65);
        },
      },
    );
    // What the user has set since counts more than an answer to something older.
    const listeners = SYNCED.map((name) => [
      `change:${name}`,
      () => name in pending || explorer.set({ [name]: model.get(name) }),
    ]);
    for (const [event, listener] of listeners) model.on(event, listener);
    return () => {
      if (timer) {
        clearTimeout(timer);
        send();
      }
      for (const [event, listener] of listeners) model.off(event, listener);
      explorer.destroy();
    };
  },
};
