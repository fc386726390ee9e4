// The page: a map to walk through, and beside it the sequences. In a notebook through anywidget, which keeps the
// pinned one equal to the kernel's `selected`; in an exported page on its own.

// So far, in pixels, may the mouse be from the point it means, and may it move in a click.
const REACH = 30,
  STILL = 4;

const SKELETON = `
  <div class="bar">
    <button type="button" data-do="in" aria-label="zoom in" title="zoom in (+)">+</button>
    <button type="button" data-do="out" aria-label="zoom out" title="zoom out (−)">−</button>
    <button type="button" data-do="whole">whole map</button>
    <button type="button" data-do="unpin">unpin</button>
    <label>sequence <input type="text" inputmode="numeric" size="6" autocomplete="off"></label>
  </div>
  <div class="legend" role="group" aria-label="classes, to hide and show"></div>
  <div class="body">
    <div class="stage" tabindex="0" role="application"><canvas aria-hidden="true"></canvas><svg aria-hidden="true"><g class="still"></g><g class="marks"></g></svg></div>
    <div class="beside"><figure class="first"></figure><figure class="second"></figure>
      <p class="key"><svg width="26" height="10" aria-hidden="true"><path class="sequence" d="M1 5h24"/></svg> sequence, in its class's colour
        <span><svg width="26" height="10" aria-hidden="true"><path class="rebuilt" d="M1 5h24"/></svg> reconstruction</span></p>
      <p class="key of-features"></p></div>
  </div>
  <p class="keys">Point at a dot, or use the arrow keys; a click or Enter pins it, Escape unpins. Wheel, + and − zoom, 0 shows the whole map, a drag moves it.</p>
  <p class="said" role="status"></p>`;

// Puts a map into `root`. `act.selected(index or null)` is told what the user has pinned.
export function mount(root, data, act = {}) {
  const known = prepare(data);
  known.steady = steadyRanges(known.pictures);
  const view = {
    window: known.whole,
    current: null,
    pinned: data.selected ?? null,
    hidden: new Set(),
    spots: null,
    width: 0,
    held: false,
  };
  let frame = null,
    waiting = null,
    whole = false;
  root.classList.add("kit-latent");
  root.innerHTML = SKELETON;
  const part = (name) => root.querySelector(name);
  const stage = part(".stage"),
    number = part("input"),
    { features, all_features: all } = known.pictures;
  stage.setAttribute(
    "aria-label",
    `Map of ${known.n} sequences, ${known.axes[0]} across, ${known.axes[1]} upwards. Arrow keys go to the nearest point that way, Enter pins it, Escape unpins, plus and minus zoom, 0 shows the whole map.`,
  );
  part(".legend").innerHTML = drawLegend(known, view.hidden);
  part(".legend").hidden = !known.classes[0].name;
  part(".key span").hidden = !known.pictures.reconstructions;
  part(".of-features").textContent = all > features ? `The first ${features} of ${all} features are drawn.` : "";
  keepKeys(root);

  // ---------------------------------------------------------------- drawing

  function draw() {
    const width = Math.max(280, widthOf(stage) || 600);
    frame = mapFrame(view.window, width);
    view.spots = onScreen(known, view.window, frame);
    drawPoints(sharpPen(part("canvas"), width, frame.whole), known, view, frame);
    part(".stage svg").setAttribute("viewBox", `0 0 ${width} ${frame.whole}`);
    part(".still").innerHTML = drawAxes(known, view.window, frame);
    const zoomedIn = view.window !== known.whole;
    stage.classList.toggle("zoomed", zoomedIn);
    part('[data-do="out"]').disabled = part('[data-do="whole"]').disabled = !zoomedIn;
    drawChosen();
  }

  // All that changes from point to point.
  function drawChosen() {
    part(".marks").innerHTML = drawMarks(known, view, frame);
    part('[data-do="unpin"]').disabled = view.pinned === null;
    if (number !== document.activeElement) number.value = view.current ?? view.pinned ?? "";
    const shown = [view.pinned, view.current === view.pinned ? null : view.current].filter((i) => i !== null);
    const width = Math.max(240, widthOf(part(".beside")) || 320),
      ranges = sharedRanges(known, shown);
    const card = (at) =>
      shown[at] === undefined ? "" : drawCard(known, shown[at], shown[at] === view.pinned, ranges, width);
    part(".first").innerHTML = card(0) || '<p class="hint">Point at a dot of the map: its sequence is drawn here.</p>';
    part(".second").innerHTML =
      card(1) ||
      (shown.length
        ? `<p class="hint">${view.pinned === null ? "Pin it with a click or Enter, to compare another with it." : "Point at another dot to compare the two."}</p>`
        : "");
  }

  function drawSoon(all = true) {
    whole ||= all;
    waiting ??= requestAnimationFrame(() => {
      [waiting, all, whole] = [null, whole, false];
      all ? draw() : drawChosen();
    });
  }

  // ---------------------------------------------------------------- choosing

  const seen = (i) => !view.hidden.has(known.kind(i));
  const placeOf = (i) => [known.places[2 * i], known.places[2 * i + 1]];
  const say = (words) => {
    part(".said").textContent = words;
  };
  const describe = (i) => `${named(known, i)}${i === view.pinned ? ", pinned" : ""}`;

  function show(window) {
    view.window = window;
    drawSoon();
  }

  // In sight, even if its class was hidden or it lies beyond the part that is shown.
  function bringUp(i) {
    if (view.hidden.delete(known.kind(i))) legendAgain();
    show(showing(view.window, known.whole, placeOf(i)));
  }

  function go(i) {
    view.current = i;
    bringUp(i);
    say(describe(i));
  }

  function pin(i) {
    if (i === view.pinned) return;
    view.pinned = i;
    if (i !== null) bringUp(i);
    drawSoon(false);
    say(i === null ? "unpinned" : describe(i));
  }

  function userPins(i) {
    const before = view.pinned;
    pin(i);
    if (view.pinned !== before) act.selected?.(view.pinned);
  }

  const toggle = (i) => userPins(i === view.pinned ? null : i);

  function legendAgain() {
    for (const button of part(".legend").children)
      button.setAttribute("aria-pressed", !view.hidden.has(Number(button.dataset.kind)));
  }

  // ---------------------------------------------------------------- mouse, finger, wheel

  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top].map((v) => v / enlargement(stage));
  };
  const placeAt = ([x, y]) => {
    const [[left, right], [bottom, top]] = view.window;
    return [
      left + ((x - frame.left) / frame.width) * (right - left),
      top - ((y - frame.top) / frame.height) * (top - bottom),
    ];
  };
  const pointed = (event) => nearest(view.spots, seen, ...spot(event), REACH);

  stage.addEventListener("pointermove", (event) => {
    if (view.held || event.pointerType === "touch") return;
    const i = pointed(event);
    // Over empty ground the last one stays.
    if (i === null || i === view.current) return;
    view.current = i;
    drawSoon(false);
  });

  drag(stage, (start) => {
    const window = view.window,
      from = spot(start);
    let moved = false;
    view.held = true;
    return {
      move: (event) => {
        const [dx, dy] = spot(event).map((v, axis) => v - from[axis]);
        moved ||= Math.hypot(dx, dy) > STILL;
        if (!moved || window === known.whole) return;
        stage.classList.add("held");
        const [across, upright] = window.map(([low, high]) => high - low),
          right = (-dx / frame.width) * across,
          up = (dy / frame.height) * upright;
        show(bounded([window[0].map((v) => v + right), window[1].map((v) => v + up)], known.whole));
      },
      end: (event) => {
        view.held = false;
        stage.classList.remove("held");
        const i = moved || event.type !== "pointerup" ? null : pointed(event);
        if (i === null) return;
        // A finger cannot hover: its first tap looks, its second pins.
        if (event.pointerType === "touch" && i !== view.current) return go(i);
        view.current = i;
        toggle(i);
      },
    };
  });

  stage.addEventListener(
    "wheel",
    (event) => {
      // With the whole map in sight the wheel scrolls the page on.
      if (event.ctrlKey || (view.window === known.whole && event.deltaY >= 0)) return;
      event.preventDefault();
      // Firefox counts in lines.
      const by = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
      show(zoomed(view.window, known.whole, Math.min(4, Math.max(0.25, 1.002 ** -by)), placeAt(spot(event))));
    },
    { passive: false },
  );

  // ---------------------------------------------------------------- keys and buttons

  // Around the point that is looked at, where it is in sight.
  function zoomBy(factor) {
    const middle = view.window.map(([low, high]) => (low + high) / 2),
      place = view.current === null ? middle : placeOf(view.current);
    show(
      zoomed(
        view.window,
        known.whole,
        factor,
        showing(view.window, known.whole, place) === view.window ? place : middle,
      ),
    );
    say(`zoom ${short(zoomOf(view.window, known.whole), 2)}`);
  }

  function step(key) {
    const from = view.current ?? view.pinned;
    const to =
      from === null || !seen(from)
        ? nearest(view.spots, seen, frame.left + frame.width / 2, frame.top + frame.height / 2)
        : towards(view.spots, seen, from, key);
    if (to !== null) go(to);
    else say(`no point further ${{ ArrowRight: "right", ArrowLeft: "left", ArrowUp: "up", ArrowDown: "down" }[key]}`);
  }

  const orders = {
    in: () => zoomBy(1.5),
    out: () => zoomBy(1 / 1.5),
    whole: () => {
      show(known.whole);
      say("whole map");
    },
    unpin: () => userPins(null),
  };
  const keys = {
    "+": orders.in,
    "=": orders.in,
    "-": orders.out,
    "−": orders.out,
    0: orders.whole,
    Enter: () => view.current !== null && toggle(view.current),
    Escape: orders.unpin,
  };

  stage.addEventListener("keydown", (event) => {
    const order = event.key in WAYS ? () => step(event.key) : keys[event.key];
    if (!order || event.ctrlKey || event.metaKey || event.altKey) return;
    // The notebook would move between cells, the page would scroll.
    event.preventDefault();
    event.stopPropagation();
    // What a key begins is seen before the next one counts from it.
    if (waiting) {
      cancelAnimationFrame(waiting);
      [waiting, whole] = [null, false];
      draw();
    }
    order();
  });

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.do) orders[button.dataset.do]();
    if (!button?.dataset.kind) return;
    const kind = Number(button.dataset.kind);
    if (!view.hidden.delete(kind)) view.hidden.add(kind);
    if (view.current !== null && !seen(view.current)) view.current = null;
    legendAgain();
    drawSoon();
  });

  whenTyped(number, () => {
    const wanted = number.value.trim(),
      i = Number(wanted);
    if (wanted && Number.isInteger(i) && i >= 0 && i < known.n) go(i);
    else if (wanted) say(`there are sequences 0 to ${known.n - 1}`);
    number.value = view.current ?? view.pinned ?? "";
  });

  const unfollow = followSize(part("canvas"), draw);
  draw();
  return {
    pin,
    destroy: () => {
      unfollow();
      cancelAnimationFrame(waiting);
    },
  };
}

export default {
  render({ model, el }) {
    const map = mount(
      el,
      { ...model.get("data"), selected: model.get("selected") },
      {
        selected: (index) => {
          model.set("selected", index);
          model.save_changes();
        },
      },
    );
    const listen = () => map.pin(model.get("selected"));
    model.on("change:selected", listen);
    return () => {
      model.off("change:selected", listen);
      map.destroy();
    };
  },
};
