"""The files of deploy/: nothing in them is misspelt, and no name in them leads nowhere."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest
import yaml
from deploy_files import (
    DEPLOY,
    KUBERNETES,
    caddy_faults,
    compose_faults,
    containers_of,
    dashboard_faults,
    manifest_faults,
    manifests,
    nginx_faults,
    programs,
    rules_faults,
    template_of,
)
from runbook_commands import entries

from course_lib.fastapi_app.service import DRAIN_SECONDS
from course_lib.models.gateway.metrics import Metrics
from course_lib.operations.job_routes import QUEUE_CONNECTIONS
from course_lib.operations.jobs import CONNECTIONS
from course_lib.operations.start import APP
from course_lib.serving.process import STOP_SECONDS
from course_lib.serving.supervisor import GRACE_SECONDS
from course_lib.settings import ROOT

OUTSIDE = {
    # https://docs.vllm.ai/en/stable/design/metrics.html; compared below where vLLM is installed
    "vllm:num_requests_waiting",
    "vllm:kv_cache_usage_perc",
    # https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md
    "container_memory_working_set_bytes",
    "container_spec_memory_limit_bytes",
    # https://github.com/prometheus/node_exporter, collector filesystem
    "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes",
    # https://docs.nvidia.com/datacenter/dcgm/latest/reference/dcgm-exporter-metrics.html
    "DCGM_FI_DEV_FB_USED",
    "DCGM_FI_DEV_FB_FREE",
    "DCGM_FI_DEV_XID_ERRORS",
    # https://caddyserver.com/docs/metrics; test_deploy_commands.py reads it from a running Caddy
    "caddy_reverse_proxy_upstreams_healthy",
}
"""Metrics of programs that are not this course's, and where their makers list them."""


def read(name):
    return (DEPLOY / name).read_text(encoding="utf-8")


def compose():
    return yaml.safe_load(read("compose.yaml"))


def families(registry):
    """The names that a registry gives out, as PromQL knows them."""
    found = set()
    for family in registry.collect():
        kinds = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
        found |= {family.name + suffix for suffix in kinds.get(family.type, [""])}
    return found


def chat_metrics():
    """The names of what the service counts, read from the code that counts."""
    source = ROOT / "course_lib" / "operations" / "metrics.py"
    text = source.read_text(encoding="utf-8")
    found = set()
    for kind, name in re.findall(r'(Counter|Gauge|Histogram)\(\s*"(\w+)"', text):
        kinds = {"Counter": ["_total"], "Histogram": ["_bucket", "_sum", "_count"], "Gauge": [""]}
        found |= {name + suffix for suffix in kinds[kind]}
    return found


@pytest.fixture(scope="module")
def known():
    return chat_metrics() | families(Metrics().registry) | OUTSIDE


# Nothing is wrong


def test_the_compose_file_is_sound():
    assert compose_faults(read("compose.yaml")) == []


def test_the_manifests_are_sound():
    assert manifest_faults(manifests()) == []


def test_the_proxies_are_sound(tmp_path):
    assert caddy_faults(read("Caddyfile"), tmp_path) == []
    assert nginx_faults(read("nginx.conf")) == []


def test_the_rules_and_the_dashboard_ask_for_what_is_exported(known):
    assert rules_faults(read("prometheus_rules.yml"), known) == []
    assert dashboard_faults(read("dashboard.json"), known) == []
    assert len(json.loads(read("dashboard.json"))["panels"]) == 4


def test_nginx_itself_takes_its_file(tmp_path):
    nginx = programs("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed: apt-get install nginx. Its form was checked above.")
    text = re.sub(r"(api|model)-\d:", "127.0.0.1:", read("nginx.conf"))
    key, cert = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=chat.localhost "
        f"-keyout {key} -out {cert}".split(),
        check=True,
        capture_output=True,
    )
    path = tmp_path / "nginx.conf"
    path.write_text(text.replace("/etc/nginx/tls", str(tmp_path)).replace("/tmp/", f"{tmp_path}/"))
    done = subprocess.run([nginx, "-t", "-c", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_promtool_takes_the_rules():
    promtool = programs("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (it comes with Prometheus). Names were checked.")
    for command, name in (("rules", "prometheus_rules.yml"), ("config", "prometheus.yml")):
        done = subprocess.run(
            [promtool, "check", command, str(DEPLOY / name)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_vllm_still_has_the_metrics_that_are_asked_for():
    folder = next(ROOT.glob(".venv-vllm/lib/python3*/site-packages/vllm/v1/metrics"), None)
    if folder is None:
        pytest.skip("vLLM is not installed here: make vllm")
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    assert all(name in text for name in OUTSIDE if name.startswith("vllm:"))


# Two files that say the same


def test_prometheus_asks_services_that_exist_on_ports_they_have():
    services = compose()["services"]
    jobs = yaml.safe_load(read("prometheus.yml"))["scrape_configs"]
    exporters = {"node", "cadvisor", "dcgm"}
    for job in (job for job in jobs if job["job_name"] not in exporters):
        for target in job["static_configs"][0]["targets"]:
            host, port = target.split(":")
            assert host in services, target
            assert "watch" in services[host]["networks"], target
            told = json.dumps([services[host]["command"], services[host].get("environment")])
            assert port in told, target
    jobs = {job["job_name"] for job in jobs}
    assert jobs == {"api", "jobs", "proxy", "gateway", "vllm", *exporters}
    for service in ("api", "jobs"):  # what listens on 127.0.0.1 is reached by nobody else
        host = next(name for name in services if name.startswith(service))
        command = services[host]["command"]
        assert command[command.index("--host") + 1] == "0.0.0.0", host


def test_every_alert_names_an_entry_of_the_runbook_and_every_named_alert_exists():
    groups = yaml.safe_load(read("prometheus_rules.yml"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert {rule["annotations"]["runbook"] for rule in rules} <= set(entries())
    alerts = {rule["alert"] for rule in rules}
    text = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    named = set(re.findall(r"alert `(\w+)`", text)) | set(re.findall(r"or `([A-Z]\w+)`", text))
    assert named and named <= alerts, named - alerts


def test_the_rules_of_the_service_are_those_of_the_code():
    from course_lib.operations.alert_rules import RULES as IN_CODE

    chat = yaml.safe_load(read("prometheus_rules.yml"))["groups"][0]["rules"]
    assert [(each["alert"], each["expr"], each["for"]) for each in chat] == [
        (rule.name, rule.expression, f"{rule.for_seconds:g}s") for rule in IN_CODE
    ]


def test_both_ways_to_deploy_start_the_same_commands_with_the_same_settings():
    service = compose()["services"]["api-1"]
    assert compose()["services"]["api-2"] == service
    documents = [each for text in manifests().values() for each in yaml.safe_load_all(text)]
    pods = {each["metadata"]["name"]: made for each in documents if (made := template_of(each))}
    api = pods["api"]["spec"]["containers"][0]
    assert api["command"] == service["command"]
    assert (
        json.loads(re.search(r"^CMD (\[.*\])$", read("Dockerfile"), re.M)[1]) == service["command"]
    )
    assert APP in service["command"]
    settings = next(each for each in documents if each["metadata"]["name"] == "chat-settings")
    assert set(settings["data"]) == set(service["environment"])
    images = {each["image"] for each in compose()["services"].values()}
    for template in pods.values():
        assert {each["image"] for each in containers_of(template)} <= images


def test_a_model_is_asked_for_by_the_name_that_it_is_served_by():
    documents = [each for text in manifests().values() for each in yaml.safe_load_all(text)]
    by_name = {each["metadata"]["name"]: each for each in documents}
    name = by_name["chat-settings"]["data"]["COURSE_LLM_MODEL"]
    arguments = next(
        each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in documents
        if each["metadata"]["name"] == "model" and each["kind"] == "Deployment"
    )
    assert f"--served-model-name={name}" in arguments and f"--model=/weights/{name}" in arguments
    assert re.fullmatch(r"[\w.-]+-\d{4}-\d\d-\d\d-[a-z0-9]+", name)  # name, date, quantisation
    services = compose()["services"]
    asked = services["api-1"]["environment"]["COURSE_LLM_MODEL"]
    assert f"--served-model-name={asked}" in services["vllm"]["command"]
    assert asked == "${MODEL_NAME:-namu-large}" and "MODEL_NAME=namu-large" in read("example.env")


def test_a_container_may_stop_for_longer_than_the_service_drains():
    graceful = int(compose()["services"]["api-1"]["command"][-1])
    notice = float(compose()["services"]["api-1"]["environment"]["CHAT_DRAIN_NOTICE_SECONDS"])
    needed = notice + graceful + DRAIN_SECONDS
    assert int(compose()["services"]["api-1"]["stop_grace_period"].rstrip("s")) > needed
    assert int(compose()["services"]["proxy"]["stop_grace_period"].rstrip("s")) > needed
    api = next(yaml.safe_load_all(manifests()["api.yaml"]))
    pod = api["spec"]["template"]["spec"]
    before = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > needed + before


def test_the_replicas_together_leave_room_for_the_database():
    documents = list(yaml.safe_load_all(manifests()["api.yaml"]))
    pods = next(each for each in documents if each["kind"] == "HorizontalPodAutoscaler")
    limit = int(re.search(r"^max_connections = (\d+)", read("postgresql.conf"), re.M)[1])
    # Savers and their reserve, the store's pool, the locks; the queue, and who hears of progress.
    for_each = 4 + 2 + 4 + 1 + QUEUE_CONNECTIONS + 1
    # The queue and who listens to it, savers, progress, the index of each night.
    for_jobs = CONNECTIONS + 1 + 2 + 2 + 1
    jobs = next(yaml.safe_load_all(manifests()["jobs.yaml"]))["spec"]["replicas"]
    reserved = 3 + 2  # PostgreSQL keeps some for operators; the nightly clean-up
    needed = (pods["spec"]["maxReplicas"] + 1) * for_each + (jobs + 1) * for_jobs + reserved
    assert needed <= limit
    for count in (for_each, for_jobs):
        assert f"at most {count}" in read("sizing.md")
        assert f"at most {count}" in read("postgresql.conf")
    assert (
        f"up to {for_each} connections of PostgreSQL's {limit}, the job workers {for_jobs}"
        in (manifests()["api.yaml"])
    )


def test_a_child_process_may_take_longer_to_end_than_its_notice():
    """Else the supervisor kills a worker that has only just told its proxy that it stops."""
    settings = compose()["services"]["api-1"]["environment"]
    assert float(settings["CHAT_DRAIN_NOTICE_SECONDS"]) + 2 < GRACE_SECONDS < STOP_SECONDS


def test_the_config_map_holds_the_settings_of_postgresql():
    documents = yaml.safe_load_all(manifests()["configmap.yaml"])
    texts = [each["data"].get("postgresql.conf") for each in documents]
    assert read("postgresql.conf") in texts


def test_the_image_of_postgresql_is_of_the_version_that_the_tests_use(server):
    from course_lib.persistence import connect

    if not server.embedded:
        pytest.skip("COURSE_DATABASE_URL names a server of its own version.")
    with connect(server.url) as connection:
        version = connection.execute("SHOW server_version").fetchone()[0]
    assert compose()["services"]["postgres"]["image"] == f"postgres:{version}"


SECRET_KINDS = (
    "AWSKeyDetector",
    "BasicAuthDetector",
    "HexHighEntropyString",
    "Base64HighEntropyString",
    "JwtTokenDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
)
"""Without the search for words: `secretName` in a manifest names a secret and holds none."""


def secrets_in(paths):
    from detect_secrets import SecretsCollection
    from detect_secrets.settings import transient_settings

    found = SecretsCollection()
    with transient_settings({"plugins_used": [{"name": name} for name in SECRET_KINDS]}):
        for path in paths:
            found.scan_file(str(path))
    return found.json()


def test_no_file_holds_a_secret(tmp_path):
    paths = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
    assert secrets_in(path for path in paths if path.parent.name != "secrets") == {}
    values = next(yaml.safe_load_all(manifests()["secret.yaml"]))["stringData"].values()
    assert not any(values)
    leaked = tmp_path / "secret.yaml"
    text = manifests()["secret.yaml"].replace('token_key: ""', f'token_key: "{"0f9c41d7" * 4}ab"')
    leaked.write_text(text)
    assert secrets_in([leaked])


def test_the_image_runs_as_nobody_special_and_pins_what_it_installs():
    text = read("Dockerfile")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users and users[-1].split(":")[0].isdigit() and users[-1] != "0"
    assert "--constraint constraints.txt" in text and "HEALTHCHECK" in text
    assert all(":" in line and ":latest" not in line for line in lines if line.startswith("FROM"))
    for line in lines:
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source.split('/')[0]}" in read("Dockerfile.dockerignore"), source


def programs_but_python(folder):
    folder.mkdir()
    for name in ("sh", "mkdir", "dirname", "cat", "rm", "chmod", "id", "chown"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="make_secrets.sh is a script for a Unix shell")
def test_secrets_are_made_once_and_nobody_else_reads_them(tmp_path):
    folder = tmp_path / "secrets"
    command = ["sh", str(DEPLOY / "make_secrets.sh"), str(folder)]
    without = {"PATH": str(programs_but_python(tmp_path / "bin"))}
    failed = subprocess.run(command, capture_output=True, env=without)
    assert failed.returncode and not list(folder.iterdir())
    subprocess.run(command, check=True, capture_output=True)
    first = {path.name: path.read_text() for path in folder.iterdir()}
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    subprocess.run(command, check=True, capture_output=True)  # also by a user who may not write
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made
    assert {path.name: path.read_text() for path in folder.iterdir()} == first
    assert set(first) == set(compose()["secrets"])
    assert first["pgpass"] == f"*:*:chat:chat:{first['postgres_password']}"
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    ignored = (
        subprocess.run(["git", "check-ignore", "-q", "deploy/secrets/token_key"], cwd=ROOT)
        if shutil.which("git") and (ROOT / ".git").exists()
        else None
    )
    assert ignored is None or ignored.returncode == 0


def test_the_numbers_of_the_sizing_table_are_measured_or_calculated():
    from course_lib.sizing import kv_space, published_models

    text = read("sizing.md")
    results = ROOT / "benchmarks" / "results"
    service = (results / "service.md").read_text(encoding="utf-8")
    growth = (results / "growth.md").read_text(encoding="utf-8")
    cache = (results / "cache.md").read_text(encoding="utf-8")
    for number in ("127 MB", "201 kB", "1.35 s", "1.8 s"):
        assert number in service and number in text, number
    share = re.search(r"cached in process, over PostgreSQL alone .*?\| ([\d.]+) x", cache)[1]
    assert "0.63" in service and f"reads the state in {share} of the time" in " ".join(text.split())
    for row in ("0.19, 3.71, 14.39, 56.59 MB", "0.04, 0.28, 0.63, 1.55 MB"):
        assert row in text and row.replace(", ", " / ") in growth
    name = "Qwen/Qwen2.5-7B-Instruct-AWQ"
    model = next(each for each in published_models() if each.name == name)
    for gigabytes in (24, 80):
        room = kv_space(model.shape, model.bytes, gigabytes * 1e9, use=0.90)
        assert f"{room.tokens:,} tokens" in text
    assert f"{model.bytes / 1e9:.1f} GB of weights" in text


def test_the_ceiling_of_postgresql_in_the_sizing_table_is_the_measured_one():
    stored = ROOT / "benchmarks" / "results" / "postgres-ceiling.md"
    told = "not measured yet: `make bench ONLY=postgres-ceiling`"
    if stored.exists():
        rows = dict(re.findall(r"^\| (.+?) \| (.+?) \|", stored.read_text(encoding="utf-8"), re.M))
        number = rows["the ceiling, the clients on the same machine"].removesuffix(" turns/s")
        limit = rows["what the limit is"].partition(":")[0]
        at_once = rows["reached with"].partition(",")[0]
        told = f"{number} a second, with {at_once}; the limit is {limit}"
    expected = f"| turns that PostgreSQL with a synchronous standby takes | {told} |"
    assert expected in read("sizing.md")


# A planted fault is found


COMPOSE = [
    ("restart: unless-stopped", "restrat: unless-stopped", "restrat"),
    ("api-1: {condition: service_healthy}", "api-9: {condition: service_healthy}", "api-9"),
    ("secrets: [postgres_password]", "secrets: [postgres_pasword]", "postgres_pasword"),
    ("networks: [front, models, watch]", "networks: [frnot, models, watch]", "frnot"),
    ('"127.0.0.1:9090:9090"', '"9090:9090"', "open to other machines"),
    ("postgres:18.4", "postgres:latest", "names no version"),
    ('limits: {cpus: "2.0", memory: 2G}', 'limits: {cpus: "2.0"}', "no limit of memory"),
    ("- caddy_data:/data", "- cady_data:/data", "cady_data"),
    ("./prometheus.yml:", "./prometeus.yml:", "prometeus"),
    ("  stop_grace_period: 65s\n  deploy: &api", "  deploy: &api", "stop_grace_period"),
    ("POSTGRES_PASSWORD_FILE: /run/secrets/postgres_password", "POSTGRES_PASSWORD: x", "variable"),
    ("stop_grace_period: 90s", "stop_grace_period: [90s]", "stop_grace_period"),
]
MANIFESTS = [
    ("api.yaml", "replicas: 2", "replica: 2", "'replica' was unexpected"),
    (
        "api.yaml",
        "matchLabels: {app: api}\n  strategy",
        "matchLabels: {app: ap}\n  strategy",
        "selector",
    ),
    ("api.yaml", "targetPort: http", "targetPort: htp", "'htp'"),
    ("api.yaml", "kind: Deployment, name: api", "kind: Deployment, name: ap", "Deployment/ap"),
    (
        "api.yaml",
        "configMapRef: {name: chat-settings}",
        "configMapRef: {name: chat}",
        "ConfigMap/chat",
    ),
    ("api.yaml", "secretName: chat-secrets", "secretName: secrets", "Secret/secrets"),
    (
        "api.yaml",
        "image: namu-chat:0.1.0\n          command:\n",
        "image: namu-chat\n          command:\n",
        "no version",
    ),
    ("api.yaml", "runAsNonRoot: true", "runAsNonRoot: false", "root"),
    ("api.yaml", 'cpu: "1", memory: 768Mi', 'cpu: "1"', "limits"),
    ("api.yaml", "livenessProbe:", "livenesProbe:", "livenesProbe"),
    ("api.yaml", "httpGet: {path: /, port: http}", "httpGet: {path: /, port: web}", "'web'"),
    (
        "api.yaml",
        "name: keys, mountPath: /keys, readOnly",
        "name: key, mountPath: /keys, readOnly",
        "'key'",
    ),
    (
        "api.yaml",
        "minAvailable: 1\n  selector:\n    matchLabels: {app: api}",
        "minAvailable: 1\n  selector:\n    matchLabels: {app: x}",
        "no pod",
    ),
    (
        "model.yaml",
        "claimName: model-weights",
        "claimName: weights",
        "PersistentVolumeClaim/weights",
    ),
    ("model.yaml", "operator: Exists", "operater: Exists", "operater"),
    ("postgres.yaml", "serviceName: postgres", "serviceName: postgre", "serviceName"),
    ("postgres.yaml", "key: postgres_password", "key: password", "no key 'password'"),
    ("jobs.yaml", "concurrencyPolicy", "concurencyPolicy", "concurencyPolicy"),
    ("network_policies.yaml", 'uses-database: "true"', 'use-database: "true"', "there are none"),
    ("network_policies.yaml", "port: postgres", "port: postgre", "'postgre'"),
    ("ingress.yaml", "service: {name: api,", "service: {name: apis,", "'apis'"),
    ("ingress.yaml", "secretName: chat-tls", "secretName: tls", "'tls'"),
    ("load_balancer.yaml", "externalTrafficPolicy", "externalTraficPolicy", "externalTraficPolicy"),
    ("configmap.yaml", "data:", "datas:", "datas"),
    ("namespace.yaml", "apiVersion: v1", "apiVersion: v9", "v9"),
]
CADDY = [
    ("\ttls internal\n", "\ttsl internal\n", "tsl"),
    ("lb_policy least_conn", "lb_policy least_con", "least_con"),
    ("flush_interval -1", "flush_intervall -1", "flush_intervall"),
    ("request_buffers 1MiB", "request_buffers 1XB", "request_buffers|1XB"),
]
NGINX = [
    (
        "proxy_buffering off;\n            proxy_cache",
        "proxy_bufering off;\n            proxy_cache",
        "proxy_bufering",
    ),
    (
        "proxy_buffering off;\n            proxy_cache",
        "proxy_buffering on;\n            proxy_cache",
        "proxy_buffering",
    ),
    ("proxy_pass http://models", "proxy_pass http://model", "'model'"),
    ("server_tokens off;", "server_tokens off", "server_tokens|unknown|semicolon"),
    ("proxy_read_timeout 180s;", "", "proxy_read_timeout"),
    ("        proxy_set_header Connection $connection_upgrade;", "", "WebSocket"),
]
RULES = [
    ("chat_turns_total{outcome", "chat_turn_total{outcome", "chat_turn_total"),
    ("sum(chat_turns_running)", "sum(chat_turns_running", "do not match"),
    ("for: 120s", "fro: 120s", "fro"),
    ("DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_FRE", "DCGM_FI_DEV_FB_FRE"),
    ("alert: ManyForks", "alert: ThreadsBusy", "twice"),
]
DASHBOARD = [
    ("chat_first_token_seconds_bucket", "chat_first_tokens_seconds_bucket", "first_tokens"),
    ('"id": 2', '"id": 1', "one id"),
    ('"x": 12', '"x": 20', "wider"),
]


def planted(text, right, wrong):
    assert right in text, right
    return text.replace(right, wrong, 1)


def assert_found(faults, words):
    assert any(re.search(words, fault) for fault in faults), faults


@pytest.mark.parametrize(("right", "wrong", "words"), COMPOSE)
def test_a_fault_in_the_compose_file_is_found(right, wrong, words):
    assert_found(compose_faults(planted(read("compose.yaml"), right, wrong)), words)


@pytest.mark.one_in(4)
@pytest.mark.parametrize(("name", "right", "wrong", "words"), MANIFESTS)
def test_a_fault_in_a_manifest_is_found(name, right, wrong, words):
    texts = manifests()
    texts[name] = planted(texts[name], right, wrong)
    assert_found(manifest_faults(texts), words)


def test_all_faults_of_the_manifests_are_told_at_once():
    texts = manifests()
    texts["api.yaml"] = texts["api.yaml"].replace("replicas: 2", "replica: 2", 1)
    texts["api.yaml"] = texts["api.yaml"].replace("minReplicas", "minReplica", 1)
    texts["jobs.yaml"] = texts["jobs.yaml"].replace("schedule:", "shedule:", 1)
    told = " ".join(manifest_faults(texts))
    assert all(name in told for name in ("replica'", "minReplica'", "shedule'"))


@pytest.mark.parametrize(("right", "wrong", "words"), CADDY)
def test_a_fault_in_the_caddyfile_is_found(tmp_path, right, wrong, words):
    assert_found(caddy_faults(planted(read("Caddyfile"), right, wrong), tmp_path), words)


@pytest.mark.parametrize(("right", "wrong", "words"), NGINX)
def test_a_fault_in_the_nginx_file_is_found(right, wrong, words):
    assert_found(nginx_faults(planted(read("nginx.conf"), right, wrong)), words)


@pytest.mark.parametrize(("right", "wrong", "words"), RULES)
def test_a_fault_in_the_rules_is_found(known, right, wrong, words):
    assert_found(rules_faults(planted(read("prometheus_rules.yml"), right, wrong), known), words)


@pytest.mark.parametrize(("right", "wrong", "words"), DASHBOARD)
def test_a_fault_in_the_dashboard_is_found(known, right, wrong, words):
    assert_found(dashboard_faults(planted(read("dashboard.json"), right, wrong), known), words)


def test_the_manifests_name_a_version_that_the_check_knows():
    from kubernetes_validate import utils

    assert KUBERNETES in {utils.major_minor(each) for each in utils.all_versions()}
