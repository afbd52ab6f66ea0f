// What the page says. The service's own sentences are for programs: they name endpoints and ids.

export const AWAY = "The service cannot be reached.";
export const GONE = "This conversation is no longer there. Your next message begins a new one.";
export const WRITING = "An answer is being written. Stop it, or wait.";

const REASONS = {
  "/problems/question-open": "The assistant waits for an answer. Answer its question first.",
  "/problems/thread-busy": "Another answer took too long. Send the message again.",
  "/problems/unexpected": "Something went wrong in the service.",
  "/problems/run-lost": "The service lost this answer again and again.",
};

/** Why something was refused, from a body by RFC 9457. */
export const reasonOf = ({ type, detail, title }) => REASONS[type] ?? detail ?? title;
