"""The Python functions take what HTTP and the command line take: the fields of the models."""

from inspect import signature

import pytest

from worker.domain.job_spec import SUBMITTED_KINDS, JobOptions, Kind
from worker.domain.requests.kinds import MODELS
from worker.domain.requests.options import Options, Pictured
from worker.entrypoints import client


@pytest.mark.parametrize("kind", SUBMITTED_KINDS)
def test_a_function_takes_the_fields_of_its_kind(kind: Kind) -> None:
    taken = signature(getattr(client, kind.value)).parameters.keys()
    assert taken - {"options"} == MODELS[kind].model_fields.keys() - Pictured.model_fields.keys()


def test_the_functions_take_every_option() -> None:
    assert client.Options.__annotations__.keys() == {*Pictured.model_fields, "key"}


def test_the_defaults_of_options_are_those_of_a_job() -> None:
    assert Options().job_options == Pictured().job_options == JobOptions()
