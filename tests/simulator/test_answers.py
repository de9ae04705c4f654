import json

import pytest

from tests.simulator.support import (
    DATE,
    EXPECTED,
    INTEGER,
    INVOICE,
    MODEL,
    NUMBER,
    ROWS,
    STRING,
    answer,
    asking,
    closed,
    columns_invoice,
    drawn,
    european_invoice,
    flowing,
    json_in,
    labelled_invoice,
    pages_of,
    pdf_block,
    text_document,
    text_of,
)

STYLES = ("bullets", "values", "pairs", "two", "one", "fenced", "prose")
LAYOUTS = {"labels": labelled_invoice, "columns": columns_invoice, "european": european_invoice}


def filled(client, schema, *documents, **params):
    return json_in(text_of(answer(client, messages=asking(schema, *documents), max_tokens=60_000, **params)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_invoice_is_read_in_every_layout(client, layout):
    value = filled(client, INVOICE, pdf_block(LAYOUTS[layout]()))
    lines = value.pop("lines")
    assert value == EXPECTED
    assert lines


def test_a_table_is_read_over_its_pages(client):
    data = labelled_invoice()
    assert len(pages_of(data)) > 1
    lines = filled(client, INVOICE, pdf_block(data))["lines"]
    assert [[line["description"], line["quantity"], line["unit_price"], line["amount"]] for line in lines] == [
        [row[0], int(row[1]), float(row[2]), float(row[3].replace(",", ""))] for row in ROWS
    ]


def test_the_lines_of_the_other_layouts(client):
    lines = filled(client, INVOICE, pdf_block(columns_invoice()))["lines"]
    assert lines == [
        {"description": "Steel bracket", "quantity": 2, "unit_price": 4.5, "amount": 9.0},
        {"description": "Copper pipe", "quantity": 3, "unit_price": 7.0, "amount": 21.0},
    ]
    european = filled(client, INVOICE, pdf_block(european_invoice()))["lines"]
    assert european == [{"description": "Steel bracket", "quantity": 2, "unit_price": 4.5, "amount": 9.0}]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_holds_the_same_json_and_true_citations(start, style):
    data = labelled_invoice()
    pages = pages_of(data)
    _, client = start(style=style)
    message = answer(client, messages=asking(INVOICE, pdf_block(data, title="invoice")), max_tokens=60_000)
    value = json_in(text_of(message))
    assert {name: value[name] for name in EXPECTED} == EXPECTED
    citations = [citation for block in message["content"] for citation in block.get("citations") or ()]
    assert len(citations) >= 60
    for citation in citations:
        assert citation["type"] == "page_location"
        assert citation["end_page_number"] == citation["start_page_number"] + 1
        assert citation["cited_text"] in pages[citation["start_page_number"] - 1]
        assert (citation["document_index"], citation["document_title"]) == (0, "invoice")


def cited_blocks(start, style):
    _, client = start(style=style)
    schema = closed(vendor=STRING, total=NUMBER, city={"anyOf": [STRING, {"type": "null"}]})
    document = text_document("Vendor: Acme\nTotal: 12.50\n")
    return answer(client, messages=asking(schema, document))["content"]


@pytest.mark.parametrize(
    ("style", "texts"),
    [
        ("values", ['"Acme"', "12.5"]),
        ("pairs", ['"vendor": "Acme"', '"total": 12.5']),
        ("two", ['"vendor": "Acme",\n  "total": 12.5']),
        ("one", ['{\n  "vendor": "Acme",\n  "total": 12.5,\n  "city": null\n}']),
        ("fenced", ['"Acme"', "12.5"]),
        ("prose", ['"Acme"', "12.5"]),
    ],
)
def test_the_cited_blocks_of_each_style(start, style, texts):
    blocks = cited_blocks(start, style)
    assert [block["text"] for block in blocks if block["citations"]] == texts
    cited = [each["cited_text"] for block in blocks for each in block["citations"] or ()]
    assert cited == ["Vendor: Acme", "Total: 12.50"]


def test_bullets_are_cited_lines_before_uncited_json(start):
    blocks = cited_blocks(start, "bullets")
    text = "".join(block["text"] for block in blocks)
    assert text.startswith("- vendor: Acme\n- total: 12.50\n\n{")
    assert blocks[-1]["citations"] is None
    assert json_in(blocks[-1]["text"]) == {"vendor": "Acme", "total": 12.5, "city": None}


def test_fences_and_prose_surround_the_json(start):
    fenced, prose = ("".join(b["text"] for b in cited_blocks(start, style)) for style in ("fenced", "prose"))
    assert fenced.startswith("```json\n{")
    assert fenced.endswith("}\n```")
    before, after = prose.split("{\n", 1)[0], prose.rsplit("\n}", 1)[1]
    assert "{" in before
    assert "}" in after


def test_text_documents_are_cited_by_character(client):
    text = "Préface: naïve\n\n  Vendor:   Acme  Ltd\nTotal = 1.234,50 €\n"
    blocks = answer(client, messages=asking(closed(vendor=STRING, total=NUMBER), text_document(text)))["content"]
    citations = [each for block in blocks for each in block["citations"] or ()]
    assert json_in(blocks[-1]["text"])["total"] == 1234.5
    for citation in citations:
        assert citation["type"] == "char_location"
        assert text[citation["start_char_index"] : citation["end_char_index"]] == citation["cited_text"]
    assert len(citations) == 2


def test_content_documents_are_cited_by_block(client):
    source = {"type": "content", "content": [{"type": "text", "text": "Nothing"}, {"type": "text", "text": "Total: 7"}]}
    documents = [text_document("Vendor: Acme"), {"type": "document", "source": source, "citations": {"enabled": True}}]
    blocks = answer(client, messages=asking(closed(total=NUMBER), *documents))["content"]
    citation = next(each for block in blocks for each in block["citations"] or ())
    assert citation["type"] == "content_block_location"
    assert (citation["start_block_index"], citation["end_block_index"]) == (1, 2)
    assert (citation["cited_text"], citation["document_index"]) == ("Total: 7", 1)


def test_nested_objects_take_their_headings_as_context(client):
    text = "Vendor\nName: Acme Ltd\nAddress: 1 Harbour Road\n\nCustomer\nName: Contoso\nAddress: 4 Linden Row\n"
    party = closed(name=STRING, address=STRING)
    assert filled(client, closed(vendor=party, customer=party), text_document(text)) == {
        "vendor": {"name": "Acme Ltd", "address": "1 Harbour Road"},
        "customer": {"name": "Contoso", "address": "4 Linden Row"},
    }


def test_types_and_what_is_not_there(client):
    schema = closed(
        paid={"type": "boolean"}, status={"enum": ["OPEN", "CLOSED"]}, count=INTEGER, start_date=DATE,
        colour={"anyOf": [STRING, {"type": "null"}]}, weight=NUMBER, notes={"type": "array", "items": STRING},
        skills={"type": "array", "items": STRING},
    )  # fmt: skip
    text = "Paid: yes\nStatus: case closed\nCount: 1,200\nStart date: 3 Jan 2025\nSkills: welding, casting and paint\n"
    assert filled(client, schema, text_document(text, cited=False)) == {
        "paid": True, "status": "CLOSED", "count": 1200, "start_date": "2025-01-03", "colour": None, "weight": None,
        "notes": [], "skills": ["welding", "casting", "paint"],
    }  # fmt: skip


def test_a_csv_document_is_a_table(client):
    text = "Name,Quantity,Price\nBolt,3,1.50\nNut,4,0.20\n"
    schema = closed(items={"type": "array", "items": closed(name=STRING, quantity=INTEGER, price=NUMBER)})
    assert filled(client, schema, text_document(text, cited=False))["items"] == [
        {"name": "Bolt", "quantity": 3, "price": 1.5},
        {"name": "Nut", "quantity": 4, "price": 0.2},
    ]


SPAM = closed(
    is_spam={"type": "boolean"},
    confidence=NUMBER,
    reason=STRING,
    topic={"enum": ["billing", "technical", "other"]},
)


def classified(client, text):
    form = {"format": {"type": "json_schema", "schema": SPAM}}
    return json.loads(text_of(answer(client, messages=[{"role": "user", "content": text}], output_config=form)))


def test_messages_are_classified_by_their_words(client):
    spam = classified(client, "Hi! You are a winner. Click here now to claim your free prize and the guaranteed cash.")
    assert spam["is_spam"] is True
    assert spam["confidence"] > 0.8
    assert spam["reason"] == "Click here now to claim your free prize and the guaranteed cash."
    plain = classified(client, "Hello, the app shows an error after the update and the screen stays black all day.")
    assert (plain["is_spam"], plain["topic"]) == (False, "technical")
    assert classified(client, "Good morning to you.")["topic"] == "other"


def test_a_schema_in_the_system_prompt_is_found(client):
    message = answer(client, system="Reply as JSON: " + json.dumps(SPAM))
    assert json.loads(text_of(message))["is_spam"] is False


def test_without_a_schema_the_answer_is_the_sentences_that_fit(client):
    text = "Cats sleep. The invoice total is 12 dollars. Dogs bark. Payment of the invoice is due in May. Rain falls."
    content = [text_document(text), {"type": "text", "text": "When is payment of the invoice due, and the total?"}]
    blocks = answer(client, messages=[{"role": "user", "content": content}])["content"]
    cited = [block for block in blocks if block["citations"]]
    assert 2 <= len(cited) <= 4
    for block in cited:
        place = block["citations"][0]
        assert text[place["start_char_index"] : place["end_char_index"]] == block["text"] == place["cited_text"]
    assert "Payment of the invoice is due in May." in text_of({"content": blocks})


def test_a_scan_without_text_is_answered_without_evidence(client):
    message = answer(client, messages=asking(closed(total={"anyOf": [NUMBER, {"type": "null"}]}), pdf_block(drawn())))
    assert json_in(text_of(message)) == {"total": None}
    assert not any(block["citations"] for block in message["content"])


def test_a_forced_tool_gets_the_values_as_input(client):
    tool = {"name": "record", "input_schema": closed(total=NUMBER)}
    content = [text_document("Total: 7", cited=False), {"type": "text", "text": "Record it"}]
    choice = {"type": "tool", "name": "record"}
    message = answer(client, messages=[{"role": "user", "content": content}], tools=[tool], tool_choice=choice)
    assert message["stop_reason"] == "tool_use"
    assert (message["content"][0]["name"], message["content"][0]["input"]) == ("record", {"total": 7.0})


def test_the_model_in_the_answer_is_the_resolved_one(client):
    message = answer(client, model=MODEL)
    assert message["model"] == "claude-haiku-4-5-20251001"
    assert message["id"].startswith("msg_sim_")


def test_the_same_request_gets_the_same_answer(start):
    texts = []
    for _ in range(2):
        _, client = start()
        data = flowing("Total due: $3.00")
        texts.append(answer(client, messages=asking(closed(total=NUMBER), pdf_block(data)))["content"])
    assert texts[0] == texts[1]
