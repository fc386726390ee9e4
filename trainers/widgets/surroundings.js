// What every widget needs of the page, the kernel and Jupyter around it.

const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

// Numbers come as bytes from the kernel, and as base64 text in an exported page.
function numbers(packed, Kind) {
  if (packed == null) return null;
  // A copy: the bytes may begin where numbers of this size must not.
  if (typeof packed !== "string") return new Kind(packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength));
  const text = atob(packed), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// Else Jupyter takes arrows and Enter for moving from cell to cell. It looks for this at the element that has the
// focus, and not first at those around it.
function keepKeys(root) {
  for (const element of root.querySelectorAll("button, select, input, summary, [tabindex]")) element.dataset.lmSuppressShortcuts = "true";
}
