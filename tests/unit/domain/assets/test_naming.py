"""What stored files are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.jobs import a_job, changed
from worker.domain.assets.naming import DEFAULT, FIELDS, Names, check

JOB = a_job()

#: Templates that are in order, made of fields and what may stand between them.
TEMPLATES = st.builds(
    lambda folder, name: "/".join([*folder, f"{name}.{{ext}}"]),
    st.lists(st.sampled_from(["{pipeline}", "{batch}", "{row}-{kind}", "{date}", "a"]), max_size=3),
    st.sampled_from(
        ["{job}-{n}", "{n}_{job}", "{row}-{n}-{job}", "{batch}.{job}.{n}", "{n}-{job}"]
    ),
)


def test_the_default_is_a_folder_a_pipeline() -> None:
    names = Names(check(DEFAULT), JOB, JOB)
    stem = f"{JOB.id}/{JOB.id}"
    assert names.file(0, "png") == f"{stem}-0.png"
    assert names.tile(0, 4, "png") == f"{stem}-0-tile4.png"
    assert names.thumbnail(2) == f"{stem}-2-thumb.webp"
    assert names.sidecar == f"{stem}.json"


def test_every_field_says_what_it_is() -> None:
    template = check("{date}/{batch}/{row}/{kind}_{pipeline}/{job}-{n}.{ext}")
    assert all(f"{{{field}}}" in template for field in FIELDS)
    root = changed(JOB, row=17)
    names = Names(template, JOB, root, "spring & summer/../2027")
    folder = f"2027-01-15/spring-summer-2027/17/imagine_{JOB.id}"
    assert names.file(1, "webp") == f"{folder}/{JOB.id}-1.webp"
    assert names.sidecar == f"{folder}/{JOB.id}.json"


def test_a_job_outside_of_batches_has_no_row() -> None:
    assert Names("{batch}/{row}/{job}-{n}.{ext}", JOB, JOB).file(0, "png") == (
        f"none/none/{JOB.id}-0.png"
    )


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("", "below the root"),
        ("/{job}-{n}.{ext}", "below the root"),
        ("../{job}-{n}.{ext}", "below the root"),
        ("a/../{job}-{n}.{ext}", "below the root"),
        ("a//{job}-{n}.{ext}", "below the root"),
        (".hidden/{job}-{n}.{ext}", "below the root"),
        ("inputs/{job}-{n}.{ext}", "must not begin with inputs/"),
        ("{job}.{ext}", "must hold {job}, and {n}"),
        ("{pipeline}-{n}.{ext}", "must hold {job}, and {n}"),
        ("{n}/{job}.{ext}", "must hold {job}, and {n}"),
        ("{n}/{job}-{n}.{ext}", "must not hold {n} or {ext} before the last /"),
        ("{ext}/{job}-{n}.{ext}", "must not hold {n} or {ext} before the last /"),
        ("{job}{n}.{ext}", "something between two fields"),
        ("{job}-{n}", "must end with .{ext}"),
        ("{job}-{n}.png", "must end with .{ext}"),
        ("{ext}-{job}-{n}.{ext}", "must end with .{ext}"),
        ("{seed}-{job}-{n}.{ext}", "{seed} is not known; choose from {pipeline}, {job}"),
        ("{job!r}-{n}.{ext}", "is not known"),
        ("{job.id}-{n}.{ext}", "is not known"),
        ("{}-{job}-{n}.{ext}", "is not known"),
        ("{job}-{n}.{ext", "letters, digits"),
        ("my files/{job}-{n}.{ext}", "letters, digits"),
        ("ä/{job}-{n}.{ext}", "letters, digits"),
        ("a" * 200 + "{job}-{n}.{ext}", "at most 200 characters"),
    ],
)
def test_a_wrong_template_is_refused_in_words(template: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the words are looked at below
        check(template)
    assert problem in str(caught.value)


#: Of one and of two digits, and some that begin alike.
_NUMBERS = (0, 1, 2, 10, 11)


@given(TEMPLATES, st.text(), st.text())
def test_no_two_files_share_a_name_and_none_leads_out(
    template: str, batch: str, other_batch: str
) -> None:
    check(template)
    jobs = [changed(a_job(), row=row) for row in (1, 11, None)]
    names = [Names(template, job, job, name) for job in jobs for name in (batch, other_batch)]
    for one in names:
        found = [one.file(n, "png") for n in _NUMBERS]
        found += [one.tile(n, k, "png") for n in _NUMBERS for k in range(1, 5)]
        found += [one.thumbnail(n) for n in _NUMBERS]
        found.append(one.sidecar)
        assert len(set(found)) == len(found)
        assert {path.rpartition("/")[0] for path in found} == {found[0].rpartition("/")[0]}
        assert not any(part in {"", ".", ".."} for path in found for part in path.split("/"))
    first, second, third = ({one.file(n, "png") for n in _NUMBERS} for one in names[::2])
    assert first.isdisjoint(second | third)
    assert second.isdisjoint(third)
