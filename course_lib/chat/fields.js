// A table of fields and the text shown for each, as in the views of the state and the graph.

// Long names break after an underscore, and an arrow of two characters never breaks.
function fieldTable(rows) {
  const table = element("table", "namu-fields");
  for (const [field, text] of rows) {
    const name = element("th");
    name.scope = "row";
    for (const part of field.split(/(?<=_)/)) name.append(part, element("wbr"));
    const row = element("tr");
    row.append(name, element("td", "", text.replaceAll("->", "-\u2060>")));
    table.append(row);
  }
  return table;
}
