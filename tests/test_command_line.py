"""`python -m course_lib`: doctor, exercises, progress, reset."""

from pathlib import Path

import pytest

from course_lib.__main__ import main
from course_lib.doctor import examine
from course_lib.exercises import progress


def test_doctor_names_everything_the_course_may_use(capsys):
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for name in ("Python", "packages", "PostgreSQL", "Chromium", "GPU", "model"):
        assert name in shown
    assert "offline model" in shown


def test_doctor_tells_an_unusable_setting(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_LLM_BASE_URL", "nonsense")
    assert main(["doctor"]) == 1
    assert "nonsense" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:abc/v1"])
def test_doctor_tells_an_address_that_is_none(monkeypatch, capsys, url):
    monkeypatch.setenv("COURSE_LLM_BASE_URL", url)
    monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
    assert main(["doctor"]) == 1
    assert url in capsys.readouterr().out


def test_doctor_finds_no_browser_where_none_is(monkeypatch):
    monkeypatch.setenv("COURSE_CHROMIUM", "/nowhere/chrome")
    assert next(row for row in examine() if row[0] == "Chromium")[1] == "none"


def test_doctor_tells_a_model_server_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("COURSE_LLM_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("COURSE_LLM_MODEL", "tiny")
    name, found, remedy = examine()[-1]
    assert (name, found) == ("model", "tiny, no answer")
    assert "http://127.0.0.1:9/v1/models" in remedy


def test_progress_and_reset(capsys):
    progress.record("ch01.e1", "right")
    assert main(["progress"]) == 0
    assert "chapter 01: 1 of 4 right" in capsys.readouterr().out
    assert main(["reset"]) == 0
    assert "forgotten" in capsys.readouterr().out
    main(["reset"])
    assert "no progress" in capsys.readouterr().out


def test_exercises_tells_what_was_made_and_what_was_left_alone(capsys, monkeypatch):
    made, kept = [Path("exercises/01_a.ipynb")], [Path("exercises/02_b.ipynb")]
    for found, words in ((([], []), "agrees"), ((made, kept), "left alone")):
        monkeypatch.setattr("course_lib.exercises.generate.generate", lambda force, f=found: f)
        assert main(["exercises"]) == 0
        assert words in capsys.readouterr().out


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "doctor" in capsys.readouterr().err
