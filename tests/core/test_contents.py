"""What a request holds, told from its blocks."""

import base64

import pytest

from batchata.core.contents import contents_of
from tests.mixed import png
from tests.pdfs import pdf


def block(kind, data, media="x/y"):
    source = {"type": "base64", "media_type": media, "data": base64.b64encode(data).decode()}
    return {"type": kind, "source": source}


def of(*content):
    return contents_of([{"role": "user", "content": list(content)}])


JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xc2\x00\x11\x08\x00\x1d\x00\x38\x03"
    + bytes(20)
)


@pytest.mark.parametrize(("data", "patches"), [
    (png(56, 29), 4), (b"GIF89a\x1c\x00\x1d\x00", 2), (JPEG, 4), (b"\xff\xd8\xff\xe0", None), (b"RIFF", None),
    (b"\x89PNG", None), (b"", None),
])  # fmt: skip
def test_the_patches_of_an_image(data, patches):
    assert of(block("image", data)).images == [patches]


def test_an_image_whose_bytes_are_not_here_or_are_none_is_of_unknown_size():
    assert of({"type": "image", "source": {"type": "url", "url": "https://example.com/x.png"}}).images == [None]
    assert of({"type": "image", "source": {"type": "base64", "data": "A"}}).images == [None]


def test_all_that_a_conversation_can_hold():
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é" * 50}}
    inside = {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "in"}]}}
    result = {"type": "tool_result", "tool_use_id": "1", "content": [block("image", png(28, 28))]}
    uploaded = {"type": "document", "source": {"type": "file", "file_id": "file_1"}}
    found = of(document, inside, result, uploaded, block("document", pdf("One\nline", "")), block("document", b"%PDF-"))
    assert found.images == [1]
    assert (found.unknown, len(found.pages)) == (2, 2)
    assert found.pages[0] >= len("One line")
    assert found.pages[1] == 0
    assert found.text > 100
    assert found.all_text == found.text + sum(found.pages)
    assert contents_of([{"role": "user", "content": "hé"}]).text == 3
