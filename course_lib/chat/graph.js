// The view of GraphView: the drawing, zoomed and scrolled; the way of the last run numbered on it.

const SIGNS = { running: "\u25b6", done: "\u2713", waiting: "?", failed: "\u2717" };
const SMALLEST = 11 / 12; // letters of 12 px stay 11 px high
const LARGEST = 3;
const STEP = 1.2;

let drawings = 0;

function render({ model, el }) {
  const nodes = model.get("nodes");
  const layout = placeBoxes(nodes);
  const routes = routeEdges(model.get("edges"), layout);
  const width = layout.width + routes.left + routes.right;
  const { height, boxes } = layout;
  let scale = 0; // 0 fits the drawing into its place
  let room = height;
  let focused = nodes[0]?.name;

  const root = element("section", "namu-beside");
  root.setAttribute("aria-label", "Graph");
  const heading = element("p", "namu-beside-heading", "");
  const zoom = element("div", "namu-zoom");
  zoom.append(
    button("", "\u2212", "Smaller", () => zoomTo(current() / STEP)),
    button("", "+", "Larger", () => zoomTo(current() * STEP)),
    button("", "Fit", "Fit the graph into its place", () => zoomTo(0)),
  );
  const head = element("div", "namu-beside-head");
  head.append(heading, zoom);
  const scroller = element("div", "namu-scroll");
  const detail = element("div", "namu-graph-detail");
  detail.setAttribute("aria-live", "polite");
  root.append(head, scroller, detail);
  el.append(root);

  const tip = `namu-tip-${own}-${++drawings}`;
  const drawing = svg("svg", {
    viewBox: `${-routes.left} 0 ${width} ${height}`,
    role: "group",
    class: "namu-graph",
  });
  const marker = svg("marker", {
    id: tip,
    viewBox: "0 0 10 10",
    refX: 9,
    refY: 5,
    markerWidth: 8,
    markerHeight: 8,
    markerUnits: "userSpaceOnUse",
    orient: "auto",
  });
  marker.append(svg("path", { d: "M 0 0 L 10 5 L 0 10 z", fill: "context-stroke" }));
  drawing.append(marker);
  const arrows = new Map();
  for (const [edge, { d, paired }] of routes.paths) {
    const [source, target, conditional] = edge;
    const arrow = svg("path", { d, class: "namu-graph-edge", "marker-end": `url(#${tip})` });
    arrow.dataset.paired = paired;
    if (conditional) arrow.setAttribute("stroke-dasharray", "5 3");
    const words = `${source} to ${target}${conditional ? ", where the graph chooses it" : ""}`;
    arrow.append(svg("title", {}, words));
    arrows.set(`${source}\n${target}`, arrow);
    drawing.append(arrow);
  }
  const drawn = new Map();
  for (const node of nodes) {
    const { x, y, width: wide } = boxes.get(node.name);
    const box = svg("g", { class: "namu-graph-node", role: "button" });
    const round = node.label === node.name ? 6 : HIGH / 2;
    const corner = { x: x - wide / 2, y: y - HIGH / 2, width: wide, height: HIGH, rx: round };
    const label = svg("text", { x, y: y + 4, "text-anchor": "middle" }, shortLabel(node.label));
    label.append(svg("title", {}, node.label));
    const sign = svg("text", { x: x - wide / 2 + 14, y: y + 4, "text-anchor": "middle" }, "");
    box.append(svg("rect", corner), label, sign);
    box.addEventListener("click", () => choose(node.name));
    drawn.set(node.name, { box, sign, words: label, middle: x, label: node.label });
    drawing.append(box);
  }
  const numbers = svg("g", { class: "namu-graph-numbers", "aria-hidden": "true" });
  drawing.append(numbers);
  scroller.append(drawing);

  // The height that is left for the drawing, beside a detail of one line: a longer one scrolls.
  function measureRoom() {
    detail.style.height = "1.4em";
    drawing.setAttribute("height", 10000);
    room = scroller.clientHeight;
    detail.style.height = "";
  }

  function current() {
    if (scale) return scale;
    const fitting = Math.min(scroller.clientWidth / width, room / height);
    return Math.min(1.3, Math.max(SMALLEST, fitting || 1));
  }

  function resize() {
    const { scrollLeft, scrollTop } = scroller;
    measureRoom();
    drawing.setAttribute("width", width * current());
    drawing.setAttribute("height", height * current());
    scroller.scrollTo(scrollLeft, scrollTop);
    if (!scale) scroller.scrollLeft = (scroller.scrollWidth - scroller.clientWidth) / 2;
  }

  // What is in the middle of the view stays there, or what the pointer is on.
  function zoomTo(wanted, at) {
    const before = current();
    const x = at?.x ?? scroller.clientWidth / 2;
    const y = at?.y ?? scroller.clientHeight / 2;
    scale = wanted && Math.min(LARGEST, Math.max(SMALLEST, wanted));
    const factor = current() / before;
    const place = [(scroller.scrollLeft + x) * factor - x, (scroller.scrollTop + y) * factor - y];
    resize();
    [scroller.scrollLeft, scroller.scrollTop] = place;
  }

  function onWheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const { left, top } = scroller.getBoundingClientRect();
    const at = { x: event.clientX - left, y: event.clientY - top };
    zoomTo(current() * (event.deltaY < 0 ? STEP : 1 / STEP), at);
  }

  function onDrag(event) {
    if (!(event.buttons & 1)) return;
    scroller.scrollLeft -= event.movementX;
    scroller.scrollTop -= event.movementY;
  }

  function choose(name) {
    focused = name;
    model.set("selected", model.get("selected") === name ? "" : name);
    model.save_changes();
    mark(true);
  }

  function onKey(event) {
    event.stopPropagation(); // keys typed here are no notebook shortcuts
    if (!drawn.has(focused) || document.activeElement !== drawn.get(focused).box) return;
    const names = [...drawn.keys()];
    const at = names.indexOf(focused);
    const to = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: names.length - 1,
    }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(focused);
    } else if (names[to]) {
      event.preventDefault();
      focused = names[to];
      mark(true);
    }
  }

  function mark(take) {
    for (const [name, { box }] of drawn) {
      box.setAttribute("tabindex", name === focused ? "0" : "-1");
      box.setAttribute("aria-pressed", String(name === model.get("selected")));
    }
    if (take) drawn.get(focused).box.focus({ preventScroll: true });
    if (take) reveal(focused);
  }

  function reveal(name) {
    const box = boxes.get(name);
    const x = (box.x + routes.left) * current();
    const y = box.y * current();
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = scroller;
    if (Math.abs(x - scrollLeft - clientWidth / 2) > clientWidth / 2 - 40) {
      scroller.scrollLeft = x - clientWidth / 2;
    }
    if (Math.abs(y - scrollTop - clientHeight / 2) > clientHeight / 2 - 30) {
      scroller.scrollTop = y - clientHeight / 2;
    }
  }

  function light() {
    const states = model.get("states");
    const told = [];
    for (const [name, { box, sign, words, middle, label }] of drawn) {
      const state = Object.hasOwn(states, name) ? states[name] : "";
      if (state === "running" && box.dataset.state !== state) reveal(name);
      box.dataset.state = state;
      sign.textContent = SIGNS[state] ?? "";
      words.setAttribute("x", middle + (state ? 7 : 0));
      box.setAttribute("aria-label", state ? `${label}, ${state}` : label);
      if (state) told.push(`${label} ${state}`);
    }
    drawing.setAttribute("aria-label", `The graph. ${told.join(", ") || "Nothing has run yet"}.`);
  }

  function number() {
    const steps = new Map(); // of each arrow
    for (const [source, target, step] of model.get("taken")) {
      const edge = `${source}\n${target}`;
      steps.set(edge, [...(steps.get(edge) ?? []), step]);
    }
    heading.textContent = steps.size
      ? "Numbers show the last run."
      : "Steps are numbered here.";
    numbers.replaceChildren();
    for (const [edge, arrow] of arrows) {
      const taken = steps.get(edge);
      arrow.dataset.taken = String(Boolean(taken));
      if (!taken) continue;
      const text = taken.slice(0, 3).join(", ") + (taken.length > 3 ? "\u2026" : "");
      const wide = 10 + 7 * text.length;
      const { x, y } = numberPlace(arrow, boxes, wide);
      const badge = { x: x - wide / 2, y: y - 8, width: wide, height: 16, rx: 8 };
      const label = svg("text", { x, y: y + 4, "text-anchor": "middle" }, text);
      label.append(svg("title", {}, `step ${taken.join(", ")}`));
      numbers.append(svg("rect", badge), label);
    }
  }

  function showDetail() {
    const name = model.get("selected");
    detail.replaceChildren();
    if (!drawn.has(name)) {
      detail.append(element("p", "namu-beside-heading", "Choose a node to see what it wrote last."));
      return;
    }
    detail.append(element("strong", "", drawn.get(name).label));
    const rows = model.get("detail");
    const plain = rows.filter(([field]) => !field).map(([, text]) => ` ${text}`);
    detail.append(...plain, fieldTable(rows.filter(([field]) => field)));
  }

  const select = () => {
    mark(false);
    showDetail();
  };
  const changes = {
    "change:states": light,
    "change:taken": number,
    "change:selected": select,
    "change:detail": showDetail,
  };
  for (const [name, react] of Object.entries(changes)) model.on(name, react);
  root.addEventListener("keydown", onKey);
  scroller.addEventListener("wheel", onWheel, { passive: false });
  scroller.addEventListener("pointermove", onDrag);
  const watch = new ResizeObserver(resize);
  watch.observe(root);
  watch.observe(head); // its words get longer with the first run
  resize();
  light();
  number();
  mark(false);
  showDetail();
  return () => {
    watch.disconnect();
    for (const [name, react] of Object.entries(changes)) model.off(name, react);
  };
}

export default { render };
