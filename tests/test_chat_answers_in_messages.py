"""A node that stores the answer to its question as a message stores what the person said."""

import pytest
from chat_graphs import chat_on, texts
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from course_lib.chat import ChatError
from course_lib.chat.path_history import read_path_history
from course_lib.persistence import open_checkpointer

WAYS = {
    "a dict": ("Seoul", lambda answer: {"role": "user", "content": answer}),
    "a pair": ("Seoul", lambda answer: ("human", answer)),
    "a message": ("Seoul", lambda answer: HumanMessage(answer, name="person")),
    "an id": ("Seoul", lambda answer: HumanMessage(answer, id="one answer")),
    "spaces": (" Seoul\n", lambda answer: HumanMessage(answer.strip())),
    "a number": (7, lambda answer: HumanMessage(str(answer))),
    "a response": (
        [{"type": "response", "args": "Seoul"}],
        lambda answer: HumanMessage(answer[0]["args"]),
    ),
    "a decision": (
        {"decisions": [{"type": "respond", "message": "Seoul"}]},
        lambda answer: HumanMessage(answer["decisions"][0]["message"]),
    ),
}


def asking(saver, stored, *, nested=False):
    """A graph that answers, asks for the next message, and answers again."""

    def agent(state: MessagesState):
        return {"messages": [AIMessage(f"heard {state['messages'][-1].text}")]}

    def ask(state: MessagesState):
        return {"messages": [stored(interrupt("What else?"))]}

    def critic(state: MessagesState):
        return {"messages": [HumanMessage("The draft is too long.", name="critic")]}

    asked = ask
    if nested:
        asked = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask").compile()
    graph = StateGraph(MessagesState).add_node("agent", agent).add_node("asked", asked)
    graph.add_node("critic", critic)
    graph.add_edge(START, "agent").add_edge("agent", "asked")
    return graph.add_edge("asked", "critic").add_edge("critic", "agent").compile(checkpointer=saver)


@pytest.fixture
def saver(url):
    with open_checkpointer(url) as opened:
        yield opened


async def answered(graph, answer, times=1):
    chat, transcript = chat_on(graph, thread_id="one")
    await chat.send("hello")
    for _ in range(times):
        (card,) = [entry for entry in transcript.entries if entry["kind"] == "approval"]
        await chat.resume({card["id"]: answer})
    return chat, transcript


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_shown_as_the_persons_at_once_and_after_a_reload(saver, way):
    answer, stored = WAYS[way]
    said = "7" if way == "a number" else "Seoul"
    chat, transcript = await answered(asking(saver, stored), answer)
    again, reread = chat_on(chat.graph, thread_id="one")
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["hello", said]
        assert texts(shown, "summary") == ["The draft is too long."]


async def test_it_is_the_persons_where_a_subgraph_asked(saver):
    graph = asking(saver, HumanMessage, nested=True)
    _, transcript = await answered(graph, "Seoul", times=2)
    again, reread = chat_on(graph, thread_id="one")
    await again.load()
    for shown in (transcript, reread):
        assert texts(shown, "you") == ["hello", "Seoul", "Seoul"]


async def test_no_run_began_with_it_so_it_is_no_message_to_edit(saver):
    chat, transcript = await answered(asking(saver, HumanMessage), "Seoul", times=2)
    sent, *answers = [entry for entry in transcript.entries if entry["kind"] == "you"]
    assert len(answers) == 2 and all(entry["sent"] is False for entry in answers)
    assert "sent" not in sent and transcript.person_keys() == [sent["key"]]
    with pytest.raises(ChatError, match=r"your answer to a question.*Go back"):
        await chat.edit(answers[0]["key"], "Busan")
    await chat.edit(sent["key"], "good morning")
    assert texts(transcript, "you") == ["good morning"]
    history = await read_path_history(chat, transcript.person_keys())
    assert list(history.versions) == transcript.person_keys()


async def test_a_sitting_that_answered_does_not_make_other_words_the_persons(saver):
    graph = asking(saver, lambda answer: HumanMessage(f"They said: {answer}"))
    _, transcript = await answered(graph, "Seoul")
    assert texts(transcript, "you") == ["hello"]
    assert texts(transcript, "summary") == ["They said: Seoul", "The draft is too long."]
