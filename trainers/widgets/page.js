// What every widget needs of the page, the kernel and Jupyter around it.

export const escape = (text) =>
  String(text).replace(/[&<>"']/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

// Classroom mode zooms a widget. What the page measures is in its own pixels, what is drawn is in the widget's.
export const enlargement = (element) => element.currentCSSZoom ?? 1;
export const widthOf = (element) => element.getBoundingClientRect().width / enlargement(element);

// Numbers come as bytes from the kernel, and as base64 text in an exported page.
export function numbers(packed, Kind) {
  if (packed == null) return null;
  // A copy: the bytes may begin where numbers of this size must not.
  if (typeof packed !== "string")
    return new Kind(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength));
  const text = atob(packed),
    bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// Else Jupyter takes arrows and Enter for moving from cell to cell. It looks for this at the element that has the
// focus, and not first at those around it.
export function keepKeys(root) {
  for (const element of root.querySelectorAll("button, select, input, summary, [tabindex]"))
    element.dataset.lmSuppressShortcuts = "true";
}

// JupyterLab keeps the browser from taking Enter for the end of an input.
export function whenTyped(input, take) {
  input.addEventListener("change", take);
  input.addEventListener("keydown", (event) => event.key === "Enter" && take());
}

// Calls when a canvas has got another size, in its own pixels or in the screen's: a zoom may leave its own as they are.
// What ends that is returned.
export function followSize(canvas, changed) {
  const size = () => [widthOf(canvas), enlargement(canvas), window.devicePixelRatio].join();
  let last = size();
  const observer = new ResizeObserver(() => {
    if (size() !== last) {
      last = size();
      changed();
    }
  });
  try {
    observer.observe(canvas, { box: "device-pixel-content-box" });
  } catch {
    observer.observe(canvas);
  } // Safari knows its own pixels only
  return () => observer.disconnect();
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

// From press to release, wherever the mouse goes meanwhile. `begin` returns what a move and the end do, each told
// of its event.
export function drag(element, begin) {
  element.addEventListener("pointerdown", (start) => {
    if (start.button !== 0) return;
    start.stopPropagation();
    element.setPointerCapture(start.pointerId);
    const { move, end } = begin(start),
      stop = new AbortController();
    element.addEventListener("pointermove", (event) => move(event), { signal: stop.signal });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
      element.addEventListener(
        name,
        (event) => {
          if (!stop.signal.aborted) {
            stop.abort();
            end?.(event);
          }
        },
        { signal: stop.signal },
      );
  });
}
