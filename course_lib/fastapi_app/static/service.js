// What the page asks of the service. Every text that comes back is data, and never HTML.
import { readEvents } from "./sse.js";

const RETRIES = 8;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** An answer of the service that is an error; `body` has the fields of RFC 9457. */
export class Problem extends Error {
  constructor(body) {
    super(body.detail ?? body.title ?? "The service gave no reason.");
    this.body = body;
  }
}

export class Service {
  constructor(token) {
    this.token = token;
  }

  async call(method, path, body, headers = {}) {
    const response = await fetch(path, {
      method,
      headers: {
        Authorization: `Bearer ${this.token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({ title: response.statusText }));
    throw new Problem({ ...problem, status: response.status });
  }

  async json(method, path, body) {
    const response = await this.call(method, path, body);
    return response.status === 204 ? null : response.json();
  }

  /**
   * Yield the events of one turn, also over a connection that breaks or a worker that is killed.
   *
   * It follows the run behind the last event that arrived. Where the run is gone it sends the same
   * message with the same id again, and the service continues the turn or repeats its answer.
   */
  async *turn(path, body, known = {}) {
    let { run, last } = known;
    let lostRuns = 0; // a run that is lost again and again is not begun for ever
    for (let tries = 0; ; tries += 1) {
      try {
        const response = run
          ? await this.call("GET", `/runs/${run}/events`, undefined, { "Last-Event-ID": last })
          : await this.call("POST", path, body);
        for await (const event of readEvents(response)) {
          const lost = event.event === "problem" && event.data.type === "/problems/run-lost";
          if (lost && lostRuns < RETRIES) {
            lostRuns += 1;
            run = undefined;
            break;
          }
          last = event.id;
          if (event.event === "start") run = event.data.run_id;
          tries = 0;
          yield event;
          if (event.event === "end") return;
        }
        yield { event: run === undefined ? "again" : "broken", data: {} };
      } catch (error) {
        if (error instanceof Problem) {
          if (run === undefined || error.body.status !== 404) {
            if (error.body.status < 500 || tries >= RETRIES) throw error;
          } else {
            run = undefined; // another worker does not know the run: send the message again
            yield { event: "again", data: {} };
          }
        } else if (tries >= RETRIES) {
          throw new Problem({ detail: "The service cannot be reached. Try again later." });
        } else {
          yield { event: "broken", data: {} };
        }
      }
      await wait(Math.min(250 * 2 ** Math.max(tries, lostRuns), 4000));
    }
  }
}
