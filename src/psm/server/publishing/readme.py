"""README of a published folder: how to open it, and what its maps stand on."""

from __future__ import annotations

import textwrap

from psm import __version__
from psm.server import basemap
from psm.server.state import ServerState

NAME = "README.txt"
_WIDTH = 88


def readme(state: ServerState, title: str | None) -> str:
    """The text of the file.

    Args:
        state: of the server that was published.
        title: of the page, where it has one of its own.
    """
    model = state.model
    about = model.provenance
    stores = [
        f"{store.name}: {len(store.store):,} cells. Imagery: {store.store.attribution} "
        f"({store.store.licence})."
        for store in state.stores.values()
    ]
    learnt = [
        f"{data.name}" + (f", licences {', '.join(data.licences)}" if data.licences else "")
        for data in about.trained_on
    ]
    calibration = "none" if state.calibration is None else state.calibration.summary
    blocks = [
        title or "How the Earth sounds",
        "To open it: put this folder on any web server that serves files, below any address. On "
        "one machine, start a small server in this folder and open what it says in a browser, "
        "for example:",
        "    python -m http.server --bind 127.0.0.1 8000\n    http://127.0.0.1:8000",
        "It asks nobody else for anything, and works without the Internet. A double click on "
        "index.html is not enough: browsers let no page read files beside it.",
        f"What the maps stand on: {about.statement}.",
        " ".join(about.limits.split()),
        f"Model: {model.config.name}. Calibration: {calibration}.",
        *([f"Learnt from: {'; '.join(learnt)}."] if learnt else []),
        *stores,
        f"Base map: {basemap.ATTRIBUTION}. Names of places: GeoNames (CC BY 4.0). "
        "Borders: CIA World Data Bank II (public domain).",
        f"Written by psm publish {__version__}, whose licence, Apache-2.0, the page has too.",
    ]
    return (
        "\n\n".join(
            block if block.startswith("    ") else textwrap.fill(block, _WIDTH) for block in blocks
        )
        + "\n"
    )
