"""Header of a store: the attributes of its root group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import zarr
from rasterio.transform import Affine
from zarr.errors import ContainsGroupError, GroupNotFoundError, NodeTypeValidationError

from psm.errors import ConfigError
from psm.geodata.frame import Frame
from psm.imagery import View
from psm.mapping.store.objectstore import reaching
from psm.mapping.store.place import zarr_store

KEY, UNFINISHED = "psm", "psm-unfinished"
"""Attributes of the root group: of a store, and of what is to become one."""

FORMAT = 1
"""Raised when a store of before can no longer be read."""


@dataclass(frozen=True)
class Header:
    """Everything about a store but its arrays.

    Attributes:
        model: its name.
        dim: of the features.
        view_px, gsd_m: the view at zoom 1.
        zooms: levels that are embedded.
        imagery: settings of the provider.
        attribution, licence: as they have to stand on a map.
        month: that the imagery shows, where it was asked for one.
        frame: that the cells lie on.
        cells: how many.
        unit: cells that are embedded, and written, together.
        provenance: what the model learnt from, as :attr:`psm.provenance.Provenance.summary`.
        parts: of the fingerprint.
        fingerprint: a short name for them.
    """

    model: str
    dim: int
    view_px: int
    gsd_m: float
    zooms: tuple[int, ...]
    imagery: Mapping[str, Any]
    attribution: str
    licence: str
    month: int | None
    frame: Frame
    cells: int
    unit: int
    provenance: Mapping[str, Any]
    parts: Mapping[str, Any]
    fingerprint: str

    def view(self, zoom: int) -> View:
        """What the encoder sees at a zoom level.

        Args:
            zoom: one of :attr:`zooms`.

        Returns:
            Size in pixels and ground sample distance.
        """
        return View(self.view_px, self.gsd_m * zoom)

    @property
    def size_bytes(self) -> int:
        """Of the finished store, but for some kilobytes; the numbers of pixels shrink besides."""
        return self.cells * (8 + len(self.zooms) * (2 * self.dim + 1))

    def to_json(self) -> dict[str, Any]:
        """The attributes."""
        frame = self.frame
        values = asdict(self) | {
            "format": FORMAT,
            "frame": {
                "crs": frame.crs,
                "transform": list(frame.transform)[:6],
                "shape": list(frame.shape),
            },
            "zooms": list(self.zooms),
        }
        return {name: values[name] for name in ("format", *self.__dataclass_fields__)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], origin: str) -> Self:
        """From the attributes of the store ``origin``.

        Args:
            values: as :meth:`to_json` gives them.
            origin: URL of the store, for errors.

        Returns:
            The header.

        Raises:
            ConfigError: another version wrote them.
        """
        if values.get("format") != FORMAT:
            raise ConfigError(
                f"{origin}: a store of format {values.get('format')}, this PSM reads {FORMAT}; "
                "embed it anew"
            )
        known = {"provenance": {}, **values}  # stores of before do not say what it learnt from
        named = {name: known[name] for name in cls.__dataclass_fields__}
        frame = named["frame"]
        named["frame"] = Frame(frame["crs"], Affine(*frame["transform"]), tuple(frame["shape"]))
        named["zooms"] = tuple(named["zooms"])
        return cls(**named)


def read_attributes(url: str) -> dict[str, Any] | None:
    """Of the group at ``url``: ``None`` where there is none, ``{}`` where something else is."""
    try:
        with reaching(url):
            group = zarr.open_group(zarr_store(url), mode="r")
    except (GroupNotFoundError, FileNotFoundError):
        return None
    except (NodeTypeValidationError, ContainsGroupError, ValueError, KeyError):
        return {}
    return dict(group.attrs)
