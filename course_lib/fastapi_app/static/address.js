// What stands behind the "#" of the page's address, which is never sent to a server: the open
// conversation, so that "reload", "back" and "forward" work; or a token that signs somebody in.

const inHash = (name) => new URLSearchParams(location.hash.slice(1)).get(name);

/** The conversation that the address names, or null. */
export const addressed = () => inHash("thread");

/** Name the open conversation in the address; `replace` takes the place of the entry before. */
export function showInAddress(thread, replace = false) {
  if (thread === addressed()) return;
  const address = thread === null ? location.pathname : `#thread=${thread}`;
  if (replace) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
}

/** Take a token out of the address, where nobody is to read it; null where there is none. */
export function takeToken() {
  const token = inHash("token");
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}
