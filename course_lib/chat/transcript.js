// The log, the box to write in, and what both ends agree on.

// What both ends agree on: the kernel's list of entries, kept here for every view of the panel.
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
    following = message.kind !== "stop" || following; // who acts wants to see what comes of it
    model.send(message);
  };
  const root = element("section", "namu-panel");
  root.setAttribute("aria-label", `Chat with ${model.get("title")}`);
  const head = element("div", "namu-head");
  const who = element("span", "namu-title", model.get("title"));
  const brain = element("span", "namu-model");
  head.append(who, brain);
  const log = element("div", "namu-log");
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "off"); // whole answers are announced below, not every token
  log.setAttribute("aria-label", "Conversation");
  log.tabIndex = 0;
  const jump = button("namu-jump", "\u2193 Newest", "Scroll to the newest message", () => {
    log.scrollTop = log.scrollHeight;
  });
  const announcer = element("div", "namu-hidden");
  announcer.setAttribute("role", "status");
  announcer.setAttribute("aria-live", "polite");
  const status = element("div", "namu-status");
  const box = element("textarea", "namu-box");
  box.rows = 2;
  box.setAttribute("aria-label", "Your message");
  box.placeholder = "Write a message";
  box.dir = "auto";
  const sender = button("namu-send", "Send", "", submit);
  const stop = button("namu-stop", "Stop", "Stop the answer", () => send({ kind: "stop" }));
  const bar = element("div", "namu-bar");
  bar.append(box, sender, stop);
  const offers = element("div", "namu-actions");
  offers.setAttribute("role", "group");
  offers.setAttribute("aria-label", "Things to say");
  for (const text of model.get("suggestions")) {
    offers.append(button("namu-suggest", text, "", () => send({ kind: "send", text })));
  }
  const lost = element("div", "namu-lost");
  lost.setAttribute("role", "alert");
  lost.hidden = true;
  const middle = element("div", "namu-middle");
  middle.append(log, jump);
  root.append(head, middle, status, announcer, lost, offers, bar);
  el.append(root);

  const nodes = []; // one for each entry
  let following = true;

  log.addEventListener("scroll", () => {
    following = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    jump.hidden = following;
  });

  function follow() {
    if (following) log.scrollTop = log.scrollHeight;
    jump.hidden = following;
  }

  function show(start) {
    const old = new Map(nodes.splice(start).map((node) => [node.namuKey, node]));
    const focused = document.activeElement;
    log.querySelector(".namu-empty")?.remove();
    const wanted = entries.slice(start).map((entry) => {
      const json = JSON.stringify(entry);
      const key = `${entry.kind} ${entry.key}`;
      let node = old.get(key);
      old.delete(key);
      if (node && node.namuJson !== json && entry.kind === "work") {
        fillChips(node, entry);
      } else if (node && node.namuJson !== json && entry.kind === "approval") {
        node.update(entry);
      } else if (!node || node.namuJson !== json) {
        node?.remove();
        node = (KINDS[entry.kind] ?? KINDS.note)(entry, send);
        announce(entry);
      }
      node.namuKey = key;
      node.namuJson = json;
      return node;
    });
    old.forEach((node) => node.remove()); // first, so that those which stay need not move
    for (const node of wanted) {
      nodes.push(node);
      const here = log.children[nodes.length - 1];
      if (here !== node) log.insertBefore(node, here ?? null);
    }
    if (!nodes.length) log.append(element("div", "namu-empty", "Nothing has been said yet."));
    if (focused !== document.activeElement && !document.contains(focused)) box.focus();
    follow();
  }

  function grow({ key, text }) {
    const at = entries.findLastIndex((each) => each.key === key);
    const node = nodes[at];
    if (!node) return;
    node.querySelector(".namu-text").append(text);
    node.namuJson = JSON.stringify(entries[at]);
    follow();
  }

  function announce(entry) {
    if (!model.get("running")) return; // an old conversation that is opened is no news
    if (entry.kind === "answer" && entry.html) announcer.textContent = entry.text;
    if (entry.kind === "problem" || entry.kind === "note") announcer.textContent = entry.text;
    if (entry.kind === "approval") announcer.textContent = `The graph asks: ${entry.question}`;
  }

  function giveBack(text) {
    box.value = box.value ? `${box.value}\n${text}` : text;
  }

  function showStatus() {
    status.textContent = model.get("status");
    stop.disabled = !model.get("running");
    log.setAttribute("aria-busy", String(model.get("running")));
  }

  function showModel() {
    const name = model.get("model_name");
    brain.textContent = name ? `model: ${name}` : "";
  }

  function showLost() {
    const waiting = entries.filter((entry) => entry.kind === "waiting");
    waiting.forEach((entry) => giveBack(entry.text));
    lost.textContent = model.get("lost");
    lost.hidden = false;
    for (const each of root.querySelectorAll("button, input, select, textarea")) each.disabled = true;
    status.textContent = "";
    log.setAttribute("aria-busy", "false");
  }

  function submit() {
    send({ kind: "send", text: box.value });
    box.value = "";
    box.focus();
  }

  box.addEventListener("keydown", (event) => {
    if (isSend(event)) {
      event.preventDefault();
      submit();
    }
  });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !isComposing(event)) send({ kind: "stop" });
    event.stopPropagation(); // keys typed here are no notebook shortcuts
  });

  const view = { show, grow, giveBack };
  views.add(view);
  model.on("change:status", showStatus);
  model.on("change:running", showStatus);
  model.on("change:model_name", showModel);
  model.on("comm_live_update", showLost);
  show(0);
  showStatus();
  showModel();
  return () => {
    views.delete(view);
    model.off("change:status", showStatus);
    model.off("change:running", showStatus);
    model.off("change:model_name", showModel);
    model.off("comm_live_update", showLost);
  };
}
