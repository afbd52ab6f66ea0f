"""Namu answers from texts: each sentence has a source, and each source says that sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from course_lib.models import embeddings
from course_lib.models.language.guide_questions import asks_guides, quoted
from course_lib.models.language.message_parser import read
from course_lib.models.language.place_words import phrases
from course_lib.namu import build_namu
from course_lib.namu.retrieval import (
    HybridIndex,
    check_answer,
    check_sources,
    guide_passages,
    guides_tool,
    load_guides,
)

PASSAGES = [
    {
        "mark": 1,
        "title": "Visit the palace",
        "language": "en",
        "text": "The palace is closed on Tuesdays. It opens at nine in the morning. "
        "Adults pay 3,000 won.",
        "highlights": ["The palace is closed on Tuesdays."],
        "sources": [
            {"title": "Palace", "url": "https://example.org/palace"},
            {"title": "Palace hours (2024)", "url": "https://example.org/hours"},
        ],
    },
    {
        "mark": 2,
        "title": "시장",
        "language": "ko",
        "text": "시장은 1905년에 열었다. 빈대떡이 유명하다. 화요일에는 쉬지 않는다.",
        "highlights": ["빈대떡이 유명하다."],
        "sources": [{"title": "시장 안내", "url": "https://example.org/market"}],
    },
]
NO_SOURCE = {language: phrases()[language]["no_source"] for language in ("ko", "en")}


@pytest.fixture(scope="module")
def index():
    return HybridIndex(guide_passages(), embeddings())


@pytest.fixture(scope="module")
def say(index):
    namu = build_namu(guides=index, checkpointer=InMemorySaver())

    def ask(text, thread=None):
        config = {"configurable": {"thread_id": thread or text}}
        return namu.invoke({"messages": [HumanMessage(text)]}, config)

    return ask


def searches(state):
    return [
        m for m in state["messages"] if isinstance(m, ToolMessage) and m.name == "search_guides"
    ]


# --- the check


@pytest.mark.parametrize(
    "sentence",
    [
        "The palace is closed on Tuesdays. [1]",
        "The palace is closed on Tuesdays [1].",
        "On Tuesdays the palace is closed. [1]",
        "Adults pay 3,000 won. [1]",
        "시장은 1905년에 열었다. [2]",
        "빈대떡이 유명하다 [2].",
    ],
)
def test_what_a_source_says_stays_word_for_word(sentence):
    checked = check_answer(sentence, PASSAGES)
    assert checked.text == sentence and not checked.removed and checked.cited


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("The palace is closed on Tuesdays.", "no source"),
        ("The palace is closed on Tuesdays. [3]", r"\[3\]"),
        ("Adults pay 4,000 won. [1]", "4,000"),
        ("The palace is not closed on Tuesdays. [1]", "opposite"),
        ("Elephants live behind the old gate. [1]", "words"),
        ("The palace is closed on Tuesdays. [2]", "words"),
        ("시장은 1906년에 열었다. [2]", "1906"),
        ("화요일에는 쉰다. [2]", "opposite|words"),
        ("I know the palace well, and it is lovely.", "no source"),
    ],
)
def test_what_no_source_says_is_taken_out_with_the_reason(sentence, why):
    kept = "It opens at nine in the morning. [1]"
    checked = check_answer(f"{sentence} {kept}", PASSAGES)
    assert checked.text == kept
    assert len(checked.removed) == 1
    assert re.search(why, checked.removed[0][1]), checked.removed
    alone = check_answer(sentence, PASSAGES, language="ko")
    assert alone.text == NO_SOURCE["ko"] and not alone.cited


def test_a_list_of_sources_names_only_what_is_cited_and_where_it_is_from():
    right = (
        "The palace is closed on Tuesdays. [1]\n\n[1] Visit the palace, https://example.org/palace"
    )
    assert check_answer(right, PASSAGES).text == right
    wrong = right.replace("example.org/palace", "example.org/other")
    assert "other" not in check_answer(wrong, PASSAGES).text
    both = right.replace("palace, https", "palace - Palace, https") + "; Palace hours (2024), "
    assert check_answer(both + "https://example.org/hours.", PASSAGES).text.endswith("hours.")
    assert "hours" not in check_answer(both + "https://example.org/other", PASSAGES).text
    extra = f"{right}\n[2] 시장, https://example.org/market\nAdults pay 9 won. [2]"
    assert check_answer(extra, PASSAGES).text == right


@pytest.mark.parametrize(
    "line",
    [
        "[1] Children get in for free.",
        "[1] [2] Children get in for free, https://example.org/palace",
        "[1] Visit the palace: children get in for free.",
        "[2] 시장 - 아이는 무료다.",
    ],
)
def test_a_claim_behind_a_mark_is_no_line_of_sources(line):
    said = "The palace is closed on Tuesdays. [1] 빈대떡이 유명하다. [2]"
    checked = check_answer(f"{said}\n{line}", PASSAGES)
    assert checked.text == said
    assert len(checked.removed) == 1
    assert check_answer(f"{said}\n[1] It opens at nine.", PASSAGES).removed == ()


def test_without_passages_nothing_is_claimed():
    for text in ("The palace is closed. [1]", "", "[1]", "Hm.", "[1] x"):
        assert check_answer(text, [], language="en").text == NO_SOURCE["en"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [*PASSAGES[0]["text"].split(". "), *PASSAGES[1]["text"].split(". "), "Dragons fly"]
            ),
            st.sampled_from(["", "[1]", "[2]", "[3]", "[1][2]", "[0]"]),
        ),
        max_size=6,
    )
)
def test_every_cited_source_contains_what_it_is_cited_for(parts):
    text = " ".join(f"{sentence.rstrip('.')} {marks}." for sentence, marks in parts)
    checked = check_answer(text, PASSAGES)
    if checked.text == NO_SOURCE["en"]:
        return
    known = {passage["mark"]: passage["text"] for passage in PASSAGES}
    assert set(checked.cited) <= set(known)
    assert "Dragons" not in checked.text and "[3]" not in checked.text and "[0]" not in checked.text
    for sentence in checked.text.split("]."):
        if sentence.strip():
            claim, _, marks = sentence.strip().partition(" [")
            cited = [int(n) for n in marks.replace("][", " ").split()]
            assert cited and any(claim in known[n] for n in cited), (claim, cited)


def test_the_check_leaves_a_turn_without_guides_alone():
    spoken = [HumanMessage("hi"), AIMessage("Hello without a source.")]
    assert check_sources({"messages": spoken}) == {}


def test_in_a_turn_with_places_only_marked_sentences_are_checked():
    found = ToolMessage(json.dumps({"passages": PASSAGES}), name="search_guides", tool_call_id="a")
    places = ToolMessage("[]", name="search_places", tool_call_id="b")
    answer = AIMessage("Here is a cafe. The palace is open on Tuesdays at 5. [1]", id="x")
    changed = check_sources({"messages": [HumanMessage("?"), found, places, answer]})
    assert changed["messages"][0].text == "Here is a cafe."
    assert changed["messages"][0].id == "x"


# --- the tool


def test_the_tool_refuses_an_empty_question_and_finds_nothing_for_nonsense(index):
    tool = guides_tool(index)
    with pytest.raises(ValueError, match="question is empty"):
        tool.invoke({"question": "  "})
    assert json.loads(tool.invoke({"question": "python list comprehension"})) == {"passages": []}
    found = json.loads(tool.invoke({"question": "is Gyeongbokgung open on Tuesday?"}))["passages"]
    assert [passage["mark"] for passage in found] == list(range(1, len(found) + 1))
    for passage in found:
        guide = next(each for each in load_guides() if passage["id"].startswith(f"{each.id}#"))
        named = [each["url"] for each in passage["sources"]]
        assert named == [source.url for source in guide.sources]
        assert all(each in passage["text"] for each in passage["highlights"])


# --- Namu


@pytest.mark.parametrize(
    ("question", "guide"),
    [
        ("How do I use a T-money card on the bus?", "en-t-money"),
        ("지하철에서 지갑을 두고 내렸어요. 어디로 가야 해요?", "ko-lost-property"),
        ("인천공항에서 서울역 어떻게 가?", "en-airport-train"),
        ("홍대는 어떤 동네야?", "en-hongdae"),
        ("may I pitch a tent by the Han River", "ko-hangang-park"),
        ("is Gyeongbokgung closed on Tuesday, and how much is it?", "en-gyeongbokgung"),
    ],
)
def test_namu_answers_from_a_guide_and_every_sentence_is_in_it(say, question, guide):
    state = say(question)
    assert state["intent"] == "CONVERSATION" and not state.get("last_recommended_places")
    text = state["messages"][-1].text
    passages = json.loads(searches(state)[-1].text)["passages"]
    assert passages[0]["id"].startswith(guide)
    checked = check_answer(text, passages)
    assert checked.text == text and checked.cited and not checked.removed
    for mark in checked.cited:
        assert all(source["url"] in text for source in passages[mark - 1]["sources"])
    assert len(passages[0]["sources"]) > 1


@pytest.mark.parametrize(
    ("only", "question", "language"),
    [
        ("en-temple-stay", "How much is a taxi at night?", "en"),
        ("ko-jongmyo", "택시 요금은 얼마예요?", "ko"),
    ],
)
def test_namu_says_that_it_has_no_source(only, question, language):
    passages = [passage for passage in guide_passages() if passage.document == only]
    namu = build_namu(guides=HybridIndex(passages, embeddings()))
    state = namu.invoke({"messages": [HumanMessage(question)]})
    assert searches(state)
    assert state["messages"][-1].text == NO_SOURCE[language]


@pytest.mark.parametrize(
    "text",
    [
        "a quiet cafe in Jongno-gu",
        "hello",
        "경복궁 알려줘",
        "마포구 카페 추천해줘",
        "thanks",
        "북촌 카페",
    ],
)
def test_other_messages_are_answered_as_without_guides(say, text):
    without = build_namu().invoke({"messages": [HumanMessage(text)]})
    with_guides = say(text)
    assert with_guides["messages"][-1].text == without["messages"][-1].text
    assert not searches(with_guides) and with_guides["intent"] == without["intent"]


def test_no_message_of_the_judged_dialogues_is_taken_for_a_question_to_the_guides_by_mistake():
    folder, taken = Path(__file__).parent, []
    for name in ("dialogues.jsonl", "dialogues_typed.jsonl"):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            for turn in json.loads(line)["turns"]:
                if "user" in turn and asks_guides(read(turn["user"])):
                    taken.append(turn["user"])
    assert set(taken) <= {"경복궁 입장료 얼마야?"}, taken


def test_a_model_that_invents_is_corrected_before_the_turn_ends(index):
    call = {"name": "search_guides", "args": {"question": "palace on Tuesday"}, "id": "c1"}
    words = "The moon palace is free for cats. [1] It is my favourite."
    route = {"name": "Route", "args": {"intent": "CONVERSATION"}, "id": "r1"}

    class Scripted(GenericFakeChatModel):
        def bind_tools(self, tools, **kwargs):
            return self

    model = Scripted(
        messages=iter(
            [
                AIMessage("", tool_calls=[route]),
                AIMessage("", tool_calls=[call]),
                AIMessage(words),
            ]
        )
    )
    namu = build_namu(model=model, guides=index)
    state = namu.invoke({"messages": [HumanMessage("tell me about the palace")]})
    assert state["messages"][-1].text == NO_SOURCE["en"]
    assert words not in [message.text for message in state["messages"]]


def test_quotes_are_taken_from_one_document_in_the_language_that_it_has():
    text = quoted(PASSAGES, "when is the palace closed", "ko")
    assert text.startswith(phrases()["ko"]["guide_other"])
    assert "빈대떡" not in text and "https://example.org/palace" in text
    assert quoted([], "x", "ko") == NO_SOURCE["ko"]


def test_the_graph_without_guides_has_neither_the_tool_nor_the_check(index):
    assert "check_sources" not in build_namu().get_graph().nodes
    assert "check_sources" in build_namu(guides=index).get_graph().nodes
