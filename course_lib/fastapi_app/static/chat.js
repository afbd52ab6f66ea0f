// The page: a list of conversations, the chosen one, and a box. No build step, no library.
import { addressed, showInAddress, takeToken } from "./address.js";
import { showThreads } from "./conversations.js";
import { keepDraft, takeDraft } from "./draft.js";
import { button, el, keepFocus, kept, log, message, offerFocus, refill, tell, toEnd } from "./page.js";
import { questionForm } from "./question.js";
import { Problem, Service } from "./service.js";
import { TurnView } from "./turn_view.js";
import { AWAY, GONE, WRITING } from "./words.js";

const POLL_MS = 3000;
const NEVER = [404, 413, 422]; // sent again, the same message would be refused again

let service = null;
let thread = null; // the id of the chosen conversation; null for a new one
let shown = null; // the checkpoint that the page shows
let busy = false; // whether a turn of this page runs

function setBusy(value) {
  busy = value;
  keepFocus(value ? el("send") : el("stop"));
  el("send").disabled = value;
  el("stop").hidden = !value;
  log.setAttribute("aria-busy", String(value));
}

function showState(state) {
  shown = state.checkpoint_id;
  refill(() => {
    for (const each of state.messages) message(each.role, each.text);
    for (const each of state.questions) ask(each);
    if (state.unfinished) offerToGoOn(state.messages.findLast((each) => each.role === "person"));
  });
}

function ask(question) {
  const form = questionForm(question, (answer) => {
    keepFocus(form);
    form.remove();
    run("/resume/stream", { thread_id: thread, question_id: question.id, answer });
  });
  log.append(form);
  offerFocus(form);
}

/** Say something, with a button beside it that does what is to be done. */
function offer(reason, what, act) {
  const note = message("problem", reason);
  note.append(" ", button(what, () => {
    if (busy) return;
    keepFocus(note);
    note.remove();
    act();
  }));
}

/** A turn that ended in the middle goes on where it stopped, when its message is sent again. */
function offerToGoOn(last) {
  if (!last) return;
  const body = { message_id: last.id, text: last.text, thread_id: thread };
  offer("The last answer was not finished.", "Go on", () => run("/chat/stream", body));
}

async function load() {
  const wanted = thread;
  if (wanted === null) return clear();
  const state = await service.json("GET", `/state?thread_id=${wanted}`);
  if (wanted === thread) showState(state); // else another conversation was chosen meanwhile
  return state;
}

function clear() {
  shown = null;
  log.replaceChildren();
}

/** Show a conversation up to a turn whose events will tell the rest of it. */
async function loadBefore(body) {
  const state = await service.json("GET", `/state?thread_id=${thread}`);
  const at = state.messages.findIndex((each) => each.id === body.message_id);
  const before = at < 0 ? state.messages : state.messages.slice(0, at);
  showState({ ...state, messages: before, questions: [], unfinished: false });
  if (body.text) message("person", body.text);
}

async function loadThreads() {
  showThreads(await service.json("GET", "/threads?limit=50"), thread, choose, deleteThread);
}

async function choose(id) {
  if (busy) return tell(WRITING);
  showInAddress(id);
  await openThread(id);
  return el("box").focus();
}

async function openThread(id) {
  thread = id;
  tell("");
  await guarded(async () => {
    await load();
    await loadThreads();
    toEnd(true);
  });
}

async function deleteThread(entry) {
  if (!confirm(`Delete the conversation "${entry.title}"?`)) return;
  await guarded(async () => {
    await service.json("DELETE", `/threads/${entry.id}`); // it stops what runs there
    if (entry.id === thread) {
      thread = null;
      showInAddress(null, true);
      clear();
    }
    await loadThreads();
  });
}

/** Run one turn and show it as it comes. `known` is the run that a reloaded page finds again. */
async function run(path, body, known) {
  const mine = service;
  const deleted = () => body.thread_id !== undefined && body.thread_id !== thread;
  setBusy(true);
  const view = new TurnView();
  // Before the first event: a page that is reloaded now sends the same message again.
  kept.turn = { path, body, ...(known ?? {}) };
  try {
    for await (const { event, data, id } of mine.turn(path, body, known)) {
      if (mine !== service) return; // the person has signed out; the run goes on
      if (deleted()) continue;
      if (event === "start") {
        thread = data.thread_id;
        showInAddress(thread, true);
        kept.turn = { path, body: { ...body, thread_id: thread }, run: data.run_id, last: id };
        body.thread_id = thread;
      }
      view.show(event, data);
    }
  } catch (error) {
    if (mine !== service || deleted()) return;
    tell("");
    const { status } = error.body ?? {};
    if (status === 401) return expire(error.message, body.text);
    if (body.text === undefined || NEVER.includes(status)) await settle(body, error.message);
    else offer(error.message, "Send again", () => run(path, body));
    return;
  } finally {
    if (mine === service) {
      kept.turn = null;
      setBusy(false);
      toEnd();
    }
  }
  await guarded(async () => {
    if (view.refusal === null) await load(); // what is stored is what counts
    else await settle(body, view.refusal);
    await loadThreads();
  });
}

/** Say why a turn was refused. A message that is not in the conversation goes back into the box. */
async function settle(body, reason) {
  const wanted = thread;
  const state = await guarded(load);
  if (body.text !== undefined && !state?.messages.some((each) => each.id === body.message_id)) {
    el("box").value = [body.text, el("box").value].filter(Boolean).join("\n");
  }
  if (thread === wanted) message("problem", reason); // else it is told that the conversation is gone
  toEnd();
}

async function guarded(work) {
  const mine = service;
  try {
    return await work();
  } catch (error) {
    if (mine !== service) return undefined; // of somebody who has signed out
    if (!(error instanceof Problem)) tell(AWAY);
    else if (error.body.status === 401) expire(error.message);
    else if (error.body.status === 404) gone();
    else message("problem", error.message);
    return undefined;
  }
}

function gone() {
  thread = null;
  showInAddress(null, true);
  clear();
  message("problem", GONE);
}

function expire(reason, unsent) {
  keepDraft(service.token, unsent, el("box").value);
  signOut(reason);
}

/** Show the form for signing in. A `token` that may still be good stands in it. */
function signOut(reason, token = "") {
  if (!token) sessionStorage.clear();
  service = null;
  thread = null;
  clear(); // the next person on this page sees nothing of this one's
  el("threads").replaceChildren();
  el("box").value = "";
  tell("");
  setBusy(false);
  el("chat").hidden = true;
  el("sign-in").hidden = false;
  el("sign-in-problem").textContent = reason;
  el("token").value = token;
  el("token").focus();
}

async function signIn(token) {
  service = new Service(token);
  const { turn } = kept;
  thread = turn ? (turn.body.thread_id ?? null) : addressed();
  try {
    await loadThreads();
  } catch (error) {
    if (!(error instanceof Problem)) return signOut(AWAY, token);
    return signOut(error.message, error.body.status === 401 ? "" : token);
  }
  sessionStorage.setItem("token", token);
  el("token").value = "";
  el("sign-in").hidden = true;
  el("chat").hidden = false;
  el("box").value = takeDraft(token);
  el("box").focus();
  if (!turn) return guarded(load);
  if (thread) await guarded(() => loadBefore(turn.body));
  else message("person", turn.body.text);
  return run(turn.path, turn.body, turn.run ? { run: turn.run, last: "0" } : undefined);
}

function send() {
  const text = el("box").value;
  if (!text.trim()) return;
  if (busy) {
    tell(WRITING);
    return;
  }
  el("box").value = "";
  message("person", text);
  toEnd(true);
  // One id for one message: a request that is sent again is not a second turn.
  const body = { message_id: crypto.randomUUID(), text };
  run("/chat/stream", thread ? { ...body, thread_id: thread } : body);
}

/** Another tab, or another device, may have gone on with this conversation. */
async function look() {
  if (!service || busy || thread === null || document.hidden) return;
  const wanted = thread;
  try {
    const state = await service.json("GET", `/state?thread_id=${wanted}`);
    if (!busy && state.thread_id === thread && state.checkpoint_id !== shown) {
      showState(state);
    }
  } catch (error) {
    // Deleted elsewhere. After any other error the next look may go through.
    if (error.body?.status === 404 && wanted === thread && !busy) gone();
  }
}

/** The address names another conversation, or somebody to sign in. */
function arrive() {
  const token = takeToken();
  if (token) {
    if (service) signOut("");
    kept.turn = null; // it may be somebody else's
    signIn(token);
  } else if (service && addressed() !== thread) {
    if (!busy) return openThread(addressed());
    showInAddress(thread);
    tell(WRITING);
  }
  return undefined;
}

el("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
el("box").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
el("stop").addEventListener("click", () => {
  if (busy && thread) guarded(() => service.json("POST", "/stop", { thread_id: thread }));
});
el("new").addEventListener("click", () => choose(null));
el("sign-out").addEventListener("click", () => {
  showInAddress(null, true);
  signOut("");
});
el("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(el("token").value.trim());
});
document.addEventListener("visibilitychange", look);
addEventListener("popstate", arrive);
setInterval(look, POLL_MS);

arrive();
if (!service) {
  const token = sessionStorage.getItem("token");
  if (token) signIn(token);
  else signOut("");
}
