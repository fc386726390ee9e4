// Functions that all widgets share: the page, the mouse, the keys and the kernel.

import { wheelFactor } from "./plot.js";

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
export const escape = (text) => String(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);

// Classroom mode zooms a widget. The page measures in its own pixels; a widget draws in zoomed pixels.
export const enlargement = (element) => element.currentCSSZoom ?? 1;
export const widthOf = (element) => element.getBoundingClientRect().width / enlargement(element);

// Position of the mouse in an element, in the widget's pixels.
export function placeIn(element, event) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((v) => v / enlargement(element));
}

// Unpacks numbers: bytes from the kernel, base64 text in an exported page.
export function numbers(packed, Kind) {
  if (packed == null) return null;
  // Copy the bytes, since their offset may not be aligned for this type.
  if (typeof packed !== "string")
    return new Kind(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength));
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// ---------------------------------------------------------------- building a widget

// Fills `root` with a widget's HTML; returns a function that finds its parts.
export function build(root, kind, html) {
  // A notebook's picture of a widget is hidden where the widget has the class kit-live (see larger.css).
  root.classList.add(kind, "kit-live");
  root.innerHTML = html;
  keepKeys(root);
  return (selector) => root.querySelector(selector);
}

// Keeps Jupyter from using arrows and Enter to move between cells. Jupyter checks the focused element, not its parents.
export function keepKeys(root) {
  for (const element of root.querySelectorAll("button, select, input, summary, [tabindex]"))
    element.dataset.lmSuppressShortcuts = "true";
}

// Unique in a page with several widgets.
let ids = 0;
export const uniqueId = (prefix) => `${prefix}-${ids++}-${Math.floor(Math.random() * 1e9)}`;

// Changes a text only if it differs, because a screen reader reads each change.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}

// ---------------------------------------------------------------- drawing

// Calls `changed` when a picture's size changes, in CSS or in device pixels (a zoom may change only these); returns a
// function that stops it.
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
    observer.observe(picture); // Safari has no device-pixel-content-box
  }
  return () => observer.disconnect();
}

const panelOf = (element) => element.closest(".jp-WindowedPanel-outer");

// Height of the panel that shows the notebook, or of the window in other pages, in the widget's pixels.
export const panelHeight = (element) => (panelOf(element)?.clientHeight || window.innerHeight) / enlargement(element);

// Calls `changed` when this height changes, beginning when the element is in the page; returns a function that stops it.
export function followPanel(element, changed) {
  const panel = new ResizeObserver(changed);
  const seen = new IntersectionObserver(() => {
    if (!element.isConnected) return;
    if (panelOf(element)) panel.observe(panelOf(element));
    seen.disconnect();
  });
  seen.observe(element);
  window.addEventListener("resize", changed);
  return () => {
    panel.disconnect();
    seen.disconnect();
    window.removeEventListener("resize", changed);
  };
}

// Saves SVG text as a file, or copies it: `kind` is "svg", "png" or "copy".
export async function savePicture(svg, name, kind) {
  const picture = new Blob([svg], { type: "image/svg+xml" });
  // Safari copies only in the click itself, so that a promise is passed.
  if (kind === "copy") return navigator.clipboard.write([new ClipboardItem({ "image/png": toPng(picture) })]);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(kind === "png" ? await toPng(picture) : picture);
  link.download = `${name}.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// Twice the resolution of the page.
async function toPng(file) {
  const [picture, canvas] = [new Image(), document.createElement("canvas")];
  picture.src = URL.createObjectURL(file);
  try {
    await picture.decode();
    [canvas.width, canvas.height] = [2 * picture.width, 2 * picture.height];
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    return await new Promise((done) => canvas.toBlob(done));
  } finally {
    URL.revokeObjectURL(picture.src);
  }
}

// Requests drawing at most once per frame and in `pause` milliseconds, and always the last state.
export function onNextFrame(draw, pause = 0) {
  let [timer, frame, drawn] = [null, null, -Infinity];
  const cancel = () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    timer = frame = null;
  };
  const now = () => {
    cancel();
    drawn = performance.now();
    draw();
  };
  const request = () => {
    timer = null;
    frame = requestAnimationFrame(now);
  };
  const soon = () => {
    if (timer !== null || frame !== null) return;
    const wait = pause - (performance.now() - drawn);
    if (wait > 0) timer = setTimeout(request, wait);
    else request();
  };
  return { soon, now, cancel };
}

// Resizes and clears a canvas, in CSS pixels, sharp on any screen; returns its context.
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

// Clips what `draw` draws to a box.
export function clipped(pen, left, top, right, bottom, draw) {
  pen.save();
  pen.beginPath();
  pen.rect(left, top, right - left, bottom - top);
  pen.clip();
  draw();
  pen.restore();
}

// ---------------------------------------------------------------- mouse and keys

// Handles a drag, also outside the element. `begin` returns the handlers of its moves and of its end.
export function drag(element, begin) {
  element.addEventListener("pointerdown", (start) => {
    // A second finger does not drag.
    if (start.button !== 0 || !start.isPrimary) return;
    start.stopPropagation();
    element.setPointerCapture(start.pointerId);
    const { move, end } = begin(start);
    const stop = new AbortController();
    const on = (name, handle) => {
      const handleOwn = (event) => event.pointerId === start.pointerId && handle(event);
      element.addEventListener(name, handleOwn, { signal: stop.signal });
    };
    const release = (event) => {
      stop.abort();
      end?.(event);
    };
    on("pointermove", move);
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) on(name, release);
  });
}

// Rotation of a wheel in pixels; Firefox reports lines.
export const wheelPixels = (event, delta = event.deltaY) => delta * (event.deltaMode === 1 ? 16 : 1);

// Key that makes the wheel zoom, and what a wheel without it says.
export const MODIFIER = globalThis.navigator?.platform?.startsWith("Mac") ? "⌘" : "Ctrl";
export const WHEEL = `Hold ${MODIFIER} and turn the wheel to zoom`;

// Returns a function that shows a text in an element for a while; without a text, it empties the element.
export function hintFor(element) {
  let fading = null;
  return function say(text = "") {
    clearTimeout(fading);
    element.textContent = text;
    if (text) fading = setTimeout(say, 2500);
  };
}

// Zooms with the wheel while the key is held; without it, the page scrolls.
export function onWheel(element, hint, zoom) {
  const turn = (event) => {
    if (!event.ctrlKey && !event.metaKey) return hint(WHEEL);
    event.preventDefault();
    zoom(wheelFactor(wheelPixels(event)), event);
  };
  element.addEventListener("wheel", turn, { passive: false });
}

export const zoomKeys = (closer, wider, whole) => ({ "+": closer, "=": closer, "-": wider, "−": wider, 0: whole });

// Runs the action that `find` returns for a key, and keeps the key from the notebook and the page.
export function onKey(element, find) {
  element.addEventListener("keydown", (event) => {
    const action = event.ctrlKey || event.metaKey || event.altKey ? null : find(event);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
}

// Reads a number with decimal point or comma; null if it is not one.
export function parse(text) {
  const value = Number(text.replace(",", "."));
  return text.trim() && Number.isFinite(value) ? value : null;
}

// The text of an error about a typed value.
export const refusal = (name, requirement, text) => `${name} must be ${requirement}, got '${text}'.`;

// Calls `apply` with a typed text after a change, and on Enter, whose default JupyterLab prevents. If `apply` returns an
// error, it is shown beside the field until another value is accepted. Returns a function that removes it.
export function whenTyped(input, apply) {
  const error = document.createElement("span");
  setAttributes(error, { class: "refused", role: "alert" });
  (input.closest("label") ?? input).after(error);
  input.ariaDescribedByElements = [error];
  let typed = false;
  const say = (text = "") => (error.textContent = text);
  const done = () => {
    if (typed) say(apply(input.value));
    typed = false;
  };
  input.addEventListener("input", () => (typed = true));
  input.addEventListener("change", done);
  input.addEventListener("keydown", (event) => event.key === "Enter" && done());
  return say;
}

// ---------------------------------------------------------------- the kernel

export function tell(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Adds listeners to a model; returns a function that removes them.
export function listen(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => Object.entries(listeners).forEach(([event, listener]) => model.off(event, listener));
}
