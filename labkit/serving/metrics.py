"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """A registry of its own, so that two servers can live in one process."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "labkit_requests", "Requests answered.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "labkit_request_seconds",
            "From the first byte to the answer.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.waited = Histogram(
            "labkit_queue_seconds",
            "From a request's arrival to its first step.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.documents = Counter("labkit_documents", "Documents scored.", registry=self.registry)
        self.step_seconds = Histogram(
            "labkit_step_seconds",
            "One step of the scoring thread.",
            buckets=SECONDS,
            registry=self.registry,
        )
        self.step_documents = Histogram(
            "labkit_step_documents",
            "Documents scored together in one step.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
            registry=self.registry,
        )
        Gauge(
            "labkit_documents_waiting", "Documents not scored yet.", registry=self.registry
        ).set_function(waiting)

    def request(self, route: str, status: int, seconds: float) -> None:
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def step(self, count: int, seconds: float) -> None:
        self.documents.inc(count)
        self.step_documents.observe(count)
        self.step_seconds.observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)
