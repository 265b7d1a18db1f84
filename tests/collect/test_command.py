"""``psm collect`` as people meet it."""

from __future__ import annotations

import sys

import pytest
import yaml

from psm.cli import main
from psm.collect import builder
from tests.collect.test_builder import settings, towns


@pytest.fixture
def little(monkeypatch):
    return towns(monkeypatch)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "build.yaml"
    path.write_text(yaml.safe_dump(settings().model_dump(mode="json")))
    return path


@pytest.fixture
def psm(capsys):
    """Runs the command in this process: its exit code, and what it printed."""

    def run(*words):
        before, sys.argv = sys.argv, ["psm", "collect", *map(str, words)]
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            sys.argv = before
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_a_build_is_begun_asked_and_gone_on_with(tmp_path, psm, little, config):
    out = tmp_path / "out"
    code, told, _ = psm("build", out, "--config", config, "--limit", 20, "--workers", 1)
    assert code == 0
    assert "recordings of 30 listed" in told
    assert "limit reached" in told
    asked = list(little["aporee"].fetched)
    assert psm("build", out, "--workers", 1)[:2] == (0, told)
    assert little["aporee"].fetched == asked
    code, told, _ = psm("status", out)
    assert code == 0
    assert "No build is going on" in told


def test_an_archive_that_is_down_is_told_with_what_to_do(tmp_path, psm, little, config):
    little["yfcc"].is_down = True
    code, told, wrong = psm("build", tmp_path / "out", "--config", config, "--workers", 1)
    assert code == 2
    assert "recordings of 18 listed" in told
    assert "yfcc" in wrong.splitlines()[-1]
    assert "HTTP 503" in wrong
    assert "Run the same command with --retry later" in wrong


def test_an_interrupt_is_no_failure(tmp_path, psm, little, config, monkeypatch):
    def interrupted(_site):
        raise KeyboardInterrupt

    monkeypatch.setattr(builder, "select_all", interrupted)
    code, _, wrong = psm("build", tmp_path / "out", "--config", config, "--workers", 1)
    assert code == 130
    assert "run the same command again" in wrong
    monkeypatch.undo()
    monkeypatch.setattr(builder, "open_archive", lambda name, _options: little[name])
    assert psm("build", tmp_path / "out", "--workers", 1)[0] == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["build", "OUT"], "--archive"),
        (["build", "OUT", "--archive", "aporee", "--region", "Xyzzyville"], "Xyzzyville"),
        (["build", "OUT", "--source", "aporee", "--preset", "none"], "none"),
        (["status", "OUT"], "no build here"),
        (["build", "OUT", "--archive", "aporee", "--folder", "x"], "add --archive local"),
        (["build", "OUT", "--archive-set", "metadata=x"], "write it as yfcc.metadata=FOLDER"),
    ],
)
@pytest.mark.usefixtures("little")
def test_what_is_wrong_is_a_line_that_helps(tmp_path, psm, words, message):
    code, _, wrong = psm(*[str(tmp_path / "out") if word == "OUT" else word for word in words])
    assert code == 2
    assert message in wrong
    assert "Traceback" not in wrong
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["archives", "sources"])
def test_the_archives_say_what_they_ask_for_and_no_secret_is_shown(psm, monkeypatch, name):
    monkeypatch.setenv("FREESOUND_TOKEN", "fs-very-secret")
    monkeypatch.delenv("XENO_CANTO_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    code, told, _ = psm(name)
    assert code == 0
    for words in ("radio aporee", "FREESOUND_TOKEN is set", "xenocanto needs XENO_CANTO_KEY"):
        assert words in told
    assert "fs-very-secret" not in told


def test_help_names_archives_alone(psm):
    code, told, _ = psm("--help")
    assert code == 0
    assert "archives" in told
    assert "sources" not in told
