// A question that the graph asks, as a form made from the schema of its answer.
import { fieldOf, presetText, readField } from "./schema.js";

/** Make the form; `answer(value)` is called with what the person chose. */
export function questionForm(question, answer) {
  const form = document.createElement("form");
  form.className = "message question";
  const asked = question.value;
  const text = typeof asked === "string" ? asked : (asked?.question ?? JSON.stringify(asked));
  form.append(paragraph(text));
  if (asked?.note) form.append(paragraph(asked.note));
  const whole = fieldOf(question.schema ?? {}, question.schema);
  const inside = whole.kind === "object" ? whole.properties : [];
  const decides = inside.some((field) => field.name === "approve" && field.kind === "boolean");
  const fields = decides ? inside.filter((field) => field.name !== "approve") : inside;
  const inputs = new Map();
  const show = (field, preset) => {
    const input = control(field, preset);
    inputs.set(field, input);
    form.append(labelled(field, input));
  };
  for (const field of fields) show(field, asked?.[field.name]);

  const given = () =>
    Object.fromEntries(
      fields.map((field) => [field.name, readField(field, inputs.get(field))])
        .filter(([, found]) => found !== undefined),
    );
  const submit = (value) => (event) => {
    event?.preventDefault();
    for (const [field, input] of inputs) check(field, input);
    if (form.reportValidity()) answer(value());
  };
  if (decides) {
    const no = () => (fields.some((field) => field.required) && form.checkValidity()
      ? { ...given(), approve: false } : { approve: false });
    form.addEventListener("submit", submit(() => ({ ...given(), approve: true })));
    const yes = button("Yes", "submit");
    decidesByButton(form, yes);
    form.append(yes, " ", button("No", "button", () => answer(no())));
  } else if (whole.kind === "boolean") {
    form.addEventListener("submit", submit(() => true));
    form.append(button("Yes", "submit"), " ", button("No", "button", () => answer(false)));
  } else if (!question.schema) {
    // Nothing says what the graph wants: yes, no, or words.
    form.addEventListener("submit", submit(() => true));
    form.append(button("Yes", "submit"), " ", button("No", "button", () => answer(false)));
    const words = control({ kind: "text", name: "answer" });
    words.setAttribute("aria-label", "Or answer in words");
    const send = () => words.value.trim() && answer(words.value);
    words.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // else Enter in this box would be the "Yes"
      send();
    });
    form.append(" ", words, " ", button("Answer", "button", send));
  } else if (whole.kind === "object") {
    form.addEventListener("submit", submit(given));
    form.append(button("Answer", "submit"));
  } else {
    const only = { ...whole, name: "answer", label: whole.label ?? "Answer", required: true };
    show(only);
    form.addEventListener("submit", submit(() => readField(only, inputs.get(only)) ?? null));
    form.append(button("Answer", "submit"));
  }
  return form;
}

/** Let Enter in a field lead to the buttons: alone it would press the "Yes". */
function decidesByButton(form, first) {
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
    event.preventDefault();
    first.focus();
  });
}

function paragraph(text) {
  const made = document.createElement("div");
  made.textContent = text;
  return made;
}

function button(text, type, click) {
  const made = document.createElement("button");
  made.type = type;
  made.textContent = text;
  if (click) made.addEventListener("click", click);
  return made;
}

function labelled(field, input) {
  const label = document.createElement("label");
  label.append(`${field.label ?? field.name} `, input);
  return label;
}

function control(field, preset = field.preset) {
  const tag = { choice: "select", json: "textarea" }[field.kind] ?? "input";
  const input = document.createElement(tag);
  if (field.kind === "choice") {
    if (!field.required) input.append(new Option("", ""));
    for (const [value, title] of field.choices) input.append(new Option(title, JSON.stringify(value)));
  } else if (tag === "input") {
    input.type = { boolean: "checkbox", integer: "number", number: "number" }[field.kind] ?? "text";
  }
  if (input.type === "number") {
    const step = field.kind === "integer" ? 1 : "any";
    Object.assign(input, { min: field.minimum ?? "", max: field.maximum ?? "", step });
  }
  input.name = field.name;
  input.required = Boolean(field.required) && field.kind !== "boolean";
  if (field.kind === "boolean") input.checked = preset === true;
  else if (preset !== undefined && preset !== null) input.value = presetText(field, preset);
  return input;
}

/** Say at the box itself that a text is no JSON. */
function check(field, input) {
  if (field.kind !== "json") return;
  let fault = "";
  try {
    readField(field, input);
  } catch {
    fault = 'This answer has parts. Write it as JSON, for example {"name": "Ann"} or ["a", "b"].';
  }
  input.setCustomValidity(fault);
}
