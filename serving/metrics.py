"""Prometheus figures of one service: requests, seconds by stage, queue, scores and alarms by scanner."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from nii.analysis.record import decision
from nii.run.drift import OTHERS, DriftState
from serving.work import WorkerPool

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
P_VALUES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
SCORES = (-10, -5, -2, -1, 0, 1, 2, 5, 10)


class _Drift(Collector):
    """What the drift monitor knows, when Prometheus asks."""

    def __init__(self, states: Callable[[], Iterable[DriftState]]) -> None:
        self.states = states

    def collect(self) -> Iterable[Metric]:
        """1 for a scanner that has changed, else 0, and the evidence by checked figure (100 000 is a change)."""
        labels = ["model", "scanner", "calibration"]
        drifted = GaugeMetricFamily("nii_scanner_drifted", "Scanner has changed", labels=labels)
        evidence = GaugeMetricFamily(
            "nii_scanner_drift_evidence", "Evidence that a figure has changed", labels=[*labels, "figure"]
        )
        for state in self.states():
            own = [state.model, state.scanner, state.calibration]
            drifted.add_metric(own, float(state.drifted))
            for figure, value in state.evidence.items():
                evidence.add_metric([*own, figure], value)
        return [drifted, evidence]


class Figures:
    """Figures with a registry of their own, so that several services can live in one process.

    scanners: names that are told apart; files may claim any. Drift is what `nii.run.drift` says of each scanner:
    `nii_scanner_drifted`, and the evidence behind it.
    """

    def __init__(
        self, pool: WorkerPool, drift: Callable[[], Iterable[DriftState]], scanners: Callable[[], Collection[str]]
    ) -> None:
        self.registry = CollectorRegistry()
        own = self.registry
        self.requests = Counter("nii_requests", "Requests", ["method", "route", "status"], registry=own)
        self.seconds = Histogram(
            "nii_request_seconds", "Seconds of a request", ["route"], buckets=SECONDS, registry=own
        )
        self.stages = Histogram("nii_stage_seconds", "Seconds by stage", ["stage"], buckets=SECONDS, registry=own)
        self.scans = Counter("nii_scans", "Scans scored", ["scanner", "decision"], registry=own)
        self.scores = Histogram("nii_score", "Scores", ["scanner"], buckets=SCORES, registry=own)
        self.p_values = Histogram("nii_p_value", "Conformal p-values", ["scanner"], buckets=P_VALUES, registry=own)
        waiting = Gauge("nii_queue_waiting", "Accepted scans that wait for a worker", registry=own)
        waiting.set_function(lambda: pool.waiting)
        accepted = Gauge("nii_scans_accepted", "Scans that wait or are scored now", registry=own)
        accepted.set_function(lambda: pool.accepted)
        own.register(_Drift(drift))
        self.scanners = scanners

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def scan(self, record: dict[str, Any]) -> None:
        """Count a scored scan."""
        told = record["scan"]["scanner"]
        name = told if told in self.scanners() else OTHERS
        said = decision(record)
        self.scans.labels(name, "undecided" if said == "no decision" else said.replace(" ", "_")).inc()
        self.scores.labels(name).observe(record["score"])
        if record["p_value"] is not None:
            self.p_values.labels(name).observe(record["p_value"])
        for stage, milliseconds in record["timing_ms"].items():
            self.stages.labels(stage).observe(milliseconds / 1000)

    def exposition(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)
