"""What a model is and can do, as the Models API tells it, and what follows for a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchata.core.items import Document
from batchata.errors import ModelError

SAMPLING = ("temperature", "top_p", "top_k")
SAMPLING_API_VERSION = "2023-06-01"
"""The API version that still takes sampling parameters (doc:api/versioning)."""

_PAGES_LONG_CONTEXT, _PAGES_SHORT_CONTEXT = 600, 100
_SAMPLING_MODELS = re.compile(r"claude-(?:[a-z]+-4(?:-[0-6])?(?:-\d{8})?|3(?:-[57])?-[a-z]+(?:-\w+)?|2.*|instant.*)")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as `GET /v1/models/{id}` describes it; None is what the API left out.

    `max_input_tokens` is the context window, `max_tokens` the longest answer, both in tokens.
    """

    id: str
    lifecycle: str | None = None
    line: str | None = None
    max_input_tokens: int | None = None
    max_tokens: int | None = None
    batch: bool | None = None
    citations: bool | None = None
    pdf_input: bool | None = None
    image_input: bool | None = None
    structured_outputs: bool | None = None

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> ModelInfo:
        """From the API's JSON (doc:api/models/retrieve); every part of it may be missing."""
        can = raw.get("capabilities") or {}
        names = ("batch", "citations", "pdf_input", "image_input", "structured_outputs")
        return cls(
            id=raw["id"],
            **{name: raw.get(name) for name in ("lifecycle", "line", "max_input_tokens", "max_tokens")},
            **{name: (can.get(name) or {}).get("supported") for name in names},
        )

    @property
    def max_pdf_pages(self) -> int:
        """PDF pages in one request: fewer for a context below 1M tokens (doc:build-with-claude/pdf-support)."""
        short = self.max_input_tokens is not None and self.max_input_tokens < 1_000_000
        return _PAGES_SHORT_CONTEXT if short else _PAGES_LONG_CONTEXT


def takes_sampling(model: str) -> bool:
    """Whether the model takes `temperature`, `top_p` and `top_k`, which no capability tells.

    Models up to 4.6 do, under the older API version; later ones refuse it (doc:about-claude/models).
    """
    return _SAMPLING_MODELS.fullmatch(model) is not None


def check_sampling(model: str, params: Mapping[str, Any]) -> None:
    """Raises ModelError when a sampling parameter is set for a model that refuses it."""
    refused = [name for name in SAMPLING if name in params]
    if refused and not takes_sampling(model):
        names = ", ".join(refused)
        raise ModelError(f"{model} refuses {names}: leave it out (nothing was sent)")


def check_model(model: ModelInfo, successor: str | None = None) -> None:
    """Raises ModelError when the model is retired or takes no batches."""
    if model.lifecycle == "retired":
        line = f" of the {model.line} line" if model.line else ""
        instead = f"; the newest active model{line} is {successor}" if successor else ""
        raise ModelError(f"{model.id} is retired and no longer answers{instead} (nothing was sent)")
    if model.batch is False:
        raise ModelError(f"{model.id} does not take message batches (nothing was sent)")


def check_document(model: ModelInfo, document: Document, *, citations: bool) -> str | None:
    """Why the model cannot take the document, or None when it can."""
    if document.block["type"] == "image":
        return f"{model.id} does not read images" if model.image_input is False else None
    if citations and model.citations is False:
        return f"{model.id} does not cite documents; leave out `enable_citations` or take another model"
    if document.pages is None:
        return None
    if model.pdf_input is False:
        return f"{model.id} does not read PDFs; take another model or send the text"
    if document.pages > model.max_pdf_pages:
        return f"the PDF has {document.pages} pages; {model.id} takes at most {model.max_pdf_pages} in one request"
    return None
