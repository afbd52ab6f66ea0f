"""The chat service around graphs of other kinds: their state, their context, their values."""

from __future__ import annotations

from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest
from langgraph.graph import MessagesState
from odd_graphs import DataContext, DataState, PydanticContext, PydanticState, echo, odd
from test_fastapi_service import KEY, SCOPE, app, events_in, headers, say, state_of, texts

from course_lib.fastapi_app import ServiceSettings, create_app

__all__ = ["app"]

pytestmark = pytest.mark.asyncio(loop_scope=SCOPE)


@asynccontextmanager
async def served(app, build):
    """A client of a service around another graph, on the same database."""
    url = app.state.service.settings.database_url
    made = create_app(build, ServiceSettings(url, KEY, savers=1))
    transport = httpx.ASGITransport(app=made, raise_app_exceptions=False)
    async with (
        made.router.lifespan_context(made),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("state", "context"),
    [(DataState, None), (PydanticState, DataContext), (MessagesState, PydanticContext)],
)
async def test_any_kind_of_state_and_context(app, state, context):
    async with served(app, echo(state, context)) as client:
        first = (await say(client, "hello")).json()
        assert first["answer"]["text"] == "re: hello"
        thread = first["thread_id"]
        assert texts(await state_of(client, thread)) == ["hello", "re: hello"]
        rows = await client.get("/history", headers=headers(), params={"thread_id": thread})
        assert rows.status_code == 200


async def test_values_that_are_no_json_do_not_break_the_stream(app, tmp_path):
    async with served(app, odd(tmp_path / "ledger")) as client:
        answer = await say(client, "odd", path="/chat/stream")
        told = events_in(answer.text)
        assert told[-1][:2] == ("end", {"status": "done"})
        progress = next(data for name, data, _ in told if name == "progress")
        assert progress["data"] == {"odd": "<odd>", "when": "2026-01-02", "nan": None} or progress
        again = await client.get(f"/runs/{told[0][1]['run_id']}/events", headers=headers())
        assert events_in(again.text) == told
        assert (await state_of(client, told[0][1]["thread_id"]))["messages"]


async def test_a_question_that_is_no_json_is_asked(app, tmp_path):
    async with served(app, odd(tmp_path / "ledger")) as client:
        asked = (await say(client, "hello")).json()
        (question,) = asked["questions"]
        assert question["value"]["when"] == "2026-01-02"
        refused = await say(client, "and?", asked["thread_id"])
        assert refused.status_code == 409 and refused.json()["questions"] == [question]


@pytest.mark.parametrize("text", ["fail once", "stop in the second node"])
async def test_an_answer_is_sent_again_after_its_turn_broke(app, tmp_path, text):
    async with served(app, odd(tmp_path / "ledger")) as client:
        asked = (await say(client, text)).json()
        body = {
            "thread_id": asked["thread_id"],
            "question_id": asked["questions"][0]["id"],
            "answer": "yes",
        }
        broken = await client.post("/resume", headers=headers(), json=body)
        assert broken.status_code == 500
        again = await client.post("/resume", headers=headers(), json=body)
        assert again.json()["answer"]["text"] == "Second.", again.text
        said = texts(await state_of(client, asked["thread_id"]))
        assert said == [text, "First: yes.", "Second."]
        late = await client.post("/resume", headers=headers(), json=body)
        assert late.status_code == 409
        stray = {**body, "question_id": uuid4().hex}
        assert (await client.post("/resume", headers=headers(), json=stray)).status_code == 409
