// The view of TreeView: an SVG of the checkpoints, one row each, branches side by side.

const ROW = 28;
const COLUMN = 22;
const INVITATION = "Choose a checkpoint to see its state (click, or arrow keys and Enter).";
const HINT = "Fork from here: run the graph with view.config";
// Okabe and Ito's colours, told apart by colour-blind readers; the shape tells the source as well.
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"];

function shape(source, x, y, colour) {
  const common = { fill: colour, stroke: "currentColor" };
  if (source === "input") return svg("rect", { x: x - 6, y: y - 6, width: 12, height: 12, ...common });
  if (source === "update") {
    const points = `${x},${y - 8} ${x + 8},${y} ${x},${y + 8} ${x - 8},${y}`;
    return svg("polygon", { points, ...common });
  }
  if (source === "fork") {
    const points = `${x},${y - 8} ${x + 8},${y + 6} ${x - 8},${y + 6}`;
    return svg("polygon", { points, ...common });
  }
  return svg("circle", { cx: x, cy: y, r: 6, ...common });
}

function render({ model, el }) {
  const root = document.createElement("section");
  root.className = "namu-tree";
  root.setAttribute("aria-label", "Checkpoint tree");
  const scroller = document.createElement("div");
  scroller.className = "namu-tree-scroll";
  const detail = document.createElement("pre");
  detail.className = "namu-tree-detail";
  detail.setAttribute("aria-live", "polite");
  root.append(scroller, detail);
  el.append(root);
  let items = [];

  function draw() {
    const rows = model.get("rows");
    const branches = model.get("branches");
    const width = 40 + branches.length * COLUMN + 420;
    const drawing = svg("svg", {
      width,
      height: rows.length * ROW + 8,
      role: "listbox",
      "aria-label": `${rows.length} checkpoints, oldest first`,
    });
    const x = (n) => 20 + rows[n].branch * COLUMN;
    const y = (n) => 18 + n * ROW;
    rows.forEach((row, n) => {
      if (row.parent < 0) return;
      const path = `M ${x(row.parent)} ${y(row.parent)} L ${x(n)} ${y(row.parent) + ROW / 2} L ${x(n)} ${y(n)}`;
      const colour = COLOURS[row.branch % COLOURS.length];
      drawing.append(svg("path", { d: path, stroke: colour, fill: "none", "stroke-width": 2 }));
    });
    items = rows.map((row, n) => {
      const item = svg("g", { role: "option", class: "namu-checkpoint" });
      const branch = branches.length > 1 ? `${branches[row.branch]}: ` : "";
      const first = rows.findIndex((each) => each.branch === row.branch) === n;
      const label = (first ? branch : "") + row.label;
      item.setAttribute("aria-label", branch + row.full);
      item.append(svg("title", {}, branch + row.full));
      item.append(svg("rect", { x: 2, y: y(n) - 13, width: width - 4, height: 26, class: "namu-row" }));
      item.append(shape(row.source, x(n), y(n), COLOURS[row.branch % COLOURS.length]));
      item.append(svg("text", { x: 30 + branches.length * COLUMN, y: y(n) + 4 }, label));
      item.addEventListener("click", () => choose(n));
      drawing.append(item);
      return item;
    });
    drawing.addEventListener("keydown", onKey);
    scroller.replaceChildren(drawing);
    if (model.get("selected") < 0) scroller.scrollTop = scroller.scrollHeight;
    mark();
    showDetail();
  }

  function mark() {
    const n = model.get("selected");
    items.forEach((item, k) => {
      item.dataset.here = String(n < 0 && k === items.length - 1);
      item.setAttribute("aria-selected", String(k === n));
      item.setAttribute("tabindex", k === (n < 0 ? items.length - 1 : n) ? "0" : "-1");
    });
  }

  function choose(n) {
    model.set("selected", n);
    model.set("detail", "...");
    model.save_changes();
    items[n].focus();
  }

  function onKey(event) {
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined && items[to]) {
      event.preventDefault();
      items.forEach((item, k) => item.setAttribute("tabindex", k === to ? "0" : "-1"));
      items[to].focus();
    } else if ((event.key === "Enter" || event.key === " ") && at >= 0) {
      event.preventDefault();
      choose(at);
    }
    event.stopPropagation();
  }

  function showDetail() {
    const row = model.get("rows")[model.get("selected")];
    detail.textContent = row
      ? [row.full.trim(), model.get("detail"), HINT].filter(Boolean).join("\n\n")
      : INVITATION;
  }

  const changes = { "change:rows": draw, "change:selected": mark };
  for (const name of ["change:detail", "change:selected"]) model.on(name, showDetail);
  for (const [name, react] of Object.entries(changes)) model.on(name, react);
  draw();
  return () => {
    for (const name of ["change:detail", "change:selected"]) model.off(name, showDetail);
    for (const [name, react] of Object.entries(changes)) model.off(name, react);
  };
}

export default { render };
