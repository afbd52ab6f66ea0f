"""`python -m course_lib`: doctor, exercises, progress, reset."""

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
    assert main(["doctor"]) == 0
    assert "nonsense" in capsys.readouterr().out


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


def test_exercises_agree_with_the_solutions(capsys):
    assert main(["exercises"]) == 0
    assert "agrees" in capsys.readouterr().out


def test_an_unknown_command_lists_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        main(["dance"])
    assert "doctor" in capsys.readouterr().err
