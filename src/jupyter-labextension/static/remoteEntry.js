// The panel of a pipeline in JupyterLab, and the container in which JupyterLab finds it: module federation by hand,
// so that nothing has to be built. What it uses of JupyterLab it takes from the scope of shared modules.
"use strict";
(() => {
  let scope;

  const shared = async name => {
    const versions = Object.values(scope[name] || {});
    if (!versions.length) throw new Error(`octavo: JupyterLab does not share ${name}`);
    return (await versions[0].get())();
  };

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter(child => child !== null && child !== undefined));
    return made;
  };

  const SIGNS = { fresh: "✓", done: "✓", restored: "✓", stale: "●", waits: "○", blocked: "⊘", failed: "✗", cancelled: "✗", running: "▸" };

  const STYLE = `
    .octavo { display: flex; flex-direction: column; height: 100%; color: var(--jp-ui-font-color1);
      background: var(--jp-layout-color1); font-size: var(--jp-ui-font-size1); }
    .octavo header { padding: 8px; border-bottom: 1px solid var(--jp-border-color1); }
    .octavo h2 { font-size: inherit; margin: 0 0 6px; overflow-wrap: anywhere; }
    .octavo button { color: inherit; background: var(--jp-layout-color2); border: 1px solid var(--jp-border-color0);
      border-radius: 2px; padding: 2px 8px; margin: 2px 4px 2px 0; font: inherit; cursor: pointer; }
    .octavo button:focus-visible, .octavo summary:focus-visible { outline: 2px solid var(--jp-brand-color1); outline-offset: -2px; }
    .octavo button:disabled { opacity: .5; cursor: default; }
    .octavo ul { list-style: none; margin: 0; padding: 0; overflow: auto; flex: 1; }
    .octavo summary { padding: 4px 8px; cursor: pointer; overflow-wrap: anywhere; }
    .octavo summary:hover { background: var(--jp-layout-color2); }
    .octavo .state { display: inline-block; min-width: 5.5em; }
    .octavo [data-state=stale] .state, .octavo [data-state=running] .state { font-weight: bold; }
    .octavo [data-state=failed] .state, .octavo [data-state=blocked] .state, .octavo .mistake {
      color: var(--jp-error-color0, #a00); font-weight: bold; }
    .octavo .inner { padding: 0 8px 8px 24px; } .octavo .inner p { margin: 4px 0; overflow-wrap: anywhere; white-space: pre-wrap; }
    .octavo progress { width: 6em; vertical-align: middle; }`;

  class Panel {
    constructor(app, lab, tracker) {
      Object.assign(this, { app, lab, tracker, rows: new Map(), open: new Set(), course: new Map(), failures: new Map(), path: "", data: null });
      this.settings = lab.services.ServerConnection.makeSettings();
      this.title = element("h2", {}, "Pipeline");
      this.status = element("p", { role: "status", "aria-live": "polite" });
      this.buildAll = element("button", { type: "button", onclick: () => this.build([]) }, "Build all");
      this.cancel = element("button", { type: "button", disabled: true, onclick: () => this.post("cancel") }, "Cancel");
      this.reload = element("button", { type: "button", onclick: () => this.refresh() }, "Refresh");
      this.list = element("ul", { "aria-label": "Tasks" });
      this.root = element("section", { class: "octavo", "aria-label": "Pipeline" },
        element("style", {}, STYLE),
        element("header", {}, this.title, this.buildAll, this.cancel, this.reload, this.status),
        this.list);
      if (tracker) tracker.currentChanged.connect(() => this.refresh());
      app.serviceManager.contents.fileChanged.connect(() => this.soon());
      window.addEventListener("focus", () => this.soon());
    }

    async ask(name, init = {}) {
      const url = this.settings.baseUrl + "octavo/" + name;
      const answer = await this.lab.services.ServerConnection.makeRequest(url, init, this.settings);
      const body = await answer.json().catch(() => ({}));
      if (!answer.ok) throw new Error(body.message || answer.statusText);
      return body;
    }

    async post(name, body = {}) {
      try {
        await this.ask(name, { method: "POST", body: JSON.stringify({ path: this.path, ...body }) });
        return true;
      } catch (error) {
        this.say(error.message);
        return false;
      }
    }

    say(words) { this.status.textContent = words; }

    soon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.root.offsetParent && this.refresh(), 400);
    }

    async refresh() {
      const current = this.tracker && this.tracker.currentWidget;
      const path = current ? current.context.path : this.path;
      try {
        const data = await this.ask("status?path=" + encodeURIComponent(path));
        this.path = path;
        this.show(data);
      } catch (error) {
        this.say(error.message);
      }
    }

    show(data) {
      if (!this.data || this.data.pipeline !== data.pipeline) this.listen(data.pipeline);
      for (const task of data.tasks) if (task.state === "fresh") this.failures.delete(task.task);
      this.data = data;
      this.title.textContent = data.pipeline || "No pipeline";
      this.buildAll.disabled = !data.tasks.length || data.building;
      this.cancel.disabled = !data.building;
      const counts = {};
      for (const task of data.tasks) counts[task.state] = (counts[task.state] || 0) + 1;
      const said = Object.entries(counts).map(([state, count]) => `${count} ${state}`).join(", ");
      if (!data.building) this.say(data.pipeline ? said : "There is no pipeline.yaml in this folder or above it.");
      const focused = document.activeElement && document.activeElement.closest("li[data-task]");
      const name = focused && focused.dataset.task;
      const control = name && document.activeElement.textContent;
      this.rows = new Map(data.tasks.map(task => [task.task, this.row(task)]));
      this.list.replaceChildren(
        ...(data.mistakes || []).map(words => element("li", { class: "inner mistake", role: "alert" }, element("p", {}, words))),
        ...this.rows.values());
      // what a build has told since is newer than what the files say
      if (data.building) for (const course of this.course.values()) this.state(...course);
      for (const event of this.failures.values()) this.failed(event);
      // what had the keyboard has it still
      if (name && this.rows.get(name)) {
        const again = [...this.rows.get(name).querySelectorAll("summary, button")].find(one => one.textContent === control);
        (again || this.rows.get(name).querySelector("summary")).focus();
      }
    }

    row(task) {
      const reasons = task.reasons.map(reason => reason.text);
      if (task.waits.length) reasons.push("waits for " + task.waits.join(", "));
      const name = task.task;
      const button = (label, act, words = label) =>
        element("button", { type: "button", "aria-label": `${words}: ${name}`, onclick: act }, label);
      const opening = (label, path) => path && button(label, () => this.openFile(path), "Open " + label.toLowerCase());
      const details = element("details", { open: this.open.has(name), ontoggle: () => details.open ? this.open.add(name) : this.open.delete(name) },
        element("summary", {},
          element("span", { class: "state" }, `${SIGNS[task.state] || "·"} ${task.state} `),
          element("b", {}, name), " ", element("span", { class: "course" })),
        element("div", { class: "inner" },
          element("div", { class: "failure" }),
          ...reasons.map(words => element("p", {}, words)),
          element("div", {},
            button("Build", () => this.build([name])),
            button("Build with what it needs", () => this.build(["+" + name])),
            button("Build with what follows", () => this.build([name + "+"])),
            button("Force", () => this.build([name], true), "Run even if fresh"),
            reasons.length ? button("Accept", () => this.accept(name), "Take the products as they are") : null),
          element("div", {},
            opening("Source", task.open),
            task.several && task.open ? button("Show its values", () => this.choose(task), "Show in the source the values of") : null,
            ...task.products.filter(one => one.there).map(one => opening(one.name.split("/").pop(), one.path)))));
      return element("li", { "data-task": name, "data-state": task.state }, details);
    }

    state(name, state, words = "", cell = 0, cells = 0) {
      this.course.set(name, [name, state, words, cell, cells]);
      const row = this.rows.get(name);
      if (!row) return;
      const bar = cells ? element("progress", { "aria-label": name, value: cell, max: cells }) : null;
      row.dataset.state = state;
      row.querySelector(".state").textContent = `${SIGNS[state] || "·"} ${state} `;
      row.querySelector(".course").replaceChildren(...(bar ? [bar, " "] : []), words);
    }

    async build(targets, force = false) {
      if (await this.post("build", { targets, force })) {
        this.say("The build has started.");
        this.buildAll.disabled = true;
        this.cancel.disabled = false;
      }
    }

    async accept(name) {
      if (await this.post("accept", { task: name })) {
        await this.refresh();
        this.say(`The products of ${name} are accepted as they are.`);
      }
    }

    async choose(task) {
      if (!(await this.post("choose", { source: task.open, task: task.task }))) return;
      const there = this.tracker && this.tracker.find(one => one.context.path === task.open);
      // no edit is lost: what is read anew has been saved
      if (there && there.context.model.dirty) await there.context.save();
      if (there) await there.context.revert();
      await this.openFile(task.open);
      this.say(`${task.open} shows the values of ${task.task}.`);
    }

    listen(pipeline) {
      if (this.source) this.source.close();
      this.source = null;
      this.course.clear();
      this.failures.clear();
      if (!pipeline) return;
      const query = new URLSearchParams({ path: this.path });
      if (this.settings.token) query.set("token", this.settings.token);
      this.source = new EventSource(`${this.settings.baseUrl}octavo/events?${query}`);
      this.source.onmessage = message => this.heard(JSON.parse(message.data));
    }

    heard(event) {
      switch (event.event) {
        case "RunStarted":
          this.cancel.disabled = false;
          this.buildAll.disabled = true;
          this.course.clear();
          for (const name of event.stale) this.failures.delete(name);
          this.say(`Building ${event.stale.length} of ${event.tasks.length} tasks.`);
          for (const name of event.stale) this.state(name, "waits");
          break;
        case "TaskStarted":
          this.state(event.task, "running");
          break;
        case "CellStarted":
          this.state(event.task, "running", `cell ${event.number} of ${event.total}`, event.number - 1, event.total);
          break;
        case "TaskFinished":
          this.state(event.task, event.outcome, event.seconds ? `${event.seconds.toFixed(1)} s` : "");
          if (event.failure) { this.failures.set(event.task, event); this.failed(event); }
          break;
        case "Ended":
          this.ended(event);
          break;
      }
    }

    failed(event) {
      const row = this.rows.get(event.task);
      if (!row) return;
      const { kind, message, cell, number, line } = event.failure;
      const place = [number !== null && `cell [${number}]`, line !== null && `line ${line}`].filter(Boolean).join(", ");
      const words = `${kind}: ${message}` + (place ? ` (${place})` : "");
      row.dataset.state = "failed";
      row.querySelector(".state").textContent = `${SIGNS.failed} failed `;
      const path = event.notebook && this.shown(event.notebook);
      row.querySelector(".failure").replaceChildren(
        element("p", { class: "mistake" }, words),
        ...(path ? [element("button", { type: "button", onclick: () => this.openFile(path, cell) }, "Go to the cell that failed")] : []));
      if (!this.open.has(event.task)) row.querySelector("details").open = true;
    }

    shown(path) {
      const folder = this.data.pipeline.includes("/") ? this.data.pipeline.replace(/[^/]*$/, "") : "";
      return path.startsWith("/") ? null : folder + path;
    }

    async ended(event) {
      const failed = [...this.failures.values()].map(one => `${one.task} failed: ${one.failure.kind}: ${one.failure.message}`);
      const ways = { 0: "The build is done.", 1: failed[0] || "The build has failed.", 130: "The build was cancelled." };
      const words = event.said || ways[event.code] || `The build has ended (${event.code}).`;
      await this.refresh();
      this.say(words);
      if (!document.hasFocus() || !this.root.offsetParent)
        this.app.commands.execute("apputils:notify", { message: "octavo: " + words, type: event.code ? "error" : "success" }).catch(() => {});
    }

    async openFile(path, cell = null) {
      const notebook = /\.(ipynb|py|md|Rmd|R|qmd)$/.test(path);
      const options = { path, ...(notebook ? { factory: "Notebook" } : {}) };
      let widget;
      try {
        widget = await this.app.commands.execute("docmanager:open", options);
      } catch {
        widget = await this.app.commands.execute("docmanager:open", { path });
      }
      if (cell === null || !widget || !widget.content || !widget.content.widgets) return;
      await widget.context.ready;
      await widget.revealed;
      widget.content.activeCellIndex = cell;
      widget.content.mode = "command";
      await widget.content.scrollToItem?.(cell);
      widget.content.activate();
    }
  }

  // What has run of a notebook in its kernel, and whether that is what a run of all cells from the top would leave.
  class Sheet {
    constructor() { this.restarted(); }

    restarted() { Object.assign(this, { runs: new Map(), waiting: new Map(), deleted: [] }); }

    scheduled(id, source) { this.waiting.set(id, source); }

    executed(id, source, count, success) {
      this.runs.set(id, { source: this.waiting.has(id) ? this.waiting.get(id) : source, count, success });
      this.waiting.delete(id);
    }

    removed(id) {
      if (this.runs.has(id)) this.deleted.push(this.runs.get(id).count);
      this.runs.delete(id);
    }

    // cells: the code cells in order, each with its id and source
    verdict(cells) {
      const reasons = [];
      let state = "clean", before = 0;
      const found = (worse, words) => {
        reasons.push(words);
        if (worse === "not clean" || state === "clean") state = worse;
      };
      const code = cells.filter(cell => cell.source.trim());
      const last = code.findLastIndex(cell => this.runs.has(cell.id));
      if (last < 0) return { state: "not run", reasons: ["No cell has run in this kernel."] };
      code.forEach((cell, index) => {
        const name = `Cell ${index + 1}`, run = this.runs.get(cell.id);
        if (!run) found(index < last ? "not clean" : "in doubt", `${name} has not run in this kernel.`);
        else {
          if (run.source !== cell.source) found("not clean", `${name} was edited after it ran as [${run.count}].`);
          if (!run.success) found("not clean", `${name} ended with an error.`);
          if (run.count < before) found("not clean", `${name} ran as [${run.count}], before a cell above it.`);
          else if (run.count !== before + 1) found("in doubt", `Before ${name.toLowerCase()}, [${run.count}], something else has run.`);
          before = Math.max(before, run.count);
        }
      });
      for (const count of this.deleted) found("in doubt", `[${count}] was a cell that is deleted now.`);
      return { state, reasons };
    }
  }

  const COLOURS = { "clean": "#2a7d2a", "in doubt": "#8a6100", "not clean": "#b3261e", "not run": "#5f6368" };

  // The badge of one notebook: in its toolbar, and with reasons below it.
  class Badge {
    constructor(panel, widgets, actions) {
      Object.assign(this, { panel, actions, sheet: new Sheet(), listened: new Set() });
      this.button = element("button", { type: "button", class: "octavo-badge", "aria-expanded": "false",
        style: "border: 0; border-radius: 8px; padding: 1px 8px; color: #fff; font: inherit; cursor: pointer; white-space: nowrap" });
      this.button.addEventListener("click", () => { this.bar.setHidden(!this.bar.isHidden); this.draw(); });
      const item = new widgets.Widget({ node: element("div", { class: "jp-Toolbar-item" }, this.button) });
      this.reasons = element("ul", { style: "margin: 4px 0; padding-left: 20px" });
      const again = element("button", { type: "button", onclick: () => this.again() }, "Restart and run all");
      this.inner = element("div", { style: "padding: 4px 12px" }, this.reasons, again);
      this.bar = new widgets.Widget({ node: element("section", { "aria-label": "Is this notebook clean?",
        style: "background: var(--jp-layout-color2); color: var(--jp-ui-font-color1); overflow: auto" }, this.inner) });
      this.bar.hide();
      if (!panel.toolbar.insertAfter("spacer", "octavo-badge", item)) panel.toolbar.addItem("octavo-badge", item);
      panel.contentHeader.addWidget(this.bar);
      const restarted = () => { this.sheet.restarted(); this.soon(); };
      panel.sessionContext.kernelChanged.connect(restarted);
      panel.sessionContext.statusChanged.connect((_, status) => { if (/restarting|dead/.test(status)) restarted(); });
      panel.context.ready.then(() => {
        panel.model.cells.changed.connect((_, change) => {
          if (change.type === "remove") {
            const there = new Set([...panel.model.cells].map(cell => cell.id));
            for (const id of [...this.sheet.runs.keys()]) if (!there.has(id)) this.sheet.removed(id);
          }
          this.soon();
        });
        panel.model.contentChanged.connect(() => this.soon());
        this.draw();
      });
    }

    cells() {
      return [...this.panel.model.cells].filter(cell => cell.type === "code")
        .map(cell => ({ id: cell.id, source: cell.sharedModel.getSource() }));
    }

    soon() {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => !this.panel.isDisposed && this.draw(), 100);
    }

    draw() {
      const { state, reasons } = this.sheet.verdict(this.cells());
      this.button.textContent = state;
      this.button.style.background = COLOURS[state];
      this.button.setAttribute("aria-label", `This notebook is ${state}: reasons`);
      this.button.setAttribute("aria-expanded", String(!this.bar.isHidden));
      const told = reasons.length ? reasons : ["All cells ran in order in this kernel, and none was edited since."];
      this.reasons.replaceChildren(...told.map(words => element("li", {}, words)));
      // the layout gives a widget the height that its style asks for
      const height = `${Math.min(this.inner.scrollHeight, 180)}px`;
      if (!this.bar.isHidden && this.bar.node.style.minHeight !== height) {
        this.bar.node.style.minHeight = height;
        this.panel.contentHeader.fit();
        requestAnimationFrame(() => this.soon());  // its width decides on the lines that it needs
      }
    }

    async again() {
      const context = this.panel.sessionContext;
      await this.panel.context.ready;
      await context.ready;  // a kernel that starts cannot be restarted yet
      const kernel = context.session && context.session.kernel;
      if (kernel) await kernel.restart();
      this.sheet.restarted();
      this.soon();
      await this.actions.runAll(this.panel.content, context);
    }
  }

  const badges = (tracker, widgets, actions) => {
    const known = new Map();
    const add = panel => {
      if (known.has(panel.content)) return;
      known.set(panel.content, new Badge(panel, widgets, actions));
      panel.disposed.connect(() => known.delete(panel.content));
    };
    tracker.forEach(add);
    tracker.widgetAdded.connect((_, panel) => add(panel));
    actions.executionScheduled.connect((_, { notebook, cell }) => {
      if (cell.model.type === "code") known.get(notebook)?.sheet.scheduled(cell.model.id, cell.model.sharedModel.getSource());
    });
    actions.executed.connect((_, { notebook, cell, success }) => {
      const badge = known.get(notebook);
      if (!badge || cell.model.type !== "code" || cell.model.executionCount === null) return;
      badge.sheet.executed(cell.model.id, cell.model.sharedModel.getSource(), cell.model.executionCount, success !== false);
      badge.soon();
    });
  };

  const extension = async () => {
    const [widgets, application, services, notebook, apputils] = await Promise.all(
      ["@lumino/widgets", "@jupyterlab/application", "@jupyterlab/services", "@jupyterlab/notebook", "@jupyterlab/apputils"].map(shared));
    const plugin = {
      id: "octavo:panel",
      description: "The pipeline: what is stale and why, and builds.",
      autoStart: true,
      optional: [application.ILayoutRestorer, notebook.INotebookTracker, apputils.ICommandPalette],
      activate: (app, restorer, tracker, palette) => {
        const panel = new Panel(app, { services }, tracker);
        if (tracker) badges(tracker, widgets, notebook.NotebookActions);
        const widget = new widgets.Widget({ node: panel.root });
        widget.id = "octavo-panel";
        widget.title.label = "octavo";
        widget.title.caption = "Pipeline (octavo)";
        const shown = widget.onAfterShow;
        widget.onAfterShow = message => { shown.call(widget, message); panel.refresh(); };
        app.shell.add(widget, "left", { rank: 350 });
        if (restorer) restorer.add(widget, "octavo-panel");
        const commands = {
          "octavo:show": ["Show the pipeline", () => app.shell.activateById(widget.id)],
          "octavo:build": ["Build the pipeline", async () => { app.shell.activateById(widget.id); await panel.refresh(); await panel.build([]); }],
          "octavo:cancel": ["Cancel the build", () => panel.post("cancel")],
        };
        for (const [id, [label, execute]] of Object.entries(commands)) {
          app.commands.addCommand(id, { label, execute });
          if (palette) palette.addItem({ command: id, category: "octavo" });
        }
      },
    };
    return () => ({ __esModule: true, default: plugin });
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.octavo = {
    Sheet,
    init: found => { scope = found; },
    get: async name => {
      if (name !== "./extension") throw new Error(`octavo has no module ${name}`);
      return extension();
    },
  };
})();
