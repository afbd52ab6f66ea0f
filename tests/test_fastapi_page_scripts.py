"""The page's scripts outside of a browser: the forms of questions, lost runs, signing out."""

from __future__ import annotations

import json
import subprocess
from enum import Enum
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable
from pydantic import BaseModel, Field

from course_lib.settings import ROOT

STATIC = ROOT / "course_lib" / "fastapi_app" / "static"
STUB = Path(__file__).parent / "page_stub.mjs"


def run_script(tmp_path, script):
    """Run a script with the page's files beside it, and return what it printed as JSON."""
    for file in [*STATIC.glob("*.js"), STUB]:
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "script.mjs").write_text(
        'import { el, serve, streamOf, until } from "./page_stub.mjs";\n' + script
    )
    node = compute_driver_executable()
    node = node[0] if isinstance(node, tuple) else node
    done = subprocess.run(
        [node, "script.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Size(Enum):
    small = 1
    large = 2


class Place(BaseModel):
    name: str
    rooms: int = 1


class Booking(BaseModel):
    people: int
    quiet: bool = True
    size: Size = Size.small
    note: str | None = None
    budget: float | None = None
    place: Place
    tags: list[str] = Field(default_factory=list)
    length: int = 3


class Approval(BaseModel):
    approve: bool
    people: int | None = None


FORM = """
const { questionForm } = await import("./question.js");
const question = QUESTION;
let answered = "nothing";
const form = questionForm(question, (value) => { answered = value; });
const fill = FILL;
for (const [name, value] of Object.entries(fill)) {
  if (typeof value === "boolean") form.named(name).checked = value;
  else form.named(name).value = value;
}
await form.press(PRESS);
console.log(JSON.stringify({ answered }));
"""


@pytest.mark.parametrize(
    ("schema", "value", "fill", "press", "answer"),
    [
        (Approval, "Go on?", {}, "Yes", {"approve": True}),
        (Approval, {"question": "Go on?", "people": 4}, {}, "Yes", {"approve": True, "people": 4}),
        (Approval, "Go on?", {}, "No", {"approve": False}),
        (Booking, {"quiet": True}, {"people": "2", "place": '{"name": "A"}'}, "Answer",
         {"people": 2, "quiet": True, "size": 1, "place": {"name": "A"}, "length": 3}),
        (Booking, "?", {"people": "2", "quiet": False, "size": "2", "note": "x", "budget": "1.5",
                        "place": '{"name": "A"}', "tags": '["a"]', "length": "7"}, "Answer",
         {"people": 2, "quiet": False, "size": 2, "note": "x", "budget": 1.5,
          "place": {"name": "A"}, "tags": ["a"], "length": 7}),
        (Booking, "?", {"people": "2", "place": "no json"}, "Answer", "nothing"),
        (Booking, "?", {"people": "", "place": '{"name": "A"}'}, "Answer", "nothing"),
        (None, "Go on?", {}, "Yes", True),
        (None, "Go on?", {}, "No", False),
        (None, "What is your name?", {"answer": "Ann"}, "Answer", "Ann"),
        ({"type": "boolean"}, "?", {}, "No", False),
        ({"type": "string"}, "?", {"answer": "Ann"}, "Answer", "Ann"),
        ({"type": "integer"}, "?", {"answer": "7"}, "Answer", 7),
        ({"enum": ["a", "b"]}, "?", {"answer": '"b"'}, "Answer", "b"),
        ({"type": "array", "items": {"type": "string"}}, "?", {"answer": '["a"]'}, "Answer", ["a"]),
        ({"type": "object"}, None, {"answer": '{"a": 1}'}, "Answer", {"a": 1}),
    ],
)  # fmt: skip
def test_the_form_of_a_question_gives_what_its_schema_wants(
    tmp_path, schema, value, fill, press, answer
):
    if isinstance(schema, type):
        schema = schema.model_json_schema()
    question = {"id": "a", "value": value, "schema": schema}
    script = FORM.replace("QUESTION", json.dumps(question)).replace("FILL", json.dumps(fill))
    told = run_script(tmp_path, script.replace("PRESS", json.dumps(press)))["answered"]
    assert told == answer


def test_a_run_that_is_lost_again_and_again_is_given_up(tmp_path):
    told = run_script(
        tmp_path,
        """
        globalThis.setTimeout = (work) => queueMicrotask(work);
        const { Service } = await import("./service.js");
        serve({ "POST /chat/stream": () => streamOf([
          ["start", { run_id: "r", thread_id: "t" }],
          ["problem", { type: "/problems/run-lost", detail: "lost" }],
          ["end", { status: "failed" }],
        ]) });
        let last;
        for await (const event of new Service("x").turn("/chat/stream", {})) last = event;
        console.log(JSON.stringify({ asked: asked.length, last: last.event }));
        """,
    )
    assert told == {"asked": 9, "last": "end"}


PAGE = """
const state = (id, text) => ({ thread_id: id, checkpoint_id: id, questions: [], unfinished: false,
  messages: [{ id: "m", role: "person", text }] });
const routes = {
  "GET /threads": () => [{ id: "t", title: "a secret" }],
  "GET /state": (_, address) => state(address.split("=")[1], "a secret"),
};
serve(routes);
sessionStorage.setItem("token", "one");
await import("./chat.js");
await until(() => el("threads").textContent.includes("a secret"));
const send = (text) => { el("box").value = text; return el("composer").fire("submit"); };
const show = (more) => console.log(JSON.stringify({ log: el("log").textContent, asked, ...more }));
"""


def test_the_next_person_on_a_page_sees_nothing_of_the_last_one(tmp_path):
    told = run_script(
        tmp_path,
        PAGE
        + """
        let more;
        routes["POST /chat/stream"] = () => streamOf((async function* () {
          yield ["start", { run_id: "r", thread_id: "t" }];
          yield ["token", { message_id: "a", text: "a secret" }];
          await new Promise((resolve) => { more = resolve; });
          yield ["token", { message_id: "a", text: "another secret" }];
          yield ["end", { status: "done" }];
        })());
        await send("hello");
        await until(() => el("log").textContent.includes("a secret"));
        routes["GET /threads"] = () => new Response("{}", { status: 401 });
        routes["GET /state"] = routes["GET /threads"];
        routes["DELETE /threads/t"] = routes["GET /threads"];
        el("threads").all.find((each) => each.textContent === "×").fire("click");
        await until(() => el("chat").hidden === true);
        more();
        routes["GET /threads"] = () => [];
        el("token").value = "two";
        await el("sign-in").fire("submit");
        routes["POST /chat/stream"] = (body) => { globalThis.body = body; };
        await send("mine");
        await until(() => globalThis.body);
        show({ threads: el("threads").textContent, thread: globalThis.body.thread_id ?? null });
        """,
    )
    assert "secret" not in told["log"] and told["threads"] == "" and told["thread"] is None


def test_deleting_the_conversation_that_runs_leaves_an_empty_page(tmp_path):
    told = run_script(
        tmp_path,
        PAGE
        + """
        let more;
        routes["POST /chat/stream"] = () => streamOf((async function* () {
          yield ["start", { run_id: "r", thread_id: "t" }];
          yield ["token", { message_id: "a", text: "w0" }];
          await new Promise((resolve) => { more = resolve; });
          yield ["end", { status: "stopped" }];
        })());
        await send("hello");
        await until(() => el("log").textContent.includes("w0"));
        routes["DELETE /threads/t"] = () => { more(); return new Response(null, { status: 204 }); };
        routes["GET /threads"] = () => [];
        routes["GET /state"] = () => new Response("{}", { status: 404 });
        el("threads").all.find((each) => each.textContent === "×").fire("click");
        await until(() => el("send").disabled === false && el("threads").textContent === "");
        show();
        """,
    )
    assert told["log"] == ""


def test_a_conversation_that_loads_slowly_is_not_shown_as_another(tmp_path):
    told = run_script(
        tmp_path,
        PAGE
        + """
        routes["GET /threads"] = () => [{ id: "t", title: "slow" }, { id: "u", title: "quick" }];
        el("new").fire("click");
        await until(() => el("threads").textContent.includes("quick"));
        let late;
        routes["GET /state"] = async (_, address) => {
          const id = address.split("=")[1];
          if (id === "t") await new Promise((resolve) => { late = resolve; });
          return state(id, `of ${id}`);
        };
        const open = (title) => el("threads").all.find((each) => each.textContent === title);
        const [slow, quick] = [open("slow"), open("quick")];
        slow.fire("click");
        await until(() => late);
        await quick.fire("click");
        late();
        await new Promise((resolve) => setTimeout(resolve, 100));
        show();
        """,
    )
    assert told["log"] == "of u"


def test_an_answer_that_is_refused_leaves_the_question_open(tmp_path):
    told = run_script(
        tmp_path,
        PAGE
        + """
        const asked_ = { id: "q", value: "Go on?", schema: null };
        routes["GET /state"] = () => ({ ...state("t", "hi"), questions: [asked_] });
        el("threads").all[1].fire("click");
        await until(() => el("log").textContent.includes("Go on?"));
        routes["POST /resume/stream"] = () =>
          new Response('{"detail": "It does not fit."}', { status: 422 });
        await el("log").all.find((each) => each.tag === "form").press("Yes");
        await until(() => el("log").textContent.includes("It does not fit."));
        show();
        """,
    )
    assert "Go on?" in told["log"]


def test_an_unfinished_turn_goes_on_with_the_same_message(tmp_path):
    told = run_script(
        tmp_path,
        PAGE
        + """
        routes["GET /state"] = () => ({ ...state("t", "hi"), unfinished: true });
        el("threads").all[1].fire("click");
        await until(() => el("log").textContent.includes("not finished"));
        routes["POST /chat/stream"] = (body) => { globalThis.body = body; };
        await el("log").all.find((each) => each.textContent === "Go on").fire("click");
        await until(() => globalThis.body);
        show({ body: globalThis.body });
        """,
    )
    assert told["body"] == {"message_id": "m", "text": "hi", "thread_id": "t"}
