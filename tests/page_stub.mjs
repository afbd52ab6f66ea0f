// Just enough of a page for the scripts of the chat service to run outside of a browser.

class Element {
  constructor(tag) {
    Object.assign(this, { tag, children: [], listeners: {}, attributes: {}, dataset: {} });
    Object.assign(this, { value: "", checked: false, required: false, validity: "" });
  }
  append(...parts) {
    for (const part of parts) this.children.push(part);
    for (const part of parts) if (part instanceof Element) part.parent = this;
    if (this.tag === "select" && this.children.length === 1) this.value = this.children[0].value;
  }
  replaceChildren(...parts) {
    this.children = [];
    this.append(...parts);
  }
  remove() {
    if (this.parent) this.parent.children = this.parent.children.filter((each) => each !== this);
  }
  set textContent(text) {
    this.children = [String(text)];
  }
  get textContent() {
    return this.children.map((each) => (each instanceof Element ? each.textContent : each)).join("");
  }
  get all() {
    return this.children.filter((each) => each instanceof Element).flatMap((each) => [each, ...each.all]);
  }
  addEventListener(name, listener) {
    (this.listeners[name] ??= []).push(listener);
  }
  fire(name, fields = {}) {
    const event = { preventDefault() {}, ...fields };
    return Promise.all((this.listeners[name] ?? []).map((each) => each(event)));
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  setCustomValidity(text) {
    this.validity = text;
  }
  checkValidity() {
    return this.all.every((each) => !each.validity && !(each.required && each.value === ""));
  }
  reportValidity() {
    return this.checkValidity();
  }
  contains() {
    return false;
  }
  querySelector() {
    return null;
  }
  focus() {}
  get elements() {
    return Object.fromEntries(this.all.filter((each) => each.name).map((each) => [each.name, each]));
  }
  named(name) {
    return this.all.find((each) => each.name === name);
  }
  press(text) {
    const found = this.all.find((each) => each.tag === "button" && each.textContent === text);
    if (!found) throw new Error(`there is no button ${text}`);
    return found.type === "submit" ? this.fire("submit") : found.fire("click");
  }
}

const parts = {};
export const el = (id) => (parts[id] ??= new Element(id));
const kept = new Map();
Object.assign(globalThis, {
  document: {
    createElement: (tag) => new Element(tag),
    getElementById: el,
    addEventListener() {},
    hidden: false,
  },
  Option: class extends Element {
    constructor(title, value) {
      super("option");
      Object.assign(this, { value, title });
    }
  },
  sessionStorage: {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => kept.set(name, value),
    removeItem: (name) => kept.delete(name),
    clear: () => kept.clear(),
  },
  location: { hash: "", pathname: "/" },
  history: { replaceState() {}, pushState() {} },
  confirm: () => true,
  setInterval() {},
  addEventListener() {},
});

/** Answer like the service: `routes` maps "GET /path" to a function of the body and the address. */
export function serve(routes) {
  globalThis.asked = [];
  globalThis.fetch = async (address, { method, body }) => {
    const [path] = address.split("?");
    globalThis.asked.push(`${method} ${path}`);
    const found = await routes[`${method} ${path}`]?.(body && JSON.parse(body), address);
    if (found instanceof Response) return found;
    return new Response(JSON.stringify(found ?? {}), { status: found ? 200 : 404 });
  };
}

/** A stream of events as the service sends them; `events` may be an async generator. */
export function streamOf(events) {
  const encoder = new TextEncoder();
  return new Response(
    new ReadableStream({
      async start(controller) {
        let number = 0;
        for await (const [event, data] of events) {
          number += 1;
          const text = `event: ${event}\ndata: ${JSON.stringify(data)}\nid: r:${number}\n\n`;
          controller.enqueue(encoder.encode(text));
        }
        controller.close();
      },
    }),
  );
}

export const until = async (holds) => {
  for (let n = 0; n < 200; n += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`never so: ${holds}`);
};
