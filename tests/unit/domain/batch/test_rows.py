import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tests.support.cpu import assert_cheap
from worker.domain.batch.columns import converted
from worker.domain.batch.header import Header
from worker.domain.batch.lines import MAX_LINE, MAX_ROW_LINES
from worker.domain.batch.permutations import count, expand, parse_prompt
from worker.domain.batch.records import MAX_SKIPPED_LINES, Record, read_records
from worker.domain.batch.rows import BadRow, Form, Row, check_defaults, form_of, read_rows
from worker.domain.errors import InvalidRequest
from worker.domain.job_spec import Kind
from worker.domain.requests import JobRequest
from worker.domain.requests.kinds import MODELS
from worker.domain.result import Keep

THEN = [{"press": "U1"}, {"press": "V2", "then": [{"press": "U1"}]}]


def read(text: str | bytes, form: str = "ndjson", **defaults: Any) -> list[Row | BadRow]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_rows([data], Form(form), defaults))


def rows(text: str | bytes, form: str = "ndjson", **defaults: Any) -> list[Row]:
    found = read(text, form, **defaults)
    good = [row for row in found if isinstance(row, Row)]
    assert len(good) == len(found), found
    return good


def jobs(text: str | bytes, form: str = "ndjson", **defaults: Any) -> list[JobRequest]:
    return [row.request for row in rows(text, form, **defaults)]


def prompts(text: str | bytes, form: str = "ndjson", **defaults: Any) -> list[str]:
    return [job.spec.request["prompt"] for job in jobs(text, form, **defaults)]


def bad(text: str | bytes, form: str = "ndjson", **defaults: Any) -> dict[str, str]:
    """The problems of the only bad row, by field."""
    found = [row for row in read(text, form, **defaults) if isinstance(row, BadRow)]
    assert len(found) == 1, found
    return {error.field: error.message for error in found[0].errors}


def told(row: Row | BadRow) -> str:
    """What happened to a row, in short."""
    return "good" if isinstance(row, Row) else f"{row.errors[0].field}: {row.errors[0].message}"


def ndjson(*objects: Mapping[str, Any]) -> str:
    return "".join(json.dumps(each) + "\n" for each in objects)


# --- forms ---


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("ndjson", "ndjson"), ("csv", "csv"), ("lines", "lines"),
        ("a.jsonl", "ndjson"), ("b/a.NDJSON", "ndjson"),
        ("a.csv", "csv"), ("a.tsv", "csv"), ("my.prompts.txt", "lines"),
    ],
)  # fmt: skip
def test_the_form_is_told_by_its_name_or_the_files_suffix(name: str, form: str) -> None:
    assert form_of(name) is Form(form)


@pytest.mark.parametrize("name", ["a.xlsx", "prompts", "-", "a.csv.gz", ""])
def test_a_form_that_cannot_be_told_is_asked_for(name: str) -> None:
    with pytest.raises(InvalidRequest, match="say one of ndjson, csv, lines"):
        form_of(name)


def test_each_form_gives_the_same_jobs() -> None:
    cats = ["a cat", 'a "cat", blue']
    assert (
        prompts(ndjson(*({"prompt": cat} for cat in cats)))
        == prompts('prompt\na cat\n"a ""cat"", blue"\n', "csv")
        == prompts('# mine\na cat\n\n  a "cat", blue \n', "lines")
        == cats
    )


def test_a_row_is_named_by_the_line_where_it_starts() -> None:
    table = 'prompt,style\r\n"a\r\ncat",x\r\n\r\n,\r\na dog,y\r\n'
    assert [(r.number, r.request.spec.request["prompt"]) for r in rows(table, "csv")] == [
        (2, "a\r\ncat"),
        (6, "a dog"),
    ]
    assert [r.number for r in rows("\n# x\na cat\n\na dog", "lines")] == [3, 5]
    assert [r.number for r in rows('{"prompt": "x"}\n\n{"prompt": "y"}')] == [1, 3]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_table_is_read_as_spreadsheets_write_it(start: str, delimiter: str) -> None:
    table = f'{start}"prompt",order\n"a cat, red; 3\t2",7\n'.replace('",', f'"{delimiter}')
    (job,) = jobs(table, "csv")
    assert (job.spec.request, job.spec.metadata) == ({"prompt": "a cat, red; 3\t2"}, {"order": "7"})


@pytest.mark.parametrize(
    ("form", "text", "problem"),
    [
        ("ndjson", '[{"prompt": "x"},\n{"prompt": "y"}]', "one object per line"),
        ("ndjson", "prompt,style\n", "is this file CSV, or lines of prompts?"),
        ("lines", "prompt;style\na cat;red", "read the file as csv"),
        ("lines", "prompt\na cat", "read the file as csv"),
        ("lines", '{"prompt": "x"}', "read the file as ndjson"),
        ("csv", '{"prompt": "x"}\n{"prompt": "y"}', "read the file as ndjson"),
        ("csv", "a cat on a mat\na dog", "is read as lines"),
        ("csv", "prompt,x,x\na,b,c", "`x` twice"),
        ("csv", b"PK\x03\x04\x14\x00", "export it as CSV UTF-8"),
        ("csv", "prompt\na".encode("utf-16-le"), "save it as UTF-8"),
        ("csv", "prompt\na".encode("utf-32"), "save it as UTF-8"),
        ("csv", "sep=;\na cat on a mat\na dog", "is read as lines"),
        ("csv", "Prompt;PROMPT\na;b", "`prompt` twice"),
        ("lines", b"\x1f\x8b\x08\x00", "unpack it"),
    ],
)
def test_a_file_that_is_something_else_is_not_taken_for_prompts(
    form: str, text: str | bytes, problem: str
) -> None:
    found = read(text, form)
    assert len(found) == 1, "nothing of it is paid for, and it is said once"
    assert problem in told(found[0])


def test_an_empty_file_has_no_rows() -> None:
    empty = ("", "\n\n", "\x1a", "\n\x1a\r\n", b"\xff\xfe")
    assert [read(text, form) for text in empty for form in Form] == [[]] * 3 * len(empty)
    assert read("sep=;\n", "csv") == []


@pytest.mark.parametrize(
    ("first", "delimiter"),
    [
        ("sep=;", ";"),
        ('"sep=;"', ";"),
        ("SEP=,", ","),
        ("sep=\t", "\t"),
        ("sep=|", "|"),
        ("sep=;;;", ";"),
    ],
)
def test_a_line_before_the_header_may_name_the_delimiter(first: str, delimiter: str) -> None:
    table = f"{first}\r\nprompt{delimiter}order\r\na cat{delimiter}7\r\n"
    (row,) = rows(table, "csv")
    assert (row.number, row.request.spec.metadata) == (3, {"order": "7"})


@pytest.mark.parametrize("form", ["csv", "lines", "ndjson"])
@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\r\n\x1a\r\n", "\x1a\x1a"])
def test_the_end_of_file_of_old_programs_is_no_row(form: str, end: str) -> None:
    text = {"csv": "prompt\na cat", "lines": "a cat", "ndjson": '{"prompt": "a cat"}'}[form]
    (job,) = jobs(text + end, form)
    assert job.spec.request == {"prompt": "a cat"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_unicode_text_of_spreadsheets_is_read(encoding: str, size: int) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    data = f"{mark}prompt\torder\r\nein Füchs 🦊\t7\r\n".encode(encoding)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    (row,) = read_rows(pieces, Form.CSV)
    assert isinstance(row, Row)
    assert row.request.spec.request == {"prompt": "ein Füchs 🦊"}
    assert row.request.spec.metadata == {"order": "7"}


def test_a_broken_character_of_utf_16_is_no_prompt() -> None:
    data = "a cat\na dog\n".encode("utf-16")
    halved, lone = data[:-3], data[:-2] + b"\x00\xd8"
    for broken in (halved, lone):
        assert [told(row)[:15] for row in read(broken, "lines")] == ["good", "row: is not UTF"]


@pytest.mark.parametrize(
    ("header", "defaults", "meant"),
    [
        ("Prompt,Then,Order", {}, {"prompt": "a", "then": "U1", "Order": "7"}),
        (" PROMPT , then ,order", {}, {"prompt": "a", "then": "U1", "order": "7"}),
        # Otherwise rows of a file that was read before would become others, and be paid for again.
        ("prompt,Then,Order", {}, {"prompt": "a", "Then": "U1", "Order": "7"}),
        ("Style,Then,x", {"prompt": "{style}"}, {"style": "a", "then": "U1", "x": "7"}),
        ("style,Then,x", {"prompt": "{style}"}, {"style": "a", "Then": "U1", "x": "7"}),
        ("KIND,Prompt,x", {}, {"kind": "a", "prompt": "U1", "x": "7"}),
    ],
)
def test_names_of_columns_are_read_in_any_case_if_nothing_could_be_read_otherwise(
    header: str, defaults: dict[str, Any], meant: dict[str, str]
) -> None:
    shared = check_defaults(defaults)
    (record,) = read_records([f"{header}\na,U1,7".encode()], Form.CSV, Header(shared))
    assert isinstance(record, Record)
    assert record.columns == meant
    assert read("prompt\n", "csv") == []


# --- bad rows ---


@pytest.mark.parametrize(
    ("form", "row", "problem"),
    [
        ("ndjson", b'{"prompt": "x"', "row: is not readable JSON"),
        ("ndjson", b'["x"]', "row: must be an object"),
        ("ndjson", b'{"prompt": NaN}', "NaN"),
        ("ndjson", b"[" * 100_000, "row: is not readable JSON"),
        ("ndjson", b'{"prompt": "\xff"}', "row: is not UTF-8"),
        ("ndjson", b'{"prompt": "' + b"x" * MAX_LINE + b'"}', "longer than 1048576 bytes"),
        ("ndjson", b'{"prompt": 5}', "prompt: must be a string"),
        ("ndjson", b'{"prompt": "x", "kind": "imagin"}', "kind: is not a kind of job; did you"),
        ("ndjson", b'{"prompt": "x", "key": true}', "key: must be a string"),
        ("ndjson", b'{"Prompt": "x"}', "is 'Prompt' meant? Name that column `prompt`"),
        ("ndjson", b'{"prompt": "x", "metadata": {"a": 1}, "a": 2}', "metadata: has 'a'"),
        ("lines", b"\xe4 cat", "row: is not UTF-8"),
        ("lines", b'{"prompt": "x"}', "row: is a JSON object"),
        ("lines", b"x" * 6001, "prompt: must have at most 6000 characters, not 6001"),
        ("lines", b"{" * 21, "prompt: has braces within braces"),
        ("lines", b"{a,b}" * 10, "prompt: has more than 1000 permutations"),
        ("lines", b"{a,b}" * 100_000, "prompt: has more than 5000 braces"),
        ("lines", b"{" + b"," * 1_000_000 + b"}", "prompt: has more than 5000 braces"),
        ("lines", b"{a,b}" + b"x" * 6000, "prompt: must have at most 6000 characters, not 6001"),
    ],
)
def test_a_bad_row_says_why_and_the_good_ones_go_on(form: str, row: bytes, problem: str) -> None:
    good = b'{"prompt": "a cat"}' if form == "ndjson" else b"a cat"
    found = read(b"\n".join([good, row, good]), form)
    assert [each.number for each in found] == [1, 2, 3]
    assert problem in told(found[1])
    assert told(found[0]) == told(found[2]) == "good"


@pytest.mark.parametrize(
    ("row", "last", "problem"),
    [
        ('"a" cat,x', 1, 'write "" for a quote'),
        ("a cat", 1, "has 1 cells, but the header has 2"),
        ("a cat, red,x", 1, "has 3 cells, but the header has 2; put text"),
        ('"a\nb"c,x', 2, "nothing was read of the lines 2 to 3"),
        ("x" * 131_073 + ",x", 1, "use NDJSON"),
        ('"a\n\udcff",x', 2, "is not UTF-8"),
        (",x", 1, "prompt: is required"),
    ],
)
def test_the_inside_of_a_broken_row_is_never_taken_for_rows(
    row: str, last: int, problem: str
) -> None:
    table = f"prompt,style\n{row}\na dog,y\n".encode(errors="surrogateescape")
    found = read(table, "csv")
    assert [each.number for each in found][:1] == [2]
    assert problem in told(found[0])
    assert [told(each) for each in found[1:]] == ["good"]
    assert found[1].number >= 2 + last


@pytest.mark.parametrize("line", ["a cat,x\n", "x" * 10_000 + "\n", "\n"])
def test_after_a_quote_that_stays_open_nothing_is_read(line: str) -> None:
    """Every line may be inside of it, and every row that it became would be paid for."""
    table = f'prompt,style\n"{line * (MAX_ROW_LINES + 500)}'.encode()
    (only,) = read(table, "csv")
    assert isinstance(only, BadRow)
    assert (only.number, only.is_last) == (2, True)
    assert "opens a quote that is not closed within 200 lines" in told(only)


def test_a_table_has_bounds() -> None:
    assert "1,001 columns" in bad(",".join(f"c{n}" for n in range(1001)) + "\n1\n", "csv")["header"]
    assert "1,001 columns" in bad(ndjson({f"c{n}": n for n in range(1001)}))["row"]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("csv", 'prompt\n"' + "a\n" * 1_000_000),  # 60 s for half of it
        ("csv", 'prompt\n"' + "a" * 2_000_000),
        ("csv", "sep=\t" + "\t" * 1_000_000 + "x"),
        ("csv", "," * 90_000 + "\n" + "," * 900_000),
        ("csv", "," * 2_000_000),
        ("csv", '"' * 2_000_000),
        ("ndjson", json.dumps({f"c{n}": 1 for n in range(70_000)})),
        ("ndjson", "[" * 1_000_000),
        ("lines", "x" * 2_000_000),
        ("lines", "prompt" + "," * 1_000_000),
        ("lines", "\n" * 1_000_000),
        ("lines", "#\n" * 500_000),
        ("ndjson", "\r" * 1_000_000),
        ("csv", "prompt\n" + "\n" * 1_000_000),
    ],
)
def test_a_line_of_megabytes_is_cheap(form: str, text: str) -> None:
    data = text.encode()
    assert_cheap(lambda: list(read_rows([data], Form(form))), len(data))


@pytest.mark.parametrize("form", Form)
def test_reading_ends_after_many_lines_without_a_row(form: str) -> None:
    row = {"ndjson": '{"prompt": "a"}\n', "csv": "prompt\na\n", "lines": "a\n"}[form]
    assert len(rows(row + "\n" * MAX_SKIPPED_LINES, form)) == 1
    problem = "follows 10,000 lines without a row; nothing more was read"
    assert bad(row + "\n" * (MAX_SKIPPED_LINES + 1) + "a\n", form) == {"row": problem}


def test_a_quote_that_stays_open_to_the_end_is_told() -> None:
    assert "lines 2 to 3" in bad('prompt\n"a cat\na dog\n', "csv")["row"]


def test_all_problems_of_a_row_are_told_at_once() -> None:
    table = "prompt,then,priority,metadata\n,[,high,{\n"
    assert bad(table, "csv").keys() == {"prompt", "then", "priority", "metadata"}


def test_columns_that_outgrow_the_metadata_are_named() -> None:
    message = bad(ndjson({"prompt": "x", "story": "y" * 5000}))["metadata"]
    assert "at most 4096 bytes" in message
    assert "'story'" in message


# --- columns and defaults ---


def test_a_row_overrides_the_defaults_field_by_field() -> None:
    text = ndjson({"prompt": "x"}, {"prompt": "y", "priority": 9, "then": [], "mode": None})
    first, second = jobs(text, priority=3, then=THEN, mode="relax", tenant="shop")
    assert (first.spec.options.priority, first.spec.then, first.spec.options.mode) == (
        3,
        tuple(THEN),
        "relax",
    )
    assert (second.spec.options.priority, second.spec.then, second.spec.options.mode) == (
        9,
        (),
        "relax",
    )
    assert first.spec.options.tenant == second.spec.options.tenant == "shop"


def test_no_column_is_lost() -> None:
    text = ndjson({"prompt": "x", "order": 7, "metadata": {"b": 2}})
    assert jobs(text, metadata={"a": 0, "b": 1})[0].spec.metadata == {"a": 0, "b": 2, "order": 7}
    table = "prompt,Art Style,,note\nx,oil,7,\n"
    assert jobs(table, "csv")[0].spec.metadata == {"Art Style": "oil", "column_3": "7"}


def test_text_of_a_table_becomes_what_the_field_wants() -> None:
    table = (
        "prompt,priority,deadline_s,then,metadata,images,seed\n"
        '"x", 7 ,90,"U1,V2>U1","{""a"": [1]}",https://a/1.png https://a/2.png,true\n'
        'x,,,"[{""press"": ""U1""}]",,a 1.png | b.png,\n'
    )
    first, second = jobs(table, "csv")
    assert (first.spec.options.priority, first.spec.options.deadline_s, first.spec.metadata) == (
        7,
        90,
        {"a": [1]},
    )
    assert first.spec.then == tuple(THEN)
    assert first.spec.request["images"] == ["https://a/1.png", "https://a/2.png"]
    assert (second.spec.options.priority, second.spec.then) == (5, ({"press": "U1"},))
    assert (first.spec.options.seed, second.spec.options.seed) == (True, False)
    assert second.spec.request["images"] == ["a 1.png", "b.png"]


@pytest.mark.parametrize("kind", list(MODELS))
def test_every_field_that_is_no_text_can_be_written_in_a_table(kind: Kind) -> None:
    samples: dict[Any, tuple[str, Any]] = {int: ("1", 1), bool: ("True", True)}
    for name, field in MODELS[kind].model_fields.items():
        for plain, (text, value) in samples.items():
            if plain in (field.annotation, *get_args(field.annotation)):
                assert converted(name, text) == value, name
        kinds = (field.annotation, *get_args(field.annotation))
        if "list[" in str(field.annotation):
            assert len(converted(name, "a,b" if name == "then" else "a b")) == 2, name
        elif "dict[" in str(field.annotation) or any(map(_is_model, kinds)):
            assert converted(name, '{"a": 1}') == {"a": 1}, name


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def test_rows_may_be_of_different_kinds() -> None:
    table = "kind,prompt,image,job_id,task_id\nimagine,x,,,\ndescribe,,https://a/1.png,,\n"
    found = jobs(table, "csv", bot_type="NIJI_JOURNEY", prompt="a default")
    assert [job.spec.kind for job in found] == ["imagine", "describe"]
    assert jobs('{"job_id": "j"}', kind="modal", prompt="more")[0].spec.request["job_id"] == "j"
    assert (
        "cannot be changed" in bad('{"job_id": "j"}', kind="modal", prompt="x", then=THEN)["then"]
    )


@pytest.mark.parametrize(
    ("defaults", "field"),
    [
        ([], "defaults"),
        ({"kind": "imagin"}, "kind"),
        ({"promt": "x"}, "promt"),
        ({"priority": 10}, "priority"),
        ({"then": [{"prss": "U1"}]}, "then[0].prss"),
        ({"key": "x"}, "key"),
        ({"prompt": "{subject"}, "prompt"),
        ({"prompt": "{}"}, "prompt"),
        ({"prompt": "subject}"}, "prompt"),
        ({"prompt": "{ {a, b} }"}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"kind": "describe", "prompt": "x"}, "prompt"),
        ({"metadata": {"a": "x" * 5000}}, "metadata"),
    ],
)
def test_wrong_defaults_are_told_before_any_row(defaults: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_rows([], Form.NDJSON, defaults) if defaults else check_defaults(defaults)
    assert field in [error.field for error in caught.value.errors]


def test_what_the_rows_must_bring_is_no_fault_of_the_defaults() -> None:
    for kind in MODELS:
        assert check_defaults({"kind": kind.value}).kind is kind
    assert check_defaults({"kind": "video", "index": 0}).fields == {"index": 0}


@pytest.mark.parametrize(
    ("defaults", "field"),
    [
        ({"kind": "describe"}, "kind"),
        ({"prompt": "{a} {prompt}"}, "prompt"),
        ({"prompt": "x"}, "prompt"),
    ],
)
def test_defaults_that_leave_no_use_for_the_lines_are_refused(
    defaults: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_rows([b"a cat"], Form.LINES, defaults)
    assert [error.field for error in caught.value.errors] == [field]


# --- templates ---


@pytest.mark.parametrize(
    ("template", "row", "made"),
    [
        ("{subject}, {style}", {"subject": " a cat ", "style": "oil"}, ["a cat, oil"]),
        ("{ art style } {n}", {"art style": "oil", "n": 1.5}, ["oil 1.5"]),
        ("{{x}} {{{a}}} }}", {"a": "1"}, ["{x} {1} }"]),
        ("{a}", {"a": "{x}, {b}"}, ["{x}, {b}"]),
        ("{red, {a}} bird", {"a": "big, blue"}, ["red bird", "big, blue bird"]),
        ("{red, {green, {{b}}}} {a}", {"a": "x"}, ["red x", "green x", "{b} x"]),
        ("{a} --v {6, 7}", {"a": "{x, y}"}, ["x --v 6", "x --v 7", "y --v 6", "y --v 7"]),
        ("{a} {b}", {"a": ["x", 2], "b": ["y", "z"]}, ["x y", "x z", "2 y", "2 z"]),
        ("{prompt}, oil", {"prompt": "{a, b}"}, ["a, oil", "b, oil"]),
        ("{a}, oil", {"a": "x", "prompt": "mine"}, ["mine"]),
        ("plain {a\\, b}", {"a, b": "x"}, ["plain x"]),
    ],
)  # fmt: skip
def test_a_template_is_filled_by_columns(
    template: str, row: dict[str, Any], made: list[str]
) -> None:
    assert prompts(ndjson(row), prompt=template) == made


def test_columns_of_the_template_are_not_repeated_in_the_metadata() -> None:
    assert jobs(ndjson({"a": "x", "b": "y"}), prompt="{a}")[0].spec.metadata == {"b": "y"}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            {"Style": "oil"},
            "is missing: the template of the prompt asks for it; did you",
        ),
        ({"style": ""}, "must be text"),
        ({"style": None}, "is empty"),
        ({"style": []}, "an empty list"),
        ({"style": [["x"]]}, "a list of lists"),
        ({"style": {}}, "must be text"),
    ],
)
def test_a_column_that_the_template_lacks_is_named(row: dict[str, Any], problem: str) -> None:
    errors = bad(ndjson(row), prompt="a cat, {style}")
    assert errors.keys() == {"style"}
    assert problem in errors["style"]


def test_a_column_that_no_row_of_a_table_has_is_told_once() -> None:
    (row,) = read("Stile,n\noil,1\noil,2\n", "csv", prompt="{style}")
    assert isinstance(row, BadRow)
    assert row.is_last
    assert "lacks `style`" in told(row)
    assert "is empty" in bad("style,n\n,1\noil,2\n", "csv", prompt="{style}")["style"]


# --- permutations ---


@pytest.mark.parametrize(
    ("prompt", "made"),
    [
        ("a {red, green} bird", ["a red bird", "a green bird"]),
        ("{a,b} {c,d}", ["a c", "a d", "b c", "b d"]),
        ("{a, {b, c} d}", ["a", "b d", "c d"]),
        ("{{a, b} c, d}", ["a c", "b c", "d"]),
        ("{red, pastel\\, yellow} bird", ["red bird", "pastel, yellow bird"]),
        ("\\{red, green\\} bird", ["{red, green} bird"]),
        ("{a, \\{b\\}}", ["a", "{b}"]),
        ("a {red} bird", ["a {red} bird"]),
        ("a {red, green bird", ["a {red, green bird"]),
        ("a red}, bird", ["a red}, bird"]),
        ("a {, red} bird", ["a  bird", "a red bird"]),
        ("a \\ b \\\\, c", ["a \\ b \\, c"]),
        ("{{subject}}", ["{{subject}}"]),
    ],
)
def test_groups_with_a_comma_permute_and_other_braces_are_text(
    prompt: str, made: list[str]
) -> None:
    assert prompts(ndjson({"prompt": prompt})) == made


def test_permutations_can_be_turned_off() -> None:
    def made(row: dict[str, Any], **defaults: Any) -> list[str]:
        source = [ndjson(row).encode()]
        return [told(r) if isinstance(r, BadRow) else r.request.spec.request["prompt"]
                for r in read_rows(source, Form.NDJSON, defaults, permute=False)]  # fmt: skip

    assert made({"prompt": "{a, b\\, c}"}) == ["{a, b\\, c}"]
    assert made({"x": "{c, d}"}, prompt="{a, b} {x}") == ["{a, b} {c, d}"]
    assert "permutations are off" in made({"x": ["c"]}, prompt="{x}")[0]


def test_each_permutation_is_a_job_of_the_same_row() -> None:
    text = ndjson({"prompt": "{a, b}", "key": "mine", "priority": 7})
    found = rows(text, then=THEN)
    assert [(r.number, r.key) for r in found] == [(1, "mine/1"), (1, "mine/2")]
    assert {(r.request.spec.options.priority, len(r.request.spec.then)) for r in found} == {(7, 2)}


def test_exactly_the_limit_of_permutations_is_taken() -> None:
    text = "{" + ",".join(map(str, range(1000))) + "}"
    assert len(prompts(text, "lines")) == 1000
    assert "more than 1000" in bad(text.replace("{", "{x,"), "lines")["prompt"]


_PLAIN = st.text(alphabet="ab ,{}\\", max_size=20)
_TREES: st.SearchStrategy[Any] = st.recursive(
    st.text(alphabet="xyz{},", min_size=1, max_size=4),
    lambda inner: st.lists(st.lists(inner, min_size=1, max_size=3), min_size=2, max_size=3),
    max_leaves=8,
)


def _escaped(text: str) -> str:
    for character in ",{}":
        text = text.replace(character, "\\" + character)
    return text


def _written(tree: Any) -> str:
    if isinstance(tree, str):
        return _escaped(tree)
    return "{" + ",".join("".join(map(_written, each)) for each in tree) + "}"


def _stands_for(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    return [text for each in tree for text in _product(each)]


def _product(trees: Iterable[Any]) -> list[str]:
    made = [""]
    for tree in trees:
        made = [before + after for before in made for after in _stands_for(tree)]
    return made


@given(_TREES)
def test_a_written_tree_of_choices_gives_each_of_them_in_order(tree: Any) -> None:
    pattern = parse_prompt(_written(tree))
    assert list(expand(pattern)) == _stands_for(tree)
    assert count(pattern, 10**6) == len(_stands_for(tree))


@given(_PLAIN)
def test_what_is_escaped_is_itself(text: str) -> None:
    assert list(expand(parse_prompt(_escaped(text)))) == [text]


@given(_PLAIN)
def test_the_count_is_known_before_the_prompts_are_made(text: str) -> None:
    pattern = parse_prompt(text)
    assert count(pattern, 10**6) == len(list(expand(pattern)))


# --- keys ---


def test_a_key_is_used_once() -> None:
    text = ndjson(
        {"prompt": "x", "key": 7}, {"prompt": "y", "key": " 7 "}, {"prompt": "", "key": "a"},
        {"prompt": "{x, y}", "key": "a"}, {"prompt": "z", "key": "a/2"},
        {"prompt": "z", "key": "a"},
    )  # fmt: skip
    assert [r.key if isinstance(r, Row) else told(r) for r in read(text)] == [
        "7",
        "key: '7' is used by line 1; each row needs its own",
        "prompt: must not be empty",
        "a/1",
        "a/2",
        "key: 'a/2' is used by line 4; each row needs its own",
        "key: 'a' is used by line 4; each row needs its own",
    ]


def keys(*prompts: str, **defaults: Any) -> list[str]:
    return [row.key for row in rows("\n".join(prompts), "lines", **defaults)]


def test_equal_rows_are_jobs_of_their_own() -> None:
    cat, dog, second, third = keys("a cat", "a dog", "a cat", " a cat ")
    assert (second, third) == (f"{cat}-2", f"{cat}-3")
    assert dog != cat


def test_an_edited_file_keeps_the_keys_of_the_rows_that_stayed() -> None:
    before = set(keys("a cat", "a cat", "{red, green} bird"))
    after = set(keys("# new", "{green, blue, red} bird", "a cat", "a cow", "a cat"))
    assert before < after
    assert len(after - before) == 2, "a cow and the blue bird"


def test_another_way_to_run_it_is_not_another_job() -> None:
    again = keys("a cat", priority=9, mode="turbo", account="b", deadline_s=60)
    assert keys("a cat") == again
    assert keys("a cat", then=THEN) != again
    assert keys("a cat", metadata={"order": 1}) != again


def test_a_key_column_may_hold_the_keys_that_we_gave() -> None:
    (given_,) = keys("a cat")
    assert [
        r.key for r in rows(ndjson({"prompt": "a cat", "key": given_}, {"prompt": "a cat"}))
    ] == [
        given_,
        f"{given_}-2",
    ]


# --- whole numbers as pandas and spreadsheets write them ---


@pytest.mark.parametrize("written", ["5", "5.0", "5,0", "5.00", " 5.0 ", "+5"])
def test_a_whole_number_may_have_a_fraction_of_zero(written: str) -> None:
    (job,) = jobs(f"prompt;priority\na cat;{written}", "csv")
    assert job.spec.options.priority == 5


@pytest.mark.parametrize("written", ["5.5", "5.000", "5,000", "5.0.0", "5.", ".0", "5e0"])
def test_any_other_fraction_is_refused(written: str) -> None:
    assert "priority" in bad(f"prompt;priority\na cat;{written}", "csv")


def test_a_whole_number_of_json_may_be_a_float() -> None:
    (job,) = jobs('{"prompt": "a cat", "priority": 5.0}')
    assert job.spec.options.priority == 5
    assert "priority" in bad('{"prompt": "a cat", "priority": 5.5}')


def before(text: str, form: str = "csv", **defaults: Any) -> list[str | None]:
    found = (row.before for row in rows(text, form, **defaults))
    return [row.key if row else None for row in found]


def test_a_row_knows_the_key_that_it_had_before_its_numbers_were_rewritten() -> None:
    assert before("prompt,key\na,1001.0\nb,1002\nc,x\nd,v1.0\ne,\n") == [
        "1001", "1002.0", None, None, None,
    ]  # fmt: skip
    assert before('prompt,key\n"{a, b}",7.0\n') == ["7/1", "7/2"]
    assert before('{"prompt": "a", "key": "7.0"}', "ndjson") == [None], "JSON has types"


def test_a_row_without_a_key_knows_its_content_before_its_numbers_were_rewritten() -> None:
    old, new = "prompt,order\na,7\na,7\nb,8\n", "prompt,order\na,7.0\na,7.0\nb,8.0\n"
    assert before(new) == [row.key for row in rows(old, "csv")]
    assert before(old) == [None] * 3
    old, new = '{"prompt": "a", "order": 7}', '{"prompt": "a", "order": 7.0}'
    assert before(new, "ndjson") == [row.key for row in rows(old)]
    template = {"prompt": "{n} cats"}
    assert before("n\n7.0", **template) == [row.key for row in rows("n\n7", "csv", **template)]
    assert before("prompt\n42.0\n") == [None], "a prompt is never a number"


def test_rows_of_one_file_that_differ_in_the_writing_of_a_number_are_two() -> None:
    assert before("prompt,order\na,7\na,7.0\n") == [None, None]
    found = read("prompt,key\na,7\nb,7.0\nc,8.0\nd,8\n", "csv")
    assert [told(row) for row in found] == [
        "good",
        "key: '7' is used by line 2; each row needs its own",
        "good",
        "key: '8' is used by line 4; each row needs its own",
    ]


# --- any file at all ---

_CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ['"', "a,b", "a;b", "a\nb", "a\r\nb", '""', "x"]
)


@given(st.lists(st.tuples(_CELLS, _CELLS), max_size=8), st.integers(1, 50), st.sampled_from(",;\t"))
def test_what_a_spreadsheet_writes_is_what_we_read(
    cells: list[tuple[str, str]], size: int, delimiter: str
) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(
        [("prompt", "note"), *(("p" + a, b) for a, b in cells)]
    )
    data = out.getvalue().encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    found = list(read_rows(pieces, Form.CSV, permute=False))
    wanted = [(("p" + a).strip(), {"note": b} if b.strip() else {}) for a, b in cells]
    made = [
        (r.request.spec.request["prompt"], r.request.spec.metadata)
        for r in found
        if isinstance(r, Row)
    ]
    assert made == wanted


_SCRAPS = [
    b"prompt", b"key", b"a", b'{"prompt":"x"}', b",", b'"', b"\n", b"\r", b"{", b"}", b"[", b"]",
    b":", b"\\", b"\xff", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x1a", b"sep=;",
    b"Prompt", b"1.0", b"1",
]  # fmt: skip
_BYTES = st.binary(max_size=200) | st.lists(st.sampled_from(_SCRAPS), max_size=40).map(b"".join)


@given(_BYTES, st.sampled_from(Form), st.integers(1, 20), st.booleans())
def test_no_file_makes_us_fail_however_it_is_cut(
    data: bytes, form: Form, size: int, permute: bool
) -> None:
    defaults = {"prompt": "{prompt}, {red, green}"}

    def pieces() -> Iterator[bytes]:
        yield from (data[at : at + size] for at in range(0, len(data), size))

    found = list(read_rows(pieces(), form, defaults, permute=permute))
    assert found == list(read_rows([data], form, defaults, permute=permute))
    assert [row.number for row in found] == sorted(row.number for row in found)
    good = [row.key for row in found if isinstance(row, Row)]
    assert len(good) == len(set(good))


def test_rows_come_before_the_file_has_ended() -> None:
    def endless() -> Iterator[bytes]:
        number = 0
        while True:
            number += 1
            yield f"cat {number}\n".encode()

    stream = read_rows(endless(), Form.LINES)
    assert [next(stream).number for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_what_is_stored_may_be_a_default_or_a_column(form: str) -> None:
    tables = {
        "csv": 'prompt,assets\na cat,\na dog,off\na fox,"{""tiles"": true}"\n',
        "ndjson": '{"prompt": "a cat"}\n{"prompt": "a dog", "assets": "off"}\n'
        '{"prompt": "a fox", "assets": {"tiles": true}}\n',
    }
    found = jobs(tables[form], form, assets={"files": "grid"})
    assert [job.spec.options.keep for job in found] == [Keep("grid"), Keep("off"), Keep(tiles=True)]
