"""The thread directory, on all three stores: whose thread is it, and who may see it."""

import re
import subprocess
import sys
import textwrap
from types import MappingProxyType
from uuid import UUID

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.namu import build_namu
from course_lib.persistence import ThreadDirectory, UnknownThread, open_checkpointer, open_store


@pytest.fixture
def store(url):
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def directory(store):
    return ThreadDirectory(store)


def test_a_user_sees_her_threads_newest_activity_first_and_in_pages(directory):
    made = [directory.create("ann", title=f"t{n}") for n in range(5)]
    directory.create("bo")
    directory.touch("ann", made[1].id)
    titles = [thread.title for thread in directory.list("ann")]
    assert titles == ["t1", "t4", "t3", "t2", "t0"]
    pages = [directory.list("ann", limit=2, offset=n) for n in (0, 2, 4, 6)]
    assert [thread.title for page in pages for thread in page] == titles


@pytest.mark.parametrize("name", ["anna", "an", "ann.a", "ann%", "an_", "ANN", "ann "])
def test_a_name_that_looks_like_anothers_sees_nothing_of_hers(directory, name):
    mine = directory.create("ann")
    assert directory.list(name) == [] and directory.find(name) == []
    with pytest.raises(UnknownThread):
        directory.open(name, mine.id)


@pytest.mark.parametrize("user", ["a.b", "", "x" * 10_000, "💬 한글", "'; DROP TABLE store; --"])
def test_odd_user_names_are_only_names(directory, user):
    thread = directory.create(user, title="mine")
    assert directory.open(user, thread.id).title == "mine"
    assert directory.list("somebody else") == []


def test_somebody_elses_thread_is_refused_like_one_that_does_not_exist(directory):
    hers = directory.create("ann")
    answers = []
    for thread_id in (hers.id, str(UUID(int=1)), "not a uuid", ""):
        with pytest.raises(UnknownThread) as refused:
            directory.open("eve", thread_id)
        answers.append(str(refused.value).replace(repr(thread_id), "X"))
    assert len(set(answers)) == 1
    for attempt in (directory.touch, directory.delete):
        with pytest.raises(UnknownThread):
            attempt("eve", hers.id)
    with pytest.raises(UnknownThread):
        directory.rename("eve", hers.id, "stolen")
    assert directory.open("ann", hers.id) == hers


def test_two_tenants_with_a_user_of_the_same_name_are_apart(store):
    school, shop = (ThreadDirectory(store, tenant=name) for name in ("school", "shop"))
    hers = school.create("ann", external_id="s1")
    assert shop.list("ann") == []
    assert shop.create("ann", external_id="s1").id != hers.id
    with pytest.raises(UnknownThread):
        shop.open("ann", hers.id)


def test_ids_are_uuids_and_an_outside_id_always_gives_the_same_one(directory):
    first = directory.create("ann", external_id="session-1", title="kept")
    again = directory.create("ann", external_id="session-1", title="ignored")
    assert again == first and UUID(first.id).version == 5
    assert directory.create("bo", external_id="session-1").id != first.id
    assert UUID(directory.create("ann").id).version == 4


def test_rename_find_and_delete(directory):
    korean = directory.create("ann", metadata={"locale": "ko"})
    directory.create("ann", metadata={"locale": "en"})
    directory.rename("ann", korean.id, "카페")
    assert [t.title for t in directory.find("ann", locale="ko")] == ["카페"]
    directory.delete("ann", korean.id)
    assert directory.find("ann", locale="ko") == []
    with pytest.raises(UnknownThread):
        directory.open("ann", korean.id)


def test_delete_with_a_saver_takes_the_conversation_too(directory):
    saver = InMemorySaver()
    graph, thread = build_namu(checkpointer=saver), directory.create("ann")
    graph.invoke({"messages": [{"role": "user", "content": "hi"}]}, thread.config)
    directory.delete("ann", thread.id, saver=saver)
    assert graph.get_state(thread.config).values == {}


def test_a_lost_directory_is_recovered_from_the_checkpoints(url, store):
    directory = ThreadDirectory(store, tenant="school")
    with open_checkpointer(url) as saver:
        graph = build_namu(checkpointer=saver)
        for user in ("ann", "ann", "bo"):
            thread = directory.create(user, metadata={"locale": "ko"})
            graph.invoke({"messages": [{"role": "user", "content": "hi"}]}, thread.config)
        stranger = ThreadDirectory(store, tenant="shop").create("ann")
        graph.invoke({"messages": [{"role": "user", "content": "hi"}]}, stranger.config)
        before = {user: {t.id for t in directory.list(user)} for user in ("ann", "bo")}
        for user, ids in before.items():
            for thread_id in ids:
                directory.delete(user, thread_id)
        assert directory.list("ann") == []
        assert len(directory.recover(saver)) == 3
        assert directory.recover(saver) == [], "recovering twice changes nothing"
        after = {user: {t.id for t in directory.list(user)} for user in ("ann", "bo")}
        assert after == before
        assert {t.metadata["locale"] for t in directory.list("ann")} == {"ko"}


def test_recovered_threads_keep_their_order_and_belong_to_who_began_them(url, store):
    directory = ThreadDirectory(store)
    with open_checkpointer(url) as saver:
        graph = build_namu(checkpointer=saver)
        made = [directory.create("ann") for _ in range(3)]
        hello = {"messages": [{"role": "user", "content": "hi"}]}
        for thread in (*made, made[0]):
            graph.invoke(hello, thread.config)
        support = {**made[1].config, "metadata": {"user": "support", "tenant": "default"}}
        graph.invoke(hello, support)
        assert directory.recover(saver) == [], "nothing was lost, so nobody gains anything"
        for thread in made:
            directory.delete("ann", thread.id)
        directory.recover(saver)
        wanted = [made[1].id, made[0].id, made[2].id]
        assert [thread.id for thread in directory.list("ann")] == wanted
        assert [thread.id for thread in directory.find("ann")] == wanted
        assert directory.list("support") == []


@pytest.mark.parametrize("user", [7, None, "a\0b", "\ud800"])
def test_what_is_no_name_is_refused_with_the_value(directory, user):
    with pytest.raises(ValueError, match="no name of a user"):
        directory.create(user)


@pytest.mark.parametrize("thread_id", ["a\0", "\ud800", "x" * 5000])
def test_an_id_no_store_could_hold_is_refused_like_any_other(directory, thread_id):
    with pytest.raises(UnknownThread):
        directory.open("ann", thread_id)


@pytest.mark.parametrize(
    "metadata",
    [
        {"step": 1},
        {"tags": ["a"]},
        {"user": "eve"},
        {"x": None},
        {"x": "a\0b"},
        {"x": "\ud83d"},
        {"x": float("nan")},
        {"x": float("-inf")},
        {"x": 2**64},
        {1: "x"},
        {None: 1},
        {"a\0": 1},
        {("a",): 1},
    ],
)
def test_metadata_that_a_checkpoint_would_not_keep_is_refused(directory, metadata):
    with pytest.raises(ValueError, match=re.escape(repr(next(iter(metadata))))):
        directory.create("ann", metadata=metadata)
    assert directory.list("ann") == []


def test_any_mapping_is_metadata_and_a_page_is_never_negative(directory):
    made = directory.create("ann", metadata=MappingProxyType({"locale": "ko"}))
    assert directory.find("ann", locale="ko") == [made]
    assert directory.list("ann", limit=-1) == []
    assert directory.list("ann", offset=-1) == [made]


@pytest.mark.parametrize("metadata", ["locale", ["locale"], 5, ""])
def test_metadata_that_is_no_dict_is_refused(directory, metadata):
    with pytest.raises(ValueError, match="no dict"):
        directory.create("ann", metadata=metadata)


@pytest.mark.parametrize("odd", [7, b"bytes", ["a"]])
def test_what_is_no_text_is_refused_with_the_value(directory, odd):
    thread = directory.create("ann", title="kept")
    for call in (
        lambda: directory.create("ann", title=odd),
        lambda: directory.create("ann", external_id=odd),
        lambda: directory.create("ann", external_id="\ud83d"),
        lambda: directory.rename("ann", thread.id, odd),
        lambda: directory.adopt("ann", odd),
        lambda: ThreadDirectory(directory.store, tenant=odd),
        lambda: directory.create(odd, external_id="a"),
    ):
        with pytest.raises(ValueError, match="text"):
            call()
    for call in (directory.open, directory.delete, directory.touch):
        with pytest.raises(UnknownThread):
            call("ann", odd)
    assert [each.title for each in directory.list("ann")] == ["kept"]


@pytest.mark.soak
def test_processes_opening_a_fresh_store_at_once_do_not_collide(url):
    if url == "memory:":
        pytest.skip("memory is not shared between processes")
    code = "import sys; from course_lib.persistence import open_store\n"
    code += "with open_store(sys.argv[1]): pass"
    each = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(8)]
    assert [process.wait(timeout=60) for process in each] == [0] * 8


def test_a_page_is_read_to_its_end_however_many_threads_there_are(directory, monkeypatch):
    monkeypatch.setattr("course_lib.persistence.threads.PAGE", 3)
    for n in range(10):
        directory.create("ann", metadata={"n": n})
    assert len(directory.find("ann")) == 10 and len(directory.list("ann")) == 10


@pytest.mark.slow
def test_two_processes_asking_for_the_thread_of_a_user_get_one(url):
    if url == "memory:":
        pytest.skip("memory is not shared between processes")
    with open_store(url):
        pass
    code = textwrap.dedent(
        """
        import sys
        from course_lib.persistence import open_store
        from course_lib.persistence import ThreadDirectory
        with open_store(sys.argv[1]) as store:
            directory = ThreadDirectory(store)
            sys.stdin.readline()
            print(*{directory.create("ann", external_id="the one").id for _ in range(20)})
        """
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate("go\n", timeout=60)[0] for process in both]
    assert len({*told}) == 1 and told[0].strip()
    with open_store(url) as store:
        assert len(ThreadDirectory(store).list("ann")) == 1
