// The view of a chat. Words go into text nodes; the only HTML is what markup.py has cleaned.

const SPEAKERS = { you: "You", answer: "Answer", problem: "Problem", note: "Note" };
const LONG = 4000;

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function button(className, text, label, press) {
  const made = element("button", className, text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", press);
  return made;
}

// One module may be loaded for each panel, so a number alone would not tell their ids apart.
const own = Math.random().toString(36).slice(2);
let ids = 0;

// One entry of each kind: (entry, send) => element. `send` talks to the kernel.
const KINDS = {
  you(entry, send) {
    const item = said("you", entry);
    const text = foldable(entry.text);
    item.append(text);
    if (entry.kept) {
      const edit = button("namu-action", "Edit and fork", "Edit and fork: this message", () =>
        openEditor(item, text, edit, entry, send),
      );
      item.append(edit);
    }
    return item;
  },
  answer(entry, send) {
    const item = said("answer", entry);
    const text = element("div", "namu-text");
    if (entry.html) {
      text.classList.add("namu-md");
      text.innerHTML = entry.html;
    } else {
      text.textContent = entry.text;
    }
    item.append(text);
    if (entry.note) item.append(element("div", "namu-note", entry.note));
    if (entry.kept) {
      item.append(
        button("namu-action", "Try again", "Try again: the same question, on a new branch", (event) => {
          event.currentTarget.disabled = true;
          send({ kind: "again", id: entry.key });
        }),
      );
    }
    return item;
  },
  work(entry) {
    const item = element("div", "namu-entry namu-work");
    item.setAttribute("role", "group");
    item.setAttribute("aria-label", "What the graph did");
    fillChips(item, entry);
    return item;
  },
  approval: (entry, send) => approvalCard(entry, send),
  problem: (entry) => plainEntry("problem", entry),
  note: (entry) => plainEntry("note", entry),
  waiting(entry) {
    const item = element("div", "namu-entry namu-you namu-waiting");
    item.append(element("div", "namu-who", "You"), foldable(entry.text));
    item.append(element("div", "namu-note", "waits until the answer above is done"));
    return item;
  },
  unfinished(entry, send) {
    const item = element("div", "namu-entry namu-offer");
    item.append(element("div", "namu-text", entry.text));
    item.append(button("namu-go", entry.button, "", () => send({ kind: "go_on" })));
    if (entry.other) item.append(button("namu-ask", entry.other, "", () => send({ kind: "ask_again" })));
    return item;
  },
  past(entry, send) {
    const item = element("div", "namu-entry namu-offer", entry.text);
    item.append(button("namu-newest", "Back to the newest", "", () => send({ kind: "newest" })));
    return item;
  },
};

function said(kind, entry) {
  const item = element("div", `namu-entry namu-${kind}`);
  item.setAttribute("role", "article");
  item.append(element("div", "namu-who", SPEAKERS[kind]));
  if (kind === "you" && entry.note) item.append(element("div", "namu-note", entry.note));
  return item;
}

function plainEntry(kind, entry) {
  const item = said(kind, entry);
  item.append(element("div", "namu-text", entry.text));
  return item;
}

function foldable(text) {
  const made = element("div", "namu-text", text.slice(0, LONG));
  if (text.length > LONG) {
    const more = button("namu-more", `Show all ${text.length.toLocaleString("en")} characters`, "", () => {
      made.textContent = text;
      made.tabIndex = -1;
      made.focus();
    });
    made.append("... ", more);
  }
  return made;
}

function openEditor(item, text, edit, entry, send) {
  const box = element("textarea", "namu-edit");
  box.value = entry.text;
  box.rows = Math.min(8, entry.text.split("\n").length + 1);
  box.setAttribute("aria-label", "Say this instead");
  const close = () => {
    bar.replaceWith(edit);
    box.replaceWith(text);
    edit.focus();
  };
  const save = () => {
    send({ kind: "edit", id: entry.key, text: box.value });
    close();
  };
  const bar = element("div", "namu-actions");
  bar.append(button("namu-save", "Send on a new branch", "", save));
  bar.append(button("namu-cancel", "Cancel", "", close));
  box.addEventListener("keydown", (event) => {
    if (isSend(event)) {
      event.preventDefault();
      save();
    } else if (event.key === "Escape" && !isComposing(event)) {
      event.stopPropagation();
      close();
    }
  });
  text.replaceWith(box);
  edit.replaceWith(bar);
  box.focus();
}

// Enter sends, Shift+Enter breaks the line; a key that ends a composition (Korean, Japanese,
// Chinese input) does neither. Some browsers tell of a composition only by the key code 229.
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

function isSend(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}

function fillChips(item, entry) {
  const open = item.dataset.open ?? "";
  const focused = [...item.querySelectorAll(".namu-chip")].indexOf(document.activeElement);
  item.replaceChildren();
  const detail = element("pre", "namu-detail");
  detail.id = `namu-detail-${own}-${++ids}`;
  const chips = element("div", "namu-chips");
  entry.chips.forEach((chip, n) => {
    const made = button(`namu-chip namu-chip-${chip.kind}`, "", "", () => {
      item.dataset.open = item.dataset.open === String(n) ? "" : String(n);
      mark();
    });
    made.dataset.state = chip.state;
    made.append(element("span", "namu-dot"), chip.kind === "tool" ? `${chip.name}()` : chip.name);
    made.append(element("span", "namu-hidden", `, ${chip.kind}, ${chip.state}`));
    if (chip.share !== undefined) {
      const bar = element("progress");
      bar.max = 1;
      bar.value = chip.share;
      bar.setAttribute("aria-label", chip.name);
      made.append(bar);
    }
    made.setAttribute("aria-controls", detail.id);
    chips.append(made);
  });
  item.append(chips, detail);
  item.dataset.open = open;
  mark();
  chips.children[focused]?.focus();

  function mark() {
    const n = item.dataset.open === "" ? -1 : Number(item.dataset.open);
    [...chips.children].forEach((made, k) => made.setAttribute("aria-expanded", String(k === n)));
    detail.hidden = !(n in entry.chips);
    detail.textContent = detail.hidden ? "" : entry.chips[n].detail || "nothing yet";
  }
}

function approvalCard(entry, send) {
  const form = element("form", "namu-entry namu-approval");
  form.setAttribute("aria-label", "The graph asks");
  form.append(element("div", "namu-who", "The graph asks"));
  form.append(element("div", "namu-text", entry.question));
  if (entry.facts.length) {
    const facts = element("dl", "namu-facts");
    for (const [name, text] of entry.facts) {
      facts.append(element("dt", "", name), element("dd", "", text));
    }
    form.append(facts);
  }
  const inputs = new Map();
  for (const field of entry.fields) {
    const row = element("div", "namu-field");
    const input = inputFor(field);
    input.id = `namu-field-${own}-${++ids}`;
    const label = element("label", "", field.label);
    label.htmlFor = input.id;
    const error = element("div", "namu-error");
    error.id = `${input.id}-error`;
    error.setAttribute("role", "alert");
    input.setAttribute("aria-describedby", error.id);
    row.append(label, input, error);
    form.append(row);
    inputs.set(field.name, { input, error, kind: field.kind });
  }
  const general = element("div", "namu-error");
  general.setAttribute("role", "alert");
  const bar = element("div", "namu-actions");
  for (const { label, sets } of entry.buttons) {
    bar.append(
      button("namu-decide", label, "", () => {
        const filled = [...inputs].map(([name, { input, kind }]) => [
          name,
          kind === "boolean" ? input.checked : input.value,
        ]);
        const values = Object.fromEntries([...filled, ...Object.entries(sets)]);
        form.setBusy(true); // once is enough
        send({ kind: "answer", id: entry.id, values });
      }),
    );
  }
  form.append(general, bar);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.setBusy = (busy) => {
    for (const each of bar.children) each.disabled = busy;
  };
  form.update = ({ errors, busy }) => {
    form.setBusy(busy);
    const rest = [];
    for (const { input, error } of inputs.values()) {
      error.textContent = "";
      input.removeAttribute("aria-invalid");
    }
    for (const [name, text] of Object.entries(errors)) {
      if (inputs.has(name)) {
        inputs.get(name).error.textContent = text;
        inputs.get(name).input.setAttribute("aria-invalid", "true");
      } else {
        rest.push(text);
      }
    }
    general.textContent = rest.join("\n");
    form.querySelector("[aria-invalid=true]")?.focus();
  };
  form.update(entry);
  return form;
}

function inputFor(field) {
  if (field.kind === "choice") {
    const made = element("select");
    for (const choice of field.choices) made.append(element("option", "", choice));
    made.value = String(field.value);
    return made;
  }
  const wide = field.kind === "long text" || field.kind === "json";
  const made = element(wide ? "textarea" : "input");
  if (wide) made.rows = Math.min(8, String(field.value ?? "").split("\n").length + 1);
  if (field.kind === "boolean") {
    made.type = "checkbox";
    made.checked = Boolean(field.value);
  } else {
    if (!wide) made.type = "text";
    if (field.kind === "integer" || field.kind === "number") made.inputMode = "decimal";
    made.value = field.value ?? "";
  }
  return made;
}

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
