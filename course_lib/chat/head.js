// The line above the chat: what it is, and how it is shown.

function createHead(model, root) {
  const bar = element("div", "namu-head");
  const brain = element("span", "namu-model", "");
  const tools = element("div", "namu-tools");
  const whole = () => root.closest(".namu-whole");
  const toggles = new Map();
  const isOpen = (side) => toggles.get(side).getAttribute("aria-expanded") === "true";
  const show = (side, shown) => {
    whole()?.classList.toggle(`namu-open-${side}`, shown);
    toggles.get(side).setAttribute("aria-expanded", String(shown));
  };
  // An open drawer covers the chat. Who turns to the message box has done with it.
  root.addEventListener("focusin", (event) => {
    if (event.target.matches(".namu-box")) for (const side of toggles.keys()) show(side, false);
  });
  const closeByKey = (event) => {
    const open = [...toggles.keys()].find(isOpen);
    if (event.key !== "Escape" || !open || event.target.matches("input, textarea")) return;
    show(open, false);
    toggles.get(open).focus();
  };
  for (const [side, label] of [
    ["threads", "Threads"],
    ["beside", "Inside"],
  ]) {
    const toggle = button(`namu-tool namu-drawer namu-drawer-${side}`, label, "", () => {
      show(side, !isOpen(side));
      // The parts keep their keys to themselves, so it listens before them; it is added once only.
      whole()?.addEventListener("keydown", closeByKey, true);
      whole()?.style.setProperty("--namu-drawer-top", `${bar.offsetTop + bar.offsetHeight + 8}px`);
    });
    toggle.setAttribute("aria-expanded", "false");
    toggles.set(side, toggle);
    tools.append(toggle);
  }
  if (model.get("paces").length) tools.append(paceSelect(model));
  const full = button("namu-tool namu-full", "", "Full screen", async () => {
    if (document.fullscreenElement) await document.exitFullscreen();
    else await (whole() ?? root).requestFullscreen?.();
  });
  full.title = "Full screen";
  full.append(element("span", "namu-corners"));
  tools.append(full);
  const names = element("div", "namu-names");
  names.append(element("span", "namu-title", model.get("title")), brain);
  bar.append(names, tools);
  const showModel = () => {
    const name = model.get("model_name");
    brain.textContent = name ? `model: ${name}` : "";
  };
  showModel();
  return { bar, showModel };
}

// How fast the screen follows the graph.
function paceSelect(model) {
  const label = element("label", "namu-pace", "speed ");
  const select = element("select");
  for (const pace of model.get("paces")) {
    const option = element("option", "", pace);
    option.value = pace;
    select.append(option);
  }
  select.value = model.get("pace");
  select.addEventListener("change", () => {
    model.set("pace", select.value);
    model.save_changes();
  });
  model.on("change:pace", () => (select.value = model.get("pace")));
  label.append(select);
  return label;
}

// A notebook that runs all its cells scrolls to its last one. Until the person does something, the
// panel is brought back into view each time that the page moves away from it.
function stayInView(root) {
  const stops = ["wheel", "pointerdown", "keydown", "touchmove"];
  const options = { capture: true, passive: true };
  let waiting = 0;
  const watch = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const { top, bottom } = root.getBoundingClientRect();
      const seen = Math.min(bottom, innerHeight) - Math.max(top, 0);
      if (seen < Math.min(bottom - top, innerHeight) - 40) root.scrollIntoView({ block: "center" });
    }, 150);
  };
  const end = () => {
    clearTimeout(waiting);
    document.removeEventListener("scroll", watch, true);
    for (const name of stops) document.removeEventListener(name, end, options);
  };
  document.addEventListener("scroll", watch, true);
  for (const name of stops) document.addEventListener(name, end, options);
  watch();
  return end;
}
