// What a person writes with: the box, the buttons beside it, and things to say.

function createComposer(suggestions, send) {
  const box = element("textarea", "namu-box");
  box.rows = 2;
  box.setAttribute("aria-label", "Your message");
  box.placeholder = "Write a message";
  box.dir = "auto";
  const submit = () => {
    send({ kind: "send", text: box.value });
    box.value = "";
    box.focus();
  };
  box.addEventListener("keydown", (event) => {
    if (isSend(event)) {
      event.preventDefault();
      submit();
    }
  });
  const stop = button("namu-stop", "Stop", "Stop the answer", () => send({ kind: "stop" }));
  const bar = element("div", "namu-bar");
  bar.append(box, button("namu-send", "Send", "", submit), stop);
  const offers = element("div", "namu-actions");
  offers.setAttribute("role", "group");
  offers.setAttribute("aria-label", "Things to say");
  for (const text of suggestions) {
    offers.append(button("namu-suggest", text, "", () => send({ kind: "send", text })));
  }
  return {
    parts: { offers, bar },
    focus: () => box.focus(),
    setRunning: (running) => (stop.disabled = !running),
    giveBack(text) {
      box.value = box.value ? `${box.value}\n${text}` : text;
    },
  };
}
