"""Whether what would be released is whole: built, listed, checked, installed and used.

    make release-check              # everything: some GB and a quarter of an hour
    make release-check ARGS=--build # build, list and check alone

Leaves the two files in dist/. Ends with an error that names what is wrong.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"
MOST_WHEEL_MB = 25.0
NOT_FOR_USERS = ("dev", "docs")
TINY_DEMO = (
    "model.dim=16",
    "model.imagery.view_px=64",
    "model.satellite={patch_px: 32, dim: 16, depth: 1, heads: 2, gsd_unit_m: 1000}",
    "model.audio_tower.channels=[4, 8, 8]",
    "model.audio_tower.blocks=[0, 0]",
    "model.context={depth: 1, heads: 2, feedforward: 32, hidden: 8}",
    "training={epochs: 1, batch_size: 16}",
    "earth={recordings: 90, map_step_deg: 10.0}",
)


def main() -> None:
    """Build, list, check; then install and use."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", action="store_true", help="leave out installing and using")
    only_build = parser.parse_args().build
    wheel, source = built()
    check_wheel(wheel)
    check_source(source)
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, source)
    if not only_build:
        with tempfile.TemporaryDirectory() as folder:
            check_installed(wheel, Path(folder))
    print("ready:", wheel.name, source.name)


def built() -> tuple[Path, Path]:
    """A fresh wheel, made from a fresh source distribution as the index's users would."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", DIST, ROOT)
    (wheel,), (source,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
    return wheel, source


def check_wheel(wheel: Path) -> None:
    """Every tracked file of the package is in it, nothing else is, and it is not too large."""
    with zipfile.ZipFile(wheel) as opened:
        sizes = {info.filename: info.compress_size for info in opened.infolist()}
    about = next(name.split("/")[0] for name in sizes if ".dist-info/" in name)
    held = {name for name in sizes if not name.startswith(about)}
    tracked = {name.removeprefix("src/") for name in output("git", "ls-files", "src").splitlines()}
    require(not tracked - held, f"{wheel.name} lacks", tracked - held)
    require(not held - tracked, f"{wheel.name} has besides", held - tracked)
    notices = {f"{about}/licenses/{name}" for name in ("LICENSE", "THIRD_PARTY.md")}
    require(not notices - sizes.keys(), f"{wheel.name} lacks", notices - sizes.keys())
    for name, size in sorted(sizes.items(), key=lambda item: -item[1])[:6]:
        print(f"{size / 1e6:8.2f} MB  {name}")
    whole = wheel.stat().st_size / 1e6
    print(f"{whole:8.2f} MB  {wheel.name}, {len(held)} files")
    require(whole <= MOST_WHEEL_MB, f"{wheel.name} is larger than {MOST_WHEEL_MB:g} MB", ())


def check_source(source: Path) -> None:
    """What builds the wheel is in it, with the licence."""
    with tarfile.open(source) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    wanted = {"pyproject.toml", "README.md", "LICENSE", "THIRD_PARTY.md", "src/psm/__init__.py"}
    require(not wanted - names, f"{source.name} lacks", wanted - names)
    print(f"{source.stat().st_size / 1e6:8.2f} MB  {source.name}")


def check_installed(wheel: Path, folder: Path) -> None:
    """The wheel in a clean environment: alone, with each extra, and the demo at toy size."""
    run(sys.executable, "-m", "venv", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt")
    run(*pip, wheel)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e9
    print(f"{size:8.2f} GB  installed without extras")
    for turn in ("first", "second"):
        start = time.perf_counter()
        run(python, "-c", "import psm", cwd=folder)
        print(f"{time.perf_counter() - start:8.2f} s   import psm, the {turn} time")
    psm = folder / "venv" / "bin" / "psm"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in sorted(set(project["optional-dependencies"]) - set(NOT_FOR_USERS)):
        run(*pip, f"{wheel}[{extra}]")
        run(psm, "--version", cwd=folder)
        print(f"          with [{extra}]")
    run(psm, "map", "frogs", "--month", "5", "--hour", "22", "--out", "frogs.tif", cwd=folder)
    settings = [word for setting in TINY_DEMO for word in ("--set", setting)]
    run(psm, "demo", *settings, "--out", "demo", cwd=folder)
    require((folder / "demo" / "report.html").is_file(), "psm demo wrote no", {"report.html"})


def run(*words: str | Path, cwd: Path = ROOT) -> None:
    """A command, whose failure ends the check."""
    try:
        subprocess.run([str(word) for word in words], cwd=cwd, check=True)
    except subprocess.CalledProcessError as problem:
        sys.exit(f"release check: {Path(words[0]).name} {words[1:3]} failed ({problem.returncode})")


def output(*words: str) -> str:
    """What a command prints."""
    return subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def require(is_so: bool, complaint: str, names: set[str] | tuple[()]) -> None:
    """End the check where something is not so."""
    if not is_so:
        sys.exit(f"release check: {complaint} {', '.join(sorted(names)[:10])}")


if __name__ == "__main__":
    main()
