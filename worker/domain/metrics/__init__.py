"""The metrics: one table, what counts for them, and their values."""

from worker.domain.metrics.counting import Counts, counts_of, unchanged
from worker.domain.metrics.reading import Distribution, Measured, Value, counted
from worker.domain.metrics.table import Metric, MetricKind, Metrics, all_metrics

__all__ = [
    "Counts",
    "Distribution",
    "Measured",
    "Metric",
    "MetricKind",
    "Metrics",
    "Value",
    "all_metrics",
    "counted",
    "counts_of",
    "unchanged",
]
