// The view of ThreadListView: a row of two lines for each thread, a search field for many.

const MANY = 10; // threads from which on there is a search field

function render({ model, el }) {
  let rows = []; // those on the screen: { id, item, main }
  let focused = ""; // id of the row that Tab reaches
  let chosen = ""; // id of the row that was pressed last
  let editing = false; // a title is being typed: nothing is drawn again meanwhile

  const root = element("section", "namu-beside namu-threads");
  root.setAttribute("aria-label", "Threads");
  const search = element("input", "namu-threads-search");
  search.type = "search";
  search.placeholder = "Search";
  search.setAttribute("aria-label", "Search the threads by title");
  search.dir = "auto";
  search.addEventListener("input", draw);
  const list = element("ul", "namu-scroll");
  list.setAttribute("aria-label", "Threads, the newest first");
  const none = element("p", "namu-beside-heading", "No title has these words.");
  const notice = element("p", "namu-beside-heading", "");
  notice.setAttribute("role", "status");
  const words = element("span", "", "");
  words.setAttribute("role", "status");
  const bar = element("div", "namu-undo namu-threads-undo");
  bar.append(words, button("", "Undo", "", () => act("undo")));
  root.append(search, list, none, notice, bar);
  root.addEventListener("keydown", onKey);
  el.append(root);

  function act(kind, id, more) {
    model.send({ kind, id, ...more });
  }

  function meta(row) {
    const turns = row.turns === null ? "" : `${row.turns} turn${row.turns === 1 ? "" : "s"}`;
    return [turns, clockTime(row.time), row.running ? "running" : ""].filter(Boolean).join(" \u00b7 ");
  }

  function line(row) {
    const item = element("li", "namu-thread");
    const here = row.id === model.get("current");
    const label = row.number > 1 ? `${row.title} (${row.number})` : row.title;
    const main = button("namu-thread-main", "", "", () => {
      chosen = row.id;
      act("open", row.id);
    });
    main.title = label;
    const head = element("span", "namu-thread-head");
    head.append(element("span", "namu-thread-title", row.title));
    if (row.number > 1) head.append(element("span", "namu-thread-number", ` (${row.number})`));
    main.append(head, element("span", "namu-thread-meta", meta(row)));
    if (here) main.setAttribute("aria-current", "true");
    item.dataset.running = String(row.running);
    const change = button("namu-thread-act", "\u270e", `Rename: ${label}`, () => edit(row, item));
    const remove = button("namu-thread-act", "\u2715", `Delete: ${label}`, () => act("delete", row.id));
    change.title = "Rename (F2)";
    remove.title = "Delete";
    item.append(main, change, remove);
    return { id: row.id, row, item, main };
  }

  function edit(row, item) {
    editing = true;
    focused = row.id;
    const box = element("input", "namu-thread-edit");
    box.value = row.title;
    box.dir = "auto";
    box.maxLength = 120;
    box.setAttribute("aria-label", "New title");
    const close = (save) => {
      if (!editing) return;
      editing = false;
      const typed = box.value.trim();
      if (save && typed && typed !== row.title) act("rename", row.id, { title: typed });
      draw();
    };
    box.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (!["Enter", "Escape"].includes(event.key) || isComposing(event)) return;
      event.preventDefault(); // else the row, which has the focus next, is pressed too
      close(event.key === "Enter");
    });
    box.addEventListener("blur", () => close(true));
    item.replaceChildren(box);
    box.focus();
    box.select();
  }

  function draw() {
    if (editing) return;
    const all = model.get("rows");
    const wanted = search.value.trim().toLowerCase();
    search.hidden = all.length < MANY && !wanted;
    const held = list.contains(document.activeElement);
    const place = Math.max(0, [...list.querySelectorAll("button")].indexOf(document.activeElement)) % 3;
    const at = list.scrollTop;
    const old = rows.findIndex((each) => each.id === focused);
    rows = all.filter((row) => row.title.toLowerCase().includes(wanted)).map(line);
    list.replaceChildren(...rows.map((each) => each.item));
    list.scrollTop = at;
    list.hidden = !rows.length;
    none.hidden = Boolean(rows.length);
    if (!rows.some((each) => each.id === focused)) {
      const next = held ? rows[Math.min(old, rows.length - 1)] : null;
      const here = rows.find((each) => each.id === model.get("current"));
      focused = (next ?? here ?? rows[0])?.id ?? "";
    }
    mark();
    const again = rows.find((each) => each.id === focused);
    if (held && again) again.item.querySelectorAll("button")[place].focus({ preventScroll: true });
  }

  function mark() {
    for (const each of rows) {
      for (const part of each.item.querySelectorAll("button")) {
        part.tabIndex = each.id === focused ? 0 : -1;
      }
    }
  }

  function focusOn(row) {
    if (!row) return;
    focused = row.id;
    mark();
    row.main.focus();
  }

  function onKey(event) {
    event.stopPropagation(); // keys typed here are no notebook shortcuts
    const n = rows.findIndex((each) => each.item.contains(document.activeElement));
    if (n < 0) return;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      act("undo");
      return;
    }
    const keys = {
      ArrowDown: () => focusOn(rows[n + 1]),
      ArrowUp: () => focusOn(rows[n - 1]),
      Home: () => focusOn(rows[0]),
      End: () => focusOn(rows.at(-1)),
      F2: () => edit(rows[n].row, rows[n].item),
      Delete: () => act("delete", rows[n].id),
    };
    if (event.altKey || event.ctrlKey || event.metaKey || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  }

  // A button that is pressed takes its row along, also by mouse.
  list.addEventListener("focusin", (event) => {
    const row = rows.find((each) => each.item.contains(event.target));
    if (!row || row.id === focused) return;
    focused = row.id;
    mark();
  });

  // Who has chosen a conversation, or begun one, writes next.
  function turn() {
    const column = el.closest(".namu-threads");
    const begun = column?.contains(document.activeElement) && !root.contains(document.activeElement);
    draw();
    if (!begun && chosen !== model.get("current")) return;
    chosen = "";
    el.closest(".namu-whole")?.querySelector(".namu-box")?.focus({ preventScroll: true });
  }

  function tell() {
    const deleted = model.get("deleted");
    words.textContent = deleted ? `Deleted "${deleted}".` : "";
    bar.hidden = !deleted;
    notice.textContent = model.get("notice");
    notice.hidden = !notice.textContent;
  }

  const changes = {
    "change:rows": draw,
    "change:current": turn,
    "change:deleted": tell,
    "change:notice": tell,
  };
  for (const [name, react] of Object.entries(changes)) model.on(name, react);
  draw();
  tell();
  return () => {
    for (const [name, react] of Object.entries(changes)) model.off(name, react);
  };
}

export default { render };
