"""The exercises: four different outcomes, hints and solutions on request, progress kept."""

import ast
import builtins
import json
import operator
import re
import shutil
import subprocess
from collections import Counter
from typing import Annotated

import nbformat
import pytest
from langgraph.graph import END, START, MessagesState, StateGraph
from typing_extensions import TypedDict

from course_lib.exercises import ch01, ch02, progress
from course_lib.exercises.exercise import exercises_of, is_untouched
from course_lib.exercises.generate import exercise_of, generate, notebook_text
from course_lib.exercises.report import chapters, report
from course_lib.settings import ROOT

VALUES = (
    "ch02.e1",
    "ch03.e1",
    "ch03.e3",
    "ch04.e3",
    "ch05.e3",
    "ch06.e1",
    "ch07.e1",
    "ch08.e1",
    "ch09.e1",
    "ch09.e2",
    "ch10.e4",
    "ch11.e1",
    "ch12.e1",
    "ch12.e4",
    "ch13.e1",
    "ch14.e1",
    "ch15.e1",
    "ch16.e1",
    "ch17.e1",
    "ch18.e1",
    "ch19.e1",
    "chA1.e1",
    "chA2.e1",
    "chA3.e3",
)
"""The exercises whose answer is a value, or a class without code."""

EXERCISES = [each for chapter in chapters() for each in exercises_of(chapter)]


class Text(TypedDict):
    text: str


class Chat(MessagesState):
    intent: str


class Poll(TypedDict):
    votes: dict[str, int]


def letters(*order, compiled=True):
    def build():
        builder = StateGraph(Text)
        previous = START
        for n, letter in enumerate(order):
            builder.add_node(str(n), lambda s, letter=letter: {"text": s["text"] + letter})
            builder.add_edge(previous, str(n))
            previous = str(n)
        builder.add_edge(previous, END)
        return builder.compile() if compiled else builder

    return build


def tally(left, right):
    return dict(Counter(left) + Counter(right))


class TalliedPoll(TypedDict):
    votes: Annotated[dict[str, int], tally]


def names():
    return [pytest.param(exercise, id=exercise.id) for exercise in EXERCISES]


@pytest.mark.parametrize("exercise", names())
def test_a_result_in_place_of_the_function_is_told(exercise):
    if exercise.answer_kind == "value":
        pytest.skip("this one takes a value")
    for answer in (None, {"text": ""}, letters("a")()):
        found = exercise.outcome(answer)
        assert found.status == "wrong" and "without calling it" in found.text


@pytest.mark.one_in(5)
@pytest.mark.parametrize("exercise", names())
def test_a_crash_names_the_error_and_the_learners_line(exercise, tmp_path):
    if exercise.id in VALUES:
        pytest.skip("the answer is a value: there is no code of the learner's to crash")
    if exercise.id == "ch03.e5":
        pytest.skip("the answer is a test: one that crashes on the right code is wrong")
    cell = tmp_path / "cell.py"
    given = "" if exercise.answer_kind == "tool" else "*given"
    cell.write_text(f"def answer({given}):\n    return 1 / 0  # mine\n")
    scope = {}
    exec(compile(cell.read_text(), str(cell), "exec"), scope)
    answer = (scope["answer"], TalliedPoll) if exercise.id == "ch02.e5" else scope["answer"]
    found = exercise.outcome(answer)
    assert found.status == "crashed"
    assert "ZeroDivisionError" in found.text
    assert "line 2 of your cell: return 1 / 0  # mine" in found.text
    assert str(tmp_path) not in found.text


def test_what_is_untouched_and_what_is_not():
    class Empty(TypedDict): ...

    class Extended(MessagesState): ...

    assert all(map(is_untouched, (Empty, Extended, (lambda x: None), (..., Empty))))
    assert not any(map(is_untouched, (Poll, Chat, (lambda x: x), 0, "", [], None, tally)))


def test_a_coroutine_is_told_apart_from_a_wrong_answer(recwarn):
    async def union(left, right):
        return list(dict.fromkeys([*left, *right]))

    found = ch02.e2.outcome(union)
    assert found.status == "wrong" and "not `async def`" in found.text
    assert not recwarn.list


def test_a_crash_inside_a_node_names_the_node():
    def build():
        builder = StateGraph(Text)
        builder.add_node("careless", lambda state: state["txt"])
        builder.add_edge(START, "careless")
        return builder.compile()

    found = ch01.e1.outcome(build)
    assert found.status == "crashed" and "KeyError" in found.text


def test_an_error_that_cannot_be_shown_and_an_exit_are_crashes_too():
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    def raises(error):
        def answer(*given):
            raise error

        return answer

    assert "cannot be shown" in ch02.e2.outcome(raises(Mute())).text
    assert ch02.e2.outcome(raises(SystemExit(1))).status == "crashed"


def test_hints_come_one_by_one_and_begin_again(capsys):
    for n in (1, 2, 1):
        ch02.e3.hint()
        assert f"Hint {n} of 2" in capsys.readouterr().out


def test_the_solution_is_shown_only_when_asked_twice(capsys):
    exercise = ch02.e2
    exercise._asked = False
    exercise.solution()
    assert "fromkeys" not in capsys.readouterr().out
    exercise.solution()
    assert "fromkeys" in capsys.readouterr().out


def test_progress_keeps_what_is_right_and_survives_being_deleted():
    ch02.e2.check(operator.add)
    ch02.e2.check(...)
    assert progress.load() == {"ch02.e2": "wrong"}
    ch02.e2.check(lambda a, b: list(dict.fromkeys([*a, *b])))
    ch02.e2.check(operator.add)
    assert progress.load() == {"ch02.e2": "right"}
    assert report()[1][:2] == ["02", "1 of 5"]
    assert progress.reset() and not progress.reset()
    assert progress.load() == {}


def test_what_was_done_of_an_earlier_task_does_not_count_for_the_new_one():
    new = next(each for each in EXERCISES if each.edition > 1)
    progress.record(new.id, "right")
    row = next(row for row in report() if row[0] == new.chapter)
    assert row[1].startswith("0 of") and new.id in row[2]
    assert new._standing().right == 0
    progress.record(new.progress_id, "right")
    assert new._standing().right == 1
    assert len({each.progress_id for each in EXERCISES}) == len(EXERCISES)


def test_progress_that_cannot_be_kept_is_said_and_the_check_still_answers(
    monkeypatch, tmp_path, capsys
):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("COURSE_HOME", str(blocked / "below"))
    ch02.e2.check(lambda a, b: list(dict.fromkeys([*a, *b])))
    shown = capsys.readouterr().out
    assert "Right." in shown and "COURSE_HOME" in shown


@pytest.mark.parametrize("broken", ["{", "[]", "null"])
def test_an_unreadable_progress_file_harms_nothing(broken):
    path = progress.progress_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(broken)
    assert progress.load() == {}
    assert progress.record("ch01.e1", "right") is None
    assert progress.load() == {"ch01.e1": "right"}


def committed(path):
    """A file as committed; a learner's own work in the folder is nobody's fault."""
    name = path.relative_to(ROOT).as_posix()
    found = subprocess.run(["git", "show", f"HEAD:{name}"], cwd=ROOT, capture_output=True)
    return found.stdout.decode("utf-8") if found.returncode == 0 else None


def test_exercises_are_what_the_solutions_generate():
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        made = notebook_text(exercise_of(json.loads(path.read_text(encoding="utf-8"))))
        target = ROOT / "exercises" / path.name
        stored = {target.read_text(encoding="utf-8"), committed(target)}
        assert made in stored, f"{path.name}: run `make exercises`"
    assert {p.name for p in (ROOT / "exercises").glob("*.ipynb")} == {
        p.name for p in (ROOT / "solutions").glob("*.ipynb")
    }


def test_exercises_hold_no_solution_and_no_output():
    for path in (ROOT / "solutions").glob("*.ipynb"):
        text = notebook_text(exercise_of(json.loads(path.read_text(encoding="utf-8"))))
        assert "SOLUTION" not in text and '"solution"' not in text
        cells = json.loads(text)["cells"]
        assert all(not cell.get("outputs") for cell in cells)


def test_generating_follows_the_solutions(tmp_path):
    source = next((ROOT / "solutions").glob("01_*.ipynb"))
    (tmp_path / "solutions").mkdir()
    copied = tmp_path / "solutions" / source.name
    copied.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    made = tmp_path / "exercises" / source.name
    assert generate(tmp_path) == ([made], [])
    assert generate(tmp_path) == ([], [])
    copied.unlink()
    assert generate(tmp_path) == ([made], [])
    assert not made.exists()


def test_generating_never_touches_what_a_learner_has_worked_in(tmp_path):
    source = next((ROOT / "solutions").glob("01_*.ipynb"))
    (tmp_path / "solutions").mkdir()
    shutil.copy(source, tmp_path / "solutions")
    generate(tmp_path)
    mine = tmp_path / "exercises" / source.name
    worked = json.loads(mine.read_text("utf-8"))
    worked["cells"][-2]["execution_count"] = 3
    mine.write_text(json.dumps(worked), encoding="utf-8")
    notes = tmp_path / "exercises" / "my_notes.ipynb"
    notes.write_text("{}")
    kept = mine.read_text("utf-8")
    assert generate(tmp_path) == ([], [mine])
    assert mine.read_text("utf-8") == kept and notes.exists()
    assert generate(tmp_path, force=True) == ([mine], [])


def test_a_marker_without_its_partner_is_refused():
    cell = {"cell_type": "code", "metadata": {}, "source": ["### BEGIN SOLUTION\n", "x = 1"]}
    with pytest.raises(ValueError, match="no partner"):
        exercise_of({"cells": [cell]})


def test_every_exercise_has_hints_and_a_solution_of_its_own():
    texts = [exercise.solution_text() for exercise in EXERCISES]
    assert len(set(texts)) == len(texts)
    for exercise, text in zip(EXERCISES, texts, strict=True):
        assert exercise.hints and all(hint.strip() for hint in exercise.hints)
        assert len(set(exercise.hints)) == len(exercise.hints)
        solution, _, checked = text.partition(f"{exercise.id}.check(")
        assert checked and "SOLUTION" not in text, exercise.id
        compile(solution, exercise.id, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert len(solution.strip().splitlines()) >= 1, f"{exercise.id}: nothing is solved there"


def test_progress_under_the_old_numbers_is_carried_over_once(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    old = tmp_path / "progress.json"
    tried = {"ch02.e1": "right", "ch03.e1": "right", "ch07.e2": "wrong", "ch17.e5": "right"}
    tried |= {"ch03.e3": "right", "ch03.e4": "wrong"}  # these two went to the appendix
    tried |= {"ch14.e2": "right", "ch14.e3": "wrong"}  # one to chapter 16, one to chapter 15
    old.write_text(json.dumps(tried))
    carried = {"ch02.e1": "right", "ch04.e1": "right", "ch08.e2": "wrong", "ch20.e5": "right"}
    carried |= {"chA3.e1": "right", "chA3.e2": "wrong"}
    carried |= {"ch16.e3": "right", "ch15.e3": "wrong"}
    assert progress.load() == carried
    before = old.read_text()
    assert progress.record("ch03.e1", "right") is None  # the new chapter 03
    assert progress.load() == {**carried, "ch03.e1": "right"}
    assert old.read_text() == before
    assert progress.reset() and progress.load() == {} and not old.exists()


def test_progress_of_exercises_that_moved_to_chapter_16_is_carried_over(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path))
    for name in ("ch15.e2", "ch15.e3", "ch15.e4"):
        progress.record(name, "right")
    known = progress.load()
    assert known["ch16.e3"] == known["ch16.e4"] == "right"
    undone = {"ch15.e1", "ch15.e2", "ch15.e4"}  # their places were taken by other tasks
    for exercise in exercises_of("15"):
        assert (known.get(exercise.progress_id) == "right") == (exercise.id == "ch15.e3")
    assert undone == {each.id for each in exercises_of("15") if each.edition == 2}


def _predictions() -> list[tuple[str, str, str]]:
    """The exercises that ask for a prediction: id, what the learner reads, and the solution."""
    found = []
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        task = ""
        for cell in nbformat.read(path, 4).cells:
            solution = re.search(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.S)
            if cell.cell_type == "markdown":
                task = cell.source
            elif solution and "predict" in task.partition("\n")[0]:
                shown = task + cell.source.replace(solution[1], "...")
                name = re.search(r"ch\w+\.e\d", cell.source)
                found.append((name[0] if name else path.stem, shown, cell.source))
    return found


@pytest.mark.parametrize(
    ("shown", "solution"), [pytest.param(*rest, id=name) for name, *rest in _predictions()]
)
def test_the_keys_of_a_prediction_are_named_in_its_task(shown, solution):
    """Nobody can guess them, and an untouched exercise only says that it was not attempted."""
    dicts = [each for each in ast.walk(ast.parse(solution)) if isinstance(each, ast.Dict)]
    keys = {key.value for each in dicts for key in each.keys if isinstance(key, ast.Constant)}
    assert [key for key in sorted(keys) if str(key) not in shown] == []
    assert not dicts or "dictionary" in shown


def test_there_are_predictions_to_look_at():
    assert len(_predictions()) >= 15


def _names(tree: ast.AST, *, loaded: bool) -> set[str]:
    names = {
        each.id
        for each in ast.walk(tree)
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load) == loaded
    }
    if not loaded:
        for each in ast.walk(tree):
            if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(each.name)
            elif isinstance(each, ast.arg):
                names.add(each.arg)
            elif isinstance(each, ast.alias):
                names.add((each.asname or each.name).partition(".")[0])
            elif isinstance(each, ast.ExceptHandler) and each.name:
                names.add(each.name)
    return names


@pytest.mark.parametrize("path", sorted((ROOT / "solutions").glob("*.ipynb")), ids=lambda p: p.stem)
def test_an_exercise_needs_only_the_imports_and_no_other_exercise(path):
    """A learner who comes back runs the imports and the exercise they want."""
    parts: list[list[str]] = [[]]
    for cell in nbformat.read(path, 4).cells:
        if cell.source.startswith("## Exercise"):
            parts.append([])
        elif cell.cell_type == "code":
            parts[-1].append(cell.source)
    first, *exercises = (ast.parse("\n".join(each)) for each in parts)
    assert len(exercises) >= 2
    known = _names(first, loaded=False) | {*dir(builtins), "__name__", "get_ipython"}
    for number, exercise in enumerate(exercises, 1):
        unknown = _names(exercise, loaded=True) - _names(exercise, loaded=False) - known
        assert not unknown, f"exercise {number} uses {unknown}"
