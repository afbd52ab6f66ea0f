// What the fields of a question are, out of the JSON schema of its answer. It needs no page.

/** One field: {kind, name, label, required, preset, choices, minimum, maximum, properties}. */
export function fieldOf(schema, root, name, required = false) {
  const found = resolve(schema, root);
  const optional = found.optional || !required;
  const field = {
    name,
    label: found.description ?? found.title,
    required: !optional,
    preset: found.default,
    minimum: found.minimum,
    maximum: found.maximum,
  };
  const choices = choicesOf(found, root);
  if (choices) return { ...field, kind: "choice", choices };
  if (name === undefined && found.type === "object" && found.properties) {
    const needed = found.required ?? [];
    const properties = Object.entries(found.properties).map(([key, each]) =>
      fieldOf(each, root, key, needed.includes(key)));
    return { ...field, kind: "object", properties };
  }
  const kinds = { boolean: "boolean", integer: "integer", number: "number", string: "text" };
  return { ...field, kind: kinds[found.type] ?? "json" };
}

/** What the person wrote, as the schema wants it; undefined for a field that was left empty. */
export function readField(field, input) {
  if (field.kind === "boolean") return input.checked;
  if (input.value === "") return undefined;
  if (field.kind === "integer" || field.kind === "number") return Number(input.value);
  return field.kind === "text" ? input.value : JSON.parse(input.value);
}

/** A value as the text of its control. */
export function presetText(field, value) {
  return field.kind === "choice" || field.kind === "json" ? JSON.stringify(value) : String(value);
}

/** Follow `$ref`, and take the one kind out of "this or null", as Pydantic writes `X | None`. */
function resolve(schema, root, depth = 0) {
  if (depth > 20 || schema === null || typeof schema !== "object") return {};
  if (typeof schema.$ref === "string") {
    const { $ref, ...beside } = schema;
    const place = $ref.startsWith("#/") ? $ref.slice(2).split("/") : [];
    const target = place.length ? place.reduce((at, part) => at?.[part], root) : {};
    return resolve({ ...target, ...beside }, root, depth + 1);
  }
  for (const key of ["anyOf", "oneOf", "allOf"]) {
    if (!Array.isArray(schema[key])) continue;
    const { [key]: several, ...beside } = schema;
    const real = several.filter((each) => each?.type !== "null");
    if (real.length !== 1) continue;
    const optional = beside.optional || real.length < several.length;
    return resolve({ ...real[0], ...beside, optional }, root, depth + 1);
  }
  if (Array.isArray(schema.type)) {
    const real = schema.type.filter((each) => each !== "null");
    const optional = schema.optional || real.length < schema.type.length;
    return { ...schema, type: real.length === 1 ? real[0] : undefined, optional };
  }
  return schema;
}

function choicesOf(schema, root) {
  if (Array.isArray(schema.enum)) return schema.enum.map((each) => [each, String(each)]);
  if ("const" in schema) return [[schema.const, String(schema.title ?? schema.const)]];
  const several = (schema.oneOf ?? schema.anyOf)?.map((each) => resolve(each, root));
  if (!several?.length || !several.every((each) => "const" in each)) return null;
  return several.map((each) => [each.const, String(each.title ?? each.const)]);
}
