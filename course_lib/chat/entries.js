// One element for each kind of entry in the log.

const SPEAKERS = {
  you: "You",
  answer: "Answer",
  summary: "Written by the graph",
  problem: "Problem",
  note: "Note",
};
const LONG = 4000;
const LONG_WORD = 2000;
const HAS_LONG_WORD = new RegExp(`\\S{${LONG_WORD}}`);
const BLOCKS = "p, li, h1, h2, h3, h4, h5, h6, th, td"; // code stays from left to right

// One entry of each kind: (entry, send) => element. `send` talks to the kernel.
const KINDS = {
  you(entry, send) {
    const item = said("you", entry);
    const text = foldable(entry.text);
    item.append(text);
    item.namuTyped = () => {
      const typed = item.querySelector(".namu-edit")?.value;
      return typed === entry.text ? "" : typed;
    };
    for (const label of entry.attachments ?? []) {
      item.append(element("span", "namu-attachment", label));
    }
    const bar = actionBar(entry, send);
    if (entry.kept && entry.sent !== false) {
      const edit = button("namu-action namu-edit-it", "Edit", "Edit and fork: this message", () =>
        openEditor(text, bar, entry, send),
      );
      bar.append(edit);
      item.namuEdit = (typed) => openEditor(text, bar, { ...entry, typed }, send);
    }
    item.append(bar);
    return item;
  },
  answer(entry, send) {
    const item = said("answer", entry);
    item.append(formatted(entry));
    if (entry.note) item.append(element("div", "namu-note", entry.note));
    if (!entry.kept && !entry.note) return item; // it is still being written
    const bar = actionBar(entry, send);
    if (entry.kept) {
      bar.append(
        button("namu-action", "Try again", "Try again: the same question, on a new branch", (event) => {
          setIdle(event.currentTarget, true);
          send({ kind: "again", id: entry.key });
        }),
      );
    }
    item.append(bar);
    return item;
  },
  summary(entry) {
    const item = said("summary", entry);
    item.append(formatted(entry));
    return item;
  },
  work: (entry) => timelineEntry(entry),
  approval: (entry, send) => approvalCard(entry, send),
  cards: (entry, send) => cardsEntry(entry, send),
  decided(entry) {
    const item = element("div", `namu-entry namu-decided namu-${entry.outcome}`);
    const mark = element("span", "namu-dot", { yes: "\u2713", no: "\u2715" }[entry.outcome] ?? "\u2013");
    mark.setAttribute("aria-hidden", "true");
    item.append(mark, element("span", "namu-text", entry.text));
    return item;
  },
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

// What can be done with a message. The versions of a message are those that were said in its place.
function actionBar(entry, send) {
  const bar = element("div", "namu-actions namu-message-actions");
  const { versions } = entry;
  if (versions) {
    const { ids: all, at } = versions;
    const step = (way, sign, label) => {
      const made = button("namu-action", sign, label, () => send({ kind: "version", id: all[at + way] }));
      made.disabled = !(at + way in all);
      return made;
    };
    bar.append(
      step(-1, "\u2039", "The version before"),
      element("span", "namu-version", `${at + 1} / ${all.length}`),
      step(1, "\u203a", "The next version"),
    );
  }
  bar.append(
    button("namu-action namu-copy", "Copy", "Copy the text", async (event) => {
      const pressed = event.currentTarget;
      await copyText(entry.text);
      pressed.textContent = "Copied";
      setTimeout(() => (pressed.textContent = "Copy"), 1500);
    }),
  );
  return bar;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const box = element("textarea", "namu-hidden"); // a page without https may not use the clipboard
    box.value = text;
    document.body.append(box);
    box.select();
    document.execCommand("copy");
    box.remove();
  }
}

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
  if (HAS_LONG_WORD.test(entry.text)) unkern(text);
  if (entry.html) {
    setMarkup(text, entry.html);
    for (const list of text.querySelectorAll("ol, ul")) list.hidden = isOnCards(list, entry.titles);
  } else if (entry.draft) {
    text.append(element("div", "namu-done"), element("div", "namu-block"));
    text.append(element("span", "namu-tail", ""));
    showDraft(text, entry.draft);
  } else {
    text.textContent = entry.text;
  }
  return text;
}

// A browser shapes a kerned word anew for each line that it breaks it into: a word of 300,000 letters
// would hold the page up for a minute.
function unkern(text) {
  text.classList.add("namu-unkerned");
}

function endsInLongWord(text) {
  return HAS_LONG_WORD.test(text.slice(-LONG_WORD));
}

// A draft: blocks that are done, the lines of the block that is not, and the line being written.
function showDraft(text, { done, block, tail }) {
  const [first, second, third] = text.children;
  if (done) setMarkup(first, done, first.innerHTML !== "");
  setMarkup(second, block);
  third.textContent = tail;
}

function setMarkup(made, html, more = false) {
  made.classList.add("namu-md");
  if (more) made.insertAdjacentHTML("beforeend", html);
  else made.innerHTML = html;
  for (const block of made.querySelectorAll(BLOCKS)) block.dir = "auto";
}

// Whether a list says item by item what the cards below it say.
function isOnCards(list, titles) {
  const items = [...list.children].map((item) => item.textContent);
  return titles?.length === items.length && items.every((text, n) => text.includes(titles[n]));
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
      unkern(made);
      made.tabIndex = -1;
      made.focus();
    });
    made.append("... ", more);
  }
  return made;
}

function openEditor(text, actions, entry, send) {
  const box = element("textarea", "namu-edit");
  box.value = entry.typed ?? entry.text;
  box.rows = Math.min(8, entry.text.split("\n").length + 1);
  box.setAttribute("aria-label", "Say this instead");
  box.dir = "auto";
  const close = () => {
    bar.replaceWith(actions);
    box.replaceWith(text);
    actions.querySelector(".namu-edit-it").focus();
  };
  const save = () => {
    if (send({ kind: "edit", id: entry.key, text: box.value })) close();
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
  actions.replaceWith(bar);
  box.focus();
}
