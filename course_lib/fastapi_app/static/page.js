// The parts of the page, and what a page keeps so that it can be reloaded in the middle of an answer.

export const el = (id) => document.getElementById(id);
export const log = el("log");

const NEAR_PX = 80;
let following = true; // whether the end of the log is in sight
let lastTop = 0; // where the page scrolled to

log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
});

export const kept = {
  get turn() {
    return JSON.parse(sessionStorage.getItem("turn") ?? "null");
  },
  set turn(value) {
    if (value) sessionStorage.setItem("turn", JSON.stringify(value));
    else sessionStorage.removeItem("turn");
  },
};

export function message(kind, text) {
  const made = document.createElement("div");
  made.className = `message ${kind}`;
  made.textContent = text; // as text: what a model says is never HTML
  made.setAttribute("aria-label", kind === "person" ? "You" : kind);
  log.append(made);
  return made;
}

export function button(text, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", pressed);
  return made;
}

/** Show the end of the log; where somebody has scrolled up to read, only if `always`. */
export function toEnd(always = false) {
  if (always) following = true;
  else if (hasMovedUp()) following = false;
  if (following) log.scrollTop = log.scrollHeight;
  lastTop = log.scrollTop;
}

/** Somebody scrolled just now: the event "scroll" comes only with the next frame. */
const hasMovedUp = () => log.scrollTop < lastTop - 1;

/** Change the whole log, and leave it where somebody reads. */
export function refill(fill) {
  const top = log.scrollTop;
  if (hasMovedUp()) following = false;
  log.replaceChildren();
  fill();
  if (following) return toEnd(true);
  log.scrollTop = lastTop = top;
  return undefined;
}

/** Give the keyboard to the box, if what has it is going away. */
export function keepFocus(going) {
  if (going.contains(document.activeElement)) el("box").focus();
}

/** Give the keyboard to a question, but not while somebody writes or uses another control. */
export function offerFocus(form) {
  const at = document.activeElement;
  const free = !at || at === document.body || at === log || (at === el("box") && !at.value);
  if (free) form.querySelector("button, input, select")?.focus();
}

export function tell(text) {
  el("status").textContent = text;
}
