"""What every output says that it stands on, for one model or several: a table of places.

    python benchmarks/provenance.py earth-small runs/mine

Asks each model one question through the command line and the API, at 10 degrees, writes every kind
of file, and reads each of them back as bytes: none of our readers is trusted. Exits with 1 where an
output says nothing, or something else than the model folder does.
"""

from __future__ import annotations

import argparse
import html
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from starlette.testclient import TestClient

from psm import checkpoints
from psm.provenance import Provenance
from psm.server import Settings, create_app

SOUND, STEP = "church bells", "10"
MAPS = ("png", "svg", "tif", "nc", "zarr", "parquet", "geojson")
SERIES = ("gif", "mp4", "cube.nc")
TILE = "tiles/probability/0/0/0.png"
_SAYS = re.compile(r'"simulated": ?(true|false)')


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    said: dict[str, dict[str, str]] = {}
    is_right = True
    for model in options.models:
        expected = Provenance.load(checkpoints.resolve(model)).is_simulated
        with tempfile.TemporaryDirectory() as folder:
            for where, found in outputs(model, Path(folder)):
                words = "nothing" if found is None else "simulated" if found else "recordings"
                is_right &= found is expected
                said.setdefault(where, {})[model] = words
    table = Table("place", *options.models)
    for where, by_model in said.items():
        table.add_row(where, *(by_model.get(model, "") for model in options.models))
    Console(width=120).print(table)
    sys.exit(0 if is_right else 1)


def outputs(model: str, folder: Path) -> Iterator[tuple[str, bool | None]]:
    """Where something is said, and whether it says "simulated"; ``None`` where it says nothing."""
    files = [folder / f"map.{suffix}" for suffix in (*MAPS, *SERIES)]
    points = folder / "points.csv"
    points.write_text("lat,lon\n48.2,16.4\n")
    areas = folder / "area.geojson"
    square = [[[0, 40], [40, 40], [40, 60], [0, 60], [0, 40]]]
    area = {"type": "Polygon", "coordinates": square}
    feature = {"type": "Feature", "properties": {}, "geometry": area}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    outs = [part for path in files for part in ("--out", str(path))]
    when = ["--month", "6", "--step", STEP, "--model", model]
    told = run("map", SOUND, *when, "--animate", "months", "--points", str(points),
               "--polygons", str(areas), *outs)  # fmt: skip
    yield "psm map, error stream", in_words(told.stderr)
    yield "psm map --json", in_text(run("map", SOUND, *when, "--json", *outs[:2]).stdout)
    for path in files:
        yield f".{path.name.split('.', 1)[1]}", in_bytes(path)
    yield "values at points, .csv", in_bytes(folder / "map.points.csv")
    yield "areas, .geojson", in_bytes(folder / "map.areas.geojson")
    for name in ("found.csv", "found.geojson"):
        run("search", SOUND, *when, "--out", str(folder / name))
        yield f"psm search, {name}", in_bytes(folder / name)
    run("profile", "48.2", "16.4", "--model", model, "--out", str(folder / "p.png"))
    yield "profile, .png", in_bytes(folder / "p.png")
    yield "profile, .json", in_bytes(folder / "p.json")
    store = folder / "earth.zarr"
    run("embed", "globe", "--step", STEP, "--model", model, "--out", str(store))
    yield "store", in_bytes(store / "zarr.json")
    yield from of_api(model, store)


def of_api(model: str, store: Path) -> Iterator[tuple[str, bool | None]]:
    """What a server says: its page, its answers, and the header of all the others."""
    settings = Settings(stores=(str(store),), model=model, prepare=False)
    with TestClient(create_app(settings)) as client:
        yield "preview of a link", in_words(client.get("/").text)
        yield "API /models", in_text(client.get("/api/v1/models").text)
        at = "/api/v1/stores/earth"
        asked = {"text": SOUND, "month": 6, "hour": 6}
        place = {"lat": 55.0, "lon": 35.0}  # on land
        yield "API /answer", in_text(client.get(f"{at}/answer", params=asked).text)
        others = {
            "range": {"text": SOUND},
            "value": {**asked, **place},
            "profile": {"text": SOUND, **place},
            TILE: asked,
        }
        for route, params in others.items():
            answered = client.get(f"{at}/{route}", params=params)
            answered.raise_for_status()
            yield f"header of /{route}", in_text(answered.headers.get("PSM-Provenance", ""))


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """A ``psm`` command that must succeed."""
    done = subprocess.run(["psm", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"psm {' '.join(command)}: {done.stderr}")
    return done


def in_bytes(path: Path) -> bool | None:
    """What a file, or any file of a folder, says in plain bytes."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    text = "".join(one.read_bytes().decode("latin-1") for one in files if one.is_file())
    return in_text(text)


def in_text(text: str) -> bool | None:
    """What a text says, all of it alike."""
    plain = html.unescape(html.unescape(text)).replace('\\"', '"').replace('""', '"')
    found = set(_SAYS.findall(plain))
    return None if len(found) != 1 else found == {"true"}


def in_words(text: str) -> bool | None:
    """What a text says to people."""
    if "Simulated Earth" in text:
        return True
    return False if "Learnt from" in text else None


if __name__ == "__main__":
    main()
