// Server-sent events out of a response's body. The chunks of a stream may be cut anywhere: in the
// middle of an event, of a line, or of a letter that has several bytes.

/** Yield {event, data, id} for each event of a response of `fetch`. */
export async function* readEvents(response) {
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      text += done ? decoder.decode() : decoder.decode(value, { stream: true });
      // A "\r" at the very end may be the first half of "\r\n": it waits for the next chunk.
      const whole = done || !text.endsWith("\r") ? text.length : text.length - 1;
      const lines = (text.slice(0, whole).replace(/\r\n?/g, "\n") + text.slice(whole)).split("\n\n");
      text = lines.pop();
      for (const block of lines) {
        const event = parseEvent(block);
        if (event) yield event;
      }
      if (done) return; // what is left was never finished: an event ends with an empty line
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Parse the lines of one event; null where they hold no data, as a comment does. */
export function parseEvent(block) {
  const fields = { event: "message", id: "" };
  const data = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon === 0 || !line) continue;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") data.push(value);
    else if (name === "event" || name === "id") fields[name] = value;
  }
  return data.length ? { ...fields, data: JSON.parse(data.join("\n")) } : null;
}
