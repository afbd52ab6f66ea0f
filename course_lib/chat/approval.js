// The card of an open question: a form whose answers go to the kernel as text.

function approvalCard(entry, send) {
  const form = element("form", "namu-entry namu-approval");
  form.setAttribute("aria-label", entry.labels.asks);
  form.append(element("div", "namu-who", entry.labels.asks));
  form.append(element("div", "namu-text", entry.question));
  if (entry.details.length) form.append(detailList(entry.details));
  const rows = new Map(entry.fields.map((field) => [field.name, fieldRow(field)]));
  for (const { row } of rows.values()) form.append(row);
  const general = element("div", "namu-error", "");
  general.setAttribute("role", "alert");
  const bar = element("div", "namu-actions");
  for (const { label, values: pressed } of entry.buttons) {
    bar.append(
      button("namu-decide", label, "", () => {
        const filled = [...rows].map(([name, { read }]) => [name, read()]);
        const values = Object.fromEntries([...filled, ...Object.entries(pressed)]);
        setBusy(true); // once is enough
        send({ kind: "answer", id: entry.id, values });
      }),
    );
  }
  form.append(general, bar);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("keydown", (event) => {
    if (!isSend(event) || !event.target.matches("input:not([type=checkbox]), select")) return;
    event.preventDefault();
    // Enter sends what is filled in, by the button that adds nothing to it. Where each button is a
    // decision, Enter leads to them and makes none: who gives a reason may want to reject.
    const plain = entry.buttons.findIndex(({ values }) => !Object.keys(values).length);
    if (plain < 0) bar.children[0].focus();
    else bar.children[plain].click();
  });
  form.namuFilled = () => ({ [entry.id]: Object.fromEntries([...rows].map(([name, { read }]) => [name, read()])) });
  form.namuFill = (values) => rows.forEach(({ write }, name) => name in values && write(values[name]));

  function setBusy(busy) {
    for (const each of bar.children) setIdle(each, busy);
  }

  function showErrors(errors) {
    const rest = Object.entries(errors).filter(([name]) => !rows.has(name));
    for (const [name, { showError }] of rows) showError(errors[name] ?? "");
    general.textContent = rest.map(([, text]) => text).join("\n");
    form.querySelector("[aria-invalid=true]")?.focus();
  }

  // What is filled in stays while only the errors change; another question is another form.
  const first = formOf(entry);
  form.update = (changed) => {
    if (formOf(changed) !== first) return false;
    setBusy(changed.busy);
    showErrors(changed.errors);
    return true;
  };
  form.update(entry);
  return form;
}

// What is filled in on the cards that are open, by the id of the question.
function filledCards(root) {
  return Object.assign({}, ...[...root.querySelectorAll(".namu-approval")].map((form) => form.namuFilled()));
}

function formOf({ id, question, details, fields, buttons }) {
  return JSON.stringify([id, question, details, fields, buttons]);
}

function detailList(details) {
  const list = element("dl", "namu-details");
  for (const [name, text] of details) {
    if (name !== "note") list.append(element("dt", "", name)); // a note needs no name
    list.append(element("dd", name === "note" ? "namu-detail-note" : "", text));
  }
  return list;
}

// A label, what to fill in, and a place for the error, with how to read and how to mark them.
function fieldRow(field) {
  const row = element("div", "namu-field");
  const input = inputFor(field);
  input.id = `namu-field-${own}-${++ids}`;
  const label = element("label", "", field.label);
  label.htmlFor = input.id;
  const error = element("div", "namu-error", "");
  error.id = `${input.id}-error`;
  error.setAttribute("role", "alert");
  input.setAttribute("aria-describedby", error.id);
  row.append(label, input, error);
  return {
    row,
    read: () => (field.kind === "boolean" ? input.checked : input.value),
    write: (value) => (field.kind === "boolean" ? (input.checked = value) : (input.value = value)),
    showError(text) {
      error.textContent = text;
      if (text) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };
}

function inputFor(field) {
  if (field.kind === "choice") return selectFor(field);
  const wide = field.kind === "long text" || field.kind === "json";
  const made = element(wide ? "textarea" : "input");
  made.dir = "auto";
  if (wide) made.rows = Math.min(8, field.value.split("\n").length + 1);
  if (field.kind === "boolean") {
    made.type = "checkbox";
    made.checked = field.value;
  } else {
    if (!wide) made.type = "text";
    if (field.kind === "integer" || field.kind === "number") made.inputMode = "decimal";
    made.value = field.value;
  }
  return made;
}

// A browser reads an option without a value with its spaces collapsed, so each option has a value.
function selectFor(field) {
  const made = element("select");
  made.dir = "auto";
  const add = (value, text) => {
    const option = element("option", "", text);
    option.value = value;
    made.append(option);
  };
  if (field.empty !== null) add("", field.empty);
  for (const choice of field.choices) add(choice, choice);
  made.value = field.value;
  return made;
}
