"""What there is to measure of the server and its networks, in the text format of Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from nr.commands.info import Info

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS = (0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0)  # seconds

Labels = dict[str, str]
Sample = tuple[Labels, float]


@dataclass
class Route:
    """How often one route was asked, and how long that took."""

    statuses: dict[int, int] = field(default_factory=dict)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    seconds: float = 0.0

    def count(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buckets[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds


@dataclass
class Numbers:
    """Of all routes, by method and path."""

    routes: dict[tuple[str, str], Route] = field(default_factory=dict)

    def of(self, method: str, path: str) -> Route:
        return self.routes.setdefault((method, path), Route())

    def lines(self) -> Iterator[str]:
        counts = [
            ({"method": method, "path": path, "status": str(status)}, float(count))
            for (method, path), route in self.routes.items()
            for status, count in route.statuses.items()
        ]
        yield from _family("nr_http_requests_total", "counter", "Requests answered.", counts)
        yield "# HELP nr_http_request_seconds How long answers took."
        yield "# TYPE nr_http_request_seconds histogram"
        for (method, path), route in self.routes.items():
            if route.statuses:
                yield from _histogram({"method": method, "path": path}, route)


def _histogram(labels: Labels, route: Route) -> Iterator[str]:
    name = "nr_http_request_seconds"
    bounds = [*map(str, _BOUNDS), "+Inf"]
    for bound, count in zip(bounds, accumulate(route.buckets), strict=True):
        yield _line(f"{name}_bucket", labels | {"le": bound}, count)
    yield _line(f"{name}_sum", labels, route.seconds)
    yield _line(f"{name}_count", labels, sum(route.buckets))


_Value = Callable[[Info], float]
_NETWORK: tuple[
    tuple[str, str, str, _Value], ...
] = (  # of each network: name, type, help, and how it is found
    ("nr_network_observed_total", "counter", "Samples observed.", lambda now: now.observed),
    ("nr_network_trainings_total", "counter", "Trainings ended.", lambda now: now.trainings),
    ("nr_network_training", "gauge", "1 while one runs or waits.", lambda now: now.training),
    ("nr_network_train_error", "gauge", "Mean loss, training.", lambda now: now.train_error),
    ("nr_network_test_error", "gauge", "Mean loss, testing.", lambda now: now.test_error),
    ("nr_network_drift_alarm", "gauge", "1 after an alarm.", lambda now: now.drift == "alarm"),
    ("nr_network_parameters", "gauge", "Weights and biases.", lambda now: now.parameters),
    ("nr_network_training_samples", "gauge", "To learn from.", lambda now: now.train_len),
    ("nr_network_testing_samples", "gauge", "To be tested with.", lambda now: now.test_len),
)


def text(numbers: Numbers, networks: Sequence[tuple[str, Info]], total: int) -> str:
    """All of it; ``total`` is how many networks there are, told of or not."""
    lines = [*_family("nr_networks", "gauge", "Networks in the store.", [({}, float(total))])]
    for name, type, help, value in _NETWORK:
        samples = [({"network": key}, float(value(now))) for key, now in networks]
        lines += _family(name, type, help, samples)
    return "\n".join([*lines, *numbers.lines()]) + "\n"


def _family(name: str, type: str, help: str, samples: Sequence[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} {type}"
    for labels, value in samples:
        yield _line(name, labels, value)


def _line(name: str, labels: Labels, value: float) -> str:
    pairs = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
    return f"{name}{{{pairs}}} {value:.10g}" if pairs else f"{name} {value:.10g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
