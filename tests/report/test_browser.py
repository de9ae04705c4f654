"""Forty invoices through a run, and their report in a browser: for every cited field the right page, the right words."""

import base64
import io
import json
from collections import Counter

import pytest
from PIL import Image

from batchata import BatchManager, make_client
from batchata.demo import MODEL, PROMPT, Invoice
from batchata.simulator import Simulator
from tests.browser.browser import running_browser
from tests.report.forty import draw_forty
from tests.report.inked import letters_of, under
from tests.report.reading import Report
from tests.stack.needs import need_browser

WALK = """
(number) => {
  const row = document.querySelector(`#rows button[data-item="${number}"]`)
  row.click()
  const box = (element) => element.getBoundingClientRect()
  const seen = []
  const fields = document.querySelectorAll('.field').length
  for (let at = 0; at < fields; at++) {
    const field = document.querySelectorAll('.field')[at]
    field.click()
    const image = document.querySelector('.viewer img')
    const page = image && box(image)
    const share = (rect) => [(rect.left - page.left) / page.width, (rect.top - page.top) / page.height,
      (rect.right - page.left) / page.width, (rect.bottom - page.top) / page.height]
    const marks = (kind) => [...document.querySelectorAll(`.sheet rect.${kind}.on`)].map((each) => share(box(each)))
    seen.push({
      path: field.parentElement.dataset.path,
      chip: field.querySelector('.chip').textContent,
      quotes: [...document.querySelectorAll('.quote .words')].map((each) => each.textContent),
      page: document.querySelector('.tabs [aria-pressed=true]')?.textContent,
      picture: image && image.src.slice(-40),
      marks: marks('mark'),
      value: marks('value'),
    })
  }
  return seen
}
"""


@pytest.fixture(scope="module")
def tools():
    return need_browser()


@pytest.fixture(scope="module")
def forty(tools, tmp_path_factory):
    """What is true of the invoices by file, their records, and the report."""
    folder = tmp_path_factory.mktemp("forty")
    truth = draw_forty(folder)
    with Simulator(style="values") as url, make_client(api_key="none", base_url=url) as client:
        manager = BatchManager(
            files=list(truth), prompt=PROMPT, model=MODEL, response_model=Invoice, enable_citations=True, max_cost=1,
            state_path=folder / "run" / "ledger.jsonl", client=client, cache=False, orchestrator="local", name="Invoices",
        )  # fmt: skip
        manager.run()
    exported = manager.export(folder / "report.html")
    assert (exported.rows, exported.waiting) == (40, 0)
    return truth, list(manager.outcomes()), folder / "report.html"


@pytest.fixture(scope="module")
def browser(tools, forty):
    with running_browser(tools) as browser:
        browser.take({"do": "open", "url": forty[2].as_uri(), "until": "40 of 40 items"})
        yield browser


def flat(text):
    return "".join(text.split())


def test_every_cited_field_shows_the_right_page_with_the_right_words_marked(browser, forty):
    truth, records, _ = forty
    pictures = {}
    counts = Counter()
    for number, record in enumerate(records):
        assert record.outcome == "succeeded"
        letters = letters_of(record.source)
        pages = truth[record.source]["pages"]
        for seen in walked(browser, number):
            counts["fields"] += 1
            cited = record.citations[seen["path"]]
            assert len(seen["quotes"]) == len(cited)
            if not cited:
                counts["without a citation"] += 1
                continue
            where = f"{record.source}: {seen}"
            assert seen["quotes"][0] == cited[0].cited_text, where
            shown = int(seen["page"].split()[1])
            assert shown == cited[0].start_page, where
            assert shown in pages[seen["path"]], where
            assert pictures.setdefault((record.source, shown), seen["picture"]) == seen["picture"]
            check_marks(seen, letters[shown - 1], flat(cited[0].cited_text), where)
            counts["cited"] += 1
            counts["with their value"] += bool(seen["value"])
    print(dict(counts))
    assert counts["cited"] == counts["fields"] - counts["without a citation"] > 1000
    assert counts["without a citation"] <= 5
    assert counts["with their value"] >= 0.9 * counts["cited"]
    assert len(set(pictures.values())) == len(pictures)


def walked(browser, number):
    return browser.take({"do": "ask", "code": f"({WALK})({number})"})[0]


def check_marks(seen, letters, words, where):
    """The words lie under the marks, once for each place that is marked, and the value within them."""
    marked = under(letters, seen["marks"])
    assert marked, where
    assert marked == words * (len(marked) // len(words)), f"{marked} for {words}: {where}"
    assert all(under(letters, [value]) in words for value in seen["value"]), where


def test_each_picture_is_of_the_page_that_it_is_said_to_be(forty):
    """Where pypdf places words of the page there is ink, and the words of another page would lie on white."""
    _, records, path = forty
    found = Report(path)
    for record, item in zip(records, found.items, strict=True):
        letters = letters_of(record.source)
        for sheet in item["sheets"]:
            picture = opened(found.scripts[f"picture-{sheet['picture']}"])
            page = int(sheet["title"].split()[1])
            shares = [inked(picture, each) for each in letters]
            assert shares[page - 1] > 0.98, (record.source, sheet, shares)
            assert max(shares) == shares[page - 1], (record.source, sheet, shares)


def opened(url):
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("L")


def inked(picture, letters):
    """The share of letters around whose middle the picture is not of one colour."""
    spots = [(each.x * picture.width, each.y * picture.height) for each in letters[::5] if each.text.isalnum()]
    looks = [picture.crop((int(x) - 4, int(y) - 6, int(x) + 5, int(y) + 6)).getextrema() for x, y in spots]
    return sum(high - low > 60 for low, high in looks) / len(looks)


def test_the_file_needs_nothing_else_and_is_small(forty):
    size = forty[2].stat().st_size
    print(f"{size / 1e6:.1f} MB for 40 invoices")
    assert size < 4_000_000


def test_it_is_read_with_the_keyboard(browser):
    def current():
        code = "[document.querySelector('#rows [aria-current]').dataset.item, document.querySelector('.field[aria-current]')?.title]"
        return browser.take({"do": "ask", "code": code})[0]

    def press(*names):
        browser.take(*({"do": "key", "name": name} for name in names))

    browser.take({"do": "point", "selector": "#rows button[data-item='5']"})
    assert current() == ["5", "company_name"]
    press("j")
    assert current()[0] == "6"
    press("k", "ArrowDown", "ArrowDown")
    assert current() == ["5", "invoice_date"]
    press("ArrowUp", "ArrowUp", "ArrowUp")
    assert current() == ["4", "line_items[4].amount"]
    press("/", "c", "l", "a", "s", "s", "i", "c", "Escape", "j")
    [count] = browser.take({"do": "ask", "code": "document.getElementById('count').textContent"})
    assert count == "7 of 40 items"
    [titles] = browser.take({"do": "ask", "code": "[...document.querySelectorAll('#rows li:not([hidden])')].length"})
    assert titles == 7


def test_nothing_was_refused_by_its_own_policy(browser):
    """The script runs and the style counts, so the hashes are right; and nothing was asked of anybody."""
    code = "[getComputedStyle(document.querySelector('.bench')).display, performance.getEntriesByType('resource').filter((each) => !each.name.startsWith('data:')).length]"
    assert browser.take({"do": "ask", "code": code}) == [["grid", 0]]


def test_a_narrow_window_has_no_sideways_scrolling(browser):
    browser.take({"do": "look", "width": 400, "height": 800, "dark": True})
    [wide] = browser.take({"do": "ask", "code": "document.documentElement.scrollWidth"})
    browser.take({"do": "look", "width": 1400, "height": 900, "dark": False})
    assert wide <= 400


def test_data_of_the_items_is_json(forty):
    found = Report(forty[2])
    assert [item["source"] for item in found.items] == list(forty[0])
    assert json.dumps(found.items[0]["fields"][0])
