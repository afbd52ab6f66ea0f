// The card of an open question: a form whose answers go to the kernel as text.

function approvalCard(entry, send) {
  const form = element("form", "namu-entry namu-approval");
  form.setAttribute("aria-label", "The graph asks");
  form.append(element("div", "namu-who", "The graph asks"));
  form.append(element("div", "namu-text", entry.question));
  if (entry.details.length) {
    const details = element("dl", "namu-facts");
    for (const [name, text] of entry.details) {
      details.append(element("dt", "", name), element("dd", "", text));
    }
    form.append(details);
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
  for (const { label, values: pressed } of entry.buttons) {
    bar.append(
      button("namu-decide", label, "", () => {
        const filled = [...inputs].map(([name, { input, kind }]) => [
          name,
          kind === "boolean" ? input.checked : input.value,
        ]);
        const values = Object.fromEntries([...filled, ...Object.entries(pressed)]);
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
  made.dir = "auto";
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
