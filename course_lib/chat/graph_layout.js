// Where the boxes and arrows of a graph stand: rows of boxes, short arrows straight, others around.

const HIGH = 28;
const DOWN = 66; // from one row to the next
const GAP = 16; // between boxes of a row
const ROW_WIDTH = 300; // a wider row is broken into several
const LANE = 16; // between arrows that go around
const MAX_LANES = 6;
const LETTERS = 24; // of a name that are shown

const pen = document.createElement("canvas").getContext("2d");

function shortLabel(label) {
  return label.length > LETTERS ? `${label.slice(0, LETTERS - 1)}\u2026` : label;
}

function boxWidth(label) {
  pen.font = "700 12px system-ui, sans-serif";
  return Math.max(64, Math.ceil(pen.measureText(shortLabel(label)).width) + 40); // with its sign
}

// Boxes by name, each { x, y, width, rank }; and the size of the whole without the arrows around.
function placeBoxes(nodes) {
  const boxes = new Map();
  const lines = []; // { names, width }
  const last = Math.max(0, ...nodes.map((node) => node.row));
  for (let rank = 0; rank <= last; rank += 1) {
    let line = null;
    for (const node of nodes.filter((each) => each.row === rank)) {
      const width = boxWidth(node.label);
      if (!line || line.width + GAP + width > ROW_WIDTH) {
        line = { names: [], width: -GAP };
        lines.push(line);
      }
      line.names.push(node.name);
      line.width += GAP + width;
      boxes.set(node.name, { width, rank });
    }
  }
  const width = Math.max(0, ...lines.map((line) => line.width));
  lines.forEach((line, n) => {
    let x = (width - line.width) / 2;
    for (const name of line.names) {
      const box = boxes.get(name);
      box.x = x + box.width / 2;
      box.y = 20 + n * DOWN;
      x += box.width + GAP;
    }
  });
  return { boxes, width, height: Math.max(0, lines.length - 1) * DOWN + 40 };
}

// The path of each arrow, and how far the arrows reach out on both sides.
function routeEdges(edges, { boxes, width }) {
  const both = new Set(edges.map(([source, target]) => `${source}\n${target}`));
  const lanes = { left: 0, right: 0 };
  const far = (edge) => Math.abs(boxes.get(edge[0]).y - boxes.get(edge[1]).y);
  const paths = new Map();
  for (const edge of [...edges].sort((one, other) => far(one) - far(other))) {
    const [source, target] = edge;
    const a = boxes.get(source);
    const b = boxes.get(target);
    let paired = 0;
    let d = "";
    if (source === target) {
      d = `M ${a.x + a.width / 2} ${a.y - 6} c 26 -12, 26 24, 0 12`;
    } else if (Math.abs(b.rank - a.rank) === 1) {
      const way = Math.sign(b.y - a.y);
      paired = both.has(`${target}\n${source}`) ? way : 0; // there and back side by side
      const aside = 8 * paired;
      d = `M ${a.x + aside} ${a.y + (way * HIGH) / 2} L ${b.x + aside} ${b.y - (way * HIGH) / 2}`;
    } else {
      const left = a.x + b.x < width - 1;
      const lane = Math.min(MAX_LANES, (lanes[left ? "left" : "right"] += 1)) * LANE;
      const side = left ? -lane : width + lane;
      const out = left ? -1 : 1;
      const from = a.x + (out * a.width) / 2;
      const to = b.x + (out * b.width) / 2;
      d = `M ${from} ${a.y} C ${side} ${a.y}, ${side} ${b.y}, ${to} ${b.y}`;
    }
    paths.set(edge, { d, paired });
  }
  const reach = (side) => 12 + Math.min(MAX_LANES, lanes[side]) * LANE;
  return { paths, left: reach("left"), right: Math.max(reach("right"), 26) };
}

// A place on an arrow for its number: one that no box covers. Of two arrows there and back each
// has its number near its own beginning and on its own side.
function numberPlace(arrow, boxes, wide) {
  const total = arrow.getTotalLength();
  const paired = Number(arrow.dataset.paired);
  const shares = paired ? [0.3, 0.2, 0.4] : [0.5, 0.35, 0.65];
  const places = [...shares, 0.5, 0.12, 0.6, 0.75, 0.85, 0.92].map((share) => {
    const { x, y } = arrow.getPointAtLength(total * share);
    return { x: x + paired * (wide / 2 - 8), y };
  });
  const covered = ({ x, y }) =>
    [...boxes.values()].some(
      (box) => Math.abs(x - box.x) < box.width / 2 + wide / 2 && Math.abs(y - box.y) < HIGH / 2 + 8,
    );
  return places.find((place) => !covered(place)) ?? places[0];
}
