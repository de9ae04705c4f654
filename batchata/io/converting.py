"""Word documents and web pages -> Markdown, with the converters of the extra `documents`."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from pathlib import PurePosixPath
from xml.parsers.expat import ExpatError

from batchata.core.documents import document
from batchata.core.items import Document
from batchata.errors import InputError

WORD = (".docx", ".docm", ".dotx")
_WEB = (".html", ".htm", ".xhtml")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BROKEN = (
    zipfile.BadZipFile, zlib.error, ExpatError, ValueError, LookupError, AttributeError, TypeError, RuntimeError,
    OSError, EOFError,
)  # fmt: skip
"""What a file that is damaged makes its reader stumble over."""

_MOST_UNPACKED = 256_000_000
_IS_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|title|meta|div|p|h[1-6]|table|ul|ol|br|a)\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PROLOG = re.compile(r"\s*<\?xml[^>]*>")
_UNSEEN = ("script", "style", "noscript", "template", "head", "svg", "iframe")
_BLANK_LINES = re.compile(r"[ \t]*\n(?:[ \t]*\n)+")
_OFFICE = {
    "xl/": "an Excel workbook; save the sheet as CSV, for read_rows or as text, or as PDF",
    "ppt/": "a PowerPoint presentation; save it as PDF",
    "content.xml": "an OpenDocument file; save it as PDF or .docx",
}


def converted(data: bytes, name: str, *, citations: bool) -> Document | None:
    """The document of a file that is sent as the text in it; None for one that is sent as it is.

    A `.docx` is known by its content, a web page by its name's ending and its content. Citations count characters of
    the converted text. Raises InputError for an Office file that cannot be converted, or without the extra.
    """
    text = _text_of(data, name)
    if text is None:
        return None
    if not text.strip():
        raise InputError("there is no text in it")
    found = document(text.encode(), name=name, citations=citations)
    title = PurePosixPath(name).name
    return Document({**found.block, "title": title}, found.source) if title else found


def _text_of(data: bytes, name: str) -> str | None:
    if data.startswith(_ZIP):
        return _word_text(data)
    if data.startswith(_OLE):
        raise InputError(_ole_problem(data))
    if name.lower().endswith(_WEB) and _IS_HTML.search(_head(data)):
        return markdown_of(_decoded(data))
    return None


def _head(data: bytes) -> bytes:
    head = data[:8_192]
    return head.decode("utf-16", "ignore").encode() if data.startswith(_UTF_16) else head


def _word_text(data: bytes) -> str | None:
    """Raises InputError for a zip that is no Word document, or a broken one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {each.filename: each.file_size for each in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise InputError(f"the file is a broken zip archive or Office file ({error}); save it again") from error
    if "word/document.xml" not in names:
        what = next((what for part, what in _OFFICE.items() if any(each.startswith(part) for each in names)), None)
        raise InputError(f"the file is {what or 'a zip archive; give the files in it'}")
    if names["word/document.xml"] > _MOST_UNPACKED:
        raise InputError(f"its text unpacks to {names['word/document.xml'] / 1e6:,.0f} MB; split it")
    return markdown_of(_word_html(data))


def _word_html(data: bytes) -> str:
    try:
        import mammoth
    except ImportError as error:
        raise InputError(_missing("a Word document", error)) from error
    try:
        return str(mammoth.convert_to_html(io.BytesIO(data)).value)
    except _BROKEN as error:
        raise InputError(f"the Word document is broken ({error}); open it and save it again") from error


def markdown_of(html: str) -> str:
    """What a reader of the page sees, as Markdown; of pictures what stands for them. Raises InputError."""
    try:
        from bs4 import BeautifulSoup
        from markdownify import MarkdownConverter
    except ImportError as error:
        raise InputError(_missing("a web page", error)) from error
    page = BeautifulSoup(_PROLOG.sub("", html), "html.parser")
    for tag in page.find_all(_UNSEEN):
        tag.decompose()
    for image in page.find_all("img"):
        image.replace_with(str(image.get("alt") or ""))
    converter = MarkdownConverter(
        heading_style="ATX", escape_asterisks=False, escape_underscores=False, table_infer_header=True
    )
    try:
        return _BLANK_LINES.sub("\n\n", converter.convert_soup(page)).strip()
    except RecursionError as error:
        raise InputError("the page is nested too deeply to be converted; send it as PDF or text") from error


def _missing(what: str, error: ImportError) -> str:
    return f'it is {what}, and what turns it into text is not installed ({error}): pip install "batchata[documents]"'


def _ole_problem(data: bytes) -> str:
    if _ENCRYPTED in data:
        return "the file is an Office document with a password; save it without one"
    return "the file is an old Office file (.doc, .xls, .ppt); save it as .docx, PDF or text"


def _decoded(data: bytes) -> str:
    """Raises InputError."""
    declared = _CHARSET.search(_head(data))
    encodings = ["utf-8-sig"] if declared is None else ["utf-8-sig", declared[1].decode()]
    if data.startswith(_UTF_16):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    named = " and ".join(encodings)
    raise InputError(f"the page cannot be decoded as {named}; save it as UTF-8")
