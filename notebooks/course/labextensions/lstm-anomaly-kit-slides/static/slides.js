// Slides in JupyterLab: only the cells of one slide of a notebook are shown. They are the notebook's own cells, so you can
// run and edit them, and their widgets work. slides.py writes into each cell's metadata whether it begins a slide. The file
// has the format in which JupyterLab loads extensions, so it needs no build step.
(() => {
  const NAME = "lstm-anomaly-kit-slides";
  // A panel with CSS containment cannot cover the window, so containment is switched off. Hidden parts take no focus.
  // A link in a slide opens another tab and hides the slides: then JupyterLab is visible, and the notebook's tab leads back.
  const STYLE = `
/* With and without slides, text is larger in this JupyterLab, so printed lines may be wider than the page. */
.jp-OutputArea-output pre { word-break: normal !important; overflow-wrap: anywhere; }
.lm-Widget:has(.kit-slides) { contain: none !important; overflow: visible !important; }
body:has(.kit-slides:not(.lm-mod-hidden)) :is(#jp-top-panel, #jp-menu-panel, .jp-SideBar, #jp-left-stack, #jp-right-stack, #jp-bottom-panel, #jp-main-dock-panel > .lm-TabBar) { visibility: hidden; }
.kit-slides { position: fixed !important; inset: 0 !important; width: auto !important; height: auto !important; border: 0 !important; z-index: 900; background: var(--jp-layout-color0); contain: none !important; }
.kit-slides > .jp-Toolbar, .kit-slides > .jp-NotebookPanel-toolbar, .kit-slides .jp-cell-toolbar, .kit-slides .jp-Notebook-footer, .kit-slides .jp-Collapser,
.kit-slides .jp-InputPrompt, .kit-slides .jp-OutputPrompt, .kit-slides .jp-OutputArea-promptOverlay, .kit-slides .jp-WindowedPanel-outer::after { display: none !important; }
.kit-slides > .jp-Notebook { position: absolute !important; inset: 0 !important; width: auto !important; height: auto !important; padding: 0 !important; }
.kit-slides .jp-WindowedPanel-outer { padding: 14px 40px 40px !important; box-sizing: border-box; }
.kit-slides .jp-Cell { border: 0 !important; outline: 0 !important; box-shadow: none !important; }
.kit-slides .jp-MarkdownOutput { border: 0 !important; padding-right: 0; }
.kit-slides .jp-CodeCell:not(.jp-mod-noOutputs) .jp-InputArea { max-height: calc(9 * 1.41 * var(--jp-code-font-size) + 13px); overflow-y: auto; }
.kit-slides .kit-pair { display: inline-block; vertical-align: bottom; width: 64%; box-sizing: border-box; }
.kit-slides .kit-pair + .kit-pair { width: 36%; padding-left: 20px; }
.kit-slides .jp-OutputArea-output img { max-height: 56vh; width: auto !important; }
.kit-slides .kit-elsewhere { display: none !important; }
.kit-slides .kit-later { visibility: hidden; }
.kit-slides-bar { position: absolute; right: 14px; bottom: 6px; z-index: 1; display: flex; gap: 6px; align-items: center; font: 15px var(--jp-ui-font-family); color: var(--jp-ui-font-color2); background: var(--jp-layout-color0); border-radius: 4px; }
.kit-slides-bar button { font: inherit; color: inherit; background: none; border: 1px solid currentColor; border-radius: 4px; padding: 1px 9px; cursor: pointer; }
.kit-slides-bar button:focus-visible { outline: 2px solid #0072B2; outline-offset: 1px; }`;

  const NOTES =
    "body { font: 17px/1.4 sans-serif; margin: 20px; color-scheme: light dark; } td, th { text-align: left; vertical-align: top; padding: 4px 10px; } .now { outline: 3px solid #0072B2; }";

  const kindOf = (cell) => cell.model.getMetadata("slideshow")?.slide_type ?? "-";

  // Return each slide as a list of steps, and each step as a list of cells.
  function slidesOf(notebook) {
    const slides = [];
    for (const cell of notebook.widgets) {
      const kind = kindOf(cell),
        last = slides[slides.length - 1];
      if (kind === "skip" || kind === "notes") continue;
      if (!last || kind === "slide" || kind === "subslide") slides.push([[cell]]);
      else if (kind === "fragment") last.push([cell]);
      else last[last.length - 1].push(cell);
    }
    return slides;
  }

  const hasPicture = (cell) => cell.node.querySelector(".jp-OutputArea-output img")?.checkVisibility() ?? false;
  // A picture and the text that explains it stand side by side.
  const arePair = (cell, next) =>
    cell &&
    next.model.type === "markdown" &&
    kindOf(next) === "fragment" &&
    cell.model.type === "code" &&
    hasPicture(cell);

  // Return the headings of a notebook's sections, in lower case and without minutes, up to a cell.
  function sectionsUpTo(notebook, cell) {
    const before = notebook.widgets
      .slice(0, notebook.widgets.indexOf(cell) + 1)
      .filter((one) => one.model.type === "markdown")
      .map((one) => one.model.sharedModel.source);
    const found = before.flatMap((source) => [...source.matchAll(/^#{1,2} +(.*)/gm)].map((match) => match[1]));
    return found.map((text) =>
      text
        .replace(/\(\d+ minutes?\)$/, "")
        .replace(/^\d+\. /, "")
        .trim()
        .toLowerCase(),
    );
  }

  // A notebook shown as slides; `end` restores the usual view.
  class Show {
    constructor(panel, app, rendermime) {
      Object.assign(this, { panel, rendermime, contents: app.serviceManager.contents });
      this.at = [0, 0];
      const notebook = (this.notebook = panel.content);
      this.config = notebook.notebookConfig;
      // Without this, JupyterLab removes cells outside the viewport from the page.
      notebook.notebookConfig = { ...this.config, windowingMode: "none" };
      panel.addClass("kit-slides");
      this.bar = document.createElement("div");
      this.bar.className = "kit-slides-bar";
      this.bar.innerHTML = `<span role="status"></span><button type="button" data-do="notes">notes</button><button type="button" data-do="previous" aria-label="previous">◀</button>
        <button type="button" data-do="next" aria-label="next">▶</button><button type="button" data-do="end" aria-label="end the slides">✕</button>`;
      this.bar.addEventListener("click", (event) => {
        const what = event.target.closest("button")?.dataset.do;
        if (what) this[what]();
      });
      panel.node.append(this.bar);
      this.follow = () => {
        if (!this.goTo(notebook.activeCell)) this.stay();
      };
      notebook.activeCellChanged.connect(this.follow);
      // Draw again when cells are added or removed.
      this.update = () => this.draw();
      notebook.model.cells.changed.connect(this.update);
      if (!this.goTo(notebook.activeCell)) {
        this.draw();
        this.stay();
      }
      this.focus();
    }

    // If the active cell is on no slide, running it would not be visible: activate a cell of this slide.
    stay() {
      const [slide, step] = this.at,
        here = slidesOf(this.notebook)[slide]?.[step];
      if (here) this.notebook.activeCellIndex = this.notebook.widgets.indexOf(here[here.length - 1]);
    }

    // Go to the step with this cell, if it is on a slide and hidden.
    goTo(cell) {
      const slides = slidesOf(this.notebook);
      const slide = slides.findIndex((steps) => steps.flat().includes(cell));
      if (slide < 0) return false;
      const step = slides[slide].findIndex((cells) => cells.includes(cell));
      if (slide !== this.at[0] || step > this.at[1]) this.at = [slide, step];
      this.draw();
      return true;
    }

    next() {
      const slides = slidesOf(this.notebook),
        [slide, step] = this.at;
      if (step + 1 < slides[slide].length) this.move([slide, step + 1]);
      else if (slide + 1 < slides.length) this.move([slide + 1, 0]);
    }

    previous() {
      const slides = slidesOf(this.notebook),
        [slide, step] = this.at;
      if (step) this.move([slide, step - 1]);
      else if (slide) this.move([slide - 1, slides[slide - 1].length - 1]);
    }

    move(to) {
      const cells = slidesOf(this.notebook)[to[0]][to[1]],
        entered = to[1] === 0;
      this.at = to;
      // Shift Enter runs the code of the new step.
      const chosen = cells.find((cell) => cell.model.type === "code") ?? cells[0];
      this.notebook.mode = "command";
      this.notebook.activeCellIndex = this.notebook.widgets.indexOf(chosen);
      this.notebook.deselectAll();
      this.draw();
      if (entered) this.notebook.node.querySelector(".jp-WindowedPanel-outer")?.scrollTo(0, 0);
      else cells[cells.length - 1].node.scrollIntoView({ block: "nearest" });
      this.focus();
    }

    draw() {
      const slides = slidesOf(this.notebook);
      if (!slides.length) return this.end();
      this.at[0] = Math.min(this.at[0], slides.length - 1);
      const [slide, step] = this.at,
        here = slides[slide];
      for (const cell of this.notebook.widgets) {
        const mine = here.findIndex((cells) => cells.includes(cell));
        cell.toggleClass("kit-elsewhere", mine < 0);
        cell.toggleClass("kit-later", mine > step);
      }
      const cells = here.flat();
      for (const cell of this.notebook.widgets) {
        const i = cells.indexOf(cell);
        const paired = i >= 0 && (arePair(cells[i - 1], cell) || (i + 1 < cells.length && arePair(cell, cells[i + 1])));
        cell.toggleClass("kit-pair", paired);
      }
      this.bar.firstChild.textContent = `${slide + 1} / ${slides.length}`;
      this.markNotes();
    }

    // Show the lesson's section of the instructor guide in a second window, which follows the slides.
    async notes() {
      const popup = (this.popup = window.open("", `${NAME}-notes`, "popup,width=760,height=900"));
      if (!popup) return;
      const folder = this.panel.context.path.split("/").slice(0, -1);
      const number = this.panel.context.path.match(/0?(\d+)_[^/]*$/)?.[1];
      const guide = await this.contents
        .get([...folder, "instructor_guide.md"].join("/"))
        .catch(() => ({ content: "" }));
      const text = guide.content.split(/^(?=## )/m).find((part) => part.startsWith(`## Lesson ${number}:`));
      const renderer = this.rendermime.createRenderer("text/markdown");
      await renderer.renderModel({
        data: { "text/markdown": text ?? "There are no notes for this notebook." },
        metadata: {},
      });
      popup.document.head.innerHTML = `<title>Notes</title><style>${NOTES}</style>`;
      popup.document.body.replaceChildren(renderer.node);
      // The notes scroll to the plan of 45 minutes, or to the plan that was clicked last.
      this.plan = renderer.node.querySelectorAll("table")[1];
      renderer.node.onclick = ({ target }) => (this.plan = target.closest("table") ?? this.plan);
      this.markNotes();
    }

    // Mark the rows and items of the notes that name the section of this slide.
    markNotes() {
      if (!this.popup || this.popup.closed) return;
      const [slide] = this.at,
        section = sectionsUpTo(this.notebook, slidesOf(this.notebook)[slide].flat()[0]).pop() ?? "";
      const named = (text) =>
        text.split(/[;:,?]/).some((part) => part.trim().length > 3 && section.includes(part.trim().toLowerCase()));
      for (const one of this.popup.document.querySelectorAll("td:nth-child(2), li > strong:first-child"))
        one.closest("tr, li").classList.toggle("now", named(one.textContent));
      const row = this.plan?.querySelector(".now") ?? this.popup.document.querySelector(".now");
      row?.scrollIntoView({ block: "center" });
    }

    // A hidden cell loses the focus, and then the keys do not work.
    focus() {
      (this.notebook.activeCell?.node ?? this.notebook.node).focus({ preventScroll: true });
    }

    end() {
      const { notebook, panel } = this;
      notebook.activeCellChanged.disconnect(this.follow);
      notebook.model?.cells.changed.disconnect(this.update);
      for (const cell of notebook.widgets)
        for (const name of ["kit-elsewhere", "kit-later", "kit-pair"]) cell.removeClass(name);
      this.bar.remove();
      panel.removeClass("kit-slides");
      panel.update(); // its parts still have the size of the window
      notebook.notebookConfig = this.config;
      Show.now = null;
      notebook.scrollToItem(notebook.activeCellIndex, "center");
      this.focus();
    }
  }
  Show.now = null;

  function activate(app, tracker, rendermime, ToolbarButton) {
    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.append(style);
    const toggle = () => {
      const panel = tracker.currentWidget;
      if (Show.now) Show.now.end();
      else if (panel) {
        Show.now = new Show(panel, app, rendermime);
        panel.disposed.connect(() => {
          if (Show.now?.panel === panel) Show.now = null;
        });
      }
    };
    const { commands } = app,
      shown = () => Show.now !== null;
    commands.addCommand("classroom:slides", {
      label: "Slides, On and Off",
      isEnabled: () => tracker.currentWidget !== null,
      execute: toggle,
    });
    commands.addCommand("classroom:slides-on", {
      label: "Next Slide",
      isEnabled: shown,
      execute: () => Show.now?.next(),
    });
    commands.addCommand("classroom:slides-back", {
      label: "Previous Slide",
      isEnabled: shown,
      execute: () => Show.now?.previous(),
    });
    const bind = (keys, command, selector) => commands.addKeyBinding({ keys: [keys], command, selector });
    // The keys of a presenter's remote control work everywhere except in code; other keys only if a cell has the focus.
    for (const [keys, what] of [
      ["PageDown", "-on"],
      ["PageUp", "-back"],
      ["Escape", ""],
    ])
      bind(keys, `classroom:slides${what}`, ".kit-slides .jp-Notebook.jp-mod-commandMode");
    for (const [keys, what] of [
      ["Space", "-on"],
      ["Shift Space", "-back"],
      ["ArrowRight", "-on"],
      ["ArrowLeft", "-back"],
    ])
      bind(keys, `classroom:slides${what}`, ".kit-slides .jp-Notebook.jp-mod-commandMode .jp-Cell:focus");
    // Run the cell and stay on it: its output belongs to this slide.
    bind("Shift Enter", "notebook:run-cell", ".kit-slides .jp-Notebook .jp-Cell");
    bind("Alt S", "classroom:slides", ".jp-Notebook.jp-mod-commandMode");
    app.docRegistry.addWidgetExtension("Notebook", {
      createNew: (panel) => {
        const button = new ToolbarButton({
          label: "Slides",
          tooltip: "Show this notebook as slides (Alt S)",
          onClick: toggle,
        });
        panel.toolbar.insertItem(10, "slides", button);
        return button;
      },
    });
  }

  const shared = (scope, name) => Promise.resolve(Object.values(scope[name])[0].get()).then((module) => module());
  let scope = null;
  (window._JUPYTERLAB ??= {})[NAME] = {
    init: (given) => {
      scope = given;
    },
    get: async () => {
      const [{ INotebookTracker }, { IRenderMimeRegistry }, { ToolbarButton }] = await Promise.all(
        ["notebook", "rendermime", "apputils"].map((name) => shared(scope, `@jupyterlab/${name}`)),
      );
      const plugin = {
        id: `${NAME}:plugin`,
        autoStart: true,
        requires: [INotebookTracker, IRenderMimeRegistry],
        activate: (app, tracker, rendermime) => activate(app, tracker, rendermime, ToolbarButton),
      };
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
