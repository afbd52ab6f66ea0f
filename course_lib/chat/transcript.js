// The view of ChatPanel. Everything that was said goes into text nodes, never into HTML.

const SPEAKERS = { you: "You", namu: "Namu", problem: "Problem" };

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function bubble({ who, text, note }) {
  const item = element("div", `namu-entry namu-${who in SPEAKERS ? who : "namu"}`);
  item.append(element("div", "namu-who", SPEAKERS[who] ?? who));
  item.append(element("div", "namu-text", text));
  if (note) item.append(element("div", "namu-note", note));
  return item;
}

function render({ model, el }) {
  const root = element("section", "namu-panel");
  root.setAttribute("aria-label", `Chat with ${model.get("title")}`);
  const log = element("div", "namu-log");
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "polite");
  log.tabIndex = 0;
  const status = element("div", "namu-status");
  status.setAttribute("role", "status");
  const box = element("textarea", "namu-box");
  box.rows = 2;
  box.setAttribute("aria-label", "Your message");
  box.placeholder = "A quiet cafe in Jongno-gu? / 종로에 있는 고궁 추천해줘";
  const send = element("button", "namu-send", "Send");
  const stop = element("button", "namu-stop", "Stop");
  const fresh = element("button", "namu-new", "New conversation");
  const bar = element("div", "namu-bar");
  bar.append(box, send, stop, fresh);
  root.append(log, status, bar);
  el.append(root);

  let growing = null;

  function atEnd() {
    return log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  }

  function showAll() {
    growing = null;
    log.replaceChildren(...model.get("entries").map(bubble));
    if (!log.childElementCount) {
      log.append(element("div", "namu-empty", "Say what you feel like in Seoul, in English or Korean."));
    }
    log.scrollTop = log.scrollHeight;
  }

  function onDelta({ kind, text }) {
    if (kind !== "delta") return;
    const follow = atEnd();
    if (!growing) {
      const item = bubble({ who: "namu", text: "" });
      growing = item.querySelector(".namu-text");
      log.append(item);
    }
    growing.append(text);
    if (follow) log.scrollTop = log.scrollHeight;
  }

  function showStatus() {
    status.textContent = model.get("status");
    stop.disabled = !model.get("status");
  }

  function submit() {
    model.send({ kind: "send", text: box.value });
    box.value = "";
    box.focus();
  }

  function onKey(event) {
    // Enter that ends a composition (Korean, Japanese, Chinese input) does not send.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      submit();
    }
    if (event.key === "Escape") model.send({ kind: "stop" });
    // Keys typed here are no notebook shortcuts.
    event.stopPropagation();
  }

  box.addEventListener("keydown", onKey);
  send.addEventListener("click", submit);
  stop.addEventListener("click", () => model.send({ kind: "stop" }));
  fresh.addEventListener("click", () => model.send({ kind: "new" }));
  model.on("change:entries", showAll);
  model.on("change:status", showStatus);
  model.on("msg:custom", onDelta);
  showAll();
  showStatus();

  return () => {
    model.off("change:entries", showAll);
    model.off("change:status", showStatus);
    model.off("msg:custom", onDelta);
  };
}

export default { render };
