// Texts and numbers from the kernel, keys, frames, and the model of a widget.

import assert from "node:assert/strict";
import test from "node:test";

import { drag, escape, listen, numbers, onKey, onNextFrame, tell, wheelPixels } from "../../trainers/widgets/page.js";

const base64 = (values) => Buffer.from(values.buffer).toString("base64");

test("markup in a text is escaped", () => {
  assert.equal(escape(`<b title="x">&'`), "&lt;b title=&quot;x&quot;&gt;&amp;&#39;");
  assert.equal(escape("</script><svg onload=alert(1)>"), "&lt;/script&gt;&lt;svg onload=alert(1)&gt;");
  assert.equal(escape("&amp;"), "&amp;amp;");
  assert.equal(escape("$x^2$ é 😀"), "$x^2$ é 😀");
  assert.equal(escape(5), "5");
});

test("numbers are unpacked from base64 text and from unaligned bytes", () => {
  const values = new Float32Array([1, -2.5, NaN, Infinity]);
  assert.deepEqual(numbers(base64(values), Float32Array), values);
  const bytes = new Uint8Array(17);
  bytes.set(new Uint8Array(new Float64Array([0.1, -1e300]).buffer), 1);
  assert.deepEqual(numbers(new DataView(bytes.buffer, 1, 16), Float64Array), new Float64Array([0.1, -1e300]));
  assert.equal(numbers("", Int32Array).length, 0);
  assert.equal(numbers(null, Int32Array), null);
  assert.equal(numbers(undefined, Int32Array), null);
});

test("the rotation of a wheel is converted to pixels", () => {
  assert.equal(wheelPixels({ deltaY: 3, deltaMode: 0 }), 3);
  assert.equal(wheelPixels({ deltaY: 3, deltaMode: 1 }), 48);
  assert.equal(wheelPixels({ deltaY: 3, deltaMode: 1 }, -2), -32);
});

test("only keys with an action are kept from the page", () => {
  const element = new EventTarget();
  const done = [];
  onKey(element, ({ key }) => (key === "n" ? () => done.push(key) : null));
  const press = (given) => {
    const event = Object.assign(new Event("keydown", { cancelable: true }), given);
    element.dispatchEvent(event);
    return event.defaultPrevented;
  };
  assert.equal(press({ key: "n" }), true);
  assert.equal(press({ key: "x" }), false);
  assert.equal(press({ key: "n", ctrlKey: true }), false);
  assert.deepEqual(done, ["n"]);
});

test("a picture is drawn at most once per frame", () => {
  const [requested, cancelled] = [[], []];
  globalThis.requestAnimationFrame = (call) => requested.push(call);
  globalThis.cancelAnimationFrame = (id) => cancelled.push(id);
  let drawn = 0;
  const frames = onNextFrame(() => drawn++);
  frames.soon();
  frames.soon();
  assert.equal(requested.length, 1);
  requested[0]();
  assert.equal(drawn, 1);
  frames.soon();
  assert.equal(requested.length, 2);
  frames.cancel();
  assert.equal(cancelled.at(-1), 2);
});

test("pictures are drawn with a pause between them, and an urgent one replaces a waiting one", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const frames = [];
  globalThis.requestAnimationFrame = (call) => frames.push(call);
  globalThis.cancelAnimationFrame = () => frames.splice(0);
  let drawn = 0;
  const { soon, now, cancel } = onNextFrame(() => drawn++, 1e6);
  now();
  soon();
  assert.deepEqual([drawn, frames.length], [1, 0]);
  context.mock.timers.tick(1e6);
  assert.equal(frames.length, 1);
  now();
  assert.deepEqual([drawn, frames.length], [2, 0]);
  soon();
  cancel();
  context.mock.timers.tick(1e6);
  assert.deepEqual([drawn, frames.length], [2, 0]);
});

test("a drag follows only the finger that began it", () => {
  const element = Object.assign(new EventTarget(), { setPointerCapture: () => null });
  const seen = [];
  drag(element, () => ({ move: () => seen.push("move"), end: () => seen.push("end") }));
  const send = (name, pointerId, isPrimary) =>
    element.dispatchEvent(Object.assign(new Event(name), { button: 0, pointerId, isPrimary }));
  send("pointerdown", 1, true);
  send("pointerdown", 2, false);
  send("pointermove", 2, false);
  send("pointerup", 2, false);
  assert.deepEqual(seen, []);
  send("pointermove", 1, true);
  send("pointerup", 1, true);
  send("pointermove", 1, true);
  assert.deepEqual(seen, ["move", "end"]);
});

test("a model gets values, and its listeners can be removed", () => {
  const calls = [];
  const model = {
    set: (...all) => calls.push(["set", ...all]),
    save_changes: () => calls.push(["save"]),
    on: (event) => calls.push(["on", event]),
    off: (event) => calls.push(["off", event]),
  };
  tell(model, { threshold: 2 });
  listen(model, { "change:threshold": () => null })();
  assert.deepEqual(calls, [["set", "threshold", 2], ["save"], ["on", "change:threshold"], ["off", "change:threshold"]]);
});
