// The messages in the page: one element for each, found again by the message's id.

/** The element of a message, made at the end of the log where there is none. */
export function messageElement(log, words, { id, role }) {
  let made = find(log, id);
  if (!made) {
    made = document.createElement("div");
    made.className = `message ${role}`;
    made.dataset.role = role;
    if (id) made.dataset.id = id;
    const text = document.createElement("div");
    text.className = "text";
    made.append(text);
    log.append(made);
  }
  made.setAttribute("aria-label", words[role]);
  return made;
}

export function find(log, id) {
  return [...log.children].find((each) => id && each.dataset.id === id);
}

/** As text: what a person or a model wrote is never HTML. */
export function setText(element, text) {
  const field = element.querySelector(".text");
  if (field.textContent !== text) field.textContent = text;
}

/** Make the log show exactly these messages, and touch only what differs. */
export function reconcile(log, words, messages) {
  messages.forEach((message, at) => {
    const old = find(log, message.id);
    if (old && old.dataset.role !== message.role) old.remove();
    const element = messageElement(log, words, message);
    setText(element, message.text);
    if (log.children[at] !== element) log.insertBefore(element, log.children[at]);
  });
  while (log.children.length > messages.length) log.lastElementChild.remove();
}

/** Put the buttons below a message: its text can be changed, and it can be deleted. */
export function addTools(element, words, { save, remove }) {
  toolsOf(element)?.remove();
  const tools = document.createElement("div");
  tools.className = "tools";
  if (element.dataset.role !== "assistant") {
    tools.append(button(words.edit, () => edit(element, words, save)));
  }
  tools.append(button(words.delete, remove));
  tools.hidden = element.querySelector(".editing") !== null;
  element.append(tools);
}

function edit(element, words, save) {
  const text = element.querySelector(".text");
  const box = document.createElement("textarea");
  box.value = text.textContent;
  box.setAttribute("aria-label", words.edit);
  const row = document.createElement("div");
  row.className = "tools editing";
  const done = () => {
    box.remove();
    row.remove();
    text.hidden = false;
    const tools = toolsOf(element);
    if (tools) tools.hidden = false;
    tools?.querySelector("button").focus();
  };
  row.append(
    button(words.save, async () => {
      const saved = await save(box.value); // what was written stays where it is refused
      if (saved && box.isConnected) done();
    }),
    button(words.cancel, done),
  );
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") done();
  });
  text.hidden = toolsOf(element).hidden = true;
  element.append(box, row);
  box.focus();
}

const toolsOf = (element) => element.querySelector(".tools:not(.editing)");

export function button(text, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", pressed);
  return made;
}
