// A button, and how long the kernel takes to answer it, by the page's clock.
export default {
  render({ model, el }) {
    el.innerHTML = `<p><button type="button" style="font: inherit; padding: 4px 14px; cursor: pointer">Press me</button>
      <b role="status" style="margin-left: 12px"></b></p>`;
    const button = el.querySelector("button"),
      said = el.querySelector("b");
    button.dataset.lmSuppressShortcuts = "true";
    const show = () => {
      said.textContent = model.get("said");
      button.disabled = !model.get("counting");
    };
    let pressed = 0,
      again;
    const press = () => model.send({ kind: "press" });
    button.addEventListener("click", () => {
      pressed = performance.now();
      press();
      // A page that has just been opened may not have its way past the busy cell yet: what it sends waits for the cell's end.
      clearInterval(again);
      again = setInterval(() => (model.get("counting") ? press() : clearInterval(again)), 500);
    });
    const hear = (message) => {
      if (message.kind !== "heard" || !pressed) return;
      clearInterval(again);
      model.send({ kind: "took", milliseconds: performance.now() - pressed });
      pressed = 0;
    };
    model.on("msg:custom", hear);
    model.on("change:said change:counting", show);
    show();
    return () => {
      clearInterval(again);
      model.off("msg:custom", hear);
      model.off("change:said change:counting", show);
    };
  },
};
