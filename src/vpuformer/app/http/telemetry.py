"""Metrics of the server for Prometheus, at `/metrics`."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from vpuformer.app.annotation.annotator import Annotator
from vpuformer.app.http.asgi import App, Message, Receive, Scope, Send

_BUCKETS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Telemetry:
    """Counters of requests, steps and the network's time."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vpuformer_requests", "Answered requests", ["method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "vpuformer_request_seconds", "Time from request to answer", buckets=_BUCKETS, registry=self._registry
        )
        self._steps = Counter("vpuformer_steps", "Steps added by people", ["type"], registry=self._registry)
        self._network = Histogram(
            "vpuformer_network_seconds", "Network time of a step", buckets=_BUCKETS, registry=self._registry
        )
        self._waiting = Gauge("vpuformer_waiting", "Questions that wait for the network", registry=self._registry)

    def watch(self, annotator: Annotator) -> None:
        """Report the questions that wait for the network of this annotator."""
        self._waiting.set_function(lambda: annotator.answering.waiting)

    def step(self, kind: str, seconds: float | None) -> None:
        """Count a step, and the network's time if the network was used."""
        self._steps.labels(kind).inc()
        if seconds is not None:
            self._network.observe(seconds)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def middleware(self, app: App) -> App:
        """Return middleware that counts every request."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            begun = time.perf_counter()

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    method = scope["method"] if scope["method"] in _METHODS else "other"
                    self._requests.labels(method, message["status"]).inc()
                    self._seconds.observe(time.perf_counter() - begun)
                await send(message)

            await app(scope, receive, noted)

        return counted
