"""Spans on their way to a collector, by OpenTelemetry's SDK."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from worker.adapters.traces import Traces
from worker.bootstrap import traces_wanted
from worker.domain.errors import SettingsError
from worker.domain.tracing import Span, SpanId, SpanKind

TRACE, CALLER = "1" * 32, SpanId("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def a_span(trace: str = TRACE, **fields: object) -> Span:
    return Span(SpanId(trace, "2" * 16), "submit", 100.0, 101.5, **fields)  # type: ignore[arg-type]


@dataclass
class Collector:
    """A receiver of OTLP over HTTP on the loopback."""

    url: str
    asked: list[tuple[str, ExportTraceServiceRequest]] = field(default_factory=list)

    @property
    def spans(self) -> dict[str, bytes]:
        return {
            span.name: span.trace_id
            for _, request in self.asked
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.fixture
def collector() -> Iterator[Collector]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.asked.append((self.path, ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Collector(f"http://127.0.0.1:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


def test_a_span_is_exported_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    kept = InMemorySpanExporter()
    traces = Traces({}, kept)
    traces.send(
        [
            a_span(
                parent="3" * 16,
                kind=SpanKind.CLIENT,
                attributes={"hookline.kind": "imagine"},
                links=(CALLER,),
                error="queue_full",
            )
        ]
    )
    traces.flush()
    [span] = kept.get_finished_spans()
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}") == (TRACE, "2" * 16)
    assert f"{span.parent.span_id:016x}" == "3" * 16
    assert (span.start_time, span.end_time) == (100_000_000_000, 101_500_000_000)
    assert span.attributes == {"hookline.kind": "imagine", "error.type": "queue_full"}
    assert span.status.status_code is StatusCode.ERROR
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [CALLER.trace]
    assert span.resource.attributes["service.name"] == "hookline"
    assert span.resource.attributes["deployment.environment"] == "test"


def test_a_collector_gets_them_over_http(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_SERVICE_NAME", "pictures")
    traces = Traces(os.environ)
    traces.send([a_span()])
    traces.flush()
    [(path, request)] = collector.asked
    assert path == "/v1/traces"
    assert collector.spans == {"submit": bytes.fromhex(TRACE)}
    [resource] = request.resource_spans
    named = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert named["service.name"] == "pictures"


def test_every_process_samples_the_same_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    kept = InMemorySpanExporter()
    traces = Traces({}, kept)
    low, high = "1" * 32, "f" * 32
    traces.send([a_span(low), a_span(high)])
    traces.flush()
    assert [span.context.trace_id for span in kept.get_finished_spans() if span.context] == [
        int(low, 16)
    ]
    assert (traces.samples(low), traces.samples(high)) == (True, False)


def test_an_exporter_that_is_not_installed_is_named() -> None:
    with pytest.raises(SettingsError, match="OTEL_TRACES_EXPORTER: names 'zipkin'"):
        Traces({"OTEL_TRACES_EXPORTER": "zipkin"})


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "shop"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://collector:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c"}, False),
        ({"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "otlp"}, False),
    ],
)
def test_the_variables_ask_for_traces_or_not(environ: dict[str, str], wanted: bool) -> None:
    assert traces_wanted(environ) is wanted


def test_nothing_needs_it_unless_it_is_asked_for() -> None:
    """As where the extra is not installed; with it, redis-py imports some of it by itself."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None; "
        "from config.loading import load_settings; from worker.bootstrap import services_of; "
        "import worker.entrypoints.client; "
        "env = {'HOOKLINE_PROVIDER_URL': 'http://127.0.0.1:1', 'HOOKLINE_PROVIDER_KEY': 'k' * 9, "
        "'HOOKLINE_REDIS_URL': 'redis://127.0.0.1:1'}; "
        "print(services_of(load_settings(env, None)).orchestrator.traces)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("None", "")
