"""The chat service over a WebSocket: whose it is, what it refuses, and what it outlives."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from api_graphs import build
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from course_lib.fastapi_app import ServiceSettings, create_app, make_token
from course_lib.fastapi_app.websocket import MAX_FOLLOWED_RUNS
from course_lib.persistence import postgres

KEY = b"k" * 32


@pytest.fixture(scope="module")
def client():
    with postgres("websocket", scratch=True) as database:
        app = create_app(build, ServiceSettings(database.url, KEY, wait_seconds=5))
        with TestClient(app) as made:
            yield made


class Chat:
    """One connection of a person."""

    def __init__(self, socket, user="ann", **token):
        self.socket = socket
        socket.send_json({"token": make_token(KEY, user, tenant="one", **token)})
        assert socket.receive_json() == {"event": "signed-in", "data": {"user": user}}

    def events(self):
        while True:
            told = self.socket.receive_json()
            yield told
            if told["event"] in ("end", "problem"):
                return

    def ask(self, **message):
        self.socket.send_json(message)
        return list(self.events())

    def say(self, text, **more):
        return self.ask(type="chat", message_id=str(uuid4()), text=text, **more)


def test_a_conversation_with_a_question(client):
    with client.websocket_connect("/ws") as socket:
        chat = Chat(socket)
        told = chat.say("hello")
        assert [each["event"] for each in told][-3:] == ["token", "answer", "end"]
        assert [each["number"] for each in told] == list(range(1, len(told) + 1))
        thread = told[0]["data"]["thread_id"]
        asked = chat.say("ask me", thread_id=thread)
        question = next(each["data"] for each in asked if each["event"] == "question")
        answer = {"thread_id": thread, "question_id": question["id"], "answer": {"approve": False}}
        told = chat.ask(type="resume", **answer)
        assert told[-2]["data"]["text"] == "You said no."
        again = chat.ask(type="follow", run_id=told[0]["run_id"], after=1)
        assert again == told[1:]


def test_a_stranger_is_told_what_everybody_is_told(client):
    with client.websocket_connect("/ws") as one, client.websocket_connect("/ws") as other:
        mine, stranger = Chat(one), Chat(other, "bob")
        told = mine.say("mine alone")
        thread, run = told[0]["data"]["thread_id"], told[0]["run_id"]
        messages = [
            {"type": "chat", "message_id": str(uuid4()), "text": "hi", "thread_id": "T"},
            {"type": "resume", "thread_id": "T", "question_id": "ab", "answer": 1},
            {"type": "stop", "thread_id": "T"},
            {"type": "follow", "run_id": "R"},
        ]
        for message in messages:
            answers = []
            for place, number in ((thread, run), (str(uuid4()), str(uuid4()))):
                text = (
                    json.dumps(message).replace('"T"', f'"{place}"').replace('"R"', f'"{number}"')
                )
                other.send_text(text)
                (told,) = stranger.events()
                answers.append(json.dumps(told).replace(place, "T").replace(number, "R"))
            assert answers[0] == answers[1] and '"status": 404' in answers[0]


@pytest.mark.parametrize("first", ["{}", '{"token": "abc"}', '{"token": null}', "[]", "x"])
def test_nobody_comes_in_without_a_token(client, first):
    with client.websocket_connect("/ws") as socket:
        socket.send_text(first)
        assert socket.receive_json()["event"] == "problem"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 4401


def test_another_origin_is_refused(client):
    with pytest.raises(WebSocketDisconnect):
        client.websocket_connect("/ws", headers={"Origin": "https://evil.example"}).__enter__()


def test_what_is_no_message_is_refused_and_the_connection_lives_on(client):
    odd = ["", "x", "[]", "{}", '{"type": "chat"}', '{"type": ["chat"]}', "x" * 70_000]
    odd += ['{"type": "chat", "\\ud83d": 1}', "[" * 5000, '{"type": "follow", "run_id": 1}']
    odd += [json.dumps({"type": "follow", "run_id": str(uuid4()), "after": -1})]
    with client.websocket_connect("/ws") as socket:
        chat = Chat(socket)
        for text in odd:
            socket.send_text(text)
            (told,) = chat.events()
            assert told["data"]["status"] in (404, 413, 422), text[:40]
        socket.send_bytes(b"\xff")
        assert next(chat.events())["data"]["status"] == 422
        assert chat.say("still there")[-1]["event"] == "end"


def broken(*_):
    raise RuntimeError("password=hunter2")


def test_an_error_nobody_foresaw_does_not_end_the_connection(client, monkeypatch):
    with client.websocket_connect("/ws") as socket:
        chat = Chat(socket)
        with monkeypatch.context() as patched:
            patched.setattr(client.app.state.service, "directory", broken)
            (told,) = chat.say("hello")
        assert told["data"]["status"] == 500 and "hunter2" not in str(told)
        assert chat.say("hello")[-1]["event"] == "end"


@pytest.mark.soak
def test_a_connection_ends_with_its_token(client):
    with client.websocket_connect("/ws") as socket:
        chat = Chat(socket, lifetime=timedelta(seconds=5))  # for a busy machine to sign in
        time.sleep(5.5)
        (told,) = chat.say("hello")
        assert told["data"]["type"] == "/problems/not-signed-in"
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == 4401


def test_one_connection_follows_so_many_runs_and_no_more(client):
    with client.websocket_connect("/ws") as socket:
        Chat(socket)
        socket.send_json({"type": "chat", "message_id": str(uuid4()), "text": "slow 40"})
        run = socket.receive_json()["run_id"]
        for _ in range(MAX_FOLLOWED_RUNS):
            socket.send_json({"type": "follow", "run_id": run})
        told = socket.receive_json()
        while told["event"] != "problem":
            told = socket.receive_json()
        assert told["data"]["type"] == "/problems/too-many-runs"
