"""PURE. The metrics' values, as they were counted or found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from worker.domain.metrics.table import Metric, MetricKind, all_metrics

_BY_NAME = {metric.name: metric for metric in all_metrics()}


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a counter or gauge; ``labels``: their values, in the metric's order."""

    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram's values: their number per bucket, the last one without a bound, and their sum in
    seconds.
    """

    labels: tuple[str, ...]
    buckets: tuple[int, ...]
    sum: float


#: What is shown.
Measured = Mapping[Metric, Sequence[Value | Distribution]]


def counted(counters: Mapping[str, int]) -> dict[Metric, list[Value | Distribution]]:
    """The counters and histograms, from their fields; those of other versions are left out.

    A counter without labels begins at 0.
    """
    found: dict[Metric, list[Value | Distribution]] = {
        metric: [Value((), 0)]
        for metric in _BY_NAME.values()
        if metric.kind is MetricKind.COUNTER and not metric.labels
    }
    distributions: dict[tuple[Metric, tuple[str, ...]], dict[str, int]] = defaultdict(dict)
    for field, count in counters.items():
        name, *parts = field.split("|")
        metric = _BY_NAME.get(name)
        if metric is None:
            continue
        if metric.kind is MetricKind.HISTOGRAM and len(parts) == len(metric.labels) + 1:
            distributions[metric, tuple(parts[:-1])][parts[-1]] = count
        elif metric.kind is MetricKind.COUNTER and len(parts) == len(metric.labels):
            known = found.setdefault(metric, [])
            found[metric] = [*(known if parts else ()), Value(tuple(parts), count)]
    for (metric, labels), fields in distributions.items():
        found.setdefault(metric, []).append(_distribution(metric, labels, fields))
    return found


def _distribution(
    metric: Metric, labels: tuple[str, ...], fields: Mapping[str, int]
) -> Distribution:
    buckets = (fields.get(str(n), 0) for n in range(len(metric.buckets) + 1))
    return Distribution(labels, tuple(buckets), fields.get("sum", 0) / 1000)
