"""A served embedding: used by the settings, and every failure names the remedy."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from course_lib.models import (
    BundledEmbeddings,
    ModelRequestError,
    ModelServerError,
    ServedEmbeddings,
    embeddings,
)
from course_lib.serving import free_port
from course_lib.serving.http_thread import serve
from course_lib.settings import SettingsError, read_settings


@pytest.fixture
def server():
    """An embedding server whose answers can be set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
            httpd.asked.append((self.path, asked["model"], self.headers["authorization"]))
            data = [
                {"object": "embedding", "index": n, "embedding": [float(len(text))] * httpd.length}
                for n, text in enumerate(texts)
            ]
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            body = {"object": "list", "model": "m", "data": data[::-1], "usage": usage}
            body = body if httpd.status == 200 else {"error": {"message": "no such thing"}}
            self.send_response(httpd.status)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body if httpd.is_openai else ["hello"]).encode())

        def log_message(self, *_):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    httpd.asked, httpd.length, httpd.status, httpd.is_openai = [], 4, 200, True
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    serve(httpd)
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def test_the_settings_choose_the_embedding(server, monkeypatch):
    assert isinstance(embeddings(), BundledEmbeddings)
    monkeypatch.setenv("COURSE_EMBEDDING_BASE_URL", server.url)
    with pytest.raises(SettingsError, match="COURSE_EMBEDDING_MODEL"):
        embeddings()
    monkeypatch.setenv("COURSE_EMBEDDING_MODEL", "bge-m3")
    monkeypatch.setenv("COURSE_EMBEDDING_API_KEY", "sk-secret")
    served = embeddings()
    assert served.embed_documents(["a", "bbb"]) == [[1.0] * 4, [3.0] * 4]
    assert served.dimensions == 4
    assert server.asked == [("/v1/embeddings", "bge-m3", "Bearer sk-secret")]
    assert "secret" not in repr(read_settings())


def test_an_address_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("COURSE_EMBEDDING_BASE_URL", "127.0.0.1:8000")
    with pytest.raises(SettingsError, match="bundled embedding"):
        embeddings()


def test_a_server_that_is_down_names_the_remedy():
    served = ServedEmbeddings(f"http://127.0.0.1:{free_port()}/v1", "m", "k")
    with pytest.raises(ModelServerError, match="COURSE_EMBEDDING_BASE_URL"):
        served.embed_query("tea")


def test_vectors_of_another_length_are_refused(server):
    served = ServedEmbeddings(server.url, "m", "k")
    served.embed_query("tea")
    server.length = 3
    with pytest.raises(ModelRequestError, match="embed everything that is stored again"):
        served.embed_query("tea")


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [
        (401, ModelRequestError, "COURSE_EMBEDDING_API_KEY"),
        (404, ModelRequestError, "COURSE_EMBEDDING_MODEL"),
        (500, ModelServerError, "log"),
    ],
)
def test_a_refusal_and_a_failure_name_the_remedy(server, status, error, word):
    server.status = status
    with pytest.raises(error, match=word):
        ServedEmbeddings(server.url, "m", "k").embed_query("tea")


def test_an_answer_of_another_protocol_is_noticed(server):
    server.is_openai = False
    with pytest.raises(ModelRequestError, match="usually ends in /v1"):
        ServedEmbeddings(server.url, "m", "k").embed_query("tea")
