"""What Prometheus reads: counts and times by route; nothing about clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response

if TYPE_CHECKING:
    from psm.server.state import State

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counters of one server.

    Args:
        state: whose queue and memory are read.
    """

    def __init__(self, state: State) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter(
            "psm_requests", "Requests answered.", labels, registry=self.registry
        )
        self.seconds = Histogram(
            "psm_request_seconds", "Until the answer was complete.", ("route",),
            buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.refused = Counter(
            "psm_uploads_refused", "Recordings refused, by status.", ("status",),
            registry=self.registry,
        )  # fmt: skip
        ProcessCollector(namespace="psm", registry=self.registry)
        for name, words, read in (
            ("psm_queue", "Questions that wait for the model.", lambda: state.worker.waiting),
            ("psm_answers_bytes", "Memory of answers.", lambda: state.answers.total),
            ("psm_answers_hits", "Answers that were remembered.", lambda: state.answers.hits),
            ("psm_answers_misses", "Answers that were not.", lambda: state.answers.misses),
            ("psm_uploads_kept", "Recordings in memory.", lambda: len(state.uploads)),
            ("psm_stores_preparing", "Stores not interactive yet.", lambda: len(state.preparing)),
        ):
            Gauge(name, words, registry=self.registry).set_function(read)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request."""
        self.requests.labels(method, route, f"{status}").inc()
        self.seconds.labels(route).observe(seconds)

    def response(self) -> Response:
        """Everything, as Prometheus reads it."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
