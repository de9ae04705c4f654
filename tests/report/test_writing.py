"""What a report holds: all of it as data, sums that add up, and a sentence for whatever it does not show."""

import base64
import hashlib
import os
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from PIL import Image

from batchata.core.citations import Citation
from batchata.core.outcomes import Errored, Invalid, Missing, Succeeded
from batchata.core.records import record_of
from batchata.core.reportfacts import ReportFacts
from batchata.errors import OutputError
from batchata.report.sources import Sources
from batchata.report.writing import write_report
from tests.pdfs import pdf
from tests.report.reading import Report

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \" ' {{ 7 * 7 }} \u2028 \ud83d"
USAGE = {"input_tokens": 1000, "output_tokens": 200, "cache_read_input_tokens": 3000}


def done(result, citations=None, *, index=0, source=None, cost="0.001"):
    outcome = Succeeded(custom_id="a", model="m", usage=USAGE, result=result, citations=citations)
    return record_of(outcome, index, source, "msgbatch_1", None if cost is None else Decimal(cost))


def cited(text, page=1, **more):
    return Citation(cited_text=text, type="page_location", start_page=page, end_page=page, document_index=0, **more)


def report(tmp_path, *records, facts=None, **options):
    to = tmp_path / "report.html"
    count = write_report(records, to, facts=facts or ReportFacts("Invoices"), **options)
    assert count == len(records)
    return Report(to)


def notes(found, path, number=0):
    return [each["note"] for each in found.fields(number)[path]["cites"]]


def test_nothing_that_was_written_by_others_becomes_markup(tmp_path):
    source = f"{tmp_path}/<u>{NASTY[:20].replace('/', '')}</u>.pdf"
    failed = Invalid(custom_id="b", model="m", usage=USAGE, problem=NASTY, text=NASTY)
    found = report(
        tmp_path,
        done({NASTY: NASTY}, {f'["{NASTY}"]': [cited(NASTY)]}, source=source),
        record_of(failed, 1, NASTY, NASTY, None),
        facts=ReportFacts(NASTY, model=NASTY, run_id=NASTY),
    )
    tags = [tag for tag, _ in found.tags]
    assert tags.count("script") == 3
    assert not {"img", "u", "iframe", "link", "object"} & set(tags)
    assert not any(name.startswith("on") for _, given in found.tags for name in given)
    assert found.items[0]["fields"][0]["shown"] == NASTY
    assert found.items[1]["reason"] == NASTY
    assert "{{ 7 * 7 }}" in found.text


def test_only_our_own_script_and_style_may_run_and_nothing_is_loaded(tmp_path):
    found = report(tmp_path, done("text"))
    for name in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(found.scripts[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}';" in found.policy
    assert found.policy.startswith("default-src 'none'; img-src data:;")
    assert "innerHTML" not in found.scripts["script"]
    assert not any(given.get("src") or given.get("href") for _, given in found.tags)


def test_the_figures_are_those_of_the_run_and_add_up(tmp_path):
    facts = ReportFacts(
        "Invoices", model="claude-x", run_id="r1", began=datetime(2026, 11, 21, tzinfo=UTC), total=2000,
        outcomes={"succeeded": 1200, "errored": 300}, in_flight=400, waiting=100, spent=Decimal("1.5"), limit=Decimal(6),
        unpriced=3, cached=20, saved=Decimal("0.25"), discount=Decimal("1.5"), batches=7,
    )  # fmt: skip
    found = report(tmp_path, done("a"), done("b", index=1), facts=facts)
    for part in (
        "claude-x · 7 message batches · begun 2026-11-21 00:00 UTC",
        "Items 2,000 1,200 succeeded, 300 errored, 400 in flight, 100 waiting",
        "Spent $1.50 of $6.00 (25.0%), and 3 items whose cost nobody can tell, $1.50 saved by batches",
        "Cost per item $0.001 on average over 2 billed items",
        "Tokens 8,400 8,000 in, 400 out",
        "From the cache 20 answers of earlier runs, which saved $0.25; 75% of the prompt tokens were cached",
        "2 of the 2,000 items of the run are in this report.",
    ):
        assert part in found.text


def test_what_is_not_known_is_not_said(tmp_path):
    lost = Missing(custom_id="c", problem="no line of the results is about this item")
    found = report(tmp_path, record_of(lost, 0, "a.pdf", None, None))
    assert "Spent unknown no limit, and 1 item whose cost nobody can tell" in found.text
    assert "no item is known to have cost anything" in found.text
    assert ["Cost", "unknown"] in found.items[0]["facts"]
    assert "With a citation" not in found.text


def test_a_field_says_what_it_was_taken_from_or_that_nothing_was(tmp_path):
    source = tmp_path / "a.pdf"
    source.write_bytes(pdf("cover", "Total: $5.00\nTax: $1.00"))
    result = {"total": Decimal("5.00"), "tax": 1, "seller": "Acme", "note": None, "rows": []}
    citations = {"total": [cited("Total: $5.00", 2)], "tax": [], "seller": [], "note": [], "rows": []}
    found = report(tmp_path, done(result, citations, source=str(source)))
    fields = found.fields()
    assert [path for path, each in fields.items() if each["lacks"]] == ["tax", "seller"]
    [cite] = fields["total"]["cites"]
    assert cite["where"] == "page 2"
    assert found.items[0]["sheets"][cite["sheet"]]["title"] == "page 2 of 2"
    assert "With a citation 33.3 % 1 of 3 values" in found.text
    assert [name for name in found.scripts if name.startswith("picture-")] == ["picture-0"]


def test_words_that_are_not_on_the_page_are_not_marked_and_a_note_says_so(tmp_path):
    source = tmp_path / "a.pdf"
    source.write_bytes(pdf("paid 5.00\npaid 5.00", ""))
    pages = {
        "a": cited("never"),
        "b": cited("paid 5.00"),
        "c": cited("x", 2),
        "d": cited("x", 7),
        "e": cited("x", None),
    }
    found = report(
        tmp_path, done(dict.fromkeys(pages, "v"), {name: [each] for name, each in pages.items()}, source=str(source))
    )
    assert notes(found, "a") == ["These words were not found on page 1, so nothing is marked."]
    assert notes(found, "b")[0].startswith("These words stand 2 times on page 1, and the citation does not say where")
    assert notes(found, "c") == ["There is no text on page 2, only a picture, so nothing can be marked."]
    assert notes(found, "d") == ["The document has 2 pages, so there is no page 7 to show."]
    assert notes(found, "e") == ["The API named no page."]
    marks = {path: len(each["cites"][0]["marks"]) for path, each in found.fields().items()}
    assert marks == {"a": 0, "b": 2, "c": 0, "d": 0, "e": 0}
    assert found.fields()["a"]["cites"][0]["sheet"] == 0
    assert found.fields()["d"]["cites"][0]["sheet"] is None


def test_of_equal_words_those_in_the_row_of_the_field_are_marked(tmp_path):
    source = tmp_path / "a.pdf"
    source.write_bytes(pdf("Chair 5.00\nDesk 5.00"))
    result = {"rows": [{"name": "Chair", "sum": 5}, {"name": "Desk", "sum": 5}]}
    citations = {
        f"rows[{n}].{key}": [cited(text)]
        for n, name in enumerate(["Chair", "Desk"])
        for key, text in (("name", name), ("sum", "5.00"))
    }
    fields = report(tmp_path, done(result, citations, source=str(source))).fields()
    for row in (0, 1):
        [name], [total] = (fields[f"rows[{row}].{key}"]["cites"] for key in ("name", "sum"))
        assert abs(name["marks"][0]["boxes"][0][1] - total["marks"][0]["boxes"][0][1]) < 2
        assert total["note"].endswith(f"the one on the line of rows[{row}].name is marked.")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("gone.pdf", "gone.pdf cannot be shown: there is no such file"),
        ("file_abc123", "file_abc123 cannot be shown: it was uploaded with the Files API"),
        (None, "given as bytes or in a conversation"),
    ],
)
def test_a_document_that_is_not_at_hand_leaves_the_words_and_a_sentence(tmp_path, source, why):
    found = report(tmp_path, done({"total": 5}, {"total": [cited("Total 5")]}, source=source))
    assert why in found.items[0]["notes"][0]
    [cite] = found.fields()["total"]["cites"]
    assert (cite["text"], cite["where"], cite["sheet"], cite["marks"]) == ("Total 5", "page 1", None, [])


def test_a_file_that_was_changed_since_is_shown_with_a_warning(tmp_path):
    (tmp_path / "a.txt").write_text("The total is 5.")
    text = Citation(cited_text="The total is 5.", start_char_index=0, end_char_index=15, document_index=0)
    os.utime(tmp_path / "a.txt", (1_000_000_000, 1_000_000_000))
    for sent, changed in ((2_000_000_000.0, False), (900_000_000.0, True), (0.0, False)):
        sources = Sources(tmp_path, [sent])
        found = report(tmp_path, done({"total": 5}, {"total": [text]}, source="a.txt"), sources=sources)
        assert any("changed on 2001-09-09" in each for each in found.items[0]["notes"]) is changed


def test_the_cited_characters_of_a_text_are_marked_in_it(tmp_path):
    (tmp_path / "a.txt").write_text("Dear all,\nthe total is 5 dollars.\n" + "more " * 1000)
    text = Citation(cited_text="the total is 5 dollars.", start_char_index=10, end_char_index=33, document_index=0)
    lost = Citation(cited_text="was never there", start_char_index=0, end_char_index=3, document_index=0)
    found = report(
        tmp_path, done({"total": 5, "tax": 1}, {"total": [text], "tax": [lost]}, source=str(tmp_path / "a.txt"))
    )
    [sheet] = found.items[0]["sheets"]
    [segments] = sheet["excerpts"]
    assert [text for text, marks, _ in segments if marks == [0]] == ["the total is ", "5", " dollars."]
    assert [text for text, _, values in segments if values == [0]] == ["5"]
    assert segments[-1][0] == "…"
    assert notes(found, "tax") == ["These words were not found in the text at one place, so nothing is marked."]


def test_a_picture_is_shown_whole(tmp_path):
    Image.new("RGB", (3000, 1500), "red").save(tmp_path / "a.png")
    found = report(tmp_path, done({"colour": "red"}, source=str(tmp_path / "a.png")))
    assert found.items[0]["sheets"] == [{"title": "a.png", "picture": 0, "width": 1600, "height": 800}]
    assert found.scripts["picture-0"].startswith("data:image/webp;base64,")
    assert not found.items[0]["asked"]


def test_a_text_answer_is_one_field(tmp_path):
    found = report(tmp_path, done("It is fine.", [cited("fine")], source="gone.pdf"))
    assert [(each["path"], each["shown"]) for each in found.items[0]["fields"]] == [("answer", "It is fine.")]


def test_citations_under_other_names_are_shown_too(tmp_path):
    found = report(tmp_path, done({"invoiceNumber": "7"}, {"invoice_number": [cited("No. 7")]}))
    assert found.fields()["invoice_number"]["kind"] == "unknown"
    assert found.fields()["invoiceNumber"]["lacks"]


def test_a_large_run_is_listed_in_part_and_shown_with_some_pictures_and_says_so(tmp_path):
    for number in range(4):
        (tmp_path / f"{number}.pdf").write_bytes(pdf(f"page {number}"))
    records = [
        done({"page": n % 4}, {"page": [cited(f"page {n % 4}")]}, index=n, source=str(tmp_path / f"{n % 4}.pdf"))
        for n in range(9)
    ]
    found = report(tmp_path, *records, pictures=3, listed=6)
    assert "The first 6 of 9 items are listed; the figures are about all of them." in found.text
    assert "Pages are shown for the first 3 items: a report holds at most 3 pictures of pages" in found.text
    assert [len(each["sheets"]) for each in found.items] == [1, 1, 1, 0, 0, 0]
    assert "this item is shown without its pages" in found.items[5]["notes"][0]
    assert "Items 9 9 succeeded" in found.text


def test_a_page_that_many_items_cite_is_drawn_once(tmp_path):
    (tmp_path / "a.pdf").write_bytes(pdf("one page"))
    records = [done({"a": 1}, {"a": [cited("one page")]}, index=n, source=str(tmp_path / "a.pdf")) for n in range(5)]
    found = report(tmp_path, *records)
    assert [name for name in found.scripts if name.startswith("picture-")] == ["picture-0"]


def test_it_is_written_whole_or_not_at_all(tmp_path):
    def broken():
        yield done("a")
        raise RuntimeError("in the middle")

    report(tmp_path, done("a"))
    before = (tmp_path / "report.html").read_bytes()
    with pytest.raises(RuntimeError):
        write_report(broken(), tmp_path / "report.html", facts=ReportFacts("x"))
    assert (tmp_path / "report.html").read_bytes() == before
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []
    with pytest.raises(OutputError, match="nowhere"):
        write_report([done("a")], tmp_path / "nowhere" / "report.html", facts=ReportFacts("x"))


def test_it_goes_to_a_url(tmp_path):
    from upath import UPath

    write_report([done("a")], "memory://reports/report.html", facts=ReportFacts("In memory"))
    assert b"<title>In memory" in UPath("memory://reports/report.html").read_bytes()


def test_failures_have_their_reasons(tmp_path):
    failed = Errored(custom_id="b", error_type="invalid_request_error", message="the PDF has too many pages")
    found = report(tmp_path, record_of(failed, 0, "a.pdf", "msgbatch_1", Decimal(0)))
    assert found.items[0]["reason"] == "invalid_request_error: the PDF has too many pages"
    assert "errored" in found.text


def test_a_long_list_begins_with_some_of_its_rows(tmp_path):
    found = report(tmp_path, *(done("a", index=n) for n in range(303)))
    assert [tag for tag, given in found.tags if tag == "li" and "hidden" in given] == ["li"] * 3
    assert len(found.items) == 303
