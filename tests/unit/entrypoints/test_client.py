"""The Python functions take what HTTP and the command line take: the fields of the models."""

from collections.abc import Iterator
from inspect import signature
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider

from tests.support.web import Web
from worker.domain.job_spec import SUBMITTED_KINDS, JobOptions, Kind
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Options, Pictured
from worker.entrypoints import client, connection


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path)
    connection.use(web.services)
    yield web
    connection.use(None)


@pytest.mark.parametrize("kind", SUBMITTED_KINDS)
def test_a_function_takes_the_fields_of_its_kind(kind: Kind) -> None:
    taken = signature(getattr(client, kind.value)).parameters.keys()
    assert taken - {"options"} == MODELS[kind].model_fields.keys() - Pictured.model_fields.keys()


def test_the_functions_take_every_option() -> None:
    assert client.Options.__annotations__.keys() == {*Pictured.model_fields, "key"}


def test_the_defaults_of_options_are_those_of_a_job() -> None:
    assert Options().job_options == Pictured().job_options == JobOptions()


def test_a_job_is_linked_to_the_trace_that_the_program_is_in(web: Web) -> None:
    outside = client.imagine("a cat")
    with TracerProvider().get_tracer("shop").start_as_current_span("order") as span:
        inside = client.imagine("a dog")
    where = span.get_span_context()
    header = f"00-{where.trace_id:032x}-{where.span_id:016x}-{where.trace_flags:02x}"
    assert (outside.spec.traceparent, inside.spec.traceparent) == (None, header)
