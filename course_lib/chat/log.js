// The log: a node for each entry, kept where the entry has not changed.

function createLog(entries, { send, takeFocus, isNews }) {
  const nodes = []; // one for each entry
  let following = true;
  const list = element("div", "namu-log");
  list.setAttribute("role", "log");
  list.setAttribute("aria-live", "off"); // whole answers are announced, not every token
  list.setAttribute("aria-label", "Conversation");
  list.tabIndex = 0;
  const jump = button("namu-jump", "\u2193 Newest", "Scroll to the newest message", () => {
    list.scrollTop = list.scrollHeight;
  });
  const middle = element("div", "namu-middle");
  middle.append(list, jump);
  const announcer = element("div", "namu-hidden", "");
  announcer.setAttribute("role", "status");
  announcer.setAttribute("aria-live", "polite");
  list.addEventListener("scroll", () => {
    following = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    jump.hidden = following;
  });

  function follow() {
    if (following) list.scrollTop = list.scrollHeight;
    jump.hidden = following;
  }

  function nodeFor(entry, old) {
    const key = `${entry.kind} ${entry.key}`;
    const json = JSON.stringify(entry);
    let node = old.get(key);
    old.delete(key);
    if (!node || (node.namuJson !== json && !updated(node, entry))) {
      node?.remove();
      node = (KINDS[entry.kind] ?? KINDS.note)(entry, send);
      if (isNews()) announce(announcer, entry);
    }
    return Object.assign(node, { namuKey: key, namuJson: json });
  }

  function show(start) {
    const old = new Map(nodes.splice(start).map((node) => [node.namuKey, node]));
    const focused = document.activeElement;
    list.querySelector(".namu-empty")?.remove();
    const wanted = entries.slice(start).map((entry) => nodeFor(entry, old));
    old.forEach((node) => node.remove()); // first, so that those which stay need not move
    for (const node of wanted) {
      nodes.push(node);
      const here = list.children[nodes.length - 1];
      if (here !== node) list.insertBefore(node, here ?? null);
    }
    if (!nodes.length) list.append(element("div", "namu-empty", "Nothing has been said yet."));
    if (focused !== document.activeElement && !document.contains(focused)) takeFocus();
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

  return {
    parts: { middle, announcer },
    show,
    grow,
    followFromNow: () => (following = true),
    setBusy: (busy) => list.setAttribute("aria-busy", String(busy)),
  };
}

// Change a node in place, so that what is opened or filled in there stays. Return whether it could.
function updated(node, entry) {
  if (entry.kind === "work") {
    fillChips(node, entry);
    return true;
  }
  return entry.kind === "approval" && node.update(entry);
}

function announce(announcer, entry) {
  if (entry.kind === "answer" && entry.html) announcer.textContent = entry.text;
  if (entry.kind === "problem" || entry.kind === "note") announcer.textContent = entry.text;
  if (entry.kind === "approval") announcer.textContent = `The graph asks: ${entry.question}`;
}
