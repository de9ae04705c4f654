"""The messages of a request: their roles, their blocks and the documents in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from batchata.simulator.errors import InvalidRequestError
from batchata.simulator.files import Files
from batchata.simulator.reading import Document, read_document
from batchata.simulator.requests import Frame

BLOCKS = frozenset(
    {
        "text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
        "server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
        "bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result",
        "container_upload", "compaction", "mid_conv_system",
    }
)  # fmt: skip
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."


@dataclass(slots=True)
class Content:
    """What was found in the messages. `citation_flags` holds the settings seen on documents."""

    texts: list[str] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    citation_flags: set[bool] = field(default_factory=set)

    @property
    def citations(self) -> bool:
        return True in self.citation_flags


def read_messages(messages: object, frame: Frame, files: Files) -> Content:
    """The texts and documents of all messages; InvalidRequestError when one is ill-formed."""
    if not isinstance(messages, list):
        raise InvalidRequestError("messages: Field required")
    if not messages:
        raise InvalidRequestError("messages: at least one message is required")
    reader = _Reader(frame, files)
    for index, message in enumerate(messages):
        reader.read(message, f"messages.{index}")
    if messages[-1]["role"] == "assistant" and not frame.model.prefill:
        raise InvalidRequestError(PREFILL)
    return reader.content


class _Reader:
    def __init__(self, frame: Frame, files: Files) -> None:
        self.content = Content()
        self._model = frame.model
        self._strict = frame.strict_blocks
        self._files = files
        self._pdf_pages = 0

    def read(self, message: object, where: str) -> None:
        if not isinstance(message, dict):
            raise InvalidRequestError(f"{where}: Input should be a valid dictionary")
        role, content = message.get("role"), message.get("content")
        if role == "system":
            raise InvalidRequestError(
                f'{where}: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
                'not "system" as an input message role.'
            )
        if role not in ("user", "assistant"):
            raise InvalidRequestError(f"{where}.role: Input should be 'user' or 'assistant'")
        if isinstance(content, list) and content:
            for index, block in enumerate(content):
                self._block(block, role, f"{where}.content.{index}")
        elif isinstance(content, str) and content:
            self._text(content, role)
        else:
            raise InvalidRequestError(f"{where}: all messages must have non-empty content")

    def _text(self, text: str, role: str) -> None:
        if role == "user":
            self.content.texts.append(text)

    def _block(self, block: object, role: str, where: str) -> None:
        kind = block.get("type") if isinstance(block, dict) else None
        if not isinstance(block, dict) or kind not in BLOCKS:
            raise InvalidRequestError(f"{where}: Input tag {kind!r} does not match any of the expected tags")
        if kind == "text":
            self._text_block(block, role, where)
        elif kind == "document":
            self._document(block, role, where)

    def _text_block(self, block: dict[str, Any], role: str, where: str) -> None:
        text = block.get("text")
        if not isinstance(text, str) or not text:
            raise InvalidRequestError(f"{where}.text: text content blocks must be non-empty")
        if role == "user" and self._strict and block.get("citations"):
            raise InvalidRequestError(f"{where}.citations: citations are not allowed on text blocks of user messages")
        self._text(text, role)

    def _document(self, block: dict[str, Any], role: str, where: str) -> None:
        if role == "assistant" and self._strict:
            raise InvalidRequestError(f"{where}: document blocks are not allowed in assistant messages")
        document = read_document(block, len(self.content.documents), where, self._files)
        if document.kind == "pdf":
            self._count_pages(len(document.pages), where)
        self.content.documents.append(document)
        self.content.citation_flags.add(bool((block.get("citations") or {}).get("enabled")))

    def _count_pages(self, pages: int, where: str) -> None:
        self._pdf_pages += pages
        limit = self._model.pdf_pages_max
        if self._pdf_pages > limit:
            raise InvalidRequestError(
                f"{where}.pdf.source.base64.data: A maximum of {limit} PDF pages may be provided."
            )
