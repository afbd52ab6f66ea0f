// The view of MemoryView: an entry of the store in each row, to correct and to delete.

function render({ model, el }) {
  let editing = ""; // id of the entry that is being corrected: nothing is drawn again meanwhile
  const root = element("section", "namu-beside namu-memory");
  root.setAttribute("aria-label", "Memory");
  const heading = element("p", "namu-beside-heading", "");
  const list = element("ul", "namu-scroll");
  list.setAttribute("aria-label", "Entries");
  const bar = element("div", "namu-undo");
  const notice = element("span", "", "");
  notice.setAttribute("role", "status");
  const undo = button("", "Undo", "", () => model.send({ kind: "undo" }));
  bar.append(notice, undo);
  root.append(heading, list, bar);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // no notebook shortcuts
  el.append(root);

  function row(entry) {
    const item = element("li", "namu-memory-entry");
    const head = element("div", "namu-memory-head");
    head.append(
      element("strong", "", entry.label),
      button("", "\u270e", `Correct: ${entry.label}`, () => edit(entry, item)),
      button("", "\u2715", `Delete: ${entry.label}`, () =>
        model.send({ kind: "delete", id: entry.id }),
      ),
    );
    item.append(head);
    for (const field of entry.fields) item.append(element("div", "", `${field.name}: ${field.text}`));
    return item;
  }

  function edit(entry, item) {
    editing = entry.id;
    const form = element("form", "namu-memory-form");
    const boxes = entry.fields.map((field) => {
      const label = element("label", "", field.name);
      const box = element("input");
      box.value = field.value;
      box.dir = "auto";
      label.append(box);
      form.append(label);
      return box;
    });
    const close = () => {
      editing = "";
      draw();
    };
    const save = element("button", "", "Save");
    save.type = "submit";
    form.append(save, button("", "Cancel", "", close));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const typed = {};
      entry.fields.forEach((field, n) => {
        if (boxes[n].value !== field.value) typed[field.name] = boxes[n].value;
      });
      close();
      if (Object.keys(typed).length) model.send({ kind: "correct", id: entry.id, typed });
    });
    form.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isComposing(event)) close();
    });
    item.replaceChildren(element("strong", "", entry.label), form);
    boxes[0]?.focus();
  }

  function draw() {
    heading.textContent = model.get("heading");
    notice.textContent = model.get("notice");
    undo.hidden = !model.get("deleted");
    bar.hidden = !notice.textContent;
    if (editing) return;
    list.replaceChildren(...model.get("entries").map(row));
    list.hidden = !model.get("entries").length;
  }

  const traits = ["heading", "entries", "notice", "deleted"];
  for (const name of traits) model.on(`change:${name}`, draw);
  draw();
  return () => traits.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };
