"""Files of conversations, requests, rows and prompts, and what is wrong with them."""

import datetime as dt
import json
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batchata import InputError, Item, build_requests, read_conversations, read_prompts, read_requests, read_rows

TALK = [{"role": "user", "content": "hello"}]


@pytest.fixture
def put(tmp_path):
    def put(name, *lines, text=None):
        content = (
            text
            if text is not None
            else "".join(f"{each if isinstance(each, str) else json.dumps(each)}\n" for each in lines)
        )
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return put


def texts(items):
    return [(each.source, each.content[0]["content"]) for each in items]


def test_conversations_with_and_without_names_and_parameters(put):
    put("talk.jsonl", TALK, "", {"messages": TALK}, {"messages": TALK, "id": 7, "params": {"max_tokens": 5}})
    assert read_conversations("talk.jsonl") == [TALK, TALK, Item(TALK, source="7", params={"max_tokens": 5})]


@pytest.mark.parametrize(("lines", "words"), [
    (["not json", TALK], "line 1 of x.jsonl: it is no JSON"),
    ([{"messages": []}], "a conversation is a list of messages"),
    ([{"messages": TALK, "system": "Be brief."}], "system beside messages; parameters of the Messages API go into params"),
    ([{"messages": TALK, "params": [1]}], "its params are .* which is no object"),
    ([{"messages": TALK, "id": ["a"]}], r"its id is \['a'\]"),
    ([{"messages": TALK, "id": "a"}, TALK, {"messages": TALK, "id": "a"}], "line 3 of x.jsonl: the id 'a' is that of line 1 too"),
    ([], "holds no conversation"),
])  # fmt: skip
def test_bad_conversations_are_named_by_their_lines(put, lines, words):
    with pytest.raises(InputError, match=words):
        read_conversations(put("x.jsonl", *lines))


def test_requests_of_the_api_are_taken_as_they_are(put):
    put("r.jsonl", {"custom_id": "a-1", "params": {"model": "m", "max_tokens": 5, "system": "S", "messages": TALK}},
        {"custom_id": "a-2", "params": {"max_tokens": 6, "messages": TALK}})  # fmt: skip
    found = read_requests("r.jsonl")
    assert found.model == "m"
    assert found.items == [
        Item(TALK, source="a-1", params={"max_tokens": 5, "system": "S"}),
        Item(TALK, source="a-2", params={"max_tokens": 6}),
    ]
    sent = build_requests(found.items, model="m", max_tokens=1_000, system="Of the call.")
    assert sent[0]["params"] == {"model": "m", "max_tokens": 5, "system": "S", "messages": TALK}


def request(name, **params):
    return {"custom_id": name, "params": {"max_tokens": 5, "messages": TALK, **params}}


@pytest.mark.parametrize(("lines", "words"), [
    ([request("a"), request("a")], "line 2 of x.jsonl: the custom_id 'a' is that of line 1 too"),
    ([request("a", model="m"), request("b", model="n"), request("c", model="m")], "to 2 models .2 to m, 1 to n."),
    ([{**request("a"), "method": "POST"}], "and not method"),
    ([TALK], 'a request is {"custom_id"'),
    ([request("a", messages=[])], "its params have no messages"),
    ([request("a", model=3)], "its model is 3"),
    ([request(None)], "its custom_id is null"),
    ([], "holds no request"),
])  # fmt: skip
def test_bad_requests_are_named_by_their_lines(put, lines, words):
    with pytest.raises(InputError, match=words):
        read_requests(put("x.jsonl", *lines))


def test_prompts_are_lines_of_text_or_of_json(put):
    assert read_prompts(put("p.txt", "Who?", "", '  "Where?" ')) == ["Who?", '"Where?"']
    assert read_prompts(put("p.jsonl", '"Who?\\nTell."', {"id": "where", "prompt": "Where?"})) == {
        "0": "Who?\nTell.",
        "where": "Where?",
    }
    for lines, words in [
        (["{}"], "a prompt is a JSON string"),
        ([], "holds no prompt"),
        ([{"id": "a", "prompt": "x"}] * 2, "that of line 1 too"),
    ]:
        with pytest.raises(InputError, match=words):
            read_prompts(put("q.jsonl", *lines))


@pytest.mark.parametrize("text", [
    b'\xef\xbb\xbfsubject,body\r\nHi,"one, ""two""\nthree"\r\n\r\nHo,\r\n',
    'subject;body\nHi;"one, ""two""\nthree"\n\nHo;\n',
    'body\tsubject\n"one, ""two""\nthree"\tHi\n\n\tHo\n',
    'a,b;subject;body\n1,2;Hi;"one, ""two""\nthree"\n\n1;Ho;\n',
])  # fmt: skip
def test_rows_of_csv_in_any_dress_fill_in_the_template(put, text):
    items = read_rows(put("m.csv", text=text), "{subject}: {body} {{x}}")
    assert texts(items) == [("m.csv:2", 'Hi: one, "two"\nthree {x}'), ("m.csv:5", "Ho:  {x}")]


def test_rows_are_named_by_a_column_and_the_delimiter_can_be_said(put):
    assert texts(read_rows(put("m.csv", text="no:t\n7:x\n8:y\n"), "{t}", id_column="no", delimiter=":")) == [
        ("7", "x"),
        ("8", "y"),
    ]


@pytest.mark.parametrize(("text", "words"), [
    ("a,b\n1,2\n", "m.csv has no column t, n; it has a, b"),
    ("t,n,t\n1,2,3\n", "2 columns named t"),
    ("n,t\n1,x\n2\n3\n", r"2 of 3 items[^$]*m.csv:3: it has 1 of 2 cells: no t\n  m.csv:4"),
    ("n,t\n1,x,y\n", "m.csv:2: it has 3 cells, and there are 2 columns"),
    ('n,t\n1,"x\n2,y\n', "row that begins in line 2 of m.csv cannot be read: unexpected end of data"),
    ('n,t\n1,"x"y\n', "row that begins in line 2"),
    ("n,t\n1,x\n1,y\n", "m.csv:3: its n '1' is that of row 2 too"),
    ("n,t\n ,x\n", "m.csv:2: its n is empty"),
    ("n,t\n1, \n", "m.csv:2: filled in with it, the template is empty"),
    ("n,t\n", "m.csv has no rows"),
    ("", "m.csv has no column t, n; it has none"),
    ("n,t\n1,caf\u00e9\n".encode("latin-1"), "m.csv is not UTF-8 text"),
])  # fmt: skip
def test_bad_rows_of_csv_are_named(put, text, words):
    with pytest.raises(InputError, match=words):
        read_rows(put("m.csv", text=text), "{t}", id_column="n")


def test_a_cell_may_be_a_whole_letter(put):
    assert len(read_rows(put("m.csv", text=f"t\n{'x' * 200_000}\n"), "{t}")[0].content[0]["content"]) == 200_000


@pytest.mark.parametrize(("arguments", "words"), [
    ({"template": "none"}, "the `template` names no column"),
    ({"template": "{t}", "delimiter": "--"}, "must be one character"),
    ({"template": "{t} }"}, "brace at character 4"),
])  # fmt: skip
def test_a_bad_template_or_delimiter_is_refused(put, arguments, words):
    with pytest.raises(InputError, match=words):
        read_rows(put("m.csv", text="t\n1\n"), **arguments)


def test_a_table_whose_cells_are_parted_otherwise_is_read_when_that_is_said(put):
    path = put("m.csv", text="subject^body\nx^y\n")
    with pytest.raises(InputError, match="came out as one cell: say with `delimiter` what parts the cells"):
        read_rows(path, "{subject} {body}")
    with pytest.raises(InputError, match=r"it has subject\^body \(nothing was sent\)$"):
        read_rows(path, "{other}")
    assert texts(read_rows(path, "{subject} {body}", delimiter="^")) == [("m.csv:2", "x y")]


def test_rows_of_parquet(tmp_path):
    table = pa.table({
        "t": ["x", "y"], "n": [1, 2], "d": [dt.date(2026, 1, 2)] * 2, "m": [Decimal("1.50")] * 2,
        "l": [[{"a": 1}], []], "f": [1.5, float("nan")], "g": ["z", None], "b": [b"1", b"2"],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "m.parquet")
    items = read_rows("m.parquet", "{t} {d} {m} {l}", id_column="n")
    assert texts(items) == [("1", 'x 2026-01-02 1.50 [{"a":1}]'), ("2", "y 2026-01-02 1.50 []")]
    for column, words in [
        ("f", "m.parquet:2: it has no f .null."),
        ("g", "m.parquet:2: it has no g"),
        ("b", "b is binary"),
        ("z", "no column z"),
    ]:
        with pytest.raises(InputError, match=words):
            read_rows("m.parquet", f"{{{column}}}")
    pq.write_table(pa.table({"d": pa.array([10**8], pa.int32()).cast(pa.date32())}), tmp_path / "m.parquet")
    with pytest.raises(InputError, match="date value out of range"):
        read_rows("m.parquet", "{d}")
    (tmp_path / "m.parquet").write_bytes((tmp_path / "m.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match="cannot be read as a Parquet file"):
        read_rows("m.parquet", "{t}")
