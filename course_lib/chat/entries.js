// One element for each kind of entry in the log.

const SPEAKERS = {
  you: "You",
  answer: "Answer",
  summary: "Written by the graph",
  problem: "Problem",
  note: "Note",
};
const LONG = 4000;
const BLOCKS = "p, li, h1, h2, h3, h4, h5, h6, th, td"; // code stays from left to right

// One entry of each kind: (entry, send) => element. `send` talks to the kernel.
const KINDS = {
  you(entry, send) {
    const item = said("you", entry);
    const text = foldable(entry.text);
    item.append(text);
    for (const label of entry.attachments ?? []) {
      item.append(element("span", "namu-attachment", label));
    }
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
    item.append(formatted(entry));
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
  summary(entry) {
    const item = said("summary", entry);
    item.append(formatted(entry));
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
    item.append(button("namu-go", entry.button, "", () => send({ kind: "continue" })));
    if (entry.other) item.append(button("namu-ask", entry.other, "", () => send({ kind: "reopen" })));
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
  item.append(element("div", "namu-who", entry.author ?? SPEAKERS[kind]));
  if (kind === "you" && entry.note) item.append(element("div", "namu-note", entry.note));
  return item;
}

// An answer in Markdown, as markup.py made it, or as it is being written.
function formatted(entry) {
  const text = element("div", "namu-text");
  text.dir = "auto";
  if (entry.html) {
    text.classList.add("namu-md");
    text.innerHTML = entry.html;
    for (const block of text.querySelectorAll(BLOCKS)) block.dir = "auto";
  } else {
    text.textContent = entry.text;
  }
  return text;
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
  box.dir = "auto";
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

function fillChips(item, entry) {
  const open = item.dataset.open ?? "";
  const focused = [...item.querySelectorAll(".namu-chip")].indexOf(document.activeElement);
  item.replaceChildren();
  const detail = element("pre", "namu-detail", "");
  detail.id = `namu-detail-${own}-${++ids}`;
  const chips = element("div", "namu-chips");
  entry.chips.forEach((chip, n) => {
    const made = button(`namu-chip namu-chip-${chip.kind}`, "", "", () => {
      item.dataset.open = item.dataset.open === String(n) ? "" : String(n);
      mark();
    });
    made.dataset.state = chip.state;
    const name = chip.kind === "tool" ? `${chip.name}()` : chip.name;
    made.append(element("span", "namu-dot"), element("span", "", name));
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
