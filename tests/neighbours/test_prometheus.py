"""What Prometheus' own tool says of our metrics, and of the files that are made for it."""

import json
import re
import subprocess
from typing import Any

from tests.neighbours.servers import program
from tests.support.processes import ROOT
from tests.support.shell import Shell
from worker.adapters.exposition import exposition
from worker.domain.metrics import Distribution, Metric, MetricKind, Value, all_metrics
from worker.services.reports.metrics import measured
from worker.services.roster import Roster

ALERTS, DASHBOARD = ROOT / "deploy/alerts.yml", ROOT / "deploy/grafana-dashboard.json"
_NAME = re.compile(r"hookline_\w+")


def promtool(*args: str, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    tool = program("promtool", "prometheus")
    return subprocess.run([tool, *args], input=sent, capture_output=True, check=False)


def one_of(metric: Metric) -> Value | Distribution:
    labels = tuple(f"a {label}" for label in metric.labels)
    if metric.kind is MetricKind.HISTOGRAM:
        return Distribution(labels, (1,) * (len(metric.buckets) + 1), 7.5)
    return Value(labels, 3)


def test_the_alert_rules_are_rules() -> None:
    done = promtool("check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_metric_is_as_prometheus_wants_it() -> None:
    text, _ = exposition({metric: [one_of(metric)] for metric in all_metrics()})
    done = promtool("check", "metrics", sent=text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_a_fresh_start_shows_is_as_well() -> None:
    shell = Shell()
    roster = Roster(shell.store, shell.accounts, "a secret", version="1.2")
    text, _ = exposition(measured(shell.orchestrator, roster))
    assert b'hookline_slots_limit{account="default",pool="image"} 3.0' in text
    assert b"hookline_workers" in text
    done = promtool("check", "metrics", sent=text)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_dashboard_name_only_metrics_that_there_are() -> None:
    known = {name for metric in all_metrics() for name in names_of(metric)}
    for path in (ALERTS, DASHBOARD):
        named = set(_NAME.findall(path.read_text("utf-8")))
        assert len(named) > 10
        assert named <= known, path


def test_the_dashboard_shows_every_counter_and_histogram() -> None:
    shown = DASHBOARD.read_text("utf-8")
    for metric in all_metrics():
        if metric.kind is not MetricKind.GAUGE:
            left_out = metric.name in {"tasks_accepted", "followups"}
            assert left_out or any(name in shown for name in names_of(metric)), metric


def test_the_dashboard_asks_whatever_prometheus_it_is_told_to() -> None:
    dashboard: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        assert {each["datasource"]["uid"] for each in panel["targets"]} == {"${datasource}"}


def names_of(metric: Metric) -> set[str]:
    if metric.kind is MetricKind.HISTOGRAM:
        return {f"{metric.full_name}_{part}" for part in ("bucket", "sum", "count")}
    return {metric.full_name}
