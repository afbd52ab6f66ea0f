// Where the page scrolls to, and what has the keyboard.

const log = document.getElementById("log");
const box = document.getElementById("box");
const NEAR_PX = 80;
let following = true; // whether the end of the log is in sight
let lastTop = 0; // where the page scrolled to

log.addEventListener("scroll", () => {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR_PX;
});

/** Show the end of the log; where somebody has scrolled up to read, only if `always`. */
export function toEnd(always = false) {
  if (always) following = true;
  else if (hasMovedUp()) following = false;
  if (following) log.scrollTop = log.scrollHeight;
  lastTop = log.scrollTop;
}

/** Somebody scrolled just now: the event "scroll" comes only with the next frame. */
const hasMovedUp = () => log.scrollTop < lastTop - 1;

/** Change the log, and leave it where somebody reads. */
export function refill(fill) {
  const top = log.scrollTop;
  if (hasMovedUp()) following = false;
  fill();
  if (following) return toEnd(true);
  log.scrollTop = lastTop = top;
  return undefined;
}

/** Give the keyboard to the box, if what has it is going away. */
export function keepFocus(going) {
  if (going.contains(document.activeElement)) box.focus();
}

/** Give the keyboard to a question, but not while somebody writes or uses another control. */
export function offerFocus(form) {
  const at = document.activeElement;
  const free = !at || at === document.body || at === log || (at === box && !box.value);
  if (free) form.querySelector("button, input, select")?.focus();
}
