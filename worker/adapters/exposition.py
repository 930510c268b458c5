"""The metrics as Prometheus reads them.

prometheus_client's own counters are those of one process, and go with it; its multiprocess mode
takes no custom collectors. So the values come from the store, by one collector.
"""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from worker.domain.metrics import Distribution, Measured, Metric, MetricKind, Value


def exposition(measured: Measured, accept: str = "") -> tuple[bytes, str]:
    """The text and its content type, in the format that the ``Accept`` header asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(measured))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Collector(Collector):
    def __init__(self, measured: Measured) -> None:
        self._measured = measured

    def collect(self) -> Iterator[Family]:
        """A family per metric that has values."""
        for metric, values in self._measured.items():
            family = _family(metric)
            for each in values:
                _add(family, metric, each)
            yield family


def _family(metric: Metric) -> Family:
    name = f"hookline_{metric.name}"
    match metric.kind:
        case MetricKind.COUNTER:
            return CounterMetricFamily(name, metric.help, labels=metric.labels)
        case MetricKind.GAUGE:
            return GaugeMetricFamily(name, metric.help, labels=metric.labels)
        case MetricKind.HISTOGRAM:
            return HistogramMetricFamily(name, metric.help, labels=metric.labels)


def _add(family: Family, metric: Metric, each: Value | Distribution) -> None:
    if isinstance(family, HistogramMetricFamily) and isinstance(each, Distribution):
        bounds = (*(str(bound) for bound in metric.buckets), "+Inf")
        family.add_metric(
            each.labels, list(zip(bounds, accumulate(each.buckets), strict=True)), each.sum
        )
    elif isinstance(family, CounterMetricFamily | GaugeMetricFamily) and isinstance(each, Value):
        family.add_metric(each.labels, each.value)
