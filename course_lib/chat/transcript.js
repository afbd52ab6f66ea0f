// The panel's view, and what both ends agree on: the kernel's list of entries.

// The list is kept here for every view of the panel; the kernel reports what changes in it.
export default () => {
  const entries = [];
  const views = new Set();

  function take(change) {
    if (change.kind === "replaced") {
      entries.splice(change.start, change.removed, ...change.entries);
      views.forEach((view) => view.show(change.start));
    } else if (change.kind === "grew") {
      const entry = entries.findLast((each) => each.key === change.key);
      if (!entry) return;
      entry.text += change.text;
      views.forEach((view) => view.grow(change));
    } else if (change.kind === "unsent") {
      [...views][0]?.giveBack(change.text);
    }
  }

  return {
    initialize({ model }) {
      model.on("msg:custom", ({ changes }) => changes?.forEach(take));
      model.send({ kind: "hello" });
    },
    render({ model, el }) {
      return renderView(model, el, entries, views);
    },
  };
};

function renderView(model, el, entries, views) {
  const send = (message) => {
    if (message.kind !== "stop") log.followFromNow(); // who acts wants to see what comes of it
    model.send(message);
  };
  const composer = createComposer(model.get("suggestions"), send);
  const log = createLog(entries, {
    send,
    takeFocus: composer.focus,
    isNews: () => model.get("running"), // an old conversation that is opened is no news
  });
  const root = element("section", "namu-panel");
  root.setAttribute("aria-label", `Chat with ${model.get("title")}`);
  const head = element("div", "namu-head");
  const brain = element("span", "namu-model", "");
  head.append(element("span", "namu-title", model.get("title")), brain);
  const status = element("div", "namu-status", "");
  const lost = element("div", "namu-lost", "");
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  const { middle, announcer } = log.parts;
  const { offers, bar } = composer.parts;
  root.append(head, middle, status, announcer, lost, offers, bar);
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

  function showModel() {
    const name = model.get("model_name");
    brain.textContent = name ? `model: ${name}` : "";
  }

  function showLost() {
    const waiting = entries.filter((entry) => entry.kind === "waiting");
    waiting.forEach((entry) => composer.giveBack(entry.text));
    lost.textContent = model.get("lost");
    lost.hidden = false;
    for (const each of root.querySelectorAll("button, input, select, textarea")) each.disabled = true;
    status.textContent = "";
    log.setBusy(false);
  }

  const view = { show: log.show, grow: log.grow, giveBack: composer.giveBack };
  const listeners = {
    "change:status": showStatus,
    "change:running": showStatus,
    "change:model_name": showModel,
    comm_live_update: showLost,
  };
  views.add(view);
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  view.show(0);
  showStatus();
  showModel();
  return () => {
    views.delete(view);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}
