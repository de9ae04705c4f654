"""Citations of hand-written answers; tests/core/test_citation_quality.py measures many."""

from dataclasses import dataclass
from datetime import date

import pytest
from pydantic import BaseModel, Field, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from batchata import Citation, map_citations


def page(text, number, last=None):
    """A citation as the API gives it: its end page is exclusive."""
    return {"type": "page_location", "cited_text": text, "document_index": 0, "document_title": None, "file_id": None,
            "start_page_number": number, "end_page_number": (last or number) + 1}  # fmt: skip


def text(text, *citations):
    return {"type": "text", "text": text, "citations": list(citations) or None}


def pages(mapped):
    return {path: [each.start_page for each in found] for path, found in mapped.items()}


class Invoice(BaseModel):
    company_name: str
    total: float


class Line(BaseModel):
    description: str
    quantity: int
    amount: float


class Nested(BaseModel):
    vendor: dict[str, str]
    lines: list[Line]
    tags: list[str] = []


INVOICE = Invoice(company_name="TechCorp", total=12500)


def test_a_citation_can_be_made_by_hand_and_counts_pages_as_a_reader_does():
    made = Citation(cited_text="Total: $5", start_page=3)
    assert (made.start_page, made.end_page, made.match, made.start_page_number) == (3, None, None, 3)
    assert repr(made) == "Citation(cited_text='Total: $5', start_page=3)"
    mapped = map_citations([text('{"company_name": "TechCorp", "total": '), text("12500", page("$12,500", 4, 6)), text("}")],
                           INVOICE, sources=["a.pdf"])  # fmt: skip
    found = mapped["total"][0]
    assert (found.start_page, found.end_page, found.end_page_number) == (4, 6, 7)
    assert (found.source_file, found.match, found.type) == ("a.pdf", "span", "page_location")
    assert mapped["company_name"] == []


@pytest.mark.parametrize("blocks", [
    # the value, the pair, two fields, everything in one block, lines of evidence, prose
    [text('{"company_name": "'), text("TechCorp", page("TechCorp Ltd", 1)), text('", "total": '), text("12500", page("Due 12.500,00", 2)), text("}")],
    [text("{"), text('"company_name": "TechCorp"', page("TechCorp Ltd", 1)), text(", "), text('"total": 12500', page("x", 2)), text("}")],
    [text("{"), text('"company_name": "TechCorp", "total": 12500', page("$12,500.00", 2), page("TECHCORP", 1)), text("}")],
    [text('```json\n{"company_name": "TechCorp", "total": 12500}\n```', page("$12,500.00", 2), page("TechCorp", 1))],
    [text("- company_name: "), text("TechCorp", page("TechCorp Ltd", 1)), text("\n- total: "), text("$12,500", page("$12,500", 2)),
     text('\n\n{"company_name": "TechCorp", "total": 12500}')],
    [text("**Company Name:** TechCorp", page("TechCorp Ltd", 1)), text("\n| Total | $12,500 |", page("$12,500", 2)),
     text('\n{"company_name": "TechCorp", "total": 12500}')],
    [text("It is from TechCorp.", page("TechCorp Ltd", 1)), text(" They want "), text("$12,500.", page("Please pay $12,500.00", 2)),
     text(' So: {"company_name": "TechCorp", "total": 12500} and {nothing else}.')],
])  # fmt: skip
def test_every_shape_of_an_answer(blocks):
    assert pages(map_citations(blocks, INVOICE)) == {"company_name": [1], "total": [2]}
    assert pages(map_citations([{"type": "thinking", "thinking": ""}, *blocks], INVOICE.model_dump())) == {
        "company_name": [1],
        "total": [2],
    }


class Sums(BaseModel):
    subtotal: float
    total: float


@pytest.mark.parametrize(("blocks", "expected"), [
    # the place decides, although both texts state both values
    ([text('{"subtotal": '), text("100", page("100.00", 1)), text(', "total": '), text("100", page("100.00", 2)), text("}")],
     {"subtotal": [1], "total": [2]}),
    # the labels decide
    ([text('{"subtotal": 100, "total": 100}', page("Total: 100.00", 2), page("Sub-total: 100.00", 1))], {"subtotal": [1], "total": [2]}),
    # nothing decides: nobody gets it
    ([text('{"subtotal": 100, "total": 100}', page("100.00", 1), page("100.00", 2))], {"subtotal": [], "total": []}),
    # one has its own, the other must not borrow it
    ([text("- subtotal: "), text("100", page("100.00", 1)), text('\n{"subtotal": 100, "total": 100}')], {"subtotal": [1], "total": []}),
    ([text('{"subtotal": '), text("100", page("100.00", 1)), text(', "total": 100}')], {"subtotal": [1], "total": []}),
])  # fmt: skip
def test_two_fields_with_one_value_do_not_borrow_each_others_citations(blocks, expected):
    assert pages(map_citations(blocks, Sums(subtotal=100, total=100))) == expected


def test_lists_and_nested_objects_are_addressed_by_path():
    value = Nested(
        vendor={"name": "Acme", "tax.id": "DE1"},
        lines=[Line(description="Bolt", quantity=2, amount=50), Line(description="Nut", quantity=2, amount=50)],
        tags=["urgent"],
    )
    one = text(
        value.model_dump_json(), page("Bolt 2 25.00 50.00", 1), page("Nut 2 25.00 50.00", 2), page("Acme, VAT DE1", 3)
    )
    assert pages(map_citations([one], value)) == {
        "vendor.name": [3], 'vendor["tax.id"]': [3], "lines[0].description": [1], "lines[0].quantity": [1],
        "lines[0].amount": [1], "lines[1].description": [2], "lines[1].quantity": [2], "lines[1].amount": [2], "tags[0]": [],
    }  # fmt: skip


@pytest.mark.parametrize("labels", [
    ["lines[0].amount", "lines[1].amount"], ["lines[1].amount", "lines[2].amount"], ["Line 1 amount", "Line 2 amount"],
    ["lines.0.amount", "lines.1.amount"], ["**Lines 1 - Amount**", "**Lines 2 - Amount**"],
])  # fmt: skip
def test_rows_may_be_counted_from_0_or_from_1(labels):
    value = Nested(
        vendor={},
        lines=[Line(description="Bolt", quantity=1, amount=50), Line(description="Nut", quantity=1, amount=70)],
    )
    blocks = [text(f"- {labels[0]}: "), text("50.00", page("50.00", 1)), text(f"\n- {labels[1]}: "), text("70.00", page("70.00", 2)),
              text("\n" + value.model_dump_json())]  # fmt: skip
    found = pages(map_citations(blocks, value))
    assert (found["lines[0].amount"], found["lines[1].amount"]) == ([1], [2])


def test_aliases_in_the_json_are_field_names_in_the_paths():
    class Order(BaseModel):
        order_number: str = Field(alias="orderNo")
        placed_on: date = Field(validation_alias="date")

    blocks = [
        text('{"orderNo": "'),
        text("A-1", page("Order A-1", 1)),
        text('", "date": "'),
        text("2024-03-15", page("15 March", 2)),
        text('"}'),
    ]
    assert pages(map_citations(blocks, Order(orderNo="A-1", date="2024-03-15"))) == {
        "order_number": [1],
        "placed_on": [2],
    }


def test_values_of_every_type_have_a_place():
    @dataclass
    class Part:
        name: str

    class Mixed(BaseModel):
        part: Part
        flag: bool
        nothing: str | None = None
        empty: list[str] = []
        pair: tuple[int, int]

    value = Mixed(part=Part("bolt"), flag=True, pair=(3, 4))
    blocks = [
        text('{"part": {"name": "bolt"}, "flag": '),
        text("true", page("It applies.", 5)),
        text(', "pair": [3, '),
        text("4", page("x", 6)),
        text("]}"),
    ]
    assert pages(map_citations(blocks, value)) == {
        "part.name": [],
        "flag": [5],
        "nothing": [],
        "empty": [],
        "pair[0]": [],
        "pair[1]": [6],
    }


def test_the_other_kinds_of_locations_keep_their_fields():
    char = {"type": "char_location", "cited_text": "x", "document_index": 1, "document_title": "t", "file_id": "file_1",
            "start_char_index": 5, "end_char_index": 6}  # fmt: skip
    web = {
        "type": "web_search_result_location",
        "cited_text": "y",
        "url": "https://example.org",
        "title": "T",
        "encrypted_index": "e",
    }
    blocks = [text('{"company_name": "'), text("TechCorp", char, web), text('", "total": 1}')]
    first, second = map_citations(blocks, INVOICE, sources=["a.txt", "b.txt"])["company_name"]
    assert (first.start_char_index, first.end_char_index, first.source_file, first.file_id) == (5, 6, "b.txt", "file_1")
    assert first.start_page is first.end_page_number is None
    assert (second.url, second.title, second.encrypted_index, second.source_file) == (
        "https://example.org",
        "T",
        "e",
        None,
    )


def test_a_citation_that_is_repeated_is_given_once():
    same = page("TechCorp", 1)
    blocks = [text('{"company_name": "'), text("Tech", same), text("Corp", same), text('", "total": 1}')]
    assert pages(map_citations(blocks, INVOICE)) == {"company_name": [1], "total": []}


def test_an_answer_without_citations_or_without_json():
    assert pages(map_citations([text('{"company_name": "TechCorp", "total": 1}')], INVOICE)) == {
        "company_name": [],
        "total": [],
    }
    assert pages(map_citations([text("TechCorp says so", page("TechCorp", 1))], INVOICE)) == {
        "company_name": [1],
        "total": [],
    }
    assert pages(map_citations([], INVOICE)) == {"company_name": [], "total": []}


class Sorted(BaseModel):
    xs: list[int]

    @field_validator("xs")
    @classmethod
    def in_order(cls, value):
        return sorted(set(value))


def test_a_list_that_a_validator_reordered_keeps_its_citations():
    blocks = [text('{"xs": ['), text("300", page("300", 3)), text(", "), text("100", page("100", 1)), text(", 300]}")]
    assert pages(map_citations(blocks, Sorted(xs=[300, 100, 300]))) == {"xs[0]": [1], "xs[1]": [3]}


def test_a_line_may_go_on_with_something_else():
    class Order(BaseModel):
        vendor: str
        total: float

    value = Order(vendor="Acme", total=110)
    json = text("\n" + value.model_dump_json())
    line = [
        text("- vendor: "),
        text("Acme", page("Acme", 1)),
        text(", total: "),
        text("110.00", page("110.00", 2)),
        json,
    ]
    assert pages(map_citations(line, value)) == {"vendor": [1], "total": [2]}
    other = [text("- Total: includes VAT of "), text("10.00", page("VAT 10.00", 5)), json]
    assert pages(map_citations(other, value)) == {"vendor": [], "total": []}


def test_an_object_that_is_repeated_without_citations_is_no_list_of_labels():
    blocks = [text('{"subtotal": '), text("1", page("A 1", 1)), text(', "total": '), text("2", page("B 2", 2)),
              text('}\n\nFinal answer:\n```json\n{"subtotal": 1, "total": 2}\n```')]  # fmt: skip
    assert pages(map_citations(blocks, Sums(subtotal=1, total=2))) == {"subtotal": [1], "total": [2]}


def test_two_rows_that_are_alike_do_not_share():
    rows = [Line(description="Pen", quantity=1, amount=5)] * 2
    value = Nested(vendor={}, lines=rows)
    one = text(value.model_dump_json(), page("Pen 1 5.00", 1), page("Pen 1 5.00", 2))
    assert not any(pages(map_citations([one], value)).values())
    led = [text("- lines[0].description: "), text("Pen", page("Pen 1 5.00", 1)), text("\n- lines[1].description: "),
           text("Pen", page("Pen 1 5.00", 2)), text("\n" + value.model_dump_json())]  # fmt: skip
    found = pages(map_citations(led, value))
    assert {path: each for path, each in found.items() if path.startswith("lines")} == {
        f"lines[{row}].{name}": [row + 1] for row in (0, 1) for name in ("description", "quantity", "amount")
    }


def test_a_date_that_can_be_read_two_ways_is_nobodys():
    class Period(BaseModel):
        start: date
        end: date

    value = Period(start="2026-04-03", end="2026-03-04")
    one = text(value.model_dump_json(), page("03/04/2026", 1), page("04/03/2026", 2))
    assert pages(map_citations([one], value)) == {"start": [], "end": []}


def test_passages_that_differ_in_anything_are_two():
    first = {
        "type": "search_result_location",
        "cited_text": "x",
        "search_result_index": 0,
        "source": "a",
        "start_block_index": 0,
        "end_block_index": 1,
    }
    blocks = [
        text('{"company_name": "'),
        text("TechCorp", first, {**first, "search_result_index": 1, "source": "b"}),
        text('", "total": 1}'),
    ]
    assert [each.source for each in map_citations(blocks, INVOICE)["company_name"]] == ["a", "b"]
    longer = [text("x", page("x", 1), page("x", 1, 3))]
    assert (
        len(map_citations([text('{"company_name": "'), *longer, text('", "total": 1}')], INVOICE)["company_name"]) == 2
    )


def test_sets_and_pydantic_dataclasses_have_fields_too():
    @pydantic_dataclass
    class Part:
        part_name: str = Field(alias="partName")

    class Whole(BaseModel):
        part: Part
        tags: set[str]

    blocks = [
        text('{"part": {"partName": "'),
        text("bolt", page("bolt", 1)),
        text('"}, "tags": ["'),
        text("urgent", page("urgent", 2)),
        text('"]}'),
    ]
    value = Whole.model_validate({"part": {"partName": "bolt"}, "tags": ["urgent"]})
    assert pages(map_citations(blocks, value)) == {"part.part_name": [1], "tags[0]": [2]}
