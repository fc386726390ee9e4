// A button, and the time that the kernel takes to answer it, by the page's clock.
export default {
  render({ model, el }) {
    el.innerHTML = `<p><button type="button" style="font: inherit; padding: 4px 14px; cursor: pointer">Press me</button>
      <b role="status" style="margin-left: 12px"></b></p>`;
    const button = el.querySelector("button"),
      status = el.querySelector("b");
    button.dataset.lmSuppressShortcuts = "true";
    const show = () => {
      status.textContent = model.get("said");
      button.disabled = !model.get("counting");
    };
    let pressed = 0,
      timer;
    const press = () => model.send({ kind: "press" });
    button.addEventListener("click", () => {
      pressed = performance.now();
      press();
      // Repeat: messages of a page that has just been opened may wait for the end of the running cell.
      clearInterval(timer);
      timer = setInterval(() => (model.get("counting") ? press() : clearInterval(timer)), 500);
    });
    const receive = (message) => {
      if (message.kind !== "received" || !pressed) return;
      clearInterval(timer);
      model.send({ kind: "took", milliseconds: performance.now() - pressed });
      pressed = 0;
    };
    model.on("msg:custom", receive);
    model.on("change:said change:counting", show);
    show();
    return () => {
      clearInterval(timer);
      model.off("msg:custom", receive);
      model.off("change:said change:counting", show);
    };
  },
};
