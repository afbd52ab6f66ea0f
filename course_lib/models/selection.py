"""Which chat model: the offline one, or any OpenAI-compatible server named by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.settings import read_settings

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel


def chat_model(**options: Any) -> BaseChatModel:
    """Return the chat model that the environment asks for.

    With no variable set this is `OfflineChatModel`. With `COURSE_LLM_BASE_URL` and
    `COURSE_LLM_MODEL` set it is `RemoteChatModel`, LangChain's `ChatOpenAI` with errors that name
    the address, talking to that server (vLLM, Ollama, a gateway ...).

    Args:
        options: passed on to the model's constructor, so they must be options of that model. A
            served model waits `timeout=60` seconds, tries `max_retries=3` times more with growing
            pauses, and decodes greedily (`temperature=0`).

    Raises:
        SettingsError: a variable is set to something unusable.
    """
    settings = read_settings()
    if settings.llm_base_url is None:
        from course_lib.models.offline import OfflineChatModel

        return OfflineChatModel(**options)
    from course_lib.models.remote import RemoteChatModel, client_for_any_loop

    defaults = {
        **{"base_url": settings.llm_base_url, "model": settings.llm_model},
        **{"api_key": settings.llm_api_key, "temperature": 0, "stream_usage": True},
        **{"timeout": 60, "stream_chunk_timeout": None, "max_retries": 3},  # `timeout` is the limit
        "http_async_client": client_for_any_loop(settings.llm_base_url),
    }
    return RemoteChatModel(**{**defaults, **options})


def model_name(model: BaseChatModel) -> str:
    """Return the name a model goes by, for showing to a person."""
    return str(getattr(model, "model_name", None) or getattr(model, "model", type(model).__name__))
