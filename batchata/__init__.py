"""Large amounts of work through Claude's Message Batches API, at half price, as Pydantic objects with citations."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchata.core.bounds import bound
    from batchata.core.citations import Citation, map_citations
    from batchata.core.documents import document, pdf_to_document_block, uploaded
    from batchata.core.estimates import Amount, Estimate
    from batchata.core.items import Document, Item, Request, with_prompts
    from batchata.core.models import ModelInfo
    from batchata.core.outcomes import (
        Canceled,
        Errored,
        Expired,
        Invalid,
        Missing,
        Outcome,
        Refused,
        Succeeded,
        Truncated,
    )
    from batchata.core.parsing import parse
    from batchata.core.pricing import Cost, price
    from batchata.core.rates import Rates
    from batchata.core.records import Entry, Record
    from batchata.core.requests import build_requests
    from batchata.core.samplereport import SampleReport
    from batchata.core.summary import Summary
    from batchata.errors import (
        AccountError,
        AmbiguousSubmitError,
        BatchataError,
        CredentialsError,
        ForeignResultsUrlError,
        IncompleteResultsError,
        InputError,
        LedgerError,
        LedgerInUseError,
        LedgerMismatchError,
        ModelError,
        NotEndedError,
        OutputError,
        RateLimitedError,
        RequestRefusedError,
        ResultsError,
        ServiceError,
        StorageError,
        UnboundedCostError,
        UnknownPriceError,
        UnknownUsageError,
    )
    from batchata.exporting import Exported
    from batchata.io.batches import BatchStatus, cancel, poll, submit
    from batchata.io.client import make_client
    from batchata.io.downloads import stream_results
    from batchata.io.jsonlines import RequestFile, read_conversations, read_prompts, read_requests
    from batchata.io.listing import Listed, content_hash, expand_files, list_files
    from batchata.io.models import get_model
    from batchata.io.rows import read_rows
    from batchata.io.sources import read_document, read_documents
    from batchata.job import BatchJob, batch
    from batchata.manager import BatchManager
    from batchata.running.reading import load_results_from_disk
    from batchata.tables.frames import to_dataframe

_ROOMS = {
    "batchata.core.bounds": ("bound",),
    "batchata.core.citations": ("Citation", "map_citations"),
    "batchata.core.documents": ("document", "pdf_to_document_block", "uploaded"),
    "batchata.core.estimates": ("Amount", "Estimate"),
    "batchata.core.items": ("Document", "Item", "Request", "with_prompts"),
    "batchata.core.models": ("ModelInfo",),
    "batchata.core.outcomes": (
        "Canceled", "Errored", "Expired", "Invalid", "Missing", "Outcome", "Refused", "Succeeded", "Truncated",
    ),
    "batchata.core.parsing": ("parse",),
    "batchata.core.pricing": ("Cost", "price"),
    "batchata.core.rates": ("Rates",),
    "batchata.core.records": ("Entry", "Record"),
    "batchata.core.requests": ("build_requests",),
    "batchata.core.samplereport": ("SampleReport",),
    "batchata.core.summary": ("Summary",),
    "batchata.errors": (
        "AccountError", "AmbiguousSubmitError", "BatchataError", "CredentialsError", "ForeignResultsUrlError",
        "IncompleteResultsError", "InputError", "LedgerError", "LedgerInUseError", "LedgerMismatchError", "ModelError",
        "NotEndedError", "OutputError", "RequestRefusedError", "ResultsError", "ServiceError", "StorageError",
        "RateLimitedError",
        "UnboundedCostError", "UnknownPriceError", "UnknownUsageError",
    ),
    "batchata.exporting": ("Exported",),
    "batchata.io.batches": ("BatchStatus", "cancel", "poll", "submit"),
    "batchata.io.client": ("make_client",),
    "batchata.io.downloads": ("stream_results",),
    "batchata.io.jsonlines": ("RequestFile", "read_conversations", "read_prompts", "read_requests"),
    "batchata.io.listing": ("Listed", "content_hash", "expand_files", "list_files"),
    "batchata.io.models": ("get_model",),
    "batchata.io.rows": ("read_rows",),
    "batchata.io.sources": ("read_document", "read_documents"),
    "batchata.job": ("BatchJob", "batch"),
    "batchata.manager": ("BatchManager",),
    "batchata.running.reading": ("load_results_from_disk",),
    "batchata.tables.frames": ("to_dataframe",),
}  # fmt: skip
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__version__ = "0.5.0"
__all__ = [  # noqa: RUF022 - by subject, the verbs first
    "batch", "BatchJob", "BatchManager", "Summary", "SampleReport", "Estimate", "Amount", "load_results_from_disk",
    "to_dataframe", "Exported",
    "build_requests", "submit", "poll", "stream_results", "parse", "map_citations", "price",
    "bound", "cancel", "get_model", "make_client",
    "document", "uploaded", "read_document", "read_documents", "pdf_to_document_block",
    "read_conversations", "read_requests", "RequestFile", "read_rows", "read_prompts", "with_prompts",
    "expand_files", "list_files", "content_hash", "Listed",
    "Citation", "Cost", "Rates", "ModelInfo", "BatchStatus", "Document", "Item", "Request", "Entry", "Record",
    "Outcome", "Succeeded", "Truncated", "Refused", "Invalid", "Errored", "Expired", "Canceled", "Missing",
    "BatchataError", "AccountError", "AmbiguousSubmitError", "CredentialsError", "ForeignResultsUrlError",
    "IncompleteResultsError", "InputError", "LedgerError", "LedgerInUseError", "LedgerMismatchError", "ModelError",
    "NotEndedError", "OutputError", "RequestRefusedError", "ResultsError", "ServiceError", "StorageError",
    "RateLimitedError",
    "UnboundedCostError", "UnknownPriceError", "UnknownUsageError",
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker sees the imports above, and that other names are not there

    def __getattr__(name: str) -> Any:
        """Loads a public name when it is first used, so that a plain import costs next to nothing."""
        if name not in _ROOM_OF:
            raise AttributeError(f"module 'batchata' has no attribute {name!r}")
        value = getattr(import_module(_ROOM_OF[name]), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
