"""What Prefect shows of a run, as tables of values."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from batchata.core.jobbook import KEPT
from batchata.core.naming import artifact_key, checked_name, default_name, run_title
from batchata.core.reports import (
    Ending,
    Facts,
    Failure,
    failures_view,
    figures,
    is_about,
    jobs_view,
    progress_view,
    summary_view,
)
from batchata.core.showing import bar, cell, code, line, markdown, reason
from batchata.errors import InputError
from tests.core.brain_support import decided, ended, intent, settled, state_of, submitted, unsent

FACTS = Facts("invoices", "run", "claude-haiku-5-5", "/data/state.jsonl", "/data/results")


@pytest.mark.parametrize(
    ("first_file", "stem", "name"),
    [
        ("invoices/a.pdf", "state", "invoices"),
        ("/srv/data/in box/a.pdf", None, "in box"),
        ("s3://bucket/prefix/a.pdf", None, "prefix"),
        ("..\\2026\\a.pdf", None, "2026"),
        ("./a.pdf", "state", "state"),
        ("a.pdf", None, "documents"),
        ("", None, "documents"),
        (None, "mails", "mails"),
        (None, None, "conversations"),
        ("new\nline/a.pdf", None, "new line"),
        ("x" * 200 + "/a.pdf", None, "x" * 80),
    ],
)
def test_a_run_is_called_after_where_its_files_are(first_file, stem, name):
    assert default_name(first_file, stem) == name
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", 5, "a\nb", "x" * 81])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(InputError, match="name"):
        checked_name(name)


def test_titles():
    day = date(2026, 11, 21)
    assert run_title("invoices", day, 400) == "invoices 2026-11-21 · 400 items"
    assert run_title("{x}", day, 1) == "{x} 2026-11-21 · 1 item"
    assert run_title("mails", day, 50_000) == "mails 2026-11-21 · 50,000 items"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("invoices", "invoices-jobs"),
        ("Rechnungen Köln / 2026_11", "rechnungen-koln-2026-11-jobs"),
        ("--a--", "a-jobs"),
    ],
)
def test_keys_are_lower_case_digits_and_dashes(name, key):
    assert artifact_key(name, "jobs") == key


def test_names_without_a_latin_letter_have_keys_of_their_own():
    keys = {artifact_key(name, "jobs") for name in ("请求", "請求書", "!!!")}
    assert len(keys) == 3
    assert all(key.replace("-", "").isalnum() and key.isascii() for key in keys)


@pytest.mark.parametrize(
    ("done", "share"),
    [
        ({}, 0.0),
        ({0: "succeeded"}, 33.3),
        ({0: "succeeded", 1: "refused"}, 66.6),
        (dict.fromkeys(range(3), "errored"), 100.0),
    ],
)
def test_progress_is_the_share_of_what_has_ended(done, share):
    view = progress_view(FACTS, state_of(settled(1, done), items=3))
    assert (view.key, view.type, view.data) == ("invoices-progress", "progress", share)


def test_progress_is_100_only_when_all_have_ended():
    state = state_of(settled(1, dict.fromkeys(range(9_999), "succeeded")), items=10_000)
    assert progress_view(FACTS, state).data == 99.9


def rows_of(view):
    assert view.type == "table"
    return json.loads(view.data)


def test_the_table_of_jobs_says_where_each_is():
    state = state_of(
        *(intent(1, 0, 1, bound="0.2"), submitted(1), ended(1)),
        settled(1, {0: ("succeeded", Decimal("0.05")), 1: ("missing", None)}, cost="0.05"),
        settled(2, {2: "succeeded"}, batch_id=None, cached=1),
        *(intent(3, 3, bound="0.1"), submitted(3)),
        intent(4, 4),
        *(intent(5, 5), unsent(5)),
        limit="1",
    )
    rows = rows_of(jobs_view(FACTS, state))
    shown = [
        (row["job"], row["batch id"], row["items"], row["state"], row["costs at most"], row["cost"]) for row in rows
    ]
    assert shown == [
        (4, "", 1, "being created", "", ""),
        (3, "batch 3", 1, "in flight", "$0.10", ""),
        (2, "", 1, "settled without a batch: 1 from the cache", "", "$0.00"),
        (1, "batch 1", 2, "settled: 1 failed", "$0.20", "$0.05 + 1 of unknown cost"),
    ]
    assert [row["expires at"] for row in rows] == ["", "2026-11-23 12:00 UTC", "", "2026-11-23 12:00 UTC"]


def test_of_many_jobs_the_newest_are_shown_and_the_others_summed_up():
    count = KEPT + 50
    events = [settled(job, {job - 1: "succeeded"}, cost="0.01") for job in range(1, count + 1)]
    flying = [intent(count + 1, count, count + 1), submitted(count + 1)]
    state = state_of(*events, *flying, items=count + 2)
    assert len(state.jobs.latest) == KEPT, "memory stays what it is"
    *rows, rest = rows_of(jobs_view(FACTS, state))
    assert [row["job"] for row in rows] == list(range(count + 1, count + 1 - KEPT, -1))
    assert (rest["job"], rest["items"], rest["cost"]) == ("51 more", 51, "$0.51")
    assert sum(row["items"] for row in rows) + rest["items"] == state.total


def test_failed_items_are_the_first_ones_and_how_many_more():
    state = state_of(settled(1, {0: "succeeded", 2: "refused", 4: "errored"}), items=6)
    assert state.failed(10) == [2, 4]
    assert state.failed(1) == [2]
    view = failures_view(FACTS, state, [Failure(2, "in/x.pdf", "refused", "the model refused")])
    assert rows_of(view) == [{"index": 2, "source": "in/x.pdf", "outcome": "refused", "reason": "the model refused"}]
    assert "2 items have failed" in view.description
    assert "1 more" in view.description


def test_an_item_that_is_sent_again_has_not_failed():
    state = state_of(settled(1, {0: "refused", 1: "errored"}), decided("retry", [0]))
    assert state.failed(10) == [1]
    state.apply(settled(2, {0: "succeeded"}))
    assert state.failed(10) == [1]


def summary_of(state, ending=None, facts=FACTS):
    view = summary_view(facts, state, ending)
    assert (view.key, view.type) == ("invoices-summary", "markdown")
    return view.data


def test_the_outcomes_of_the_summary_add_up():
    state = state_of(
        *(intent(1, 0, 1, 2), submitted(1), settled(1, {0: "succeeded", 1: "refused"}, {2: ("errored", None)})),
        intent(2, 3),
        items=6,
    )
    text = summary_of(state)
    counts = [
        int(row.split("|")[2])
        for row in text.splitlines()
        if row.startswith("| ") and "**" not in row and "---" not in row and "items" not in row
    ]
    assert counts == [1, 1, 1, 3]
    assert "| **all** | **6** | |" in text
    assert "under way" in text


@pytest.mark.parametrize(
    ("state", "parts"),
    [
        (state_of(), ["**$0.00** spent; there is no limit"]),
        (
            state_of(intent(1, 0, bound="0.5"), settled(1, {0: "succeeded"}, cost="0.25"), intent(2, 1, bound="0.5"), limit="1"),
            ["`████████▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░░░░░`", "**$0.25 of $1.00** spent (25.0%)", "up to $0.50 more in flight"],
        ),
        (
            state_of(settled(1, {0: ("missing", None)}, cost="0.1", held="0.2"), limit="1"),
            ["**$0.30 of $1.00**", "of which $0.20 at most for items of unknown cost", "what 1 item cost"],
        ),
        (
            state_of(settled(1, {0: "succeeded"}, batch_id=None, cached=1, saved="0.7")),
            ["1 item was answered before, which saved $0.70", "**Batch discount**: $0.00 less"],
        ),
        (
            state_of(settled(1, {0: "succeeded"}, cost="0.1", discount=Decimal("0.1"), input_tokens=1200, output_tokens=9)),
            ["$0.10 less than outside of message batches", "1,200 in, 9 out", "`/data/state.jsonl`", "`/data/results`"],
        ),
        (state_of(settled(1, {0: "succeeded"}, cost="0.1")), ["**Batch discount**: not known"]),
    ],
)  # fmt: skip
def test_what_the_summary_tells(state, parts):
    text = summary_of(state)
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize(
    ("ending", "parts"),
    [
        (Ending("finished"), ["**The run is finished.** 1 item failed; `retry_failed()` sends it again."]),
        (Ending("stopped", "the limit is reached."), ["**The run stopped**: the limit is reached.", "to go on"]),
        (
            Ending("failed", "a_b <i>"),
            ["**The run could not go on**: a\\_b &lt;i&gt;.", "state_path='/data/state.jsonl'"],
        ),
        (
            Ending("interrupted"),
            ["**The run was interrupted**. 1 message batch is open; the next run collects what ends."],
        ),
    ],
)
def test_the_summary_says_how_to_go_on(ending, parts):
    text = summary_of(state_of(settled(1, {0: "refused"}), intent(2, 1)), ending)
    assert [part for part in parts if part not in text] == []


def test_a_view_knows_its_run():
    view = progress_view(FACTS, state_of())
    other = Facts("invoices", "another", "m", "", "")
    assert is_about(view.description, FACTS)
    assert not is_about(view.description, other)
    assert not is_about(None, FACTS)


def test_the_payload_of_events_is_json_even_when_costs_are_unknown():
    state = state_of(settled(1, {0: ("missing", None)}, cost="0.10"), limit="1")
    payload = json.loads(json.dumps(figures(FACTS, state), allow_nan=False))
    assert payload["spent_usd"] == "0.10"
    assert payload["unpriced_items"] == 1
    assert payload["outcomes"] == {"missing": 1}
    assert payload["failed"] == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b*c", "a\\_b\\*c"),
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[x](javascript:y)", "\\[x\\](javascript\\:y)"),
        ("two\nlines\t|", "two lines \\|"),
        ("http://a.b www.c.d", "http\\://a.b www\\.c.d"),
        ("half \ud83d", "half ?"),
        ("a & b", "a &amp; b"),
    ],
)
def test_markdown_shows_text_as_it_is(text, shown):
    assert markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a_b <b>.pdf", "a_b < b>.pdf"),
        ("![x](http://y)", "![x] (http://y)"),
        ("1 < 2", "1 < 2"),
        ("line\nline", "line line"),
    ],
)
def test_a_cell_has_no_effect(text, shown):
    assert cell(text, 100) == shown


def test_what_is_long_is_cut():
    assert line("x" * 50, 10) == "x" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "shown"), [("/a/b", "`/a/b`"), ("it`s", "`` it`s ``"), ("``", "``` `` ```"), ("a|../b", "`a|../b`")]
)
def test_code_holds_what_it_is_given(text, shown):
    assert code(text) == shown


@pytest.mark.parametrize(
    ("parts", "drawn"),
    [
        ([], "░" * 30),
        ([("█", 1.0)], "█" * 30),
        ([("█", 7.0)], "█" * 30),
        ([("█", 0.00001)], "█" + "░" * 29),
        ([("█", 0.5), ("▒", 0.5)], "█" * 15 + "▒" * 15),
        ([("█", 1.0), ("▒", 0.5)], "█" * 30),
    ],
)
def test_bars(parts, drawn):
    assert bar(*parts) == drawn


PRIVATE = "Max Mustermann, IBAN DE00"


@pytest.mark.parametrize(
    ("kind", "why", "told"),
    [
        ("errored", "overloaded_error: Overloaded", "overloaded_error: Overloaded"),
        ("refused", "the model refused: it's harmful", "the model refused: it's harmful"),
        ("invalid", f"the answer holds no JSON object: {PRIVATE!r}", "the answer holds no JSON object"),
        ("invalid", f"the response model raised KeyError('{PRIVATE}') on '{PRIVATE}'", "the response model"),
        ("invalid", f"the answer does not fit the response model: name: Value error, {PRIVATE}; b: Field required",
         "the answer does not fit the response model: name: Value error; b: Field required"),
        ("invalid", "the answer does not fit the response model: unit: Input should be 'EUR' or 'USD'",
         "the answer does not fit the response model: unit: Input should be 'EUR' or 'USD'"),
        ("errored", f"unreadable_line: it is no JSON: b'{PRIVATE}'", "unreadable_line: it is no JSON"),
    ],
)  # fmt: skip
def test_a_reason_does_not_tell_what_is_in_the_document(kind, why, told):
    assert reason(kind, why, 300) == told


WAITING = [settled(1, {0: "refused"}), intent(2, 1)]
BY_FORM = replace(FACTS, folder="/data/my runs/x", surface="form")


@pytest.mark.parametrize(
    ("facts", "ending", "parts"),
    [
        (
            BY_FORM, Ending("stopped", "Raise `max_cost` and `run()` again"),
            ["start the same deployment again", "1 message batch is open; the deployment `collect-due` collects what ends.",
             "Start the same deployment again", "1 item failed; the deployment `retry-failed` sends it again.",
             "- **`state_dir`**: `/data/my runs/x`",
             "prefect deployment run retry-failed/retry-failed -p 'state_dir=/data/my runs/x'\n",
             "prefect deployment run cancel/cancel -p 'state_dir=/data/my runs/x'\n"],
        ),
        (
            replace(BY_FORM, surface="shell"), Ending("interrupted"),
            ["`batchata run --out '/data/my runs/x'` goes on", "`batchata retry` sends it again",
             "batchata retry '/data/my runs/x'\nbatchata cancel '/data/my runs/x'\n"],
        ),
        (
            BY_FORM, Ending("asked", "the cost limit of $0.01 is reached"),
            ["**The run waits for your answer**: the cost limit of $0.01 is reached. Answer with **Resume**"],
        ),
    ],
)  # fmt: skip
def test_the_summary_names_what_is_at_hand(facts, ending, parts):
    text = summary_of(state_of(*WAITING), ending, facts)
    assert [part for part in parts if part not in text] == []
    assert "state_path=" not in text
    assert "under way" not in text


def test_the_summary_says_what_was_sent_again():
    state = state_of(settled(1, {0: "refused", 1: "refused"}), decided("retry", items=[0, 1]))
    assert "- **Sent again**: 2 failed items, because it was asked for" in summary_of(state)
    assert "Sent again" not in summary_of(state_of())
