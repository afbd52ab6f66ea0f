"""Read the prose of the course and print where it leaves the language rules.

    python tools/prose.py            all notebooks, all solutions, README.md and docs/
    python tools/prose.py FILE ...   only these files

A finding is a word of `FORBIDDEN`, a sentence of more than `LONGEST` words, or a LangGraph name in
code type that a chapter uses before the chapter that `data/glossary.json` names for it. Code is
never read. Tables are read for words and names, not for the length of sentences.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GLOSSARY = ROOT / "data" / "glossary.json"

LONGEST = 30
"""How many words a sentence may have; a code span counts as one word."""

FORBIDDEN = {
    "the net": "the network",
    "no net": "no network",
    "mend|mends|mended|mending": "fix",
    "anew": "again",
    "told": "reported, or said",
    "dear|dearer": "expensive",
    "road|roads": "branch, or path",
    "hang on|hangs on|hanging on|hung on": "attach to",
    r"(?:hang|hangs|hung) (?:it|this|that|them|a|an|the) (?:\w+ )?on": "attach to",
    "errand|errands": "task",
    "room|rooms": "session, or space",
    "will not do": "does not work",
    "for ever": "forever, or how long",
    "nobody to": "no one who can",
    "looking on": "watching",
    "met from": "say what happens",
    "stands there": "is there",
    "the other side": "say which side",
}
"""Words that readers stumbled over, as patterns of whole words, and what to write instead."""

OWN_NAMES = ("update_state",)
"""Names that Namu uses as well, for a node: without a call they are not read as LangGraph's."""

CODE = re.compile(r"(`+)(.+?)\1", re.S)
FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.M | re.S)
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
STANDS_FOR_CODE = "\u25a1"  # takes the place of a code span; no word, and no punctuation
ABBREVIATION = re.compile(r"(?:\b(?:e\.g|i\.e|vs|cf|etc|approx)|\b[A-Z])\.$")
WORD = re.compile(rf"[\w{STANDS_FOR_CODE}]")
PATTERNS = {
    re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.I): instead
    for pattern, instead in FORBIDDEN.items()
}


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, an item of a list or a row of a table.

    Args:
        text: in Markdown, without the marks of its kind.
        line: of its first line in the cell or the file, counted from 1.
        table: whether it is a row of a table.
    """

    text: str
    line: int
    table: bool = False


@dataclass(frozen=True)
class Finding:
    """One place to change.

    Args:
        where: the id of a cell, or the line of a file.
        what: the rule that is broken, with the word or the number.
        sentence: the sentence it was found in.
    """

    where: str
    what: str
    sentence: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}\n    {self.sentence}"


def blocks_of(markdown: str) -> Iterator[Block]:
    """Cut Markdown into blocks; code blocks, comments and tags are left out."""
    for pattern in (FENCE, re.compile(r"<!--.*?-->", re.S)):
        markdown = pattern.sub(lambda found: "\n" * found[0].count("\n"), markdown)
    lines: list[str] = []
    began = 1
    for number, line in enumerate([*markdown.splitlines(), ""], 1):
        line = re.sub(r"^\s*(?:> ?)+", "", line)
        table, heading = line.lstrip().startswith("|"), re.match(r"#+\s+", line)
        if lines and (not line.strip() or table or heading or ITEM.match(line)):
            yield Block(" ".join(lines), began)
            lines = []
        if table:
            yield Block(line.strip(), number, table=True)
        elif heading:
            yield Block(line[heading.end() :].strip(), number)
        elif line.strip():
            began = began if lines else number
            lines.append(ITEM.sub("", line).strip())


def sentences_of(text: str) -> Iterator[tuple[str, list[str]]]:
    """Cut a block into sentences, each with the code spans in it.

    Yields:
        The sentence as it is read, with a sign in place of each code span, and those spans.
    """
    spans = [found[2].strip() for found in CODE.finditer(text)]
    plain = CODE.sub(STANDS_FOR_CODE, text)
    plain = re.sub(r"!\[[^\]]*\]\([^)]*\)|<[^<>]*>", " ", plain)
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", plain)
    plain = re.sub(r"\*\*|__|(?<!\w)[*_]|[*_](?!\w)", "", plain)
    rest = iter(spans)
    begun = ""
    for part in re.split(r"(?<=[.?!\u2026])([)\"'\u201d\u2019]*)\s+", plain):
        if not part.strip(")\"'\u201d\u2019 "):
            begun += part
            continue
        trails_off = begun.endswith(("...", "\u2026")) and part[0].islower()
        joined = begun and (trails_off or ABBREVIATION.search(begun))
        if begun and not joined:
            yield _sentence(begun, rest)
            begun = ""
        begun = f"{begun} {part}" if begun else part
    if begun.strip():
        yield _sentence(begun, rest)


def _sentence(plain: str, spans: Iterator[str]) -> tuple[str, list[str]]:
    own = [next(spans) for _ in range(plain.count(STANDS_FOR_CODE))]
    return " ".join(plain.split()), own


def code_names() -> dict[str, str]:
    """Return the names in code type that the glossary defines, each with its chapter."""
    entries = json.loads(GLOSSARY.read_text(encoding="utf-8"))
    names = [each for each in entries if each["term"].startswith("`")]
    return {each["term"].strip("`"): each["chapter"] for each in names}


def chapter_of(path: Path) -> str:
    """Return the chapter a notebook belongs to, as in `02`; empty for any other file."""
    if path.suffix != ".ipynb":
        return ""
    return path.stem.partition("_")[0]


def findings_in(
    markdown: str, chapter: str, names: dict[str, str]
) -> Iterator[tuple[Block, str, str]]:
    """Read one piece of Markdown.

    Args:
        markdown: the source of a cell or a file.
        chapter: as in `02`; empty or `00` where every name may be used.
        names: the names in code type, each with the chapter that defines it.

    Yields:
        The block, the rule that is broken, and the sentence.
    """
    for block in blocks_of(markdown):
        for plain, spans in sentences_of(block.text):
            shown = plain
            for span in spans:
                shown = shown.replace(STANDS_FOR_CODE, f"`{span}`", 1)
            for pattern, instead in PATTERNS.items():
                for found in pattern.finditer(plain):
                    yield block, f"'{found[0]}': write {instead}", shown
            count = sum(1 for word in plain.split() if WORD.search(word))
            if count > LONGEST and not block.table:
                yield block, f"{count} words in one sentence, {LONGEST} at most", shown
            if chapter in ("", "00"):
                continue
            for name in names_in(spans, names):
                if chapter < names[name]:
                    yield block, f"`{name}` is defined later, in chapter {names[name]}", shown


def names_in(spans: list[str], names: dict[str, str]) -> list[str]:
    """Return the glossary's names that code spans hold, as whole identifiers, each once."""
    found = [
        name
        for span in spans
        for name in names
        if span not in OWN_NAMES
        and re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)|\.{re.escape(name)}\(", span)
    ]
    return list(dict.fromkeys(found))


def check(path: Path) -> list[Finding]:
    """Return what is to be changed in a notebook or a Markdown file."""
    names, chapter = code_names(), chapter_of(path)
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        found = findings_in(text, chapter, names)
        return [Finding(f"line {block.line}", what, said) for block, what, said in found]
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    return [
        Finding(f"cell {cell['id']}", what, said)
        for cell in cells
        for _, what, said in findings_in("".join(cell["source"]), chapter, names)
    ]


def all_files() -> list[Path]:
    """Return every file whose prose a reader sees."""
    folders = [ROOT / "notebooks", ROOT / "solutions"]
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [*(p for each in folders for p in sorted(each.glob("*.ipynb"))), *pages]


def label(path: Path) -> str:
    """Return a path as seen from the checkout."""
    path = path.resolve()
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def main(arguments: list[str]) -> int:
    """Print the findings and return the exit status: 1 if there are any."""
    failed = 0
    for path in [Path(each) for each in arguments] or all_files():
        for each in check(path):
            failed += 1
            print(f"{label(path)}: {each}")
    print(f"prose: {failed} to change")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
