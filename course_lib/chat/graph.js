// The view of GraphView: boxes in rows, arrows between them, the running node lit.

const WIDE = 132;
const HIGH = 30;
const ACROSS = 152;
const DOWN = 58;
const MARGIN = 56;

const own = Math.random().toString(36).slice(2);
let drawings = 0;

function render({ model, el }) {
  const nodes = model.get("nodes");
  const most = Math.max(1, ...nodes.map((node) => node.of));
  const width = most * ACROSS + 2 * MARGIN;
  const middle = width / 2;
  const height = (Math.max(0, ...nodes.map((node) => node.row)) + 1) * DOWN;
  const places = new Map();
  for (const node of nodes) {
    const x = middle + (node.column - (node.of - 1) / 2) * ACROSS;
    places.set(node.name, { x, y: 20 + node.row * DOWN, row: node.row });
  }
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "namu-graph" });
  drawing.style.maxWidth = `${width}px`;
  const tip = `namu-tip-${own}-${++drawings}`;
  const marker = svg("marker", {
    id: tip,
    viewBox: "0 0 10 10",
    refX: 9,
    refY: 5,
    markerWidth: 7,
    markerHeight: 7,
    orient: "auto",
  });
  marker.append(svg("path", { d: "M 0 0 L 10 5 L 0 10 z", fill: "currentColor" }));
  drawing.append(marker);
  for (const [source, target, conditional] of model.get("edges")) {
    const a = places.get(source);
    const b = places.get(target);
    const next = b.row - a.row === 1;
    // An arrow that skips rows, or goes back up, swings out on the side where it begins.
    const way = a.x < middle ? -1 : 1;
    const far = (most * ACROSS) / 2 - 30 + 18 * Math.min(4, Math.abs(b.row - a.row));
    const side = middle + way * far;
    const out = (way * WIDE) / 2;
    const d = next
      ? `M ${a.x} ${a.y + HIGH / 2} L ${b.x} ${b.y - HIGH / 2}`
      : `M ${a.x + out} ${a.y} C ${side} ${a.y}, ${side} ${b.y}, ${b.x + out} ${b.y}`;
    const edge = svg("path", { d, class: "namu-graph-edge", "marker-end": `url(#${tip})` });
    if (conditional) edge.setAttribute("stroke-dasharray", "4 3");
    drawing.append(edge);
  }
  const boxes = new Map();
  for (const node of nodes) {
    const { x, y } = places.get(node.name);
    const box = svg("g", { class: "namu-graph-node" });
    const end = node.label !== node.name;
    const corner = { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH };
    box.append(svg("rect", { ...corner, rx: end ? HIGH / 2 : 6 }));
    const short = node.label.length > 16 ? `${node.label.slice(0, 15)}\u2026` : node.label;
    const label = svg("text", { x, y: y + 4, "text-anchor": "middle" }, short);
    label.append(svg("title", {}, node.label));
    box.append(label);
    boxes.set(node.name, box);
    drawing.append(box);
  }
  el.append(drawing);

  function light() {
    const states = model.get("states");
    const told = [];
    for (const [name, box] of boxes) {
      const state = Object.hasOwn(states, name) ? states[name] : "";
      box.dataset.state = state;
      if (state) told.push(`${name} ${state}`);
    }
    drawing.setAttribute("aria-label", `The graph. ${told.join(", ") || "Nothing has run yet"}.`);
  }

  model.on("change:states", light);
  light();
  return () => model.off("change:states", light);
}

export default { render };
