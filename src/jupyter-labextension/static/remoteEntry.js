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

  const WHAT = { "executed notebook": "Executed notebook", report: "Report", "notebook of the failed run": "Notebook of the failed run" };

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
    .octavo progress { width: 6em; vertical-align: middle; }
    .octavo [hidden] { display: none; }
    .octavo pre { max-height: 16em; overflow: auto; margin: 4px 0; padding: 4px; white-space: pre-wrap; overflow-wrap: anywhere;
      font: var(--jp-code-font-size) var(--jp-code-font-family); background: var(--jp-layout-color0); border: 1px solid var(--jp-border-color1); }
    .octavo .picture { overflow: auto; flex: 1; }
    .octavo .picture text { fill: var(--jp-ui-font-color1); font-family: var(--jp-code-font-family); }
    .octavo .picture path { stroke: var(--jp-ui-font-color2); } .octavo .picture marker path { fill: var(--jp-ui-font-color2); stroke: none; }
    .octavo .picture path.implied { opacity: .35; }
    .octavo .picture g { cursor: pointer; }
    .octavo .picture rect { fill: var(--jp-layout-color2); stroke: var(--jp-border-color0); }
    .octavo .picture .fresh rect, .octavo .picture .done rect, .octavo .picture .restored rect { stroke: var(--jp-success-color1); }
    .octavo .picture .stale rect { stroke: var(--jp-warn-color1); stroke-width: 2.5; }
    .octavo .picture .running rect { stroke: var(--jp-brand-color1); stroke-width: 2.5; stroke-dasharray: 6 3; }
    .octavo .picture .failed rect, .octavo .picture .blocked rect { stroke: var(--jp-error-color1); stroke-width: 2.5; }
    .octavo .picture .unsaved rect { stroke-dasharray: 2 2; stroke: var(--jp-warn-color1); }
    .octavo .picture g:focus { outline: none; } .octavo .picture g:focus-visible rect { stroke: var(--jp-brand-color1); stroke-width: 4; }`;

  class Panel {
    constructor(app, lab, tracker, files) {
      Object.assign(this, { app, lab, tracker, files, tasks: new Map(), rows: new Map(), open: new Set(), logs: new Map(), unsaved: new Set(), course: new Map(), failures: new Map(), path: "", data: null });
      this.settings = lab.services.ServerConnection.makeSettings();
      this.title = element("h2", {}, "Pipeline");
      this.status = element("p", { role: "status", "aria-live": "polite" });
      this.buildAll = element("button", { type: "button", onclick: () => this.build([]) }, "Build all");
      this.cancel = element("button", { type: "button", disabled: true, onclick: () => this.post("cancel") }, "Cancel");
      this.reload = element("button", { type: "button", onclick: () => this.refresh() }, "Refresh");
      this.graph = element("button", { type: "button", "aria-pressed": "false", onclick: () => this.turn() }, "Graph");
      this.edit = element("p", { role: "status", "aria-live": "polite", hidden: true });
      this.picture = element("div", { class: "picture", hidden: true });
      this.list = element("ul", { "aria-label": "Tasks" });
      this.root = element("section", { class: "octavo", "aria-label": "Pipeline" },
        element("style", {}, STYLE),
        element("header", {}, this.title, this.buildAll, this.cancel, this.reload, this.graph, this.status, this.edit),
        this.picture, this.list);
      if (tracker) tracker.currentChanged.connect(() => { this.watch(); this.soon(0); });
      if (files) files.model.pathChanged.connect(() => this.soon(0));
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

    soon(after = 400) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.root.offsetParent && this.refresh(), after);
    }

    // ── edits that are not saved

    watch() {
      const panel = this.tracker.currentWidget;
      if (panel === this.watched) return;
      if (this.watched && !this.watched.isDisposed) this.watched.context.model.contentChanged.disconnect(this.edited, this);
      this.watched = panel;
      if (panel) panel.context.ready.then(() => {
        if (panel !== this.watched || panel.isDisposed) return;
        panel.context.model.contentChanged.connect(this.edited, this);
        this.edited();
      });
    }

    edited() {
      clearTimeout(this.editing);
      this.editing = setTimeout(() => this.root.offsetParent && this.wouldBe(), 600);
    }

    async wouldBe() {
      const panel = this.watched;
      if (!panel || panel.isDisposed || !panel.context.isReady || !this.data || !this.data.pipeline) return this.wouldBecome();
      const { model, path } = panel.context;
      if (!model.dirty || !this.data.tasks.some(task => task.open === path)) return this.wouldBecome();
      const cells = [...model.cells].map(({ type, id, metadata, sharedModel }) =>
        ({ cell_type: type, id, metadata, source: sharedModel.getSource() }));
      const content = { cells, metadata: model.sharedModel.metadata, nbformat: model.nbformat, nbformat_minor: model.nbformatMinor };
      try {
        const found = await this.ask("unsaved", { method: "POST", body: JSON.stringify({ path, content }) });
        if (panel === this.watched && model.dirty) this.wouldBecome(found);
      } catch (error) {
        this.say(error.message);
      }
    }

    wouldBecome({ changed = [], stale = [], mistakes = [] } = {}) {
      this.unsaved = new Set(stale);
      const words = [...mistakes, ...(stale.length ? ["The unsaved edit would make stale: " + stale.join(", ") + "."] : []),
        ...(changed.length && !stale.length ? ["The unsaved edit makes nothing stale that is fresh now."] : [])].join(" ");
      if (this.edit.textContent !== words) this.edit.textContent = words;
      this.edit.hidden = !words;
      for (const [name, row] of this.rows) this.mark(name, row);
    }

    mark(name, row) {
      row.querySelector(".unsaved").textContent = this.unsaved.has(name) ? "(stale when saved)" : "";
      const box = this.boxes && this.boxes.get(name);
      if (box) box.classList.toggle("unsaved", this.unsaved.has(name));
    }

    // ── the graph

    turn() {
      const shown = this.picture.hidden;
      this.picture.hidden = !shown;
      this.list.hidden = shown;
      this.graph.setAttribute("aria-pressed", String(shown));
      this.refresh();
    }

    draw(text) {
      const focused = this.picture.contains(document.activeElement) && document.activeElement.dataset.task;
      this.boxes = new Map();
      const found = text && new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
      if (!found || found.nodeName !== "svg") { this.picture.replaceChildren(); return; }
      const svg = document.importNode(found, true);
      svg.removeAttribute("class");
      svg.setAttribute("role", "group");  // a picture has nothing in it that can be pressed
      for (const box of svg.querySelectorAll("g[data-task]")) {
        const name = box.dataset.task, tip = box.querySelector("title").textContent;
        box.setAttribute("role", "button");
        box.setAttribute("aria-label", [name, box.querySelector(".state").textContent, ...tip.split("\n").slice(2)].join(", "));
        box.addEventListener("click", () => this.unfold(name));
        box.addEventListener("keydown", event => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          this.unfold(name);
        });
        this.boxes.set(name, box);
      }
      this.picture.replaceChildren(svg);
      if (focused && this.boxes.get(focused)) this.boxes.get(focused).focus();
    }

    unfold(name) {
      if (!this.picture.hidden) this.turn();
      const row = this.rows.get(name);
      if (!row) return;
      this.open.add(name);
      this.fill(name, row);
      row.querySelector("details").open = true;
      row.querySelector("summary").focus();
      row.scrollIntoView({ block: "nearest" });
    }

    // ── what tasks print

    async log(name) {
      if (this.logs.has(name)) this.logs.delete(name);
      else this.logs.set(name, "");
      await this.printed(name);
    }

    async printed(name) {
      if (this.logs.has(name)) {
        try {
          const query = new URLSearchParams({ path: this.path, task: name });
          const { run, text, cut } = await this.ask("log?" + query);
          const words = run ? (cut ? "…" : "") + (text || "It has printed nothing.") : "It has not run yet.";
          if (this.logs.has(name)) this.logs.set(name, words);
        } catch (error) {
          this.say(error.message);
        }
      }
      this.showLog(name);
    }

    showLog(name) {
      const row = this.rows.get(name);
      const pre = row && row.querySelector("pre"), shown = this.logs.has(name);
      if (!pre) return;
      const below = pre.scrollTop + pre.clientHeight >= pre.scrollHeight - 4;
      pre.hidden = !shown;
      pre.textContent = this.logs.get(name) || "";
      if (below) pre.scrollTop = pre.scrollHeight;
      row.querySelector(".logged").setAttribute("aria-expanded", String(shown));
    }

    async refresh() {
      const current = this.tracker && this.tracker.currentWidget;
      const path = current ? current.context.path : this.files ? this.app.serviceManager.contents.localPath(this.files.model.path) : this.path;
      const waiting = setTimeout(() => this.say("The pipeline is being read."), 1000);
      try {
        const data = await this.ask("status?path=" + encodeURIComponent(path) + (this.picture.hidden ? "" : "&graph=1"));
        this.path = path;
        this.show(data);
        this.wouldBe();
      } catch (error) {
        this.say(error.message);
      } finally {
        clearTimeout(waiting);
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
      const name = focused && this.list.contains(focused) && focused.dataset.task;
      const control = name && document.activeElement.textContent;
      this.tasks = new Map(data.tasks.map(task => [task.task, task]));
      this.rows = new Map(data.tasks.map(task => [task.task, this.row(task)]));
      this.list.replaceChildren(
        ...(data.mistakes || []).map(words => element("li", { class: "inner mistake", role: "alert" }, element("p", {}, words))),
        ...this.rows.values());
      this.draw(data.graph);
      for (const task of this.logs.keys()) this.showLog(task);
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
      const name = task.task;
      const details = element("details", { open: this.open.has(name), ontoggle: () => this.toggled(name, details.open) },
        element("summary", {},
          element("span", { class: "state" }, `${SIGNS[task.state] || "·"} ${task.state} `),
          element("b", {}, name), " ", element("span", { class: "course" }), " ", element("span", { class: "unsaved" })));
      const row = element("li", { "data-task": name, "data-state": task.state }, details);
      if (details.open) this.fill(name, row);
      this.mark(name, row);
      return row;
    }

    toggled(name, open) {
      if (!open) { this.open.delete(name); return; }
      this.open.add(name);
      const row = this.rows.get(name);
      if (row) this.fill(name, row);
    }

    // What is in a task that is unfolded: of hundreds of tasks that is only made for those.
    fill(name, row) {
      const details = row.querySelector("details"), task = this.tasks.get(name);
      if (details.querySelector(".inner") || !task) return;
      const reasons = task.reasons.map(reason => reason.text);
      if (task.waits.length) reasons.push("waits for " + task.waits.join(", "));
      const button = (label, act, words = label) =>
        element("button", { type: "button", "aria-label": `${words}: ${name}`, onclick: act }, label);
      const opening = (label, path) => path && button(label, () => this.openFile(path), "Open " + label.toLowerCase());
      details.append(element("div", { class: "inner" },
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
          ...task.products.filter(one => one.there).map(one =>
            opening(one.what === "product" ? one.name.split("/").pop() : WHAT[one.what] || one.what, one.path)),
          element("button", { type: "button", class: "logged", "aria-label": `Log: ${name}`, "aria-expanded": "false",
            onclick: () => this.log(name) }, "Log")),
        element("pre", { role: "log", tabindex: "0", "aria-label": `What ${name} printed`, hidden: true })));
    }

    state(name, state, words = "", cell = 0, cells = 0) {
      this.course.set(name, [name, state, words, cell, cells]);
      const row = this.rows.get(name);
      if (!row) return;
      const bar = cells ? element("progress", { "aria-label": name, value: cell, max: cells }) : null;
      row.dataset.state = state;
      row.querySelector(".state").textContent = `${SIGNS[state] || "·"} ${state} `;
      row.querySelector(".course").replaceChildren(...(bar ? [bar, " "] : []), words);
      this.paint(name, state);
    }

    paint(name, state) {
      const box = this.boxes && this.boxes.get(name);
      if (!box) return;
      box.setAttribute("class", `task ${state}` + (this.unsaved.has(name) ? " unsaved" : ""));
      box.setAttribute("aria-label", `${name}, ${state}`);
      box.querySelector(".state").textContent = state;
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
        case "CellFinished":
          this.printed(event.task);
          break;
        case "TaskFinished":
          this.printed(event.task);
          this.state(event.task, event.outcome, event.seconds ? `${event.seconds.toFixed(1)} s` : "");
          if (event.failure) { this.failures.set(event.task, event); this.failed(event); }
          break;
        case "Ended":
          this.ended(event);
          break;
        case "Changed":  // another process builds it
          this.soon(0);
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
      this.paint(event.task, "failed");
      const path = event.notebook && this.shown(event.notebook);
      this.fill(event.task, row);
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

    // ── runs of the notebook that is open, in a worker

    // Save it, build its task (or run it, if it is none's), and show the executed copy beside it.
    async runOpen(panel) {
      const { context } = panel;
      if (context.model.dirty) await context.save();
      const data = await this.ask("status?path=" + encodeURIComponent(context.path));
      const own = data.tasks.filter(task => task.open === context.path);
      const body = { path: context.path };
      let executed, query = body;
      if (own.length) {
        const notebook = own[0].products.find(one => one.what === "executed notebook");
        executed = notebook && notebook.path;
        body.targets = own.map(task => "+" + task.task);
      } else query = { ...body, run: "1" };
      const listening = this.events(query);
      try {
        await listening.ready;
        let failed = null;
        const ending = listening.until(event => { if (event.failure) failed = failed || event; });
        const answer = await this.ask(own.length ? "build" : "run", { method: "POST", body: JSON.stringify(body) });
        this.tell(own.length ? `octavo builds ${own.map(task => task.task).join(", ")}.` : `octavo runs ${context.path}.`, "info");
        executed = answer.executed || executed;
        const end = await ending;
        const why = failed && `${failed.task} failed: ${failed.failure.kind}: ${failed.failure.message}`;
        if (end.code) return this.tell(end.said || why || `It has ended (${end.code}).`, "error");
        this.tell(own.length ? "The task is built." : `${context.path} has run.`, "success");
        if (executed) await this.openFile(executed, null, { mode: "split-right", ref: panel.id });
      } finally {
        listening.close();
      }
    }

    // ── a run of the open notebook in its own kernel, as its task's result

    async take(panel, task, { restarted, runAll }) {
      const { context, sessionContext } = panel, path = context.path;
      await sessionContext.ready;  // a kernel that starts cannot be restarted yet
      if (context.model.dirty) await context.save();
      const listening = this.events({ path });
      try {
        await listening.ready;
        let start, failed = null;
        const started = new Promise(found => { start = found; });
        const ending = listening.until(event => {
          if (event.event === "TaskStarted") start(true);
          if (event.failure) failed = event;
        });
        ending.then(() => start(false));
        const { begin, end } = await this.ask("take", { method: "POST", body: JSON.stringify({ path, task }) });
        const run = await started;
        let refused = null;
        if (run) {
          try {
            const { kernel } = sessionContext.session;
            await kernel.restart();
            restarted();
            refused = await this.silently(kernel, begin);
            if (!refused) {
              await runAll();
              refused = await this.silently(kernel, end);
            }
          } catch (error) {
            refused = error.message;
          }
          if (refused) await this.ask("cancel", { method: "POST", body: JSON.stringify({ path }) });
        }
        const { code, said } = await ending;
        const why = failed && `${task} failed: ${failed.failure.kind}: ${failed.failure.message}`;
        if (code) this.tell(refused || said || why || "The run was cancelled.", "error");
        else this.tell(run ? `This run is the result of ${task} now.` : `${task} is fresh already.`, "success");
      } finally {
        listening.close();
      }
    }

    // Run code that is no cell; return what went wrong.
    async silently(kernel, code) {
      const { content } = await kernel.requestExecute({ code, silent: true, store_history: false }).done;
      return content.status === "ok" ? null : content.evalue || content.status;
    }

    tell(words, type) {
      this.say(words);
      this.app.commands.execute("apputils:notify", { message: "octavo: " + words, type, options: { autoClose: 5000 } }).catch(() => {});
    }

    // The events of a build or run: ready once they are listened to.
    events(query) {
      const search = new URLSearchParams(query);
      if (this.settings.token) search.set("token", this.settings.token);
      const source = new EventSource(`${this.settings.baseUrl}octavo/events?${search}`);
      return {
        ready: new Promise((found, lost) => { source.onopen = found; source.onerror = () => lost(new Error("The server does not answer.")); }),
        until: heard => new Promise(found => {
          source.onmessage = message => {
            const event = JSON.parse(message.data);
            heard(event);
            if (event.event === "Ended") found(event);
          };
        }),
        close: () => source.close(),
      };
    }

    async openFile(path, cell = null, place = null) {
      const notebook = /\.(ipynb|py|md|Rmd|R|qmd)$/.test(path);
      const options = { path, ...(notebook ? { factory: "Notebook" } : {}), ...(place ? { options: place } : {}) };
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

    restarted() { Object.assign(this, { runs: new Map(), waiting: new Map() }); }

    // A cell may be asked for again, edited, while it waits.
    scheduled(id, source) {
      if (!this.waiting.has(id)) this.waiting.set(id, []);
      this.waiting.get(id).push(source);
    }

    // count: null for one that did not run after all
    executed(id, source, count, success) {
      const ran = (this.waiting.get(id) || []).shift();
      if (count !== null) this.runs.set(id, { source: ran === undefined ? source : ran, count, success });
    }

    // cells: the code cells in order, each with its id and source, and the number that it shows
    verdict(cells) {
      const reasons = [], there = new Set(cells.map(cell => cell.id));
      for (const id of [...this.waiting.keys()]) if (!there.has(id)) this.waiting.delete(id);  // nobody tells of those
      let state = "clean", before = 0;
      const found = (worse, words) => {
        reasons.push(words);
        if (worse === "not clean" || state === "clean") state = worse;
      };
      const code = cells.filter(cell => cell.source.trim());
      const last = code.findLastIndex(cell => this.runs.has(cell.id));
      if (last < 0) return { state: "not run", reasons: ["No cell has run in this kernel since this page was opened."] };
      code.forEach((cell, index) => {
        const name = `Cell ${index + 1}`, run = this.runs.get(cell.id);
        if (!run) found(index < last ? "not clean" : "in doubt", `${name} has not run in this kernel.`);
        else {
          if (run.source !== cell.source) found("not clean", `${name} was edited after it ran as [${run.count}].`);
          if (!run.success) found("not clean", `${name} ended with an error.`);
          if (cell.count === null) found("in doubt", `The output of ${name.toLowerCase()} was cleared.`);
          else if (cell.count !== run.count) found("in doubt", `${name} was run elsewhere, as [${cell.count}].`);
          if (run.count < before) found("not clean", `${name} ran as [${run.count}], before a cell above it.`);
          else if (run.count !== before + 1) found("in doubt", `Before ${name.toLowerCase()}, [${run.count}], something else has run.`);
          before = Math.max(before, run.count);
        }
      });
      // a cell that is moved, or whose deletion is undone, has its id again
      for (const [id, { count }] of this.runs) if (!there.has(id)) found("in doubt", `[${count}] was a cell that is deleted now.`);
      return { state, reasons };
    }
  }

  const COLOURS = { "clean": "#2a7d2a", "in doubt": "#8a6100", "not clean": "#b3261e", "not run": "#5f6368" };

  // The badge of one notebook: in its toolbar, and with reasons below it.
  class Badge {
    constructor(panel, sheet, widgets, actions, octavo) {
      Object.assign(this, { panel, actions, octavo, sheet });
      this.button = element("button", { type: "button", class: "octavo-badge", "aria-expanded": "false",
        style: "border: 0; border-radius: 8px; padding: 1px 8px; color: #fff; font: inherit; cursor: pointer; white-space: nowrap" });
      this.button.addEventListener("click", () => { this.bar.setHidden(!this.bar.isHidden); this.draw(); this.offer(); });
      const item = new widgets.Widget({ node: element("div", { class: "jp-Toolbar-item" }, this.button) });
      this.reasons = element("ul", { style: "margin: 4px 0; padding-left: 20px" });
      const again = element("button", { type: "button", onclick: () => this.again() }, "Restart and run all");
      this.run = element("button", { type: "button", onclick: () => this.inWorker() }, "Run on octavo");
      this.taken = element("button", { type: "button", hidden: true, onclick: () => this.asResult() });
      this.said = element("span", { role: "status", style: "padding-left: 8px" });
      this.inner = element("div", { style: "padding: 4px 12px" }, this.reasons, again, " ", this.run, " ", this.taken, this.said);
      this.bar = new widgets.Widget({ node: element("section", { "aria-label": "Is this notebook clean?",
        style: "background: var(--jp-layout-color2); color: var(--jp-ui-font-color1); overflow: auto" }, this.inner) });
      this.bar.hide();
      if (!panel.toolbar.insertAfter("spacer", "octavo-badge", item)) panel.toolbar.addItem("octavo-badge", item);
      panel.contentHeader.addWidget(this.bar);
      const restarted = () => { this.sheet.restarted(); this.soon(); };
      panel.sessionContext.kernelChanged.connect(restarted);
      panel.sessionContext.statusChanged.connect((_, status) => { if (/restarting|dead/.test(status)) restarted(); });
      panel.context.ready.then(() => {
        panel.model.cells.changed.connect(() => { this.undeleted(); this.soon(); });
        panel.model.contentChanged.connect(() => this.soon());
        panel.context.saveState.connect((_, state) => { if (state === "completed") this.offer(); });
        this.draw();
      });
    }

    // JupyterLab tells the kernel of cells that were deleted, also of those that an undo has brought back.
    undeleted() {
      const gone = this.panel.model && this.panel.model.deletedCells;
      if (!gone || !gone.length) return;
      const there = new Set([...this.panel.model.cells].map(cell => cell.id));
      const left = gone.filter(id => !there.has(id));
      gone.splice(0, gone.length, ...left);
    }

    cells() {
      return [...this.panel.model.cells].filter(cell => cell.type === "code")
        .map(cell => ({ id: cell.id, source: cell.sharedModel.getSource(), count: cell.executionCount }));
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

    // What a worker can make true: with a pipeline, a build of what the notebook needs, and of its task.
    async offer() {
      if (this.bar.isHidden) return;
      const path = this.panel.context.path;
      const data = await this.octavo.ask("status?path=" + encodeURIComponent(path)).catch(() => ({ tasks: [] }));
      const own = data.tasks.filter(task => task.open === path);
      this.run.textContent = own.length ? `Build ${own.map(task => task.task).join(", ")}` : "Run on octavo";
      this.run.title = own.length ? "Save it, build what it needs and its task in workers, and open the executed notebook"
        : "Save it, run it in a worker, and open the executed copy";
      // which of several tasks a kernel runs cannot be told
      this.task = own.length === 1 ? own[0].task : null;
      this.taken.hidden = !this.task || own[0].state === "fresh";
      this.taken.textContent = `Restart and run all as the result of ${this.task}`;
      const words = own.map(task => `The task ${task.task} is ${task.state}.`).join(" ");
      this.said.textContent = words;
      this.soon();
    }

    inWorker() { return this.busy(() => this.octavo.runOpen(this.panel)); }

    asResult() {
      return this.busy(() => this.octavo.take(this.panel, this.task, {
        restarted: () => { this.sheet.restarted(); this.soon(); },
        runAll: () => this.actions.runAll(this.panel.content, this.panel.sessionContext),
      }));
    }

    async busy(act) {
      this.run.disabled = this.taken.disabled = true;
      try {
        await act();
      } catch (error) {
        this.octavo.tell(error.message, "error");
      } finally {
        this.run.disabled = this.taken.disabled = false;
        this.offer();
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

  const badges = (tracker, widgets, actions, octavo) => {
    const known = new Map(), sheets = new WeakMap();  // two views of one notebook have one sheet
    const sheet = model => sheets.get(model) || sheets.set(model, new Sheet()).get(model);
    const add = panel => {
      if (known.has(panel.content)) return;
      known.set(panel.content, new Badge(panel, sheet(panel.context.model), widgets, actions, octavo));
      panel.disposed.connect(() => known.delete(panel.content));
    };
    tracker.forEach(add);
    tracker.widgetAdded.connect((_, panel) => add(panel));
    actions.executionScheduled.connect((_, { notebook, cell }) => {
      if (cell.model.type === "code") sheet(notebook.model).scheduled(cell.model.id, cell.model.sharedModel.getSource());
    });
    actions.executed.connect((_, { notebook, cell, success }) => {
      if (cell.model.type !== "code") return;
      const ran = sheet(notebook.model), tags = cell.model.getMetadata("tags");
      const meant = Array.isArray(tags) && tags.includes("raises-exception");
      ran.executed(cell.model.id, cell.model.sharedModel.getSource(), cell.model.executionCount, success !== false || meant);
      for (const badge of known.values()) if (badge.sheet === ran) badge.soon();
    });
  };

  const extension = async () => {
    const [widgets, application, services, notebook, apputils, filebrowser] = await Promise.all(["@lumino/widgets",
      ...["application", "services", "notebook", "apputils", "filebrowser"].map(name => `@jupyterlab/${name}`)].map(shared));
    const plugin = {
      id: "octavo:panel",
      description: "The pipeline: what is stale and why, and builds.",
      autoStart: true,
      optional: [application.ILayoutRestorer, notebook.INotebookTracker, apputils.ICommandPalette, filebrowser.IDefaultFileBrowser].filter(Boolean),
      activate: (app, restorer, tracker, palette, files) => {
        const panel = new Panel(app, { services }, tracker, files);
        if (tracker) badges(tracker, widgets, notebook.NotebookActions, panel);
        const widget = new widgets.Widget({ node: panel.root });
        widget.id = "octavo-panel";
        widget.title.label = "octavo";
        widget.title.caption = "Pipeline (octavo)";
        const shown = widget.onAfterShow;
        widget.onAfterShow = message => { shown.call(widget, message); panel.refresh(); };
        app.shell.add(widget, "left", { rank: 350 });
        // the server reads how pipelines are read while nobody waits for it
        panel.ask("status?path=&warm=1").catch(() => {});
        if (restorer) restorer.add(widget, "octavo-panel");
        const commands = {
          "octavo:show": ["Show the pipeline", () => app.shell.activateById(widget.id)],
          "octavo:build": ["Build the pipeline", async () => { app.shell.activateById(widget.id); await panel.refresh(); await panel.build([]); }],
          "octavo:cancel": ["Cancel the build", () => panel.post("cancel")],
          "octavo:run": ["Run on octavo", () => panel.runOpen(tracker.currentWidget).catch(error => panel.tell(error.message, "error")),
            () => Boolean(tracker && tracker.currentWidget)],
        };
        for (const [id, [label, execute, isEnabled = () => true]] of Object.entries(commands)) {
          app.commands.addCommand(id, { label, execute, isEnabled });
          if (palette) palette.addItem({ command: id, category: "octavo" });
        }
      },
    };
    return () => ({ __esModule: true, default: plugin });
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB.octavo = {
    Sheet,
    COLOURS,
    init: found => { scope = found; },
    get: async name => {
      if (name !== "./extension") throw new Error(`octavo has no module ${name}`);
      return extension();
    },
  };
})();
