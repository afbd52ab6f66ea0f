// The view of TurnTreeView: an outline of turns, each of which opens to its steps.

const MAX_INDENT = 5; // deeper branches stand as far to the right as these

function render({ model, el }) {
  const opened = new Set(); // first checkpoints of the turns that are open
  let rows = []; // one for each line on the screen: { node, id, turn, opens }
  let focused = ""; // id of the line that Tab reaches
  let shown = null; // where the chat stood when this was drawn last

  const root = element("section", "namu-beside namu-turns");
  root.setAttribute("aria-label", "Turns");
  const heading = element("p", "namu-beside-heading", "");
  const list = element("div", "namu-scroll");
  list.setAttribute("role", "tree");
  list.setAttribute("aria-label", "Turns of this conversation");
  root.append(heading, list);
  root.addEventListener("keydown", onKey);
  el.append(root);

  function line(kind, depth, level, id, words) {
    const node = element("div", `namu-turn-line namu-turn-${kind}`);
    node.setAttribute("role", "treeitem");
    node.setAttribute("aria-level", level);
    node.style.paddingInlineStart = `${4 + 16 * Math.min(depth, MAX_INDENT)}px`;
    const text = element("span", "namu-turn-words", words);
    text.title = words;
    node.append(text);
    if (id === model.get("here")) {
      node.setAttribute("aria-current", "true");
      node.append(element("span", "namu-turn-here", "here"));
    }
    node.addEventListener("click", () => go(id, node.dataset.line));
    return node;
  }

  function turnLine(turn) {
    const first = turn.steps[0].id;
    const open = opened.has(first);
    const node = line("turn", turn.depth, turn.depth + 1, turn.steps.at(-1).id, turn.said);
    node.dataset.line = first;
    node.dataset.active = String(turn.active);
    node.setAttribute("aria-expanded", String(open));
    const twist = element("span", "namu-turn-twist", open ? "\u25be" : "\u25b8");
    twist.setAttribute("aria-hidden", "true");
    twist.title = open ? "Hide the steps" : "Show the steps";
    twist.addEventListener("click", (event) => {
      event.stopPropagation();
      toggle(first, !opened.has(first));
    });
    const begins = element("span", "namu-turn-branch", "\u21b3");
    begins.setAttribute("aria-hidden", "true");
    node.prepend(twist, ...(turn.branch ? [begins] : []));
    if (turn.branch) node.append(element("span", "namu-hidden", ", a branch"));
    node.append(element("time", "namu-turn-time", clockTime(turn.time)));
    return { node, line: first, turn: first, opens: true, id: turn.steps.at(-1).id };
  }

  function stepLine(turn, step) {
    const node = line("step", turn.depth + 1, turn.depth + 2, step.id, step.label);
    node.dataset.line = `step ${step.id}`;
    if (step.wrote) {
      const wrote = element("span", "namu-turn-wrote", step.wrote);
      wrote.title = `wrote ${step.wrote}`;
      node.append(element("span", "namu-hidden", ", wrote "), wrote);
    }
    return { node, line: node.dataset.line, turn: turn.steps[0].id, id: step.id };
  }

  function draw() {
    const held = list.contains(document.activeElement);
    const at = list.scrollTop;
    heading.textContent = model.get("heading");
    rows = [];
    for (const turn of model.get("turns")) {
      rows.push(turnLine(turn));
      if (opened.has(turn.steps[0].id)) rows.push(...turn.steps.map((step) => stepLine(turn, step)));
    }
    list.hidden = !rows.length;
    list.replaceChildren(...rows.map((row) => row.node));
    list.scrollTop = at;
    const here = rows.findLast((row) => row.id === model.get("here")) ?? rows.at(-1);
    if (!rows.some((row) => row.line === focused)) focused = here?.line ?? "";
    if (shown !== model.get("here")) reveal(here);
    shown = model.get("here");
    mark(held);
  }

  // Only this list is scrolled, never the notebook around it.
  function reveal(row) {
    if (!row) return;
    const box = list.getBoundingClientRect();
    const { top, bottom } = row.node.getBoundingClientRect();
    list.scrollTop += Math.max(0, bottom - box.bottom + 4) - Math.max(0, box.top - top + 4);
  }

  function mark(take) {
    for (const row of rows) {
      row.node.tabIndex = row.line === focused ? 0 : -1;
      if (take && row.line === focused) row.node.focus({ preventScroll: true });
    }
  }

  function focusOn(row) {
    if (!row) return;
    focused = row.line;
    mark(true);
    reveal(row);
  }

  function toggle(turn, open) {
    opened[open ? "add" : "delete"](turn);
    focused = turn;
    draw();
    mark(true);
  }

  function go(id, chosen) {
    focused = chosen;
    mark(true);
    model.send({ kind: "go", id });
  }

  function onKey(event) {
    event.stopPropagation(); // keys typed here are no notebook shortcuts
    const n = rows.findIndex((row) => row.node === document.activeElement);
    if (n < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = rows[n];
    const open = row.opens && opened.has(row.line);
    const keys = {
      ArrowDown: () => focusOn(rows[n + 1]),
      ArrowUp: () => focusOn(rows[n - 1]),
      Home: () => focusOn(rows[0]),
      End: () => focusOn(rows.at(-1)),
      ArrowRight: () => (row.opens && !open ? toggle(row.line, true) : open && focusOn(rows[n + 1])),
      ArrowLeft: () =>
        open ? toggle(row.line, false) : focusOn(rows.find((each) => each.line === row.turn)),
      Enter: () => go(row.id, row.line),
      " ": () => go(row.id, row.line),
    };
    if (!Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  const traits = ["turns", "here", "heading"];
  for (const name of traits) model.on(`change:${name}`, draw);
  draw();
  return () => traits.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };
