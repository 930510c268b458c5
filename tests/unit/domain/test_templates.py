from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.result import Result
from worker.domain.templates import MAX_PROMPT, MissingValue, check_template, render

RESULT = Result(prompt="a cat --v 6", prompts=("one {x}", "two"), text="1 one\n2 two")


@pytest.mark.parametrize(
    ("template", "prompt"),
    [
        ("plain", "plain"),
        ("{prompts[0]}, watercolor", "one {x}, watercolor"),
        ("{prompts[1]} and {prompt}", "two and a cat --v 6"),
        ("{text}", "1 one\n2 two"),
        ("{{prompt}} is {prompt}", "{prompt} is a cat --v 6"),
        ("  {prompts[1]} ", "two"),
    ],
)
def test_a_template_takes_values_of_the_parent(template: str, prompt: str) -> None:
    assert check_template(template) is None
    assert render(template, RESULT) == prompt


@pytest.mark.parametrize(
    "template",
    [
        "{prompts}", "{prompts[-1]}", "{prompts[x]}", "{prompts[0][0]}", "{prompts[0].x}",
        "{text[0]}", "{text.__class__}", "{prompt!r}", "{prompt:>10}", "{prompt:{text}}",
        "{}", "{0}", "{ prompt}", "{image_url}", "{prompts[٣]}", "{prompts[1000]}",
        "{", "}", "{prompt", "{prompts[0}",
    ],
)  # fmt: skip
def test_anything_else_is_refused_when_handed_in(template: str) -> None:
    problem = check_template(template)
    assert problem is not None
    assert "{prompts[0]}" in problem, "the message says what is known"
    with pytest.raises(ValueError, match="The template"):
        render(template, RESULT)


@pytest.mark.parametrize(
    ("template", "result", "problem"),
    [
        ("{prompts[2]}", RESULT, r"prompts\[2\]: the parent has 2 prompts"),
        ("{prompts[1]}", Result(prompts=("x",)), r"prompts\[1\]: the parent has 1 prompt$"),
        ("{text}", Result(), "text: the parent has none"),
        ("{prompt}", Result(), "prompt: the parent has none"),
        ("{text}", Result(text=" "), "empty prompt"),
        ("{text}{text}", Result(text="x" * MAX_PROMPT), "12000 characters"),
    ],
)
def test_what_the_parent_lacks_is_named(template: str, result: Result, problem: str) -> None:
    with pytest.raises(MissingValue, match=problem):
        render(template, result)


@given(st.text(alphabet="{}[]prompts01xt.!: "))
def test_what_passes_the_check_never_fails_otherwise(template: str) -> None:
    if check_template(template) is None:
        with suppress(MissingValue):
            assert render(template, RESULT).strip()
