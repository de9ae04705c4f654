"""What somebody who chooses a model wants to know: what it can do, and what it costs in a message batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from batchata.core.models import ModelInfo, takes_sampling
from batchata.core.rates import Rates, rates_of
from batchata.errors import UnknownPriceError

_BATCH = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class ModelSheet:
    """A model. Prices are USD per million tokens in a message batch, None where no price table knows the model.

    What the API does not tell is None. `sampling`: whether it takes temperature, top_p and top_k.
    """

    id: str
    lifecycle: str | None
    context: int | None
    max_output: int | None
    input_price: Decimal | None
    output_price: Decimal | None
    cache_read_price: Decimal | None
    cache_write_price: Decimal | None
    batch: bool | None
    citations: bool | None
    pdf: bool | None
    images: bool | None
    structured_outputs: bool | None
    sampling: bool


def sheets_of(models: Iterable[ModelInfo], *, retired: bool = False) -> list[ModelSheet]:
    """A sheet for each model that answers, in the API's order; with `retired` for those that do not, too."""
    return [_sheet(each) for each in models if retired or each.lifecycle != "retired"]


def _sheet(model: ModelInfo) -> ModelSheet:
    rates = _rates(model.id)
    return ModelSheet(
        id=model.id,
        lifecycle=model.lifecycle,
        context=model.max_input_tokens,
        max_output=model.max_tokens,
        input_price=_in_batch(rates, "input"),
        output_price=_in_batch(rates, "output"),
        cache_read_price=_in_batch(rates, "read"),
        cache_write_price=_in_batch(rates, "write_5m"),
        batch=model.batch,
        citations=model.citations,
        pdf=model.pdf_input,
        images=model.image_input,
        structured_outputs=model.structured_outputs,
        sampling=takes_sampling(model.id),
    )


def _in_batch(rates: Rates | None, name: str) -> Decimal | None:
    return None if rates is None else getattr(rates, name) * _BATCH


def _rates(model: str) -> Rates | None:
    try:
        return rates_of(model)
    except UnknownPriceError:
        return None
