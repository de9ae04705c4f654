"""What somebody who chooses a model wants to know: what it can do, and what it costs in a message batch. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from batchata.core.models import ModelInfo, takes_sampling
from batchata.core.rates import rates_of
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
    prices: tuple[Decimal | None, ...] = (None,) * 4
    try:
        rates = rates_of(model.id)
        prices = tuple(each * _BATCH for each in (rates.input, rates.output, rates.read, rates.write_5m))
    except UnknownPriceError:
        pass
    return ModelSheet(
        model.id,
        model.lifecycle,
        model.max_input_tokens,
        model.max_tokens,
        *prices,
        model.batch,
        model.citations,
        model.pdf_input,
        model.image_input,
        model.structured_outputs,
        takes_sampling(model.id),
    )
