"""Folder of a published page: the page, its stores and its table of phrases as plain files."""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psm.errors import BrokenPackageData, ConfigError, OutputError
from psm.files import atomic_folder
from psm.mapping.timetable.storedcoefficients import MOST_CELLS, wants_coefficients
from psm.server import basemap
from psm.server.app import API
from psm.server.guard.headers import page_policy
from psm.server.publishing.asking import Asker
from psm.server.publishing.readme import NAME as README
from psm.server.publishing.readme import readme
from psm.server.publishing.table import phrase_table
from psm.server.routes.root import STATIC, assets, with_preview
from psm.server.served import ServedStore
from psm.server.state import ServerState

MARK = "psm-published"
"""Name of the tag by which a page knows that there is no server behind it."""

_DEEPEST = 3  # of the base map: a pixel is a sixth of a degree, half a megabyte in all
_TITLE = re.compile(r"<title>[^<]*</title>")
_HINT = (
    f"<p>Nothing here? A browser shows this page from a web server only; {README} beside it says "
    "how to start a small one.</p>"
)


@dataclass(frozen=True)
class Published:
    """What was published.

    Attributes:
        phrases: that every store can be asked.
        size_bytes: of all files.
    """

    phrases: int
    size_bytes: int


def publish(state: ServerState, out: Path, *, title: str | None = None) -> Published:
    """Write the page with its stores as files that any static host shows.

    Args:
        state: stores, model and vocabulary, as for a server; it need not run.
        out: a folder; one that was published before is replaced, any other one refused.
        title: of the page; by default that of the explorer.

    Raises:
        OutputError: the folder holds something else.
        ConfigError: a store is not prepared, too large, or no grid of degrees; or a phrase cannot
            be asked.
    """
    require_replaceable(out)
    for store in state.stores.values():
        _require_coefficients(store)
    with ThreadPoolExecutor(1) as apart:  # notebooks have a loop of their own in this thread
        files, phrases = apart.submit(lambda: asyncio.run(_files(state, title))).result()
    with atomic_folder(out) as folder:
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return Published(phrases, sum(map(len, files.values())))


def require_replaceable(out: Path) -> None:
    """Refuse a folder that holds something else than a published page.

    Raises:
        OutputError: says so.
    """
    if not out.is_dir() or not any(out.iterdir()):
        return
    index = out / "index.html"
    if not index.is_file() or MARK not in index.read_text("utf-8", errors="replace"):
        raise OutputError(f"{out}: holds something else than a published page; name a new folder")


def _require_coefficients(store: ServedStore) -> None:
    url = store.store.url
    if not wants_coefficients(store.store):
        raise ConfigError(
            f"{url}: only grids in degrees of at most {MOST_CELLS:,} cells are published, and it "
            f"has {len(store.store):,} on {store.store.frame.crs}; embed it coarser with psm embed"
        )
    if store.coefficients is None:
        raise ConfigError(
            f"{url}: is not prepared for {store.model_name}; run psm prepare {url} first"
        )


async def _files(state: ServerState, title: str | None) -> tuple[dict[str, bytes], int]:
    """All files by their path in the folder, and how many phrases every store can be asked."""
    ask, phrases = Asker(state), []
    async with state.running():
        files = {
            f"{API[1:]}/{name}.json": await ask.content(name)
            for name in ("stores", "models", "colours", "layers")
        }
        for id_, store in state.stores.items():
            folder = _folder(id_)
            for name in ("coefficients.json", "coefficients.bin", "coefficients.names.json"):
                files[f"{folder}/{name}"] = await ask.content("stores", id_, name)
            # A third of its size; the page unpacks it, as it does the coefficients.
            names = f"{folder}/coefficients.names.json"
            files[names] = gzip.compress(files[names], 9, mtime=0)
            table = await phrase_table(ask, store, state.vocabulary)
            files[f"{folder}/phrases.json"] = _json(table)
            phrases.append(len(table["phrases"]))
    base = {
        "tiles": "base/{z}/{x}/{y}.webp",
        "attribution": basemap.ATTRIBUTION,
        "max_zoom": _DEEPEST,
    }
    files[f"{API[1:]}/base.json"] = _json(base)
    for z in range(_DEEPEST + 1):
        for x in range(2**z):
            for y in range(2**z):
                files[f"base/{z}/{x}/{y}.webp"] = basemap.tile(z, x, y)
    files |= {f"assets/{name}": asset.content for name, asset in assets().items()}
    index = _index(state.model.provenance.statement, title)
    files["index.html"] = index.encode()
    files[README] = readme(state, title).encode()
    return files, min(phrases)


def _index(statement: str, title: str | None) -> str:
    """The page, which knows that it is published and may ask no other site for anything."""
    index = STATIC / "index.html"
    if not index.is_file():
        raise BrokenPackageData(f"{index}: the page was not built; run npm run build in web/")
    page = index.read_text("utf-8")
    if title:
        page = _TITLE.sub(lambda _: f"<title>{html.escape(title)}</title>", page)
    page = with_preview(page, statement)
    metas = (
        f'<meta name="{MARK}" content="1" />'
        f'<meta http-equiv="Content-Security-Policy" content="{page_policy()}" />'
    )
    page = page.replace("<title>", f"{metas}<title>", 1)
    return page.replace('<div id="app"></div>', f'<div id="app">{_HINT}</div>', 1)


def _folder(id_: str) -> str:
    return f"{API[1:]}/stores/{id_}"


def _json(content: Any) -> bytes:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
