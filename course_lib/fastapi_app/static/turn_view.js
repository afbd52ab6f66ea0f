// What a page shows of one turn while its events come.
import { message, tell, toEnd } from "./page.js";
import { reasonOf } from "./words.js";

export class TurnView {
  refusal = null; // why the turn was not done
  #answer = null;
  #broken = false;

  constructor() {
    tell("Waiting for the answer …");
  }

  show(event, data) {
    if (this.#broken) tell("");
    this.#broken = event === "broken" || event === "again";
    if (event === "broken") {
      tell("The connection broke. Trying again.");
    } else if (event === "again") {
      this.#answer?.remove(); // the turn is told again from its beginning
      this.#answer = null;
      tell("The connection broke. The message is sent again.");
    } else if (event === "token") {
      if (this.#answer?.dataset.id !== String(data.message_id)) {
        this.#answer = message("assistant", "");
        this.#answer.dataset.id = String(data.message_id);
      }
      this.#answer.append(data.text);
      toEnd();
    } else if (event === "step") {
      tell(`${data.node} …`);
    } else if (event === "answer") {
      this.#answer ??= message("assistant", "");
      this.#answer.textContent = data.text;
    } else if (event === "problem") {
      this.refusal = reasonOf(data);
    } else if (event === "end") {
      tell(data.status === "stopped" ? "Stopped." : "");
    }
  }
}
