// What every widget needs of the page, the kernel and Jupyter around it.

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escape = (text) => String(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

// Classroom mode zooms a widget. What the page measures is in its own pixels, what is drawn is in the widget's.
export const enlargement = (element) => element.currentCSSZoom ?? 1;
export const widthOf = (element) => element.getBoundingClientRect().width / enlargement(element);

// Where in an element the mouse is, in the widget's pixels.
export function placeIn(element, event) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((v) => v / enlargement(element));
}

// Numbers come as bytes from the kernel, and as base64 text in an exported page.
export function numbers(packed, Kind) {
  if (packed == null) return null;
  // A copy: the bytes may begin where numbers of this size must not.
  if (typeof packed !== "string")
    return new Kind(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength));
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// ---------------------------------------------------------------- building a widget

// Makes `root` this kind of widget; returns a function to find its parts.
export function build(root, kind, html) {
  root.classList.add(kind);
  root.innerHTML = html;
  keepKeys(root);
  return (selector) => root.querySelector(selector);
}

// Else Jupyter takes arrows and Enter for moving from cell to cell. It looks for this at the element that has the
// focus, and not first at those around it.
export function keepKeys(root) {
  for (const element of root.querySelectorAll("button, select, input, summary, [tabindex]"))
    element.dataset.lmSuppressShortcuts = "true";
}

export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

// ---------------------------------------------------------------- drawing

// Calls when a picture has got another size, in its own pixels or in the screen's: a zoom may leave its own as they are.
// What ends that is returned.
export function followSize(picture, changed) {
  const size = () => [widthOf(picture), enlargement(picture), window.devicePixelRatio].join();
  let last = size();
  const observer = new ResizeObserver(() => {
    if (size() === last) return;
    last = size();
    changed();
  });
  try {
    observer.observe(picture, { box: "device-pixel-content-box" });
  } catch {
    observer.observe(picture); // Safari knows its own pixels only
  }
  return () => observer.disconnect();
}

// Draws once before the page is painted, however often it is asked to.
export function onNextFrame(draw) {
  let waiting = null;
  const soon = () => {
    waiting ??= requestAnimationFrame(() => {
      waiting = null;
      draw();
    });
  };
  return { soon, cancel: () => cancelAnimationFrame(waiting) };
}

// A canvas of so many CSS pixels, sharp on any screen, empty.
export function sharpPen(canvas, width, height) {
  const ratio = (window.devicePixelRatio || 1) * enlargement(canvas);
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = `12px ${getComputedStyle(canvas).fontFamily}`;
  pen.lineJoin = pen.lineCap = "round";
  return pen;
}

// Draws inside a box only.
export function clipped(pen, left, top, right, bottom, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, right - left, bottom - top);
  pen.clip();
  draw();
  pen.restore();
}

// ---------------------------------------------------------------- mouse and keys

// From press to release, wherever the mouse goes meanwhile. `begin` returns what a move and the end do, each told
// of its event.
export function drag(element, begin) {
  element.addEventListener("pointerdown", (start) => {
    if (start.button !== 0) return;
    start.stopPropagation();
    element.setPointerCapture(start.pointerId);
    const { move, end } = begin(start);
    const stop = new AbortController();
    element.addEventListener("pointermove", move, { signal: stop.signal });
    const release = (event) => {
      stop.abort();
      end?.(event);
    };
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      element.addEventListener(name, release, { signal: stop.signal });
  });
}

// How far a wheel was turned, in pixels: Firefox counts in lines.
export const wheelPixels = (event, delta = event.deltaY) => delta * (event.deltaMode === 1 ? 16 : 1);

// Does what `find` returns for a key. Else the notebook would move between cells, and the page would scroll.
export function onKey(element, find) {
  element.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : find(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
}

// JupyterLab keeps the browser from taking Enter for the end of an input.
export function whenTyped(input, take) {
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => event.key === "Enter" && take());
}

// ---------------------------------------------------------------- the kernel

export function tell(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Hears of a model's events until what is returned is called.
export function listen(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => Object.entries(listeners).forEach(([event, listener]) => model.off(event, listener));
}
