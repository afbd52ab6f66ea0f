// A question that the graph asks, as a form made from the schema of its answer.

/** Make the form; `answer(value)` is called with what the person chose. */
export function questionForm(question, words, answer) {
  const form = document.createElement("form");
  form.className = "message question";
  const asked = question.value;
  const text = typeof asked === "string" ? asked : (asked?.question ?? JSON.stringify(asked));
  form.append(paragraph(text));
  if (asked?.note) form.append(paragraph(asked.note));
  const fields = Object.entries(question.schema?.properties ?? {});
  for (const [name, schema] of fields) {
    if (name !== "approve") form.append(field(name, schema, asked?.[name]));
  }
  const decides = fields.some(([name]) => name === "approve") || !fields.length;
  const send = (approve) => {
    if (approve && !form.reportValidity()) return;
    const given = Object.fromEntries(
      fields.filter(([name]) => name !== "approve").map(([name, schema]) => [name, value(form, name, schema)])
        .filter(([, found]) => found !== undefined),
    );
    if (!decides) return answer(given);
    if (!fields.length) return answer(approve);
    answer(approve ? { ...given, approve } : { approve });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(true);
  });
  const first = button(decides ? words.yes : words.answer, "submit");
  form.append(first);
  if (decides) {
    decidesByButton(form, first);
    const no = button(words.no, "button");
    no.addEventListener("click", () => send(false));
    form.append(" ", no);
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

function button(text, type) {
  const made = document.createElement("button");
  made.type = type;
  made.textContent = text;
  return made;
}

function field(name, schema, preset) {
  const label = document.createElement("label");
  label.append(`${schema.description ?? schema.title ?? name} `);
  const choices = schema.enum?.map((each) => [each, each])
    ?? schema.oneOf?.map((each) => [each.const, each.title ?? each.const]);
  const input = document.createElement(choices ? "select" : "input");
  for (const [key, title] of choices ?? []) input.append(new Option(title, key));
  if (!choices) {
    const number = schema.type === "integer" || schema.type === "number";
    input.type = number ? "number" : schema.type === "boolean" ? "checkbox" : "text";
    if (number) Object.assign(input, { min: schema.minimum ?? "", max: schema.maximum ?? "" });
  }
  input.name = name;
  input.required = schema.type !== "boolean";
  if (preset !== undefined) input.value = preset;
  label.append(input);
  return label;
}

function value(form, name, schema) {
  const input = form.elements[name];
  if (schema.type === "boolean") return input.checked;
  if (input.value === "") return undefined;
  return schema.type === "integer" || schema.type === "number" ? Number(input.value) : input.value;
}
