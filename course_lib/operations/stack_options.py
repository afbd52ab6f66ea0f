"""What `stack()` is asked for, checked before anything starts: ports, and the model's options."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError

from course_lib.models.gateway.app import GatewaySettings
from course_lib.models.gateway.faults import Faults
from course_lib.operations.parts import check_port, quiet_port
from course_lib.operations.running_stack import (
    DATABASES,
    JOBS,
    MODEL_PROXY,
    PROXY,
    PROXY_STATUS,
    REPLICAS,
    WORKERS,
)
from course_lib.serving.ports import check_port_number

PORT_NAMES = (*DATABASES, *REPLICAS, PROXY, MODEL_PROXY, PROXY_STATUS, *WORKERS, JOBS)
"""What has a port. The proxy has three: for people, for the workers that ask the model, and for its
own health and numbers."""

OWN_OPTIONS = {"size", "key", "log_file", "faults"}
"""Settings of a gateway that `stack()` gives itself, or takes one by one."""

MODEL_OPTIONS = sorted({*GatewaySettings.model_fields, *Faults.model_fields} - OWN_OPTIONS)


def choose_ports(given: Mapping[str, int]) -> dict[str, int]:
    """Return the port of each part.

    Args:
        given: ports that certain parts must have, by the names of `PORT_NAMES`.

    Raises:
        ValueError: a name that has no port, a value that is no port, or one port for two parts.
        ServerError: nobody can listen on a port; the text names the part, and why.
    """
    unknown = sorted(set(map(str, given)) - set(PORT_NAMES))
    if unknown:
        raise ValueError(
            f"ports names {', '.join(unknown)}, which is no part with a port. Use: "
            f"{', '.join(PORT_NAMES)}."
        )
    for name, port in given.items():
        check_port_number(port, f"ports[{name!r}]")
    if len(set(given.values())) < len(given):
        raise ValueError(f"Two parts cannot have one port: {dict(given)}. Give each its own.")
    for name, port in given.items():
        check_port(name, port)
    places = dict(given)
    for name in PORT_NAMES:
        while name not in places:
            port = quiet_port()
            if port not in places.values():
                places[name] = port
    return places


def check_model(size: str, options: Mapping[str, float]) -> None:
    """Refuse what the model servers would refuse when they start.

    Args:
        size: of the model.
        options: as `model_gateway` takes them.

    Raises:
        TypeError: there is no such option.
        ValueError: its value cannot be used.
    """
    for name in options:
        if name not in MODEL_OPTIONS:
            raise TypeError(
                f"stack() has no option {name!r}. Those of the model are: "
                f"{', '.join(MODEL_OPTIONS)}. The port of a part is given by its name, as in "
                f"ports={{{PROXY!r}: 8443}}."
            )
    faults = {name: value for name, value in options.items() if name in Faults.model_fields}
    others = {name: value for name, value in options.items() if name not in faults}
    try:
        GatewaySettings.model_validate({"size": size, **others, "faults": faults})
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{fault['loc'][-1]}={fault['input']!r}: {fault['msg']}.") from None
