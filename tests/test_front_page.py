"""The README and the pages in docs/ say what is true of the notebooks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTRUCTOR = ROOT / "docs" / "instructor.md"
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def opening(path: Path) -> str:
    return "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])


def minutes(path: Path) -> int:
    """What the chapter's opening says about its own length."""
    return int(re.search(r"(\d+) minutes", opening(path))[1])


def links(text: str) -> list[str]:
    return [each for each in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text) if "://" not in each]


def plans(text: str) -> Iterator[list[tuple[int, int]]]:
    """The tables of the workshops: for each row the minute at which it begins, and its minutes."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        rows = re.findall(r"^\| (\d+):(\d\d) \| (\d+) \|", table, re.M)
        if rows:
            yield [(60 * int(hour) + int(minute), int(length)) for hour, minute, length in rows]


def test_links_are_found():
    assert links("[a](b.md), [c](https://x.y/z), [d](e.md#part), [f](#part)") == ["b.md", "e.md"]
    assert len(links((ROOT / "README.md").read_text(encoding="utf-8"))) > len(CHAPTERS)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_link_of_a_page_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in links(text):
        assert (page.parent / target).exists(), target


def test_readme_lists_every_chapter_with_the_time_that_the_chapter_names():
    rows = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    for path in CHAPTERS:
        [row] = [each for each in rows if each.startswith("|") and f"notebooks/{path.name}" in each]
        assert f" {minutes(path)}" in row.split("|")[-3], (path.name, row)


def test_readme_links_the_exercises_of_each_chapter_and_counts_them():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        count = sum("".join(cell["source"]).startswith("## Exercise ") for cell in cells)
        assert f"[{count}](exercises/{path.name})" in text, path.name


def test_each_workshop_has_no_gap_and_no_overlap():
    found = list(plans(INSTRUCTOR.read_text(encoding="utf-8")))
    assert len(found) == 3
    for rows in found:
        for (begin, length), (following, _) in pairwise(rows):
            assert begin + length == following
    assert [sum(length for _, length in rows) / 60 for rows in found] == [4, 6.5, 6.5]


def test_the_instructor_page_has_every_chapter_under_its_title():
    text = INSTRUCTOR.read_text(encoding="utf-8")
    for path in CHAPTERS:
        title = opening(path).splitlines()[0]
        if path.stem != "A1_older_text":
            assert title.partition(":")[0].replace("# ", "### ", 1) + "\n" in text, title


def test_the_instructor_page_names_only_exercises_that_exist():
    text = INSTRUCTOR.read_text(encoding="utf-8")
    for section in re.split(r"^### ", text, flags=re.M)[1:]:
        number = section.split()[0]
        for exercise in re.findall(r"exercise (\d)", section):
            [solution] = (ROOT / "solutions").glob(f"{number}_*.ipynb")
            assert f"## Exercise {exercise} " in solution.read_text(encoding="utf-8"), section[:40]
    for name, exercises in re.findall(
        r"notebooks/(\w+)\.ipynb\)[^|]*?, exercises? ([\d and]+)", text
    ):
        solution = (ROOT / "solutions" / f"{name}.ipynb").read_text(encoding="utf-8")
        for exercise in re.findall(r"\d", exercises):
            assert f"## Exercise {exercise} " in solution, (name, exercise)
