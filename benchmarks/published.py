"""Whether the maps of a published folder are those of its store, in a browser, and how soon.

    psm publish earth.zarr --out site
    cd web && npm ci && cd ..
    python benchmarks/published.py site earth.zarr [--model earth-small] [--month 7]

Serves the folder with Python's file server, opens it in Chromium and times the first map. Then lets
the modules of the page compute 28 sounds at 24 local hours from the files of the folder, and ranks
the cells by these and by the maps of the store, which a server would answer. Prints the rank
correlations, the size of the folder, and every request that left it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np
from playwright.sync_api import sync_playwright
from scipy.stats import spearmanr

from psm.calibration import Calibration, curves_of
from psm.earth.phrases import QUERY_PHRASES
from psm.mapping import Moment, Query, Store, Timetable
from psm.mapping.timetable.storedcoefficients import drawn_rows
from psm.model import PSM
from psm.server.answers import ask

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SETTLED = "() => document.querySelector('.progress')?.dataset.busy === 'no'"
WEB = Path(__file__).parents[1] / "web"
GOOD = 0.995
_ENTRY = """
export { fetchCoefficients } from "./drawn/coefficients";
export { DrawnQuestion } from "./drawn/question";
export { answerFrom } from "./published/phrases";
"""
_COMPUTE = """async ([store, texts, month]) => {
  const get = (file) => fetch(`api/v1/stores/${store}/${file}`);
  const coefficients = await page.fetchCoefficients(get);
  const table = await (await get("phrases.json")).json();
  return texts.map((text) => {
    const { answer } = page.answerFrom(table, new URLSearchParams({ text }));
    const question = new page.DrawnQuestion(coefficients, answer.numbers);
    return Array.from({ length: 24 }, (_, hour) =>
      [...question.at({ month, hour, clock: "local" }, false).probability]);
  });
}"""


class _Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("store")
    parser.add_argument("--model", default="earth-small")
    parser.add_argument("--month", type=int, default=7)
    args = parser.parse_args()
    size = sum(path.stat().st_size for path in args.folder.rglob("*") if path.is_file())
    print(f"{args.folder}: {size / 1e6:.2f} MB")
    drawn = in_browser(args.folder, args.month)
    exact = of_store(args.store, args.model, args.month)
    ranks = np.array([spearmanr(a, b).statistic for a, b in zip(drawn, exact, strict=True)])
    apart = np.abs(drawn - exact)
    print(
        f"Spearman of {len(ranks)} maps {np.median(ranks):.4f} / {np.quantile(ranks, 0.05):.4f} / "
        f"{ranks.min():.4f}, {np.mean(ranks >= GOOD):.1%} at least {GOOD}; probability differs by "
        f"{apart.mean():.1e} on average"
    )


def in_browser(folder: Path, month: int) -> np.ndarray[Any, Any]:
    """Maps as the page computes them, ``(sounds x hours, cells)``; prints how soon the first is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    texts = tuple(QUERY_PHRASES.values())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        asked: list[str] = []
        page.on("request", lambda sent: asked.append(sent.url))
        seconds = []
        for text in texts[:5]:
            page.goto("about:blank")
            start = time.perf_counter()
            page.goto(f"{url}#q={quote_plus(text)}&m={month}&h=22", wait_until="commit")
            page.wait_for_function(
                "() => document.querySelector('.map-a')?.dataset.shown?.startsWith('drawn')"
            )
            seconds.append(time.perf_counter() - start)
            page.wait_for_function(SETTLED)
        shown = ", ".join(f"{value:.1f}" for value in seconds)
        print(f"first map after {shown} s (the first of them with nothing in the browser's cache)")
        page.evaluate(_modules())
        (store,) = json.loads((folder / "api/v1/stores.json").read_text())
        found = page.evaluate(_COMPUTE, [store["id"], texts, month])
        strange = [sent for sent in asked if not sent.startswith((url, "blob:", "data:"))]
        print(f"requests that left the folder: {len(strange)} {strange or ''}")
        browser.close()
    server.shutdown()
    server.server_close()
    maps = np.array(found, np.float32)
    return maps.reshape(-1, maps.shape[-1])


def of_store(url: str, source: str, month: int) -> np.ndarray[Any, Any]:
    """The same maps as a server answers them."""
    model, store = PSM.from_pretrained(source, precision="auto"), Store.open(url)
    zoom, calibration = store.zooms[0], Calibration.find(source)
    places, rows = Timetable(store, model, zoom, resident=True), drawn_rows(store, zoom)
    maps = []
    for text in QUERY_PHRASES.values():
        query = Query(texts=(text,)).encode(model)
        curves = curves_of(model, calibration, query.gaussians)
        for hour in range(24):
            made = ask(model, places, query, Moment(month=month, hour=float(hour)), curves)
            maps.append(made.values[0][rows])
    return np.stack(maps)


def _modules() -> str:
    """The modules of the page that compute maps, as a script that sets ``page``."""
    with tempfile.TemporaryDirectory() as folder:
        entry, out = WEB / "src" / ".published.ts", Path(folder) / "page.js"
        entry.write_text(_ENTRY)
        try:
            subprocess.run(
                ["npx", "rolldown", str(entry), "--format", "iife", "--name", "page",
                 "--file", str(out)],
                cwd=WEB, check=True, capture_output=True,
            )  # fmt: skip
        finally:
            entry.unlink()
        return out.read_text() + "\nwindow.page = page;"


if __name__ == "__main__":
    main()
