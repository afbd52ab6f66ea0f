"""Appendix A1 against the installed packages: no code, no exception and no message is missing.

A release that adds a code, raises one that was only listed, or words a message differently fails
here, and the page has to be completed.
"""

from __future__ import annotations

import functools
import inspect
import json
import re
from dataclasses import dataclass
from pathlib import Path

import langchain
import langchain_core.exceptions
import langchain_openai
import langgraph.errors
import pytest

from course_lib.settings import ROOT

PAGE = ROOT / "notebooks" / "A1_troubleshooting.ipynb"
OLDER = ROOT / "notebooks" / "A1_older_text.ipynb"
ENUMS = {
    "langgraph": langgraph.errors.ErrorCode,
    "langchain-core": langchain_core.exceptions.ErrorCode,
}
ONLY_DOCUMENTED = {"MISSING_CHECKPOINTER", "INVALID_LICENSE", "UNREACHABLE_NODE"}
"""Codes of the documentation, or of TypeScript, that no installed package has."""

PACKAGES = (langgraph.errors, langchain_core, langchain, langchain_openai)
CODE = re.compile(r"`([A-Z_]{8,})`")
ERROR_LINE = re.compile(r"^\w*(?:Error|Exception|Drained|Command|Transaction|Table): ", re.M)


@dataclass
class Section:
    """What is under one heading.

    Args:
        prose: the text of its Markdown cells.
        shown: what its code cells show, as plain text.
    """

    prose: str = ""
    shown: str = ""


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def plain(cell):
    """What a code cell shows, as plain text."""
    found = []
    for output in cell["outputs"]:
        found += [output.get("text", []), output.get("data", {}).get("text/plain", [])]
        found.append(f"{output.get('ename', '')}: {output.get('evalue', '')}")
    return "\n".join("".join(each) for each in found)


@functools.cache
def sections(path):
    """The sections of a page by their headings."""
    found, heading = {"": Section()}, ""
    for cell in cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            found[heading].shown += plain(cell)
            continue
        for part in re.split(r"^(?=#{1,3} )", source, flags=re.M):
            if part.startswith("#"):
                heading = part.splitlines()[0].lstrip("# ")
                assert heading not in found, f"two sections are called {heading}"
                found[heading] = Section()
            found[heading].prose += part
    return found


def anchor(heading):
    """How JupyterLab names a heading in a link."""
    return heading.replace(" ", "-")


def rows(text, columns):
    """The rows of the tables in a text, without their heads, as tuples."""
    found = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in row) for row in found if len(row) == columns]


@functools.cache
def sources():
    """The source of every module of the installed packages that may raise a code."""
    folders = {Path(inspect.getfile(package)).parent for package in PACKAGES}
    return [path.read_text("utf-8") for folder in folders for path in folder.rglob("*.py")]


def is_raised(code):
    return any(f"error_code=ErrorCode.{code}" in text for text in sources())


CODES = [code.name for enum in ENUMS.values() for code in enum]
RAISED = [code for code in CODES if is_raised(code)]
INDEX = [row for row in rows(sections(PAGE)["Find the message"].prose, 2) if "](#" in row[1]]
MESSAGES = [
    (message, re.search(r"\(#(.+)\)", link)[1])
    for left, link in INDEX
    for message in re.findall(r"`((?:[^`])+)`", left)
]


def test_the_enums_are_the_ones_that_the_page_was_written_for():
    assert {name: len(enum) for name, enum in ENUMS.items()} == {
        "langgraph": 5,
        "langchain-core": 7,
    }
    assert not ONLY_DOCUMENTED & set(CODES), "a code that was only documented is in an enum now"


@pytest.mark.parametrize("code", RAISED)
def test_a_code_that_is_raised_is_provoked_in_its_own_section(code):
    section = sections(PAGE)[code]
    assert f"/errors/{code}" in section.shown
    assert "**Cause**" in section.prose and "**Fix**" in section.prose


def test_the_codes_that_nothing_raises_are_listed_as_that():
    text = sections(PAGE)["Codes that nothing raises"]
    listed = {CODE.fullmatch(row[0])[1] for row in rows(text.prose, 3) if CODE.fullmatch(row[0])}
    assert listed == {code for code in CODES if code not in RAISED} | ONLY_DOCUMENTED
    for code in CODES:
        counted = re.search(rf"^{code} +\| (\d+) ", text.shown, re.M)
        assert bool(int(counted[1])) is (code in RAISED), code


def exceptions_of(module, base):
    found = [getattr(module, name) for name in dir(module)]
    classes = [each for each in found if inspect.isclass(each) and issubclass(each, base)]
    return {each.__name__ for each in classes if not issubclass(each, Warning)}


@pytest.mark.parametrize(
    "name",
    sorted(
        exceptions_of(langgraph.errors, Exception)
        | exceptions_of(langchain_core.exceptions, langchain_core.exceptions.ModelError)
    ),
)
def test_every_exception_class_of_the_packages_is_on_the_page(name):
    text = "\n".join(section.prose + section.shown for section in sections(PAGE).values())
    assert re.search(rf"\b{name}\b", text), f"{name} is new, or was left out"


@pytest.mark.parametrize(("message", "link"), MESSAGES, ids=[message for message, _ in MESSAGES])
def test_the_table_leads_from_a_message_to_the_section_that_shows_it(message, link):
    found = {anchor(heading): section for heading, section in sections(PAGE).items()}
    assert message in found[link].shown, f"the section {link} does not show this message"


@pytest.mark.parametrize("heading", ["Rarer errors", "Errors of tools and agents"])
def test_every_message_of_the_second_page_is_shown_and_a_run_that_works_ends_the_section(heading):
    section = sections(OLDER)[heading]
    listed = [row[0].strip("`") for row in rows(section.prose, 2)[1:]]
    assert len(listed) >= 12
    assert not [message for message in listed if message not in section.shown]
    assert not ERROR_LINE.match(
        [line for line in section.shown.splitlines() if line.strip(": ")][-1]
    )


def test_the_table_leads_on_to_the_errors_of_tools_and_agents_by_their_messages():
    heading = "Errors of tools and agents"
    (row,) = [row for row in rows(sections(PAGE)["Find the message"].prose, 2) if heading in row[1]]
    messages = re.findall(r"`([^`]+)`", row[0])
    assert messages and not [
        each for each in messages if each not in sections(OLDER)[heading].shown
    ]


# A search of these words has to end on one of the two pages, whatever the sections are called.
PASTED = [
    "Recursion limit of",
    "can only concatenate",
    "Must specify non-null arguments",
    "Expected a Runnable, callable or dict",
    "No AIMessage found in input",
    "does not support sync invocation",
    "Number of human decisions",
    "database is locked",
    "no running event loop",
    "Missing credentials",
    "must be followed by tool messages",
]


@pytest.mark.parametrize("words", PASTED)
def test_a_message_that_people_paste_is_found_by_a_search(words):
    pages = [*sections(PAGE).values(), *sections(OLDER).values()]
    assert any(words in section.prose + section.shown for section in pages)


def test_every_section_that_shows_an_error_is_in_the_table():
    linked = {link for _, link in MESSAGES}
    for heading, section in sections(PAGE).items():
        if ERROR_LINE.search(section.shown) and heading != "Quiz":
            assert anchor(heading) in linked, heading


def test_every_section_that_shows_an_error_shows_a_fix_that_runs():
    for heading, section in sections(PAGE).items():
        lines = [line for line in section.shown.splitlines() if line.strip(": ")]
        if ERROR_LINE.search(section.shown):
            assert "**Fix**" in section.prose, heading
            assert not ERROR_LINE.match(lines[-1]), f"{heading} ends with an error"


@pytest.mark.parametrize(
    "symptom",
    [
        "My state is empty",
        "It answered twice",
        "The approval ran the wrong tool",
        "Nothing streams",
        "It remembers another user",
    ],
)
def test_a_quiet_failure_is_found_by_its_symptom_and_leads_to_a_chapter(symptom):
    (row,) = [
        row for row in rows(sections(PAGE)["When there is no error"].prose, 3) if symptom in row[0]
    ]
    assert re.search(r"\]\((?:\d\d|A\d)_\w+\.ipynb\)", row[2])


@pytest.mark.parametrize("path", [PAGE, OLDER], ids=lambda path: path.stem)
def test_every_link_inside_the_appendix_leads_to_a_heading(path):
    for cell in cells(path):
        if cell["cell_type"] == "markdown":
            for file, link in re.findall(r"\]\(([\w.]*)#([^)]+)\)", "".join(cell["source"])):
                target = ROOT / "notebooks" / file if file else path
                assert link in {anchor(heading) for heading in sections(target)}, link


def test_every_row_of_the_older_text_leads_to_a_section_with_a_run():
    for text, _, link in rows(sections(OLDER)["Older text says, today it is"].prose, 3)[1:]:
        file, heading = re.search(r"\(([\w.]*)#([^)]+)\)", link).groups()
        found = sections(ROOT / "notebooks" / file if file else OLDER)
        (section,) = [each for name, each in found.items() if anchor(name) == heading]
        assert section.shown.strip(), text
