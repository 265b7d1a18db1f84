"""How long people wait on the page of `psm serve`: the first map, and how time moves.

    psm serve &
    python benchmarks/explorer.py [http://127.0.0.1:8000/]

Opens a link in Chromium (WebGL in software) on a page of 1280 by 800 and measures inside the
page: from the start of the navigation until the first map is drawn; from a movement of the slider
until the map of that hour is drawn, for hours not asked before and once more; and how many maps a
second are drawn while the slider runs through the day, how much work of the processor a map is, and
how many requests that takes. Of a store with coefficients there should be none.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
from pathlib import Path

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SETTLED = "() => document.querySelector('.map-a[data-shown]')"
MOVE = """(hours) => new Promise((resolve) => {
  const slider = document.querySelector('#hour');
  const map = document.querySelector('.map-a');
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const times = [];
  let start;
  const move = () => {
    start = performance.now();
    set.call(slider, String(hours[times.length]));
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    requestAnimationFrame(look);
  };
  const look = () => {
    const isShown = RegExp(`hour=${hours[times.length]}\\\\b`).test(map.dataset.shown);
    if (isShown && times.push(performance.now() - start) === hours.length) resolve(times);
    else if (isShown) move();
    else requestAnimationFrame(look);
  };
  move();
})"""
DAY = [*range(24)]
ROUNDS = 4
TICK_MS = 10.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000/")
    parser.add_argument("--text", default="frogs")
    url, text = (args := parser.parse_args()).url, args.text
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for visit in ("first visit", "second visit"):
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            page = context.new_page()
            page.goto(f"{url}#q={text}&m=7&h=22")
            page.wait_for_function(SETTLED, polling=10, timeout=120_000)
            print(f"{visit}: first map after {page.evaluate('performance.now()'):.0f} ms")
            page.wait_for_timeout(3000)  # the list of places and the names have come too
            for again in ("new", "known"):
                times = []
                for hour in (12, 18, 3, 9, 15, 21, 0, 6):
                    times += page.evaluate(MOVE, [hour])
                    page.wait_for_timeout(500)
                print(
                    f"{visit}, hours {again}: drawn after median "
                    f"{statistics.median(times):.0f} ms, longest {max(times):.0f} ms"
                )
            urls: list[str] = []
            page.on("request", lambda request, urls=urls: urls.append(request.url))
            before = processor_ms()
            times = page.evaluate(MOVE, DAY * ROUNDS)
            worked = {kind: ms - before.get(kind, 0.0) for kind, ms in processor_ms().items()}
            page.wait_for_timeout(1500)  # what waits for the time to rest
            print(
                f"{visit}, {ROUNDS} days: {1000.0 * len(times) / sum(times):.0f} maps a second, "
                f"processor {worked['renderer'] / len(times):.0f} ms a map for the page, "
                f"{worked['gpu-process'] / len(times):.0f} ms for WebGL; "
                f"{len(urls)} requests"
            )
            context.close()
        browser.close()


def processor_ms() -> dict[str, float]:
    """Time that the processes of Chromium have worked, by their kind."""
    found: dict[str, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode().split()
            fields = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        if words and "chrom" in words[0]:
            kind = next((w[7:] for w in words if w.startswith("--type=")), "browser")
            found[kind] = found.get(kind, 0.0) + TICK_MS * (int(fields[11]) + int(fields[12]))
    return found


if __name__ == "__main__":
    main()
