"""Places on pages that are turned, cropped or damaged: the ink lies where a glyph is said to be, and nowhere else."""

import base64
import io

import pytest
from PIL import Image, ImageChops
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject

from batchata.core.locating import Pages
from batchata.errors import InputError
from batchata.report.pdfs import open_pdf
from tests.pdfs import pdf


def changed(data, change):
    writer = PdfWriter(PdfReader(io.BytesIO(data)))
    change(writer.pages[0])
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def turned(degrees):
    return lambda page: page.rotate(degrees)


def cropped(page):
    page.cropbox = RectangleObject((40, 300, 500, 800))


def cropped_and_turned(page):
    cropped(page)
    page.rotate(90)


@pytest.mark.parametrize("change", [turned(0), turned(90), turned(180), turned(270), cropped, cropped_and_turned])
def test_the_ink_is_where_the_words_are_said_to_be(change):
    opened = open_pdf(changed(pdf("only these words"), change))
    pages = Pages(opened.glyphs(1))
    [spot] = pages.find("only these words").spots
    boxes = [placed.box for placed in pages.boxes(spot.glyphs)]
    left, top = min(each.left for each in boxes), min(each.top for each in boxes)
    right, bottom = max(each.right for each in boxes), max(each.bottom for each in boxes)
    width, height = opened.size(1)
    picture = opened.picture(1)
    shown = Image.open(io.BytesIO(base64.b64decode(picture.url.partition(",")[2]))).convert("L")
    ink = ImageChops.invert(shown).point(lambda each: 255 if each > 100 else 0).getbbox()
    across, down = width / shown.width, height / shown.height
    inked = (ink[0] * across, ink[1] * down, ink[2] * across, ink[3] * down)
    slack = 2
    assert left - slack <= inked[0] <= inked[2] <= right + slack
    assert top - slack <= inked[1] <= inked[3] <= bottom + slack
    assert min(right - left, bottom - top) < 25
    assert max(right - left, bottom - top) < 110
    opened.close()


def test_words_that_are_cut_off_are_not_on_the_page():
    def only_the_top(page):
        page.cropbox = RectangleObject((0, 760, 595, 842))

    opened = open_pdf(changed(pdf("to be seen\nbelow the edge"), only_the_top))
    assert [bool(Pages(opened.glyphs(1)).find(words).spots) for words in ("to be seen", "below the edge")] == [
        True,
        False,
    ]
    opened.close()


def test_a_page_that_is_cropped_to_nothing_is_a_sentence():
    def beside_the_page(page):
        page.cropbox = RectangleObject((5000, 8000, 6000, 9000))

    opened = open_pdf(changed(pdf("words"), beside_the_page))
    assert opened.glyphs(1) == []
    with pytest.raises(InputError, match="page 1 cannot be drawn: it is cropped to nothing"):
        opened.picture(1)
    opened.close()


def test_what_is_no_pdf_is_a_sentence():
    with pytest.raises(InputError, match="the PDF cannot be opened"):
        open_pdf(b"%PDF-1.4 and nothing else")
