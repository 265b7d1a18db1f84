"""Commands before and after the work: minus signs, options without effect, outputs, endings."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from psm.cli import app as application
from psm.cli.map import _by_kind
from psm.cli.options import open_seen
from psm.cli.running import optionmodes, outputs
from psm.errors import RepairedGeometry
from psm.model import PSM
from psm.provenance import DataSet, Provenance
from tests.test_cli import psm
from tests.tiny import tiny_experiment


def _commands() -> Iterator[tuple[str, Any]]:
    def walk(group: Any, words: list[str]) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from walk(command, [*words, name])
            else:
                yield " ".join([*words, name]), command

    yield from walk(typer.main.get_command(application.app), [])


def test_every_command_that_writes_is_checked_before_it_works() -> None:
    commands = dict(_commands())
    assert len(commands) > 15
    named = {
        verb for verb, command in commands.items() if any(p.name == "out" for p in command.params)
    }
    checked = {verb for verb, all_of in outputs.OUTPUTS.items() if all_of}
    assert named - checked == {"collect status"}  # which reads it
    assert checked <= set(commands)
    for verb, all_of in outputs.OUTPUTS.items():
        assert {output.name for output in all_of} <= {p.name for p in commands[verb].params}


def test_tables_of_options_name_parameters_that_there_are() -> None:
    commands = dict(_commands())
    for verb, modes in optionmodes.MODES.items():
        known = {parameter.name for parameter in commands[verb].params}
        for mode in modes:
            assert set(mode.unused) <= known, verb


ONE_LINE = [
    (["map", "frogs", "--region", "Vienna", "--exact"], "leave out --exact"),
    (["map", "frogs", "--store", "s", "--step", "1", "--imagery", "x"], "--step, --imagery"),
    (["map", "frogs", "--store", "s", "--land-only", "--crs", "x"], "leave out --crs, --land-only"),
    (["map", "--audio", "a.wav", "--ensemble"], "leave out --ensemble"),
    (["map", "frogs", "--uncertainty", "fade", "--out", "OUT/a.tif"], "leave out --uncertainty"),
    (["search", "frogs", "--split", "val"], "leave out --split"),
    (["search", "frogs", "--region", "Vienna", "--exact"], "leave out --exact"),
    (
        ["search", "x", "--not", "y", "--match", "any", "--region", "z", "--exact",
         "--gallery", "g", "--place", "1,2"],
        "leave out text, --not, --match, --region, --exact",
    ),
    (["search", "--gallery", "g", "--place", "-3,-60", "--zoom", "1", "--zoom", "3"], "one --zoom"),
    (["embed", "Vienna", "--out", "OUT/s", "--ray-address", "auto"], "leave out --ray-address"),
    (["evaluate", "--step", "3", "--out", "OUT"], "leave out --step"),
    (["evaluate", "--name", "mine", "--out", "OUT"], "leave out --name"),
    (["evaluate", "--protocol", "mteb", "--seed", "1", "--out", "OUT"], "leave out --seed"),
    (["evaluate", "--manifest", "m.csv", "--out", "OUT"], "leave out --manifest"),
    (["evaluate", "--recordings", "r", "--data", "d", "--out", "OUT"], "leave out --data"),
    (["serve", "s.zarr", "--step", "2"], "leave out --step"),
    (["serve", "--base-attribution", "me"], "leave out --base-attribution"),
    (["map", "frogs", "--out", "OUT/folder"], "folder: is a folder; name a file in it"),
    (["map", "frogs", "--out", "OUT/file/x.tif"], "file is a file, no folder"),
    (["map", "frogs", "--out", f"OUT/{'x' * 300}.tif"], "255 bytes at most"),
    (["map", "frogs", "--out", "/dev/null"], "a device or a pipe"),
    (["profile", "48", "16", "--out", "OUT/p.json"], "no format for '.json'; choose .png, .svg"),
    (["profile", "48", "16", "--out", "OUT/p.gif.gz"], "no format for '.gz'"),
    (["explain", "48", "16", "x", "--out", "OUT/p.gif"], "choose .png, .tif, .tiff, .json"),
    (["explain", "-95", "16", "frogs"], "latitude -95"),
    (["explain", "48", "16"], "needs a query"),
    (["search", "frogs", "--out", "OUT/places.xyz"], "choose .geojson, .json, .csv"),
    (["earth", "listen", "48", "16", "--out", "OUT/a.mp3"], "no format for '.mp3'; choose .wav"),
    (["earth", "build", "--out", "OUT/file"], "is a file, and a folder is needed"),
    (["embed", "Vienna", "--out", "OUT/file"], "is a file, and a folder is needed"),
    (["evaluate", "--out", "OUT/file"], "is a file, and a folder is needed"),
    (["train", "--out", "OUT/file/m"], "file is a file, no folder"),
    (["demo", "--out", "OUT/file"], "is a file, and a folder is needed"),
    (["import", "x.ckpt", "OUT/file"], "is a file, and a folder is needed"),
    (["data", "import", "x", "OUT/file"], "is a file, and a folder is needed"),
    (["data", "views", "OUT/file"], "is a file, and a folder is needed"),
    (["collect", "build", "OUT/file", "--archive", "aporee"], "is a file, and a folder is needed"),
    (["tables", "x", "--out", "OUT/file"], "is a file, and a folder is needed"),
    (["map", "--audio", "nosuch.wav"], "--audio nosuch.wav: no such file"),
    (["map", "--audio", "nosuch.wav*2"], "--audio nosuch.wav: no such file"),
    (["map", "--audio", "OUT/folder"], "is a folder; name a recording"),
    (["search", "--audio", "nosuch.wav"], "--audio nosuch.wav: no such file"),
    (["profile", "-95", "-60.0"], "latitude -95"),
    (["profile", "\u221295", "16"], "latitude -95"),
    (["earth", "listen", "-95", "18.4", "--out", "OUT/a.wav"], "latitude"),
    (["embed", "-10,95,0,96", "--out", "OUT/s.zarr"], "bbox -10,95,0,96"),
    (["map", "frogs", "--region", "-10,95,0,96"], "bbox -10,95,0,96"),
    (["search", "--place", "-3.1", "--gallery", "g"], "'-3.1' is no place"),
    (["search", "--captions", "gallery", "frogs"], "leave out --captions"),
    (["search", "--captions", "x", "--place", "1,2", "--apart", "5km"], "leave out --apart"),
    (["search", "frogs", "--audio-source", "yfcc"], "leave out --audio-source"),
    (["search", "--captions", "gallery", "--place", "1,2", "--split", "val"], "leave out --split"),
    (["search", "--captions", "nosuch.txt", "--place", "1,2"], "nosuch.txt: no such file"),
    (["search", "--captions", "x", "--place", "1,2", "--caption-source", "y"], "choose one of"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), ONE_LINE)
def test_what_cannot_be_done_as_asked_is_refused_in_one_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("a file\n")
    (tmp_path / "folder").mkdir()
    assert psm(*(word.replace("OUT", str(tmp_path)) for word in arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["map", "frogs", "-region", "Vienna"], "-region. Did you mean --region?"),
        (["map", "frogs", "-hours", "3"], "-hours. Did you mean --hour?"),
        (["map", "frogs", "--trafic"], "No such option: --trafic"),
        (["map", "frogs", "--regoin", "x"], "--region"),
        (["map", "frogs", "-o", "x.tif"], "No such option: -o"),
        (["profile", "-abc", "3"], "No such option: -abc"),
        (["embed", "Vienna", "-outt", "x"], "-outt. Did you mean --out?"),
    ],
)
def test_a_mistyped_option_is_told_with_what_may_be_meant(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert psm(*arguments) == 2
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said


def test_a_minus_before_a_word_is_an_unwanted_sound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []

    def parse(*texts: str, **others: Any) -> None:
        asked.append((texts, others["without"]))
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("psm.mapping.Query.parse", parse)
    assert psm("map", "songbirds", "-traffic", "--not", "-sirens", "--month", "5") == 130
    assert psm("map", "-traffic*2", "--", "-region") == 130
    assert asked == [(("songbirds", "-traffic"), ["-sirens"]), (("-traffic*2", "-region"), ())]


def test_a_model_is_shown_the_world_that_it_learnt_last() -> None:
    model = PSM(tiny_experiment().model)
    assert open_seen(None, None, model).settings == {"provider": "blue-marble", "version": 1}
    ours, other = (
        DataSet(name="simulated Earth", is_simulated=True, world=world) for world in ("", "kepler")
    )
    model.provenance = Provenance(trained_on=(ours, other))
    assert open_seen(None, None, model).settings["world"] == "kepler"
    assert "world" not in open_seen("blue-marble", None, model).settings  # as it is asked


def test_suffixes_of_series_are_known_in_any_case() -> None:
    for name in ("a.NC", "a.GIF", "a.Mp4", "a.Zarr"):
        assert _by_kind([Path(name)], is_series=True) == ([], [Path(name)])
    assert _by_kind([Path("a.TIF")], is_series=True) == ([Path("a.TIF")], [Path("a.gif")])


def _fails_with(problem: BaseException, monkeypatch: pytest.MonkeyPatch) -> int:
    def fail() -> None:
        raise problem

    monkeypatch.setattr("psm.experiments.presets", fail)
    return psm("presets")


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        (IsADirectoryError(errno.EISDIR, "Is a directory", "d.tif"), "d.tif: is a folder"),
        (FileExistsError(errno.EEXIST, "File exists", "f"), "f: something else of this name"),
        (OSError(errno.EROFS, "Read-only file system", "a"), "a: the disk is read-only"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a"), "a: the name is too long"),
        (OSError(errno.EMFILE, "Too many open files", "a"), "ulimit -n"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full; make room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a"), "a: the quota"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "nobody answers there"),
        (OSError("some library's words"), "some library's words"),
        (MemoryError("Unable to allocate 12.5 GiB for an array"), "12.5 GiB were asked for"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate "
                         "memory: you tried to allocate 400000000 bytes."),
            "not enough memory (400000000 bytes were asked for at once)",
        ),
        (UnicodeEncodeError("latin-1", "東京", 0, 2, "no"), "character set of this terminal"),
    ],
)  # fmt: skip
def test_errors_of_the_system_are_one_line_and_exit_code_two(
    problem: Exception,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _fails_with(problem, monkeypatch) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert told in line


def test_a_full_disk_of_nobody_knows_which_is_told_with_the_room_of_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails_with(OSError(errno.ENOSPC, "No space left on device"), monkeypatch) == 2
    assert "MB here, " in capsys.readouterr().err


def test_a_cache_that_cannot_be_written_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PSM_CACHE", str(tmp_path))
    problem = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "maps"))
    assert _fails_with(problem, monkeypatch) == 2
    assert "PSM_CACHE names another folder" in capsys.readouterr().err


def test_faults_of_ours_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    for problem in (RuntimeError("a bug"), KeyError("a bug")):
        with pytest.raises(type(problem), match="a bug"):
            _fails_with(problem, monkeypatch)


def test_a_question_that_gets_no_answer_is_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _fails_with(typer.Abort(), monkeypatch) == 130
    assert "run the same command again" in capsys.readouterr().err


def test_warnings_of_ours_are_one_line() -> None:
    told = application._one_line_each("two outlines", RepairedGeometry, "a.py", 3)
    assert told == "warning: two outlines\n"
    assert "a.py:3" in application._one_line_each("odd", UserWarning, "a.py", 3)


def _run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "psm.cli", *arguments],
        stderr=subprocess.PIPE,
        check=False,
        **options,
    )


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = _run("presets", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_the_output_is_one_line() -> None:
    with open("/dev/full", "wb") as full:
        done = _run("presets", stdout=full)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert "error: the disk is full" in line


def test_an_ascii_terminal_reads_and_writes_what_others_do(tmp_path: Path) -> None:
    plain = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    out = tmp_path / "東京.wav"
    words = ["earth", "listen", "35.7", "139.7", "--seconds", "1", "--out", str(out)]
    done = _run(*words, env=plain, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    assert out.is_file()
    assert "東京.wav" in done.stdout.decode()
