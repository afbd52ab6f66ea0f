// Making elements of the page. Words go into text nodes, never into HTML.

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) {
    made.textContent = text;
    made.dir = "auto"; // by its first letter: Hebrew and Arabic read from the right
  }
  return made;
}

function button(className, text, label, press) {
  const made = element("button", className, text);
  made.type = "button";
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", (event) => {
    if (!isIdle(made)) press(event);
  });
  return made;
}

// An idle button does nothing when it is pressed. A disabled one would lose the focus to the page.
function setIdle(made, idle) {
  made.setAttribute("aria-disabled", String(idle));
}

function isIdle(made) {
  return made.getAttribute("aria-disabled") === "true";
}

// Enter sends, Shift+Enter breaks the line; a key that ends a composition (Korean, Japanese,
// Chinese input) does neither. Some browsers tell of a composition only by the key code 229.
function isComposing(event) {
  return event.isComposing || event.keyCode === 229;
}

function isSend(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}

// One module may be loaded for each panel, so a number alone would not tell their ids apart.
const own = Math.random().toString(36).slice(2);
let ids = 0;
