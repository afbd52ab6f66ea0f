// The panel's view, and what both ends agree on: the kernel's list of entries.

const NO_KERNEL =
  "No kernel runs for this notebook, so nothing was sent. Choose Run > Run All Cells: it starts one.";

// The list is kept here for every view of the panel; the kernel reports what changes in it.
export default () => {
  const entries = [];
  const views = new Set();

  function take(change) {
    if (change.kind === "replaced") {
      entries.splice(change.start, change.removed, ...change.entries);
      views.forEach((view) => view.show(change.start));
      return;
    }
    if (change.kind === "unsent") {
      [...views][0]?.giveBack(change.text);
      return;
    }
    const entry = entries.findLast((each) => each.key === change.key);
    if (!entry) return;
    if (change.kind === "grew") {
      entry.text += change.text;
      if (entry.draft) entry.draft.tail += change.text;
      views.forEach((view) => view.grow(change));
    } else if (change.kind === "formatted") {
      entry.text += change.text;
      entry.draft = { done: entry.draft.done + change.done, block: change.block, tail: change.tail };
      views.forEach((view) => view.format(change));
    }
  }

  return {
    initialize({ model }) {
      // JupyterLab saves what a model holds with the notebook: without its kernel it is read again.
      entries.push(...(model.get("entries") ?? []));
      model.set("entries", entries);
      model.on("msg:custom", ({ changes }) => changes?.forEach(take));
      model.send({ kind: "hello" });
    },
    render({ model, el }) {
      return renderView(model, el, entries, views);
    },
  };
};

function renderView(model, el, entries, views) {
  const root = element("section", "namu-panel");
  const send = (message) => {
    try {
      model.send(message);
      return true;
    } catch {
      showLost(NO_KERNEL);
      return false;
    }
  };
  const composer = createComposer({
    send,
    editLast: () => log.editLast(),
    filled: () => filledCards(root),
  });
  const log = createLog(entries, {
    send,
    takeFocus: composer.focus,
    giveBack: composer.giveBack,
    isNews: () => model.get("running"), // an old conversation that is opened is no news
    showEmpty: () => emptyState(model, composer),
  });
  root.setAttribute("aria-label", `Chat with ${model.get("title")}`);
  const head = createHead(model, root);
  const status = element("div", "namu-status", "");
  const lost = element("div", "namu-lost", "");
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  const { middle, announcer } = log.parts;
  const { offers, bar } = composer.parts;
  root.append(head.bar, middle, status, announcer, lost, offers, bar);
  el.append(root);
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event)) send({ kind: "stop" });
    event.stopPropagation(); // keys typed here are no notebook shortcuts
  });

  function showStatus() {
    status.textContent = model.get("status");
    composer.setRunning(model.get("running"));
    log.setBusy(model.get("running"));
  }

  function showSuggestions() {
    composer.offer(entries.length ? model.get("suggestions") : []);
    if (!entries.length) log.show(0);
  }

  function showLost(text) {
    if (!lost.hidden) return;
    const waiting = entries.filter((entry) => entry.kind === "waiting");
    waiting.forEach((entry) => composer.giveBack(entry.text));
    lost.textContent = typeof text === "string" ? text : model.get("lost");
    lost.hidden = false;
    for (const each of root.querySelectorAll("button, input, select, textarea")) each.disabled = true;
    for (const each of root.closest(".namu-whole")?.children ?? []) {
      each.inert = !each.contains(root); // what stands beside the chat has no kernel either
    }
    status.textContent = "";
    log.setBusy(false);
  }

  const view = {
    show(start) {
      log.show(start);
      composer.offer(entries.length ? model.get("suggestions") : []);
    },
    grow: log.grow,
    format: log.format,
    giveBack: composer.giveBack,
  };
  const listeners = {
    "change:status": showStatus,
    "change:running": showStatus,
    "change:model_name": head.showModel,
    "change:suggestions": showSuggestions,
    comm_live_update: showLost,
  };
  views.add(view);
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  view.show(0);
  showStatus();
  if (el.closest(".jupyter-widgets-disconnected")) showLost(); // it comes from a saved notebook
  const letGo = model.get("stay_in_view") ? stayInView(root) : () => {};
  return () => {
    letGo();
    views.delete(view);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}

// What stands in a conversation that has not begun: who this is, and large things to begin with.
function emptyState(model, composer) {
  const empty = element("div", "namu-empty");
  empty.append(element("div", "namu-greeting", model.get("greeting") || "Nothing has been said yet."));
  const starters = element("div", "namu-starters");
  starters.append(...composer.suggestionButtons(model.get("suggestions"), "namu-starter"));
  empty.append(starters);
  return empty;
}
