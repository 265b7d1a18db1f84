"""Report of retrieval: its rows, their JSON and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from psm.ranks import TiedRanks

REFERENCES = ("chance", "oracle")
ENOUGH = 50
"""Test recordings from which on a recall and its interval say something."""
Labels = tuple[str, str, str]
"""Query, direction, restriction."""


@dataclass(frozen=True, kw_only=True)
class RetrievalRow:
    """Recall and median rank of one kind of query, with whom it is compared.

    Attributes:
        model: who answers; ``chance`` and ``oracle`` for reference rows.
        query: the kind of query, or what an oracle knows.
        direction: ``image_to_audio`` or ``audio_to_image``.
        restriction: ``all``, or ``same_source`` where a gallery holds the query's source alone.
        source: the audio source whose queries count, or ``all``.
        gallery: items in the gallery; the mean over queries where they differ.
        queries: how many queries.
        r_at_10pct: share of queries whose answer is in the first tenth of the gallery; of those
            whose gallery has ten items, and ``None`` where none has.
        ci95: its 95 % interval by bootstrap over cells; ``None`` where the value is exact or none,
            or where all recordings lie in one cell.
        median_rank: 1-based, ties averaged.
        r_at_1, r_at_5, r_at_10, r_at_50, r_at_100: recall in that many first items.
        attainable_share: (score - chance) / (oracle - chance); ``None`` without a fitting oracle.
        visible_share: the same with the oracle of the pixels, for queries of the image alone.
    """

    model: str
    query: str
    direction: str
    restriction: str
    source: str = "all"
    gallery: int
    queries: int
    r_at_10pct: float | None
    ci95: tuple[float, float] | None
    median_rank: float
    r_at_1: float
    r_at_5: float
    r_at_10: float
    r_at_50: float
    r_at_100: float
    attainable_share: float | None = None
    visible_share: float | None = None

    @property
    def too_few(self) -> int | None:
        """How many recordings there are, where these are too few for a recall; else ``None``."""
        if self.model == "chance" or (self.queries >= ENOUGH and self.r_at_10pct is not None):
            return None
        return min(self.queries, self.gallery)


@dataclass(frozen=True)
class RetrievalReport:
    """Everything that one evaluation of retrieval found.

    Attributes:
        rows: the model's rows over all queries.
        per_source: the same for the queries of each audio source.
        reference: rows of chance and of the oracles.
        ranks: by query, direction and restriction, for paired comparisons; not in the JSON.
    """

    rows: tuple[RetrievalRow, ...]
    per_source: tuple[RetrievalRow, ...]
    reference: tuple[RetrievalRow, ...]
    ranks: Mapping[Labels, TiedRanks] = field(default_factory=dict, repr=False)

    def row(
        self, query: str, direction: str = "image_to_audio", restriction: str = "all"
    ) -> RetrievalRow:
        """One of ``rows`` or ``reference``.

        Args:
            query: the kind of query, as ``image`` or ``image+context``, or what an oracle knows.
            direction: ``image_to_audio`` or ``audio_to_image``.
            restriction: ``all``, or ``same_source``.

        Returns:
            The row.

        Raises:
            KeyError: there is none.
        """
        for row in (*self.rows, *self.reference):
            if (row.query, row.direction, row.restriction) == (query, direction, restriction):
                return row
        raise KeyError((query, direction, restriction))

    def to_json(self) -> dict[str, Any]:
        """JSON-ready: ``retrieval``, ``retrieval_per_source``, ``retrieval_reference`` are rows;
        ``reference_rows`` holds the R@10% of chance and oracles, image to audio, whole gallery."""
        short = {
            _short_name(row): row.r_at_10pct
            for row in self.reference
            if (row.direction, row.restriction) == ("image_to_audio", "all")
        }
        return {
            "retrieval": [asdict(row) for row in self.rows],
            "retrieval_per_source": [asdict(row) for row in self.per_source],
            "retrieval_reference": [asdict(row) for row in self.reference],
            "reference_rows": short,
        }


def _short_name(row: RetrievalRow) -> str:
    if row.model == "chance":
        return "chance"
    return {
        "pixels": "pixels_oracle",
        "place": "place_oracle",
        "place+time": "place_time_oracle",
        "place+time+source": "full_oracle",
        "source tag": "source_oracle",
    }[row.query]


def retrieval_table(rows: Sequence[RetrievalRow]) -> Group:
    """Rows for the terminal: one table for each direction and restriction."""
    sections = dict.fromkeys((row.direction, row.restriction) for row in rows)
    return Group(
        *(
            _table([row for row in rows if (row.direction, row.restriction) == section])
            for section in sections
        )
    )


def _table(rows: Sequence[RetrievalRow]) -> Table:
    first = rows[0]
    restricted = ", all of the query's audio source" if first.restriction == "same_source" else ""
    galleries = (
        f"about {first.gallery:,}" if len({r.gallery for r in rows}) > 1 else f"{first.gallery:,}"
    )
    table = Table(
        title=f"{first.direction.replace('_', ' ')}, gallery of {galleries}{restricted}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        header_style="bold",
        padding=0,
    )
    models = {row.model for row in rows} - set(REFERENCES)
    table.add_column(models.pop() if len(models) == 1 else "model and query")
    for name in (
        "R@10%",
        "95 % interval",
        "attained",
        "R@1",
        "R@5",
        "R@10",
        "R@50",
        "R@100",
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("median", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            _label(row, with_model=bool(models)),
            *_cells(row),
            style="dim" if row.model in REFERENCES else "",
        )
    return table


def _label(row: RetrievalRow, *, with_model: bool) -> str:
    if row.model == "chance":
        return "chance"
    label = query_label(row.query)
    if row.source != "all":
        label += f", {row.source}"
    return f"{row.model}: {label}" if with_model or row.model == "oracle" else label


def query_label(query: str) -> str:
    """A kind of query in few words."""
    return query.replace(" without source tags", ", no source")


def score_text(value: float | None) -> str:
    """A recall in three digits; a dash where the gallery is too small to have one."""
    return "–" if value is None else f"{value:.3f}"


def _cells(row: RetrievalRow) -> list[str]:
    if row.too_few is not None:
        nothing = "–"
        return [nothing, f"too few ({row.too_few})", "", *[nothing] * 6]
    if row.ci95:
        interval = f"{row.ci95[0]:.3f}–{row.ci95[1]:.3f}"
    else:
        interval = "exact" if row.model in REFERENCES else "one cell"
    # Of the attainable and, behind a stroke, of what the pixels show.
    shares = [share for share in (row.attainable_share, row.visible_share) if share is not None]
    recalls = (row.r_at_1, row.r_at_5, row.r_at_10, row.r_at_50, row.r_at_100)
    return [
        score_text(row.r_at_10pct),
        interval,
        "/".join(f"{share:.0%}" for share in shares),
        *(f"{value:.3f}" for value in recalls),
        f"{row.median_rank:,.1f}",
    ]
