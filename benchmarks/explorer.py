"""How long people wait on the page of `psm serve`: the first map, and a change of the hour.

    psm serve &
    python benchmarks/explorer.py [http://127.0.0.1:8000/]

Opens a link in Chromium (WebGL in software) on a page of 1280 by 800 and measures inside the
page: from the start of the navigation until every tile of the first map is drawn, then from the
movement of the slider until the last tile of the new hour has come, and until it is drawn, for
hours not asked before and once more. What lies between is mostly the graphics card that is missing.
"""

from __future__ import annotations

import argparse
import shutil
import statistics

from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SETTLED = "() => document.querySelector('.map-a[data-shown]')"
MOVE = """(hour) => new Promise((resolve) => {
  const slider = document.querySelector('#hour');
  const map = document.querySelector('.map-a');
  const start = performance.now();
  const wanted = RegExp(`hour=${hour}\\\\b`);
  performance.clearResourceTimings();
  const done = () => {
    const tiles = performance.getEntriesByType('resource')
      .filter(({ name }) => name.includes('/tiles/') && wanted.test(name));
    const last = Math.max(start, ...tiles.map(({ responseEnd }) => responseEnd));
    resolve([last - start, performance.now() - start]);
  };
  const look = () => wanted.test(map.dataset.shown)
    ? requestAnimationFrame(done) : setTimeout(look, 2);
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  set.call(slider, String(hour));
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  look();
})"""


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
            page.wait_for_timeout(3000)  # the list of places has come too
            for again in ("new", "known"):
                times = []
                for hour in (12, 18, 3, 9, 15, 21, 0, 6):
                    times.append(page.evaluate(MOVE, hour))
                    page.wait_for_timeout(500)
                for what, values in zip(
                    ("tiles there", "drawn"), zip(*times, strict=True), strict=True
                ):
                    print(
                        f"{visit}, hours {again}, {what}: "
                        f"median {statistics.median(values):.0f} ms, "
                        f"longest {max(values):.0f} ms"
                    )
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
