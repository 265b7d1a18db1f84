"""Captions of what the imagery of a place lets one expect to hear."""

from __future__ import annotations

from collections.abc import Sequence

from psm.collect.captions.author import Author
from psm.collect.captions.loading import Dtype
from psm.collect.captions.viewers import VIEWERS, Picture
from psm.collect.source import Refused
from psm.data.views import view_of_tile
from psm.errors import ConfigError

ZOOMS = (1, 3, 5)
"""At which a tile is described, as in GeoSound."""


class ImageCaptioner:
    """Writes a sentence about a tile at a zoom, by the same rules as :class:`HubCaptioner`.

    Args:
        source: hub id or folder of a vision-language model.
        view_px: side of the view that is cut from a tile; it is ``zoom`` times as wide there.
        name: tells captioners of a build apart.
        prompt: what the model is asked; by default what its kind of model wants.
        revision: of the hub: a commit makes a build repeatable.
        device, dtype: where and in which numbers it computes.
        batch_size: tiles at a time, fewer where the memory is short.
        max_new_tokens: of a caption.

    Raises:
        ConfigError: there is no such model, or of a type that cannot describe images.
        CheckpointMismatch: a weight is missing.
    """

    def __init__(
        self,
        source: str,
        *,
        view_px: int,
        name: str = "imagery",
        prompt: str | None = None,
        revision: str | None = None,
        device: str = "auto",
        dtype: Dtype = "auto",
        batch_size: int = 8,
        max_new_tokens: int = 64,
    ) -> None:
        self.name, self.view_px = name, view_px
        self._author: Author[Picture] = Author(
            VIEWERS,
            "captions of images",
            source,
            prompt=prompt,
            revision=revision,
            device=device,
            dtype=dtype,
            batch_size=batch_size,
            max_new_tokens=max_new_tokens,
        )
        self.prompt, self.model = self._author.prompt, self._author.model
        self.fingerprint = f"{self._author.fingerprint}-{view_px}"

    def caption(self, tiles: Sequence[Picture], *, zoom: int) -> list[str | Refused]:
        """One sentence each, in order; the reason where there is none."""
        answers: list[str | Refused] = [Refused("tile too small to caption")] * len(tiles)
        usable, views = [], []
        for number, tile in enumerate(tiles):
            try:
                views.append(view_of_tile(tile, zoom=zoom, size=self.view_px))
            except ConfigError:
                continue
            usable.append(number)
        for number, answer in zip(usable, self._author.write(views), strict=True):
            answers[number] = answer
        return answers
