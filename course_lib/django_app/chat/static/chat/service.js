// What the page asks of the site. Every text that comes back is data, and never HTML.
import { readEvents } from "./sse.js";

const RETRIES = 8;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** An answer of the site that is an error: `body` has its `kind`, its `detail` and its `status`. */
export class Problem extends Error {
  constructor(body) {
    super(body.detail);
    this.body = body;
  }
}

export class Service {
  constructor(base, words) {
    this.base = base;
    this.words = words;
  }

  async call(method, path, body, headers = {}) {
    let response;
    try {
      response = await fetch(this.base + path, {
        method,
        redirect: "error",
        headers: {
          ...(method === "GET" ? {} : { "Content-Type": "application/json", "X-CSRFToken": token() }),
          ...headers,
        },
        body: method === "GET" ? undefined : JSON.stringify(body ?? {}),
      });
    } catch {
      throw new Problem({ kind: "offline", detail: this.words.offline, status: 0 });
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => null);
    throw new Problem({
      kind: "server-error",
      detail: this.words["server-error"],
      ...problem,
      status: response.status,
    });
  }

  async json(path) {
    return (await this.call("GET", path)).json();
  }

  /**
   * Yield the events of one turn, also over a connection that breaks.
   *
   * A stream that broke is read again behind the last event that arrived. Where not even the first
   * event arrived, the same request is sent again; its id tells the site that it is the same.
   */
  async *turn(path, body, known = {}) {
    let { run, thread, last } = known;
    for (let tries = 0; ; tries += 1) {
      try {
        const response = run
          ? await this.call("GET", `t/${thread}/runs/${run}/events/`, undefined, last ? { "Last-Event-ID": last } : {})
          : await this.call("POST", path, body);
        for await (const event of readEvents(response)) {
          if (event.id) last = event.id;
          if (event.event === "start") {
            run = event.data.run_id;
            thread = event.data.thread_id;
          } else {
            tries = 0;
          }
          if (event.event === "problem" && event.data.kind !== "run-failed") {
            throw new Problem({ ...event.data, status: 503 });
          }
          yield event;
          if (event.event === "end") return;
        }
      } catch (error) {
        const broken = !(error instanceof Problem) || error.body.kind === "offline";
        if (!broken) throw error;
        if (tries >= RETRIES) {
          throw new Problem({ kind: "offline", detail: this.words.offline, status: 0 });
        }
      }
      yield { event: "again", data: {} };
      await wait(Math.min(250 * 2 ** tries, 4000));
    }
  }
}

/** The token that Django compares with the one in the cookie; every form of the page holds it. */
function token() {
  return document.querySelector("[name=csrfmiddlewaretoken]").value;
}
