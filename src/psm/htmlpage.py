"""Reports as one HTML file that needs nothing else: their looks, and pictures inside."""

from __future__ import annotations

import base64
import io
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from PIL import Image

SHARED = "htmlpage.html.j2"
"""Name by which a template imports what all of them share."""

_TEMPLATE = "report.html.j2"
_CSS_PX = 96.0  # of an inch


def render(package: str, **values: Any) -> str:
    """The ``report.html.j2`` of a package with its values.

    Args:
        package: as ``psm.demo``.
        values: that the template names; one that is missing is an error.

    Returns:
        The page.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: (resources.files("psm" if name == SHARED else package) / name).read_text(
                encoding="utf-8"
            )
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = lambda v: "–" if v is None else f"{v:.2f}"
    environment.filters["recall"] = lambda v: "–" if v is None else f"{v:.3f}"
    environment.filters["percent"] = lambda v: "–" if v is None else f"{v:.0%}"
    environment.filters["signed"] = lambda v: f"{v:+.3f}".replace("-", "−")
    return environment.get_template(_TEMPLATE).render(**values)


def picture(path: Path, alt: str) -> dict[str, Any]:
    """A PNG as a data URI, the size that it was drawn at in CSS pixels, and what it shows.

    Args:
        path: of the PNG.
        alt: what it shows, in a sentence.

    Returns:
        ``src``, ``width``, ``height`` and ``alt``.
    """
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        dots = image.info.get("dpi", (_CSS_PX, _CSS_PX))[0]
        width, height = (round(side * _CSS_PX / dots) for side in image.size)
    uri = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
    return {"src": uri, "width": width, "height": height, "alt": alt}
