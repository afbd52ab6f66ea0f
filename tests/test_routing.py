"""The router chooses and says why, and a person gets one whole answer or a clear error."""

import asyncio
import threading
from contextlib import ExitStack
from functools import cache

import pytest
from gateway_thread import served_gateway
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from openai_server import openai_server

from course_lib.models import BundledEmbeddings, ModelRequestError, OfflineChatModel
from course_lib.namu import build_namu, search_places
from course_lib.namu.routing import (
    CallLimit,
    ClassifierRouter,
    ContextBudget,
    ModelBusy,
    NoModelAnswers,
    RouteChoice,
    RoutedChatModel,
    fail_fast_model,
    load_routing_examples,
    route_by_rules,
    route_turn,
)

PATIENT = 30
"""Seconds of silence that are never reached, however busy the machine is."""


@pytest.mark.parametrize(
    "text, size, reason",
    [
        ("a cafe in Mapo-gu", "small", "a whole wish in English"),
        ("thanks, bye", "small", "small talk in English"),
        ("마포구 카페 추천해 줘", "medium", "a whole wish in Korean"),
        ("고마워", "medium", "small talk in Korean"),
        ("something cheaper", "large", "refers to an earlier turn"),
        ("첫 번째 말고", "large", "refers to an earlier turn"),
        ("a cafe " * 30, "large", "a long message may hold several wishes"),
        ("Great. Only those in Jongno-gu.", "large", "refers to an earlier turn"),
        ("somewhere in Yongsan", "large", "no rule says that a smaller model is enough"),
        ("asdf", "large", "no rule says that a smaller model is enough"),
        ("", "large", "no rule says that a smaller model is enough"),
    ],
)
def test_the_rules_choose_a_size_and_say_why(text, size, reason):
    assert route_by_rules(text) == RouteChoice(size, reason)


class Remembered(Embeddings):
    """The course's embedding, asked once for all examples."""

    def __init__(self):
        texts = [text for text, _ in load_routing_examples()]
        vectors = BundledEmbeddings().embed_documents(texts)
        self.known = dict(zip(texts, vectors, strict=True))

    def embed_documents(self, texts):
        return [self.known[text] for text in texts]

    def embed_query(self, text):
        return self.known[text]


@pytest.fixture(scope="module")
def embedding():
    return Remembered()


def test_the_classifier_learns_the_same_each_time_and_judges_what_it_has_not_seen(embedding):
    examples = load_routing_examples()
    router, again = (ClassifierRouter(embedding=embedding) for _ in range(2))
    texts = [text for text, _ in examples]
    assert [router(text) for text in texts] == [again(text) for text in texts]
    right = 0
    for fold in range(5):
        held_out = examples[fold::5]
        learned = ClassifierRouter(
            [e for n, e in enumerate(examples) if n % 5 != fold], embedding=embedding
        )
        right += sum(learned(text).size == size for text, size in held_out)
    share = {size: sum(s == size for _, s in examples) / len(examples) for _, size in examples}
    assert right / len(examples) > max(share.values()) + 0.25, right


def test_the_classifier_goes_up_when_it_is_not_sure(embedding):
    unsure = ClassifierRouter(sure=1.0, embedding=embedding)
    assert {unsure(text).size for text, _ in load_routing_examples()} == {"large"}
    assert "not sure" in unsure("a cafe in Songpa-gu").reason
    assert ClassifierRouter(embedding=embedding)("a cafe in Songpa-gu").size == "small"
    for examples in ([], [("hi", "large")], [("hi", "small"), ("ho", "medium")]):
        with pytest.raises(ValueError, match="'large' among them"):
            ClassifierRouter(examples, embedding=embedding)


def test_the_choice_stands_in_the_checkpoints_and_is_found_there():
    saver = InMemorySaver()
    model = RoutedChatModel(models={"small": OfflineChatModel(), "large": OfflineChatModel()})
    namu = build_namu(model=model, checkpointer=saver)
    mine = {"configurable": {"thread_id": "1"}, "metadata": {"user": "ann"}}
    for text in ("a cafe in Mapo-gu", "something cheaper"):
        state = namu.invoke({"messages": [("user", text)]}, route_turn(route_by_rules, text, mine))
    assert mine["metadata"] == {"user": "ann"}, "the given config is not changed"
    reasons = {"small": "a whole wish in English", "large": "refers to an earlier turn"}
    for size, reason in reasons.items():
        found = list(saver.list(None, filter={"route": size}))
        assert found and {each.metadata["route_reason"] for each in found} == {reason}
        assert {each.metadata["user"] for each in found} == {"ann"}
    assert not list(saver.list(None, filter={"route": "medium"}))
    told = state["messages"][-1].response_metadata
    assert (told["route"], told["answered_by"], told["failed"]) == ("large", "large", [])


def test_a_route_that_names_no_model_is_refused():
    model = RoutedChatModel(models={"small": OfflineChatModel()})
    with pytest.raises(ModelRequestError, match=r"'huge', but the models are \['small'\]"):
        model.invoke("hello", {"metadata": {"route": "huge"}})
    for odd in (["small"], {"size": "small"}, 3):
        with pytest.raises(ModelRequestError, match="the models are"):
            model.invoke("hello", {"metadata": {"route": odd}})
    with pytest.raises(ValueError, match="limit for \\['huge'\\]"):
        RoutedChatModel(models={"small": OfflineChatModel()}, limits={"huge": CallLimit()})


@pytest.fixture(scope="module")
def gateways():
    with ExitStack() as stack:
        yield {
            size: stack.enter_context(served_gateway(size=size))
            for size in ("small", "medium", "large")
        }


@pytest.fixture
def healthy(gateways):
    for gateway in gateways.values():
        gateway.set_faults()
    yield gateways
    for gateway in gateways.values():
        gateway.set_faults()


@cache
def served_model(url, model, silence):
    return fail_fast_model(url, model, silence=silence)


def routed(gateways, *, silence=PATIENT, **options):
    names = {"small": "namu-small", "medium": "namu-medium-brief", "large": "namu-large"}
    models = {
        size: served_model(gateway.url, names[size], silence) for size, gateway in gateways.items()
    }
    return RoutedChatModel(models=models, **options)


FAULTS = [
    {"status": 503},
    {"status": 429},
    {"break_after": 0},
    {"break_after": 4},
    {"break_after": 999},
]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_another_model_answers_for_one_that_fails(healthy, fault, is_async):
    model = routed(healthy)
    healthy["small"].set_faults(**fault)
    config = {"metadata": {"route": "small"}}
    if is_async:
        answer = asyncio.run(model.ainvoke("hello", config))
    else:
        answer = model.invoke("hello", config)
    told = answer.response_metadata
    assert (told["answered_by"], told["failed"]) == ("medium", ["small"])
    assert answer.text == routed(healthy).invoke("hello", {"metadata": {"route": "medium"}}).text


def test_a_slow_first_token_is_not_waited_for(healthy):
    healthy["small"].set_faults(stall_after=0)
    model = routed(healthy)
    model.models["small"] = fail_fast_model(healthy["small"].url, "namu-small", silence=0.3)
    answer = model.invoke("hello", {"metadata": {"route": "small"}})
    assert answer.response_metadata["failed"] == ["small"] and answer.text


def test_the_larger_models_are_asked_first_then_the_smaller_ones(healthy):
    model = routed(healthy)
    for size in ("medium", "large"):
        healthy[size].set_faults(status=503)
    told = model.invoke("hello", {"metadata": {"route": "medium"}}).response_metadata
    assert told["failed"] == ["medium", "large"] and told["answered_by"] == "small"


def test_every_model_down_is_one_clear_error(healthy):
    healthy["small"].set_faults(status=503)
    healthy["medium"].set_faults(status=429)
    healthy["large"].set_faults(break_after=2)
    namu = build_namu(model=routed(healthy), checkpointer=InMemorySaver())
    seen = []
    with pytest.raises(NoModelAnswers) as failed:
        for message, _ in namu.stream(
            {"messages": [("user", "a cafe in Mapo-gu")]},
            {"configurable": {"thread_id": "1"}, "metadata": {"route": "small"}},
            stream_mode="messages",
        ):
            seen += [message] if isinstance(message, AIMessageChunk) else []
    assert not seen
    for part in ("small: ", "answered 503", "medium: ", "429", "large: ", "in the middle"):
        assert part in str(failed.value)
    assert "Send the message again" in str(failed.value)


async def test_an_asynchronous_turn_is_whole_as_well(healthy):
    healthy["small"].set_faults(break_after=3)
    namu = build_namu(model=routed(healthy), checkpointer=InMemorySaver())
    shown = []
    async for message, _ in namu.astream(
        {"messages": [("user", "hello")]},
        {"configurable": {"thread_id": "1"}, "metadata": {"route": "small"}},
        stream_mode="messages",
    ):
        shown += [message] if message.text else []
    assert len(shown) == 1 and shown[0].response_metadata["answered_by"] == "medium"
    healthy["small"].set_faults()
    assert shown[0].text == whole_answers(healthy, "hello")["medium"]


def test_a_wrong_request_is_not_sent_to_the_others(healthy):
    model = routed(healthy)
    before = {size: g.count("gateway_requests_total", status="200") for size, g in healthy.items()}
    with pytest.raises(ModelRequestError, match="top_p"):
        model.invoke("hello", {"metadata": {"route": "small"}}, top_p=7)
    after = {size: g.count("gateway_requests_total", status="200") for size, g in healthy.items()}
    assert before == after


def test_a_prompt_that_is_too_long_for_a_small_model_goes_to_a_larger_one(healthy):
    with served_gateway(size="small", context=20) as short:
        model = routed({"small": short, "large": healthy["large"]})
        answer = model.invoke("hello " * 50, {"metadata": {"route": "small"}})
    assert answer.response_metadata["failed"] == ["small"]


def test_a_stream_that_ends_without_its_end_is_no_answer(healthy):
    with openai_server() as server:
        server.script.append([{"content": "half an ans"}])
        server.finish_reason = None
        models = {
            "small": fail_fast_model(server.url, server.model),
            "large": fail_fast_model(healthy["large"].url, "namu-large", silence=PATIENT),
        }
        answer = RoutedChatModel(models=models).invoke("hello", {"metadata": {"route": "small"}})
    assert answer.response_metadata["failed"] == ["small"] and "half" not in answer.text


ANY_FAULT = st.one_of(
    st.just({}),
    st.sampled_from([{"status": 503}, {"status": 429}]),
    st.integers(0, 60).map(lambda n: {"break_after": n}),
    st.integers(0, 60).map(lambda n: {"stall_after": n}),
)
SOME_FAULT = st.tuples(ANY_FAULT, st.none() | st.integers(1, 4)).map(
    lambda pair: {**pair[0], **({"times": pair[1]} if pair[1] and pair[0] else {})}
)
RELAXED = {"deadline": None, "suppress_health_check": list(HealthCheck)}


CASE = {
    "faults": st.tuples(SOME_FAULT, SOME_FAULT),
    "text": st.sampled_from(["hello", "a cafe in Mapo-gu"]),
}


@pytest.mark.soak
@settings(max_examples=12, **RELAXED)
@given(**CASE)
def test_any_fault_at_any_token_leaves_one_whole_answer_or_a_clear_error(gateways, faults, text):
    one_whole_answer_or_an_error(gateways, faults, text)


@pytest.mark.soak
@settings(max_examples=150, **RELAXED)
@given(**CASE)
def test_many_faults_leave_one_whole_answer_or_a_clear_error(gateways, faults, text):
    one_whole_answer_or_an_error(gateways, faults, text)


def one_whole_answer_or_an_error(gateways, faults, text):
    """Talk to Namu over two gateways with faults, and look at what the person is shown."""
    pair = {size: gateways[size] for size in ("small", "medium")}
    for gateway, fault in zip(pair.values(), faults, strict=True):
        gateway.set_faults(**fault)
    namu = build_namu(model=routed(pair, silence=0.4), checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}, "metadata": {"route": "small"}}
    shown = {}
    try:
        for kind, value in namu.stream(
            {"messages": [("user", text)]}, config, stream_mode=["messages", "values"]
        ):
            if kind == "values":
                state = value
            elif isinstance(value[0], AIMessage) and value[0].text:
                shown[value[0].id] = shown.get(value[0].id, "") + value[0].text
    except NoModelAnswers as error:
        assert not shown and "small: " in str(error) and "medium: " in str(error)
        return
    finally:
        for gateway in pair.values():
            gateway.set_faults()
    answers = [m for m in state["messages"] if isinstance(m, AIMessage) and m.text]
    assert len(answers) == 1 and list(shown.values()) == [answers[0].text]
    by = answers[0].response_metadata["answered_by"]
    assert answers[0].text == whole_answers(gateways, text)[by]


WHOLE = {}


def whole_answers(gateways, text):
    """What each model says to a text when nothing fails, by its name."""
    if text not in WHOLE:
        said = {}
        for size in ("small", "medium"):
            model = routed({size: gateways[size]})
            state = build_namu(model=model).invoke({"messages": [("user", text)]})
            said[size] = state["messages"][-1].text
        WHOLE[text] = said
    return WHOLE[text]


class Slow(OfflineChatModel):
    """Answers when it is let go."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "begun", threading.Semaphore(0))
        object.__setattr__(self, "go", threading.Event())

    def _generate(self, *given, **named):
        self.begun.release()
        assert self.go.wait(30)
        return super()._generate(*given, **named)


def test_a_model_at_its_limit_is_passed_over_and_not_waited_for():
    slow = Slow()
    model = RoutedChatModel(
        models={"small": slow, "large": OfflineChatModel()},
        limits={"small": CallLimit(concurrent=1)},
    )
    config, first = {"metadata": {"route": "small"}}, []
    thread = threading.Thread(target=lambda: first.append(model.invoke("hello", config)))
    thread.start()
    assert slow.begun.acquire(timeout=30)
    second = model.invoke("hello", config)
    slow.go.set()
    thread.join()
    assert second.response_metadata["failed"] == ["small"]
    assert first[0].response_metadata["answered_by"] == "small"
    assert model.invoke("hello", config).response_metadata["failed"] == [], "the place is free"


def test_a_limit_counts_calls_in_a_second_and_frees_a_place_after_an_error():
    for burst in (1, 2, 5):
        limit = CallLimit(per_second=0.001, burst=burst)
        for _ in range(burst):
            with limit.call("small"):
                pass
        with pytest.raises(ModelBusy, match="small has all the calls in a second"):
            with limit.call("small"):
                pass
    one = CallLimit(concurrent=1)
    for _ in range(3):
        with pytest.raises(KeyError), one.call("small"):
            raise KeyError
    for wrong in ({"concurrent": 0}, {"per_second": 0}, {"burst": 0}):
        with pytest.raises(ValueError, match="lets no call through"):
            CallLimit(**wrong)


def test_a_structured_answer_and_tools_go_through_every_model(healthy):
    model = routed(healthy, budget=ContextBudget())
    bound = model.bind_tools([search_places], tool_choice="any")
    for size in healthy:
        config = {"metadata": {"route": size}}
        (call,) = bound.invoke([HumanMessage("a cafe in Mapo-gu")], config).tool_calls
        assert call["args"]["category"] == "cafe", size
