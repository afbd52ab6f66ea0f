// What the graph did in a turn: one line that opens as a list of steps, one below the other.

const MARKS = { done: "\u2713", running: "\u25cf", waiting: "\u2016", stopped: "\u25a0", failed: "\u2715" };

function timelineEntry(entry) {
  const item = element("div", "namu-entry namu-work");
  item.setAttribute("role", "group");
  item.setAttribute("aria-label", "What the graph did");
  const list = element("ol", "namu-timeline");
  list.id = `namu-timeline-${own}-${++ids}`;
  const head = button("namu-steps namu-stop-here", "", "", () => open(list.hidden));
  head.setAttribute("aria-controls", list.id);
  const gauge = element("div", "namu-gauge");
  item.append(head, gauge, list);
  const opened = new Set(); // numbers of the steps whose detail is shown
  open(false);

  function open(shown) {
    list.hidden = !shown;
    head.setAttribute("aria-expanded", String(shown));
  }

  item.update = ({ summary, chips }) => {
    const focused = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    head.textContent = summary;
    head.dataset.state = chips.at(-1)?.state ?? "";
    gauge.replaceChildren(...chips.filter((chip) => chip.share !== undefined).map(gaugeOf));
    list.replaceChildren(...chips.map((chip, n) => stepOf(chip, n, opened)));
    list.querySelectorAll("button")[focused]?.focus();
    return true;
  };
  item.update(entry);
  return item;
}

function stepOf(chip, n, opened) {
  const step = element("li", `namu-step namu-step-${chip.kind}`);
  step.dataset.state = chip.state;
  const detail = element("pre", "namu-detail", "");
  detail.id = `namu-detail-${own}-${++ids}`;
  const name = chip.kind === "tool" ? `${chip.name}()` : chip.name;
  const head = button("namu-step-name", "", "", () => {
    if (!opened.delete(n)) opened.add(n);
    mark();
  });
  head.tabIndex = -1; // reached with the arrow keys from the line above
  const dot = element("span", "namu-dot", MARKS[chip.state] ?? MARKS.done);
  dot.setAttribute("aria-hidden", "true");
  head.append(dot, element("span", "", name), element("span", "namu-hidden", `, ${chip.kind}`));
  head.append(element("span", "namu-step-state", chip.state === "done" ? "" : chip.state));
  head.setAttribute("aria-controls", detail.id);
  step.append(head, detail);
  const mark = () => {
    detail.hidden = !opened.has(n);
    detail.textContent = detail.hidden ? "" : chip.detail || "nothing yet";
    head.setAttribute("aria-expanded", String(opened.has(n)));
  };
  mark();
  return step;
}

// How far something is, for as long as the turn stands; seen without opening anything.
function gaugeOf(chip) {
  const line = element("label", "namu-progress", `${chip.name} `);
  const bar = element("progress");
  bar.max = 1;
  bar.value = chip.share;
  bar.setAttribute("aria-label", chip.name);
  line.append(bar);
  return line;
}
