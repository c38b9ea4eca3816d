"""Prometheus figures of one service: requests, seconds by stage, queue, scores and alarms by scanner."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from serving.work import WorkerPool

MOST_SCANNERS = 50  # names come from scan files: more of them are counted as "other"
LONGEST_SCANNER = 60
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
P_VALUES = (0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1)
SCORES = (-10, -5, -2, -1, 0, 1, 2, 5, 10)


class Figures:
    """Figures with a registry of their own, so that several services can live in one process.

    p-values of benign scans are even between 0 and 1 while scanner and calibration agree: a scanner whose
    `nii_p_value` leans to low values has drifted (or finds much).
    """

    def __init__(self, pool: WorkerPool) -> None:
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
        self._scanners: set[str] = set()

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.requests.labels(method, route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def scan(self, record: dict[str, Any]) -> None:
        """Count a scored scan."""
        name = self._known(record["scan"]["scanner"])
        decision = {True: "alarm", False: "clear", None: "undecided"}[record["alarm"]]
        self.scans.labels(name, decision).inc()
        self.scores.labels(name).observe(record["score"])
        if record["p_value"] is not None:
            self.p_values.labels(name).observe(record["p_value"])
        for stage, milliseconds in record["timing_ms"].items():
            self.stages.labels(stage).observe(milliseconds / 1000)

    def _known(self, scanner: str | None) -> str:
        name = (scanner or "unknown")[:LONGEST_SCANNER]
        if len(self._scanners) < MOST_SCANNERS:
            self._scanners.add(name)
        return name if name in self._scanners else "other"

    def exposition(self) -> bytes:
        """All figures in the text format of Prometheus."""
        return generate_latest(self.registry)
