"""The course's model gateway as a child process.

with model_gateway(size="small", tokens_per_second=40) as small:
    model = RemoteChatModel(base_url=small.api, model=small.model, api_key="any")
    small.set_faults(status=503)
    print(small.metrics()["gateway_requests_total"])
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from course_lib.models.gateway.command import KEY_VARIABLE
from course_lib.serving.ports import local_opener, port_or_free
from course_lib.serving.process import python_path, start
from course_lib.serving.vllm_process import ModelServer


@dataclass
class ModelGateway(ModelServer):
    """A running gateway."""

    _key: str | None = field(default=None, repr=False)

    def set_faults(self, **faults: Any) -> None:
        """Set what goes wrong with the requests from now on; without arguments, nothing.

        Args:
            faults: `status` (429 or 503), `retry_after` (seconds), `stall_after` and
                `break_after` (tokens), and `times` (requests), as `Faults` describes them.

        Raises:
            ValueError: the gateway refuses them.
        """
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        data = json.dumps(faults).encode()
        request = urllib.request.Request(
            f"{self.url}/faults", data=data, headers=headers, method="PUT"
        )
        try:
            local_opener().open(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            with error:
                said = json.loads(error.read())["error"]["message"]
            raise ValueError(f"The gateway refuses the faults {faults}: {said}") from None

    def metrics(self) -> dict[str, float]:
        """Return what the gateway has counted, by the names in its `/metrics`.

        A name with labels sums them up, and each has an entry of its own as well:
        `gateway_requests_total` and `gateway_requests_total{status="200"}`.
        """
        from prometheus_client.parser import text_string_to_metric_families

        with local_opener().open(f"{self.url}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith("_created"):  # when the counter was made
                    continue
                if sample.labels:
                    labels = ",".join(f'{name}="{value}"' for name, value in sample.labels.items())
                    found[f"{sample.name}{{{labels}}}"] = sample.value
                if "le" not in sample.labels:
                    found[sample.name] = found.get(sample.name, 0) + sample.value
        return found


def model_gateway(
    size: str = "large",
    *,
    port: int | None = None,
    key: str | None = None,
    seconds: float = 60,
    **options: Any,
) -> ModelGateway:
    """Start a gateway and wait until it is healthy.

    Args:
        size: `small`, `medium` or `large`; the smaller ones read less of a conversation.
        port: TCP port on 127.0.0.1; a free one when left out.
        key: the only key that it accepts; None to accept every key.
        seconds: how long to wait until it is healthy.
        options: `tokens_per_second`, `first_token_seconds`, `prompt_tokens_per_second`,
            `concurrent`, `queue`, `context` and `log_file` as `GatewaySettings` describes them,
            and the faults of `set_faults`.

    Raises:
        ValueError: the port is no TCP port.
        ServerError: an option that it refuses, the port is taken, or it did not become healthy.
    """
    place = port_or_free(port)
    given = {"port": place, "size": size, **options}
    command = [sys.executable, "-m", "course_lib", "gateway"]
    command += [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]
    return start(
        command,
        f"http://127.0.0.1:{place}",
        "/health",
        variables={"PYTHONPATH": python_path(), KEY_VARIABLE: key or ""},
        seconds=seconds,
        server_class=partial(ModelGateway, model=f"namu-{size}", _key=key),
    )
