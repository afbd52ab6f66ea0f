// What a person writes with: the box, the button beside it, and things to say.

const MAX_LINES = 6;
const DOUBLE_CLICK = 400; // milliseconds in which a second press belongs to the first

function createComposer({ send, editLast, filled }) {
  let running = false;
  let sentAt = -DOUBLE_CLICK;
  const box = element("textarea", "namu-box");
  box.rows = 1;
  box.setAttribute("aria-label", "Your message");
  box.placeholder = "Write a message";
  box.dir = "auto";
  const isSecondPress = () => !box.value && performance.now() - sentAt < DOUBLE_CLICK;
  const submit = () => {
    if (isSecondPress() || !send({ kind: "send", text: box.value, filled: filled() })) return;
    box.value = "";
    sentAt = performance.now();
    fit();
    box.focus();
  };
  const act = button("namu-send", "Send", "", () => {
    if (!act.classList.contains("namu-stop")) submit();
    else if (!isSecondPress()) send({ kind: "stop" });
  });
  box.addEventListener("input", fit);
  box.addEventListener("keydown", (event) => {
    if (isSend(event)) {
      event.preventDefault();
      submit();
    } else if (event.key === "ArrowUp" && !box.value && !isComposing(event)) {
      event.preventDefault();
      editLast();
    }
  });
  const bar = element("div", "namu-bar");
  bar.append(box, act);
  const offers = element("div", "namu-actions namu-offers");
  offers.setAttribute("role", "group");
  offers.setAttribute("aria-label", "Things to say");

  // The box is as high as what is written in it, up to six lines; the button sends or stops.
  function fit() {
    box.style.height = "auto";
    const line = parseFloat(getComputedStyle(box).lineHeight) || 21;
    box.style.height = `${Math.min(box.scrollHeight + 2, MAX_LINES * line + 16)}px`;
    const stops = running && !box.value;
    act.textContent = stops ? "Stop" : "Send";
    act.classList.toggle("namu-stop", stops);
    act.classList.toggle("namu-send", !stops);
    act.setAttribute("aria-label", stops ? "Stop the answer" : "Send");
  }

  function suggestionButtons(suggestions, className) {
    return suggestions.map((text) => button(className, text, "", () => send({ kind: "send", text })));
  }

  return {
    parts: { offers, bar },
    focus: () => box.focus(),
    isEmpty: () => !box.value,
    suggestionButtons,
    offer: (suggestions) => offers.replaceChildren(...suggestionButtons(suggestions, "namu-suggest")),
    setRunning(now) {
      running = now;
      fit();
    },
    giveBack(text) {
      box.value = box.value ? `${box.value}\n${text}` : text;
      fit();
    },
  };
}
