// The view of StateView: a heading, a row for each field, and a switch for all.

function render({ model, el }) {
  const root = element("section", "namu-beside");
  root.setAttribute("aria-label", "State");
  const heading = element("p", "namu-beside-heading", "");
  const label = element("label", "namu-all");
  const box = element("input");
  box.type = "checkbox";
  box.addEventListener("change", () => {
    model.set("whole", box.checked);
    model.save_changes();
  });
  label.append(box, element("span", "", "all"));
  const head = element("div", "namu-beside-head");
  head.append(heading, label);
  const scroller = element("div", "namu-scroll");
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  root.append(head, scroller);
  root.addEventListener("keydown", (event) => event.stopPropagation()); // no notebook shortcuts
  el.append(root);

  function draw() {
    heading.textContent = model.get("heading");
    scroller.setAttribute("aria-label", model.get("heading"));
    box.checked = model.get("whole");
    const table = fieldTable(model.get("rows"));
    scroller.replaceChildren(...(table.rows.length ? [table] : []));
    scroller.hidden = !table.rows.length;
  }

  const traits = ["heading", "rows", "whole"];
  for (const name of traits) model.on(`change:${name}`, draw);
  draw();
  return () => traits.forEach((name) => model.off(`change:${name}`, draw));
}

export default { render };
