"""The order of the packages in `course_lib`: an import never goes up, and never in a circle."""

from __future__ import annotations

import ast
import functools
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.settings import ROOT

LIBRARY = ROOT / "course_lib"
ORDER = [
    "__main__",
    "doctor",
    "exercises",
    "operations",
    "fastapi_app",
    "django_app",
    "chat",
    "serving",
    "sizing",
    "evaluation",
    "namu",
    "models",
    "display",
    "persistence",
    "retrieval",
    "neighbourhoods",
    "places",
    "glossary",
    "json_validation",
    "json_checks",
    "settings",
    "addresses",
]
"""Every package and module of `course_lib`, each above everything that it may import."""
PACKAGES = [name for name in ORDER if (LIBRARY / name).is_dir()]
MODULES = sorted(LIBRARY.rglob("*.py"))


def package_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


@functools.cache
def imported_by(path: Path) -> set[str]:
    """Return the modules of `course_lib` that a file names in any import, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.startswith("course_lib.")}


def test_every_package_has_its_place_in_the_order():
    assert {package_of(path) for path in MODULES} - {"__init__"} == set(ORDER)


def test_no_import_goes_up():
    upward = [
        f"{module_of(path)} imports {name}"
        for path in MODULES
        if package_of(path) != "__init__"
        for name in sorted(imported_by(path))
        if ORDER.index(name.split(".")[1]) < ORDER.index(package_of(path))
    ]
    assert not upward


def test_no_module_imports_itself_through_others():
    modules = {module_of(path): path for path in MODULES}
    graph = {name: imported_by(path) & set(modules) - {name} for name, path in modules.items()}
    done: set[str] = set()

    def walk(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                walk(other, (*trail, name))
            done.add(name)

    for name in graph:
        walk(name, ())


def test_no_module_is_longer_than_300_lines():
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert not {module_of(path): count for path, count in lines.items() if count > 300}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_public_name_can_be_imported_from_its_package(name):
    package = importlib.import_module(f"course_lib.{name}")
    for public in getattr(package, "__all__", ()):
        value = getattr(package, public)
        assert not isinstance(value, type(sys)), f"{public} is a module, not what it names"


def test_importing_a_package_loads_none_of_its_modules():
    code = "import sys\n" + "".join(f"import course_lib.{name}\n" for name in PACKAGES)
    code += "print([m for m in sys.modules if m.startswith(('lang', 'pydantic', 'IPython'))])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
