// The log: a node for each entry, kept where the entry has not changed.

const GAP = 8;
const STOPS = ".namu-action, .namu-steps, .namu-step-name";

function createLog(entries, { send, takeFocus, giveBack, isNews, showEmpty }) {
  const nodes = []; // one for each entry
  const filled = {}; // what was filled in on cards that are out of sight, by the id of the question
  let pinned = null; // the question that stays at the top while it is answered
  let wanted = 0; // where the log was scrolled to from here
  const list = element("div", "namu-log");
  list.setAttribute("role", "log");
  list.setAttribute("aria-live", "off"); // whole answers are announced, not every token
  list.setAttribute("aria-label", "Conversation");
  list.tabIndex = 0;
  const room = element("div", "namu-room"); // space below, so that the last question can stand at the top
  list.append(room);
  const jump = button("namu-jump", "\u2193 Newest", "Scroll to the newest message", () => {
    pinned = null;
    scrollTo(room.offsetTop - list.clientHeight);
  });
  const middle = element("div", "namu-middle");
  middle.append(list, jump);
  const announcer = element("div", "namu-hidden", "");
  announcer.setAttribute("role", "status");
  announcer.setAttribute("aria-live", "polite");
  list.addEventListener("scroll", () => {
    if (Math.abs(list.scrollTop - wanted) > 4) pinned = null; // the person reads somewhere else
    markJump();
  });
  list.addEventListener("keydown", (event) => moveBetweenStops(list, event));
  new ResizeObserver(follow).observe(list);

  function scrollTo(top) {
    list.scrollTop = top;
    wanted = list.scrollTop;
  }

  function markJump() {
    jump.hidden = room.offsetTop - list.scrollTop - list.clientHeight < 4 * GAP;
  }

  // Keep the pinned question at the top, unless a question of the graph would be out of sight.
  function follow() {
    if (pinned?.isConnected) {
      const below = room.offsetTop - pinned.offsetTop + GAP;
      room.style.minHeight = `${Math.max(0, list.clientHeight - below)}px`;
      let top = pinned.offsetTop - GAP;
      const last = nodes.at(-1);
      if (last?.matches(".namu-approval, .namu-offer")) {
        const bottom = last.offsetTop + last.offsetHeight + GAP - list.clientHeight;
        top = Math.max(top, Math.min(bottom, last.offsetTop - GAP));
      }
      scrollTo(top);
    }
    markJump();
  }

  function nodeFor(entry, old) {
    const key = `${entry.kind} ${entry.key}`;
    const json = JSON.stringify(entry);
    let node = old.get(key);
    old.delete(key);
    if (!node || (node.namuJson !== json && !updated(node, entry))) {
      const typed = node && takeAway(node);
      node = (KINDS[entry.kind] ?? KINDS.note)(entry, send);
      if (typed && node.namuEdit) node.namuEdit(typed);
      else if (typed) giveBack(typed);
      node.namuFill?.(filled[entry.id] ?? {});
      if (isNews()) announce(announcer, entry);
    }
    return Object.assign(node, { namuKey: key, namuJson: json });
  }

  // Remove a node and return what was typed into its editor; what was filled in on a card is kept.
  function takeAway(node) {
    Object.assign(filled, node.namuFilled?.());
    const typed = node.namuTyped?.();
    node.remove();
    return typed;
  }

  function show(start) {
    const old = new Map(nodes.splice(start).map((node) => [node.namuKey, node]));
    const focused = document.activeElement;
    list.querySelector(".namu-empty")?.remove();
    const shown = entries.slice(start).map((entry) => nodeFor(entry, old));
    old.forEach((node) => { // first, so that those which stay need not move
      const typed = takeAway(node);
      if (typed) giveBack(typed);
    });
    for (const node of shown) {
      nodes.push(node);
      const here = list.children[nodes.length - 1];
      if (here !== node) list.insertBefore(node, here ?? null);
    }
    if (!nodes.length) list.prepend(showEmpty());
    if (focused !== document.activeElement && !document.contains(focused)) takeFocus();
    pinLastQuestion();
    setTabStops(list);
    follow();
  }

  // A new question is pinned, and so is the last one of a thread that is opened.
  function pinLastQuestion() {
    const at = entries.findLastIndex((entry) => entry.kind === "you");
    const question = nodes[at];
    if (question && question !== list.namuQuestion) pinned = question;
    list.namuQuestion = question;
  }

  function grow({ key, text }) {
    const at = entries.findLastIndex((each) => each.key === key);
    const node = nodes[at];
    if (!node) return;
    const shown = node.querySelector(".namu-text");
    if (endsInLongWord(entries[at].text)) unkern(shown);
    (node.querySelector(".namu-tail") ?? shown).append(text);
    node.namuJson = JSON.stringify(entries[at]);
    markJump();
  }

  function format({ key, done, block, tail }) {
    const at = entries.findLastIndex((each) => each.key === key);
    const text = nodes[at]?.querySelector(".namu-text");
    if (!text) return;
    showDraft(text, { done, block, tail });
    nodes[at].namuJson = JSON.stringify(entries[at]);
    markJump();
  }

  return {
    parts: { middle, announcer },
    show,
    grow,
    format,
    setBusy: (busy) => list.setAttribute("aria-busy", String(busy)),
    editLast: () => [...list.querySelectorAll(".namu-edit-it")].at(-1)?.click(),
  };
}

// Change a node in place, so that what is opened or filled in there stays. Return whether it could.
function updated(node, entry) {
  return Boolean(node.update?.(entry));
}

// Tab stops once in each turn; the arrow keys go on from there.
function setTabStops(list) {
  for (const turn of turnsIn(list)) {
    const current = turn.find((stop) => stop === document.activeElement) ?? turn[0];
    for (const stop of turn) stop.tabIndex = stop === current ? 0 : -1;
  }
}

function turnsIn(list) {
  const turns = [[]];
  for (const node of list.children) {
    if (node.classList.contains("namu-you")) turns.push([]);
    turns.at(-1).push(...node.querySelectorAll(STOPS));
  }
  return turns;
}

const WAYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

function moveBetweenStops(list, event) {
  const way = WAYS[event.key];
  if (!way || !event.target.matches(STOPS)) return;
  const turn = turnsIn(list).find((stops) => stops.includes(event.target));
  const open = turn.filter((stop) => stop.getClientRects().length && !stop.disabled);
  const next = open[open.indexOf(event.target) + way];
  if (!next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function announce(announcer, entry) {
  if (entry.kind === "answer" && entry.html) announcer.textContent = entry.text;
  if (entry.kind === "problem" || entry.kind === "note") announcer.textContent = entry.text;
  if (entry.kind === "approval") announcer.textContent = `The graph asks: ${entry.question}`;
}
