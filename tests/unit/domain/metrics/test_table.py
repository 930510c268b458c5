from worker.domain.metrics import (
    Counts,
    Distribution,
    MetricKind,
    Metrics,
    Value,
    all_metrics,
    counted,
)

METRICS = list(all_metrics())
BOUNDED = {"account", "kind", "status", "reason", "verdict", "outcome", "way", "topic", "mode",
           "pool", "scope", "version"}  # fmt: skip


def test_names_are_one_each_and_labels_bounded() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(BOUNDED.issuperset(metric.labels) for metric in METRICS)


def test_buckets_go_up() -> None:
    for metric in METRICS:
        assert list(metric.buckets) == sorted(set(metric.buckets))
        assert bool(metric.buckets) == (metric.kind is MetricKind.HISTOGRAM)


def test_what_is_counted_is_read_again() -> None:
    counts = Counts.of(Metrics.SUBMITS, "default", "accepted")
    counts.add(Metrics.SUBMITS, "default", "accepted", by=2)
    for seconds in (0.1, 0.2, 1.5, 9999.0):
        counts.observe(Metrics.SUBMIT, seconds, "default")
    found = counted(counts)
    assert found[Metrics.SUBMITS] == [Value(("default", "accepted"), 3)]
    [submit] = found[Metrics.SUBMIT]
    assert isinstance(submit, Distribution)
    assert submit.buckets == (2, 0, 0, 1, *(0 for _ in Metrics.SUBMIT.buckets[4:]), 1)
    assert submit.sum == 10000.8


def test_counters_without_labels_begin_at_0() -> None:
    assert counted({})[Metrics.FILES_STORED] == [Value((), 0)]
    assert counted({"files_stored": 3})[Metrics.FILES_STORED] == [Value((), 3)]


def test_fields_of_another_version_are_left_out() -> None:
    assert counted({"of_tomorrow|a": 1, "submits|default": 1}) == counted({})
