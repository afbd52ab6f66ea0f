"""The reader of the prose: what it finds, what it leaves alone, and the files that are ready."""

import json
import sys

import pytest

from course_lib.settings import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import prose

NAMES = {"interrupt": "07", "Send": "03", "Command": "01", "@task": "09", "add_messages": "02"}
NAMES["update_state"] = "08"


def found(markdown, chapter="04"):
    return [what for _, what, _ in prose.findings_in(markdown, chapter, NAMES)]


def words(number):
    return " ".join(["word"] * number)


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("It runs without a key and without the net.", "the net"),
        ("There is no net here.", "no net"),
        ("The line is mended.", "mended"),
        ("The list is written anew.", "anew"),
        ("A mode was told of it.", "told"),
        ("`messages` is dear for another reason.", "dear"),
        ("Take another road.", "road"),
        ("Two Roads lead there.", "Roads"),
        ("You hang it on the field.", "hang it on"),
        ("You hang a reducer on the field.", "hang a reducer on"),
        ("The card hangs on a node.", "hangs on"),
        ("This errand is long.", "errand"),
        ("A room of its own.", "room"),
        ("A string will not do.", "will not do"),
        ("# Choose a road", "road"),
        ("- by road", "road"),
        ("1. by road", "road"),
        ("> by road", "road"),
        ("| a road | `x` |", "road"),
        ("Read **the net** result.", "the net"),
        ("[the road](x.md)", "road"),
    ],
)
def test_a_word_of_the_table_is_found(sentence, word):
    (what,) = found(sentence)
    assert what.startswith(f"'{word}': write ")


@pytest.mark.parametrize(
    "sentence",
    [
        "The network is off, and the netting stays.",
        "I recommend to amend the mending-free text.",
        "Broadway is a roadmap.",
        "A roadside crossroads.",
        "Endear it to them: there is a dearth of it.",
        "A bedroom and a mushroom.",
        "The model was untold, and the tolds.",
        "It hangs in the air, and on we go.",
        "Hang up, then go on.",
        "Run `the net` and `road`.",
        "```\nthe road and the net\n```",
        "~~~python\nroad = 1\n~~~",
        "<!-- the road -->",
        "[docs](https://road.example/the-road)",
        "![the road](docs/road.png)",
        "``a ` road``",
    ],
)
def test_a_word_that_only_looks_like_one_is_left_alone(sentence):
    assert found(sentence) == []


@pytest.mark.parametrize(
    ("markdown", "long"),
    [
        (f"{words(30)}.", 0),
        (f"{words(31)}.", 1),
        (f"{words(20)}. {words(20)}.", 0),
        (f"{words(20)}? {words(20)}! {words(20)}.", 0),
        (f'{words(20)}." {words(20)}.', 0),
        (f"({words(20)}.) {words(20)}.", 0),
        (f"{words(20)}. vLLM {words(20)}.", 0),
        (f"{words(20)}. `code` {words(20)}.", 0),
        (f"{words(20)}, e.g. {words(20)}.", 1),
        (f"{words(20)}... {words(20)}.", 1),
        (f"{words(20)}: {words(20)}.", 1),
        (f"{words(20)}\n{words(20)}.", 1),
        (f"{words(20)}\n\n{words(20)}.", 0),
        (f"# {words(20)}\n{words(20)}.", 0),
        (f"{words(20)}:\n- {words(20)}\n- {words(20)}", 0),
        (f"- {words(20)}\n  {words(20)}", 1),
        (f"1. {words(20)}\n2. {words(20)}", 0),
        (f"| {words(40)} |", 0),
        (f"{words(20)} `{words(20)}` {words(9)}.", 0),
        (f"{words(20)} `{words(20)}` {words(10)}.", 1),
        (f"{words(29)} - **{words(1)}** - .", 0),
        (f"{words(20)} [{words(5)}](https://example.org/a) {words(5)}.", 0),
        (f"```\n{words(40)}\n```", 0),
    ],
)
def test_a_sentence_of_more_than_thirty_words_is_found(markdown, long):
    shown = found(markdown)
    assert len(shown) == long, shown
    assert all("words in one sentence" in what for what in shown)


@pytest.mark.parametrize(
    ("markdown", "chapter", "names"),
    [
        ("Call `interrupt`.", "06", ["interrupt"]),
        ("Call `interrupt(question)`.", "06", ["interrupt"]),
        ("Return `[Send(x), Command(goto=y)]`.", "02", ["Send"]),
        ("Use `types.interrupt(x)`.", "06", ["interrupt"]),
        ("| `@task` | x |", "07", ["@task"]),
        ("Call `interrupt`.", "07", []),
        ("Call `interrupt`.", "A1", []),
        ("Call `interrupt`.", "00", []),
        ("Call `interrupt`.", "", []),
        ("Set `interrupt_before`.", "01", []),
        ("Read `snapshot.interrupt`.", "01", []),
        ("Read `my_interrupt` and `task`.", "01", []),
        ("An interrupt waits.", "01", []),
        ("```\ninterrupt(x)\n```", "01", []),
        ("Use `add_messages`.", "01", ["add_messages"]),
        ("Use `add_messages`.", "02", []),
        ("The node `update_state` keeps the places.", "03", []),
        ("Call `update_state(config, values)`.", "03", ["update_state"]),
        ("Call `graph.update_state(config, values)`.", "03", ["update_state"]),
    ],
)
def test_a_name_before_its_chapter_is_found(markdown, chapter, names):
    wanted = [f"`{name}` is defined later, in chapter {NAMES[name]}" for name in names]
    assert found(markdown, chapter) == wanted


def test_a_finding_names_the_cell_and_shows_the_sentence(tmp_path, capsys):
    path = tmp_path / "01_a_chapter.ipynb"
    good = {"cell_type": "markdown", "id": "good", "source": ["Plain words.\n", "More of them."]}
    bad = {"cell_type": "markdown", "id": "bad", "source": ["See `x`. Take the road to `y`."]}
    code = {"cell_type": "code", "id": "code", "source": ["# the road"]}
    path.write_text(json.dumps({"cells": [good, bad, code]}))
    (finding,) = prose.check(path)
    assert (finding.where, finding.sentence) == ("cell bad", "Take the road to `y`.")
    assert prose.main([str(path)]) == 1
    assert "cell bad: 'road': write branch" in capsys.readouterr().out
    path.write_text(json.dumps({"cells": [good, code]}))
    assert prose.main([str(path)]) == 0


def test_a_finding_in_a_file_names_the_line(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# A\n\n```\nx\n```\n\nFirst line\nof a road.\n\n| a |\n|---|\n| no net |\n")
    assert [each.where for each in prose.check(path)] == ["line 7", "line 12"]


def test_every_chapter_is_read():
    """What it finds in them is a stage of its own in `make test`."""
    read = {prose.label(path) for path in prose.all_files()}
    chapters = {f"{each.parent.name}/{each.name}" for each in ROOT.glob("notebooks/*.ipynb")}
    assert len(chapters) > 20 and read >= {"README.md", *chapters}
