// A button, and how long the kernel takes to answer it, by the page's clock.
export default {
  render({ model, el }) {
    el.innerHTML = `<p><button type="button" style="font: inherit; padding: 4px 14px; cursor: pointer">Press me</button>
      <b role="status" style="margin-left: 12px"></b></p>`;
    const button = el.querySelector("button"), said = el.querySelector("b");
    button.dataset.lmSuppressShortcuts = "true";
    const show = () => { said.textContent = model.get("said"); button.disabled = !model.get("counting"); };
    let pressed = 0;
    button.addEventListener("click", () => { pressed = performance.now(); model.send({ kind: "press" }); });
    const hear = (message) => message.kind === "heard" && model.send({ kind: "took", milliseconds: performance.now() - pressed });
    model.on("msg:custom", hear);
    model.on("change:said change:counting", show);
    show();
    return () => { model.off("msg:custom", hear); model.off("change:said change:counting", show); };
  },
};
