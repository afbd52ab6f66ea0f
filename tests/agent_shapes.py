"""Agents as other people build them, to try the chat on: each middleware of LangChain, and teams.

A team is a swarm, whose agents hand the conversation to each other, or a deep agent, which has a
to-do list, files in its state and another agent as a tool. Built after LangGraph's and LangChain's
own examples (react-agent, swarm, deep agents), from `create_agent` and plain LangGraph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from graph_shapes import heard, said
from langchain.agents import AgentState, create_agent
from langchain.agents.middleware import (
    AutoModeMiddleware,
    ContextEditingMiddleware,
    FilesystemFileSearchMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolEmulator,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelChoice,
    ModelFallbackMiddleware,
    ModelRefusalMiddleware,
    ModelRetryMiddleware,
    ModelRouterMiddleware,
    PIIMiddleware,
    ProviderToolSearchMiddleware,
    ShellToolMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    ToolErrorMiddleware,
    ToolRetryMiddleware,
)
from langchain.tools import ToolRuntime
from langchain_core.decisions import BaseDecisionModel, ChoiceAnswer, ClassifierResponse, NoulAnswer
from langchain_core.language_models.fake_chat_models import (
    FakeListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from pydantic import Field


@tool
def look_up(text: str) -> str:
    """Look something up."""
    return f"found {text}"


@tool("look_up")
def failing(text: str) -> str:
    """Look something up, and fail."""
    raise ValueError(f"no {text}")


class Scripted(GenericFakeChatModel):
    """Calls tools for each message of a person that says `tool`, else repeats the message.

    Args:
        calls: the names and arguments of the calls, one list for each answer of the model. An
            argument that is `"{text}"` is what the person said.
    """

    messages: Any = iter(())
    calls: list[list[tuple[str, dict[str, Any]]]] = Field(
        default=[[("look_up", {"text": "{text}"})]]
    )

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self

    def with_structured_output(self, schema: Any, **options: Any) -> Any:
        """Select the tool, where `LLMToolSelectorMiddleware` asks which ones are needed."""
        return RunnableLambda(lambda messages: {"tools": ["look_up"]})

    def _generate(self, messages: Any, *arguments: Any, **options: Any) -> ChatResult:
        turn = messages[max(n for n, m in enumerate(messages) if m.type == "human") :]
        done, text = sum(m.type == "ai" for m in turn), said(messages)[-1]
        if "tool" in text and done < len(self.calls):
            calls = [
                {
                    "name": name,
                    "args": {key: text if arg == "{text}" else arg for key, arg in args.items()},
                    "id": f"call_{len(messages)}_{n}",
                }
                for n, (name, args) in enumerate(self.calls[done])
            ]
            answer = AIMessage("", tool_calls=calls)
        else:
            results = [m.text for m in turn if isinstance(m, ToolMessage)]
            answer = AIMessage(": ".join([*results[-1:], heard(messages)]))
        return ChatResult(generations=[ChatGeneration(message=answer)])

    def _stream(self, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError


class Whole(Scripted):
    """The same model, which LangChain calls without streaming."""

    disable_streaming: bool = True


class Refusing(Whole):
    """A model whose provider refuses every request."""

    def _generate(self, *arguments: Any, **options: Any) -> ChatResult:
        refusal = AIMessage([{"type": "refusal", "refusal": "I cannot help with that."}])
        return ChatResult(generations=[ChatGeneration(message=refusal)])


class OfProvider(Whole):
    """A model of a provider that searches tools itself, by `ProviderToolSearchMiddleware`."""

    def _get_ls_params(self, **options: Any) -> Any:
        return {**super()._get_ls_params(**options), "ls_provider": "openai"}


class Deciding(BaseDecisionModel):
    """Takes a text that says `ask` for a risk, and routes it to the second model."""

    model: str = "deciding"

    @property
    def _provider(self) -> str:
        return "test"

    def _classify(self, state: Any, questions: dict[str, Any]) -> ClassifierResponse:
        risky = "ask" in str(state)
        answers: dict[str, Any] = {
            "is_risky": NoulAnswer(type="noul", noul=0.9 if risky else 0.1),
            "model_route": ChoiceAnswer(
                type="choice",
                choice="second" if risky else "first",
                probabilities={"first": 0.5, "second": 0.5},
                confidence=0.5,
            ),
        }
        asked = {name: answer for name, answer in answers.items() if name in questions}
        return ClassifierResponse(model=self.model, answers=asked)


def agent(
    *middleware: Any,
    model: Any = Whole,
    tools: tuple[BaseTool, ...] = (look_up,),
    **options: Any,
) -> Any:
    """Return what makes an agent on a saver, with middleware made anew for each agent."""

    def build(saver: Any) -> Any:
        made = [make() for make in middleware]
        return create_agent(model(), tools, middleware=made, checkpointer=saver, **options)

    return build


def calling(name: str, **arguments: Any) -> Any:
    return lambda: Whole(calls=[[(name, arguments)]])


def hand_over(name: str) -> BaseTool:
    """The tool with which an agent of a swarm gives the conversation to another one."""

    def hand(runtime: ToolRuntime) -> Command:
        note = ToolMessage(f"handed to {name}", tool_call_id=runtime.tool_call_id)
        update = {"messages": [*runtime.state["messages"], note], "active_agent": name}
        return Command(goto=name, graph=Command.PARENT, update=update)

    return StructuredTool.from_function(
        hand, name=f"hand_to_{name}", description=f"Give the conversation to {name}."
    )


class SwarmState(MessagesState):
    active_agent: NotRequired[str]


def swarm(saver: Any) -> Any:
    """Two agents that hand the conversation to each other; who had it last goes on."""
    graph = StateGraph(SwarmState)
    for name, other in (("alice", "bob"), ("bob", "alice")):
        model = Whole(calls=[[(f"hand_to_{other}", {})]])
        graph.add_node(name, create_agent(model, [hand_over(other)], name=name))

    def active(state: SwarmState) -> Literal["alice", "bob"]:
        return state.get("active_agent", "alice")

    return graph.add_conditional_edges(START, active).compile(checkpointer=saver)


def merge_files(left: dict[str, str] | None, right: dict[str, str]) -> dict[str, str]:
    return {**(left or {}), **right}


class DeepState(AgentState):
    todos: NotRequired[list[dict[str, str]]]
    files: NotRequired[Annotated[dict[str, str], merge_files]]


@tool
def write_todos(todos: list[dict[str, str]], runtime: ToolRuntime) -> Command:
    """Write down what is to be done."""
    note = ToolMessage(f"{len(todos)} things to do", tool_call_id=runtime.tool_call_id)
    return Command(update={"todos": todos, "messages": [note]})


@tool
def write_file(name: str, text: str, runtime: ToolRuntime) -> Command:
    """Write a file into the state."""
    note = ToolMessage(f"wrote {name}", tool_call_id=runtime.tool_call_id)
    return Command(update={"files": {name: text}, "messages": [note]})


@tool
def ask_a_person(text: str) -> str:
    """Look something up, and ask a person where the text says so."""
    return f"found {interrupt({'question': 'Sure?'})}" if "ask" in text else f"found {text}"


def deep_agent(saver: Any) -> Any:
    """An agent that plans, writes files and gives work to another agent, which may ask."""
    researcher = create_agent(
        Whole(calls=[[("ask_a_person", {"text": "{text}"})]]), [ask_a_person], name="researcher"
    )

    @tool
    async def task(text: str, runtime: ToolRuntime) -> Command:
        """Give a task to the researcher."""
        given = {"messages": [HumanMessage(text)]}
        answer = (await researcher.ainvoke(given))["messages"][-1].text
        note = ToolMessage(answer, tool_call_id=runtime.tool_call_id)
        return Command(update={"files": {"result.md": answer}, "messages": [note]})

    model = Whole(
        calls=[
            [("write_todos", {"todos": [{"content": "look", "status": "pending"}]})],
            [("write_file", {"name": "plan.md", "text": "{text}"}), ("task", {"text": "{text}"})],
            [("write_todos", {"todos": [{"content": "look", "status": "completed"}]})],
        ]
    )
    tools = [write_todos, write_file, task]
    return create_agent(model, tools, state_schema=DeepState, checkpointer=saver)


AGENTS: dict[str, Any] = {
    "agent": agent(),
    "named agent": agent(name="finder"),
    "agent, reviewed": agent(lambda: HumanInTheLoopMiddleware(interrupt_on={"look_up": True})),
    "agent, reviewed one by one": agent(
        lambda: HumanInTheLoopMiddleware({"look_up": True}, interrupt_mode="per_call")
    ),
    "agent, summarised": agent(
        lambda: SummarizationMiddleware(Whole(), trigger=("messages", 8), keep=("messages", 4))
    ),
    "agent, limited": agent(
        lambda: ModelCallLimitMiddleware(run_limit=5), lambda: ToolCallLimitMiddleware(run_limit=5)
    ),
    "agent, planning": agent(
        TodoListMiddleware,
        model=calling("write_todos", todos=[{"content": "look", "status": "in_progress"}]),
    ),
    "agent, masked": agent(lambda: PIIMiddleware("email")),
    "agent, tidied": agent(ContextEditingMiddleware),
    "agent, retried": agent(ModelRetryMiddleware, ToolRetryMiddleware),
    "agent, errors of tools caught": agent(
        lambda: ToolErrorMiddleware(lambda error, request: f"failed: {error}"), tools=(failing,)
    ),
    "agent, refused by one model": agent(
        lambda: ModelFallbackMiddleware(Whole()), ModelRefusalMiddleware, model=Refusing
    ),
    "agent, routed": agent(
        lambda: ModelRouterMiddleware(
            choices={"first": ModelChoice(Whole(), "a"), "second": ModelChoice(Whole(), "b")},
            instructions="Choose.",
            classifier=Deciding(),
        )
    ),
    "agent, risky tools blocked": agent(
        lambda: AutoModeMiddleware(tools=["look_up"], classifier=Deciding())
    ),
    "agent, tools selected": agent(LLMToolSelectorMiddleware),
    "agent, tools searched by the provider": agent(
        lambda: ProviderToolSearchMiddleware(searchable_tools=["look_up"]), model=OfProvider
    ),
    "agent, tools emulated": agent(
        lambda: LLMToolEmulator(model=FakeListChatModel(responses=["emulated"]))
    ),
    "agent, searching files": agent(
        lambda: FilesystemFileSearchMiddleware(
            root_path=str(Path(__file__).parent), use_ripgrep=False
        ),
        model=calling("glob_search", pattern="agent_shapes.py"),
    ),
    "agent, with a shell": agent(ShellToolMiddleware, model=calling("shell", command="echo found")),
    "swarm": swarm,
    "deep agent": deep_agent,
}
"""How to build each agent on a saver, by its name."""
