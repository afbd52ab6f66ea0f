"""Which chat model is used: the offline one, or the server that the settings name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from course_lib.settings import read_settings

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from course_lib.models.remote import RemoteChatModel
    from course_lib.settings import Settings


def chat_model(**options: Any) -> BaseChatModel:
    """Return the chat model that the environment asks for.

    With no variable set this is `OfflineChatModel`. With `COURSE_LLM_BASE_URL` and
    `COURSE_LLM_MODEL` set it is `RemoteChatModel` for that server (vLLM, Ollama, a gateway ...).

    Args:
        options: options of the model's constructor. The defaults of a served model are
            `timeout=60` seconds, `max_retries=3` with growing pauses, and `temperature=0`.

    Raises:
        SettingsError: a variable has a value that cannot be used.
        ValueError: the offline model has no option of this name.
    """
    settings = read_settings()
    if settings.llm_base_url is None:
        from course_lib.models.offline import OfflineChatModel

        return OfflineChatModel(**options)
    return served_model(settings, **options)


def served_model(settings: Settings, **options: Any) -> RemoteChatModel:
    """Return the model of the server that the settings name.

    Args:
        settings: with an address and a model.
        options: as for `chat_model`.
    """
    from course_lib.models.remote import RemoteChatModel

    defaults = {
        "base_url": settings.llm_base_url,
        "model": settings.llm_model,
        "api_key": settings.llm_api_key,
        "temperature": 0,
        "stream_usage": True,
        "timeout": 60,
        "stream_chunk_timeout": None,  # `timeout` is the limit
        "max_retries": 3,
    }
    return RemoteChatModel(**{**defaults, **options})


def model_name(model: BaseChatModel) -> str:
    """Return the name of a model, to be shown to a person."""
    return str(getattr(model, "model_name", None) or getattr(model, "model", type(model).__name__))
