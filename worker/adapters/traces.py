"""Traces: hands finished spans to OpenTelemetry's SDK, which exports them in a thread of its own.

Configured by OpenTelemetry's own variables:
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. The SDK is the
extra ``hookline[otel]``, and is imported only if they ask for traces.
"""

from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from threading import Lock

from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags
from opentelemetry.trace import SpanKind as Kind

from worker.domain.errors import FieldError, SettingsError
from worker.domain.tracing import Span, SpanId

_SCOPE = InstrumentationScope("hookline")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
#: Milliseconds that a process which ends waits for the last export.
_FLUSH_MS = 5_000


class Traces:
    """Exports spans. ``environ`` has the OTEL variables, ``exporter`` replaces theirs.

    Raises ``SettingsError`` for an exporter that is not installed. Nothing runs before the first
    span, so that a process may fork until then.
    """

    def __init__(self, environ: Mapping[str, str], exporter: SpanExporter | None = None) -> None:
        self._exporter = exporter or _exporter(environ)
        self._lock = Lock()
        self._started: tuple[TracerProvider, BatchSpanProcessor] | None = None

    def samples(self, trace: str) -> bool:
        """Whether the trace is exported: by its id alone, so that all processes decide alike."""
        sampler = self._sdk()[0].sampler
        found = sampler.should_sample(None, int(trace, 16), "pipeline")
        return found.decision is Decision.RECORD_AND_SAMPLE

    def send(self, spans: Iterable[Span]) -> None:
        """Queue the spans; those of a trace that is not sampled, or find no place, are dropped."""
        for span in spans:
            if self.samples(span.id.trace):
                provider, processor = self._sdk()
                processor.on_end(_readable(span, provider.resource))

    def flush(self) -> None:
        """Export what is queued, before the process ends."""
        if self._started:
            self._started[1].force_flush(_FLUSH_MS)

    def _sdk(self) -> tuple[TracerProvider, BatchSpanProcessor]:
        """The provider reads what is set of samplers and resources, and flushes at exit."""
        with self._lock:
            if self._started is None:
                named = Resource({SERVICE_NAME: "hookline"}).merge(OTELResourceDetector().detect())
                provider = TracerProvider(resource=Resource.create().merge(named))
                processor = BatchSpanProcessor(self._exporter)
                provider.add_span_processor(processor)
                self._started = provider, processor
            return self._started


def _readable(span: Span, resource: Resource) -> ReadableSpan:
    return ReadableSpan(
        span.name,
        _context(span.id),
        _context(SpanId(span.id.trace, span.parent)) if span.parent else None,
        resource,
        dict(span.attributes) | ({"error.type": span.error} if span.error else {}),
        links=[Link(_context(each)) for each in span.links],
        kind=Kind[span.kind.name],
        status=Status(StatusCode.ERROR, span.error) if span.error else Status(),
        start_time=_nanoseconds(span.start),
        end_time=_nanoseconds(max(span.start, span.end)),
        instrumentation_scope=_SCOPE,
    )


def _context(of: SpanId) -> SpanContext:
    trace, span = int(of.trace, 16), int(of.span, 16)
    return SpanContext(trace, span, is_remote=True, trace_flags=_SAMPLED)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)


def _exporter(environ: Mapping[str, str]) -> SpanExporter:
    """The installed one that OTEL_TRACES_EXPORTER names."""
    wanted = environ.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    if wanted == "otlp":
        protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get(
            "OTEL_EXPORTER_OTLP_PROTOCOL"
        )
        wanted = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    for found in entry_points(group="opentelemetry_traces_exporter", name=wanted):
        made: SpanExporter = found.load()()
        return made
    hint = f"names {wanted!r}, which is not installed: set otlp, console or none, or install it"
    raise SettingsError([FieldError("OTEL_TRACES_EXPORTER", hint)])
