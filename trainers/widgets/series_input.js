// What mouse and keyboard do to a viewer.

function listenTo({ stage, handle, overview, root, part }, data, view, does) {
  const inside = (event, element) => (event.clientX - element.getBoundingClientRect().left) / enlargement(element);

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) does.orders[button.dataset.do]();
    else if (button?.dataset.event) does.visit(Number(button.dataset.event));
  });
  part(".rebuilt")?.addEventListener("change", (event) => {
    view.rebuilt = event.target.checked;
    does.drawSoon();
  });
  part("select")?.addEventListener("change", (event) => {
    const first = LANES * Number(event.target.value);
    view.features = data.curves.map((_, f) => f).slice(first, first + LANES);
    does.drawSoon();
  });

  // ---------------------------------------------------------------- the picture

  stage.addEventListener(
    "wheel",
    (event) => {
      // Firefox counts in lines.
      const unit = event.deltaMode === 1 ? 16 : 1,
        by = unit * (event.deltaY || event.deltaX);
      const sideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      // With the whole series in sight, the wheel scrolls the page on.
      if (does.isWhole() && (sideways || by > 0)) return;
      event.preventDefault();
      if (sideways) does.moveBy(((unit * event.deltaX || by) / 600) * (view.to - view.from), view.from, view.to);
      else does.zoom(Math.min(4, Math.max(0.25, 1.002 ** by)), does.place().step(inside(event, stage)));
    },
    { passive: false },
  );

  drag(stage, (start) => {
    const { from, to } = view,
      perPixel = does.place().step(1) - does.place().step(0);
    stage.classList.add("held");
    return {
      move: (event) => does.moveBy(((start.clientX - event.clientX) / enlargement(stage)) * perPixel, from, to),
      end: () => stage.classList.remove("held"),
    };
  });
  stage.addEventListener("pointermove", (event) => {
    const step = Math.round(does.place().step(inside(event, stage)) / data.facts.stride) * data.facts.stride;
    view.cursor = Math.max(0, Math.min(data.facts.length - 1, step));
    does.drawSoon();
  });
  stage.addEventListener("pointerleave", () => {
    view.cursor = null;
    does.drawSoon();
  });

  const press = (event) => {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
    const reads = event.shiftKey && { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const order = does.keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!reads && !order) return;
    event.preventDefault();
    event.stopPropagation();
    if (reads) does.read(reads);
    else order();
  };
  stage.addEventListener("keydown", press);
  overview.addEventListener("keydown", press);

  // ---------------------------------------------------------------- the whole series

  drag(overview, (start) => {
    const strip = does.strip(),
      px = inside(start, overview),
      at = strip.step(px),
      { from, to } = view;
    // A narrow handle has a middle to carry it by, too.
    const outside = 7,
      inward = Math.min(outside, (strip.right - strip.left) / 4);
    const pulls = (edge, sign) => sign * (px - edge) < outside && sign * (edge - px) < inward;
    // An edge is pulled, the part between them carried; beside it, the part comes to the mouse.
    if (pulls(strip.left, -1))
      return { move: (event) => does.move(Math.min(to - 1, strip.step(inside(event, overview))), to) };
    if (pulls(strip.right, 1))
      return { move: (event) => does.move(from, Math.max(from + 1, strip.step(inside(event, overview)))) };
    const by = at < from || at > to ? at - (from + to) / 2 : 0,
      carry = (event) => does.moveBy(strip.step(inside(event, overview)) - at + by, from, to);
    carry(start);
    return { move: carry };
  });

  // ---------------------------------------------------------------- the threshold

  drag(handle, () => {
    const box = stage.getBoundingClientRect(),
      { top, height } = does.place().score,
      [low, high] = view.scoreRange;
    view.dragging = true;
    return {
      move: (event) =>
        does.setThreshold(high - (((event.clientY - box.top) / enlargement(stage) - top) / height) * (high - low)),
      end: () => {
        view.dragging = false;
        does.drawSoon();
      },
    };
  });
  handle.addEventListener("keydown", (event) => {
    const [low, high] = view.scoreRange,
      unit = (high - low) / 100;
    const by = {
      ArrowUp: unit,
      ArrowRight: unit,
      ArrowDown: -unit,
      ArrowLeft: -unit,
      PageUp: 10 * unit,
      PageDown: -10 * unit,
    }[event.key];
    const to = { Home: low, End: high }[event.key];
    if (by === undefined && to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    does.setThreshold(to ?? view.threshold + by);
  });
  part(".at")?.addEventListener("change", (event) => {
    const value = event.target.value.trim();
    if (value === "" && event.target.validity.valid) does.useThreshold(null);
    else if (Number.isFinite(event.target.valueAsNumber)) does.useThreshold(event.target.valueAsNumber);
  });
}
