"""A chat model whose replies a test has written.

LangChain has such models as well. `FakeMessagesListChatModel` begins again with the first reply
after the last one, so a test does not notice a call too many; `GenericFakeChatModel` raises a
`StopIteration` there. Neither has `bind_tools`, without which no agent can be built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import PrivateAttr


class ScriptError(AssertionError):
    """The script is over and the model was asked once more."""


class ScriptedChatModel(BaseChatModel):
    """A chat model that gives its replies in their order, whatever it is asked.

    Structured output takes its reply from the script too, as a call of the schema's name.

    Args:
        replies: the replies, the first one first.

    Raises:
        ScriptError: a call when no reply is left.
    """

    replies: list[AIMessage]
    _requests: list[list[BaseMessage]] = PrivateAttr(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    @property
    def requests(self) -> list[list[BaseMessage]]:
        """The messages of every call so far, the first call first."""
        return self._requests

    @property
    def unused(self) -> list[AIMessage]:
        """The replies that nobody has asked for yet."""
        return self.replies[len(self._requests) :]

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return this model: its script says which tools it calls.

        Args:
            tools: not read.
            tool_choice: not read.
            kwargs: not read.
        """
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        number = len(self._requests)
        if number >= len(self.replies):
            raise ScriptError(
                f"The script has {number} replies, and the model was asked once more: "
                f"{messages[-1].text[:80]!r}. Add a reply, or find out why the graph asks again."
            )
        self._requests.append(list(messages))
        reply = self.replies[number].model_copy()
        return ChatResult(generations=[ChatGeneration(message=reply)])
