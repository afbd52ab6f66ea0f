"""Which models a chat can offer: what the server really has, and the offline model.

offered = offered_models()
graph = build_namu(model=offered.switch(), context_schema=...)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import openai

from course_lib.models.model_switch import ModelSwitch
from course_lib.models.offline import MODELS, OfflineChatModel
from course_lib.models.selection import served_model
from course_lib.models.server_errors import (
    ModelRequestError,
    ModelServerError,
    RequestFacts,
    explained_errors,
)
from course_lib.settings import read_settings

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from course_lib.models.remote import RemoteChatModel

MAX_MODELS = 100
"""How many models of a server are offered; hosted services list hundreds."""


@dataclass(frozen=True)
class OfferedModels:
    """The models that a chat offers.

    Args:
        models: by name. The first one answers until the person chooses another.
        fallback: the name of the offline model among them, which needs no server.
        server: address of the server; None where the offline model stands alone.
        notice: what is wrong with the server or its list, and what to do; empty where all is well.
    """

    models: Mapping[str, BaseChatModel] = field(repr=False)
    fallback: str
    server: str | None = None
    notice: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models, the first one first."""
        return tuple(self.models)

    @property
    def first(self) -> str:
        """The name of the model that answers until the person chooses another."""
        return self.names[0]

    def switch(self) -> ModelSwitch:
        """Return one model that stands for all of them; the context of a run chooses."""
        return ModelSwitch(self.models)


class _NoList(Exception):
    """A server answers, but has no list of models that can be read."""


def offered_models(
    environment: Mapping[str, str] | None = None, *, timeout: float = 5
) -> OfferedModels:
    """Ask the server of the settings which models it has, and add the offline model.

    Nothing of the server's state is raised as an error. A server that is down or refuses the key
    leaves the offline model first, and the server's model after it, for when it is back. A server
    without a list is offered by the one name in `COURSE_LLM_MODEL`.

    Args:
        environment: the variables to read; `os.environ` when left out.
        timeout: seconds to wait for the list.

    Raises:
        SettingsError: a variable has a value that cannot be used.
    """
    settings = read_settings(environment)
    offline: dict[str, BaseChatModel] = {name: OfflineChatModel(model=name) for name in MODELS}
    if settings.llm_base_url is None:
        return OfferedModels(offline, MODELS[0])
    served, named = served_model(settings), str(settings.llm_model)
    url, problem = settings.llm_base_url.rstrip("/"), ""
    try:
        listed = _listed(served, url, timeout)
    except (ModelServerError, ModelRequestError) as error:
        fallback = _fallback_beside([named])
        notice = f"{error} Until then the offline model, {fallback}, answers."
        return _offered(served, [fallback, named], fallback, url, notice)
    except _NoList as error:
        fallback = _fallback_beside([named])
        problem = (
            f"{url} has no list of models: {error}. The switch offers the model that "
            f"COURSE_LLM_MODEL names, {named!r}, and the offline model. If {named!r} does not "
            "answer, check that the address ends in /v1."
        )
        return _offered(served, [named, fallback], fallback, url, problem)
    fallback = _fallback_beside([named, *listed])
    others = [name for name in listed if name != named]
    if len(others) > MAX_MODELS:
        problem = f"{url} lists {len(listed)} models. The switch offers the first {MAX_MODELS}. "
        others = others[:MAX_MODELS]
    if named in listed:
        return _offered(served, [named, *others, fallback], fallback, url, problem.strip())
    has = f"It lists {', '.join(map(repr, others[:3]))}" + (", ..." if len(others) > 3 else "")
    problem += (
        f"{url} does not list the model {named!r} that COURSE_LLM_MODEL names. "
        f"{has if others else 'Its list is empty'}. Choose one of its models, or set "
        f"COURSE_LLM_MODEL. Until then the offline model, {fallback}, answers."
    )
    return _offered(served, [fallback, *others], fallback, url, problem)


def _offered(
    served: RemoteChatModel, names: list[str], fallback: str, url: str, notice: str
) -> OfferedModels:
    models: dict[str, BaseChatModel] = {
        # A copy shares the HTTP clients: one for each of many models would take seconds.
        name: served.model_copy(update={"model_name": name})
        for name in names
    }
    models[fallback] = OfflineChatModel()
    return OfferedModels(models, fallback, url, notice)


def _fallback_beside(names: list[str]) -> str:
    """A name for the offline model that no model of the server has."""
    name = MODELS[0]
    while name in names:
        name += " (no server)"
    return name


def _listed(served: RemoteChatModel, url: str, timeout: float) -> list[str]:
    """Return the names that a server lists, sorted, each once."""
    facts = RequestFacts(url=url, model=served.model_name, timeout=timeout, max_retries=0)
    client = served.root_client.with_options(timeout=timeout, max_retries=0)
    with explained_errors(facts):
        try:
            answer = client.get("/models", cast_to=httpx.Response)
        except openai.APITimeoutError as error:
            raise ModelServerError(
                f"{url} did not send its list of models within {timeout:g} s. Is it overloaded? "
                "Give it more time with offered_models(timeout=...)."
            ) from error
        except openai.APIStatusError as error:
            if error.status_code not in (404, 405, 501):
                raise
            raise _NoList(f"it answers {error.status_code} to {url}/models") from error
    try:
        data: Any = answer.json()["data"]
        names = {each["id"] for each in data}
    except (ValueError, TypeError, KeyError):
        raise _NoList(f"the answer to {url}/models is not in OpenAI's form") from None
    return sorted(name for name in names if isinstance(name, str) and name)
