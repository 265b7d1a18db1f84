"""Ask every page that the documentation links to whether it is there: ``make docs-links``.

It needs the Internet, so that it is no part of the tests: these only look whether links are well
formed.
"""

from __future__ import annotations

import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "benchmarks/*.md")
REFUSED = {401, 403, 405, 429}
"""Answers that say that a page is there, though not for programs."""
TIMEOUT_S = 30.0

_LINK = re.compile(r"\]\((https?://[^)\s]+)\)")


def external_links() -> dict[str, list[str]]:
    """Every link to another host, and the pages that have it."""
    found: dict[str, list[str]] = {}
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            text = re.sub(
                r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL
            )
            for link in _LINK.findall(text):
                found.setdefault(link, []).append(page.relative_to(ROOT).as_posix())
    return found


def problem(link: str) -> str | None:
    """Why a page is not there; None where it is."""
    request = Request(link, headers={"User-Agent": "psm-maps documentation"})
    try:
        with urlopen(request, timeout=TIMEOUT_S):
            return None
    except HTTPError as error:
        return None if error.code in REFUSED else f"answers {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))


def main() -> int:
    """Print what is missing; 1 where anything is."""
    found = external_links()
    with ThreadPoolExecutor(8) as threads:
        problems = dict(zip(found, threads.map(problem, found), strict=True))
    missing = {link: why for link, why in problems.items() if why is not None}
    for link, why in missing.items():
        print(f"{', '.join(dict.fromkeys(found[link]))}: {link}: {why}")
    print(f"{len(found) - len(missing)} of {len(found)} links are there")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
