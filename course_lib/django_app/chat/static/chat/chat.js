// The page: Django has rendered the conversation, and this goes on with it. No build step.
import { keepDraft, takeDraft } from "./draft.js";
import { keepFocus, offerFocus, refill, toEnd } from "./log.js";
import { addTools, button, find, messageElement, reconcile, setText } from "./messages.js";
import { questionForm } from "./question.js";
import { Problem, Service } from "./service.js";
import { stepList } from "./steps.js";

const el = (id) => document.getElementById(id);
const log = el("log");
const page = JSON.parse(el("page-data").textContent);
const { words } = page;
const service = new Service(page.base, words);
const POLL_MS = 3000;

let thread = page.thread_id; // null for a new conversation
let shown = page.checkpoint_id;
let busy = false; // whether this page follows a run

function tell(text) {
  el("status").textContent = text;
}

function setBusy(value) {
  busy = value;
  keepFocus(value ? el("send") : el("stop"));
  el("send").disabled = value;
  el("stop").hidden = !value;
  el("instruct").hidden = el("shorten").hidden = value || !thread;
  log.setAttribute("aria-busy", String(value));
  if (value) for (const each of log.querySelectorAll(".tools:not(.editing)")) each.remove();
}

/** Say what went wrong; `next` is what the person can do: a button, or a link. */
function problem(text, next) {
  const made = document.createElement("div");
  made.className = "message problem";
  made.setAttribute("role", "alert");
  made.append(text);
  if (next) made.append(" ", next);
  log.append(made);
  toEnd();
}

/** A button that takes the problem away and does something. */
function againButton(again) {
  const made = button(words.again, () => {
    if (busy) return tell(words.writing);
    keepFocus(made);
    made.parentElement.remove();
    return again();
  });
  return made;
}

/** An error of the site. A message that was not sent is kept for this person. */
function refused(error, unsent) {
  const { status } = error.body;
  if (status === 401 || status === 403) {
    keepDraft(unsent, el("box").value);
    const link = document.createElement("a");
    link.href = location.pathname; // the site asks whoever is signed out to sign in, and comes back
    link.textContent = status === 401 ? words.sign_in : words.load_again;
    return problem(error.message, link);
  }
  return problem(error.message);
}

function showState(state) {
  shown = state.checkpoint_id;
  refill(() => {
    reconcile(log, words, state.messages);
    finish(state.questions);
  });
}

/** What belongs to a conversation in which nothing runs: buttons, and the open questions. */
function finish(questions) {
  for (const each of log.querySelectorAll(".message[data-id]")) {
    const id = each.dataset.id;
    addTools(each, words, {
      save: (text) => change("edit-message", { message_id: id, text }),
      remove: () => confirm(words.delete_message) && change("delete-message", { message_id: id }),
    });
  }
  for (const each of questions) ask(each);
  toEnd();
}

function ask(question) {
  const request_id = crypto.randomUUID(); // one for one form: a double click is one answer
  const form = questionForm(question, words, (answer) => {
    keepFocus(form);
    form.remove();
    follow(`t/${thread}/answer/`, { request_id, key: question.key, answer });
  });
  log.append(form);
  offerFocus(form);
}

async function load() {
  showState(await service.json(`t/${thread}/state/`));
}

/** Change the thread, then show what it holds now. False where it was refused. */
async function change(what, body) {
  if (busy) {
    tell(words.writing);
    return false;
  }
  return guarded(async () => {
    await service.call("POST", `t/${thread}/${what}/`, body);
    await load();
  });
}

async function guarded(work) {
  tell("");
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    refused(error);
    return false;
  }
}

/** Follow one run and show it as it comes: a new one, or `known`, which is going on. */
async function follow(path, body, known) {
  setBusy(true);
  tell(words.waiting);
  const written = new Map(); // the answers of this run: the first token of each begins it anew
  let step = null;
  let ended = "";
  let notice = "";
  try {
    for await (const { event, data } of service.turn(path, body, known)) {
      if (event === "start") {
        if (data.thread_id !== thread) {
          thread = data.thread_id;
          history.replaceState(null, "", `${page.base}t/${thread}/`);
        }
      } else if (event === "again") {
        tell(words.reconnecting);
        step = null;
      } else if (event === "notice") {
        notice = data.detail;
        problem(notice);
      } else if (event === "person") {
        setText(messageElement(log, words, { id: data.id, role: "person" }), data.text);
      } else if (event === "step") {
        step ??= stepList(el("status"), words);
        step(data);
      } else if (event === "token" || event === "answer") {
        const element = messageElement(log, words, { id: data.id, role: "assistant" });
        if (event === "answer" || !written.has(data.id)) setText(element, "");
        written.set(data.id, element);
        element.querySelector(".text").append(data.text);
        toEnd();
      } else if (event === "problem") {
        problem(data.detail, path && body.text ? againButton(() => send(body)) : undefined);
        ended = "failed";
      } else if (event === "end") {
        ended ||= data.status;
      }
    }
  } catch (error) {
    tell("");
    if (!(error instanceof Problem)) throw error;
    const { status, kind } = error.body;
    if (body.text === undefined || status === 401 || status === 403) refused(error, body.text);
    else if (status >= 400 && status < 500) await takeBack(body, kind === "thread-unknown", error);
    else problem(error.message, againButton(() => send(body)));
    return;
  } finally {
    setBusy(false);
  }
  tell("");
  await guarded(async () => {
    if (ended === "failed") return;
    await load(); // what is stored is what counts
    if (notice) problem(notice);
    if (ended === "interrupted" && !log.querySelector(".question")) tell(words.stopped);
    await loadThreads();
  });
}

/** A message that was not accepted goes back into the box. */
async function takeBack(body, deleted, error) {
  el("box").value = [body.text, el("box").value].filter(Boolean).join("\n");
  if (deleted) return gone();
  find(log, body.request_id)?.remove();
  if (thread) await guarded(load);
  return problem(error.message);
}

/** The list is Django's: it is taken from the page as Django renders it now. */
async function loadThreads() {
  const text = await (await service.call("GET", thread ? `t/${thread}/` : "")).text();
  const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("threads");
  if (fresh) el("threads").replaceWith(document.adoptNode(fresh));
}

function send(body) {
  if (!find(log, body.request_id)) {
    setText(messageElement(log, words, { id: body.request_id, role: "person" }), body.text);
  }
  toEnd(true);
  follow("send/", thread ? { ...body, thread_id: thread } : body);
}

/** Another tab, or another device, may have gone on with this conversation. */
async function look() {
  if (busy || thread === null || document.hidden || log.querySelector("textarea")) return;
  try {
    const state = await service.json(`t/${thread}/state/`);
    if (busy || state.thread_id !== thread) return;
    if (state.run_id) {
      for (const each of log.querySelectorAll(".question")) each.remove();
      await follow("", {}, { run: state.run_id, thread });
    } else if (state.checkpoint_id !== shown) {
      showState(state);
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.body.kind === "thread-unknown" && !busy) gone(); // else the next look may go through
  }
}

/** The conversation was deleted elsewhere. What is written in the box stays. */
async function gone() {
  thread = shown = null;
  history.replaceState(null, "", page.base);
  log.replaceChildren();
  el("instruct").hidden = el("shorten").hidden = true;
  problem(words["thread-gone"]);
  await guarded(async () => {
    await service.call("POST", "new/");
    await loadThreads();
  });
}

el("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = el("box").value;
  if (!text.trim()) return;
  if (busy) {
    tell(words.writing);
    return;
  }
  if ([...text].length > page.limit) {
    tell(words["too-long"].replace("{limit}", page.limit));
    return;
  }
  el("box").value = "";
  // One id for one message: a request that is sent again is not a second turn.
  send({ request_id: crypto.randomUUID(), text });
});
el("box").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    el("composer").requestSubmit();
  }
});
el("stop").addEventListener("click", () => guarded(() => service.call("POST", `t/${thread}/stop/`)));
el("instruct").addEventListener("click", () => {
  const text = prompt(words.note_prompt);
  if (text?.trim()) change("instruction", { text });
});
el("shorten").addEventListener("click", () => confirm(words.shorten_sure) && change("shorten"));
el("new").addEventListener("click", () => guarded(async () => {
  await service.call("POST", "new/");
  location.assign(page.base);
}));
document.addEventListener("click", (event) => {
  const pressed = event.target.closest(".delete-thread");
  if (!pressed || !confirm(words.delete_thread)) return;
  guarded(async () => {
    await service.call("POST", `t/${pressed.dataset.thread}/delete/`);
    if (pressed.dataset.thread === thread) location.assign(page.base);
    else pressed.closest("li").remove();
  });
});
document.addEventListener("visibilitychange", look);
setInterval(look, POLL_MS);

for (const each of log.querySelectorAll(".message[data-id]")) {
  each.setAttribute("aria-label", words[each.dataset.role]);
}
el("box").value = takeDraft();
el("box").disabled = false;
el("box").focus();
toEnd(true);
if (page.run_id) follow("", {}, { run: page.run_id, thread });
else finish(page.questions);
