"""What a run will cost, told before it is sent: what is known of it, how the rest is told, how far off it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import orjson

from batchata.core.estimatewords import told

N = TypeVar("N", int, Decimal)

InputMethod = Literal["counted", "mean", "ratio", "regression", "sizes", "nothing"]
OutputMethod = Literal["measured", "given", "rule", "nothing"]


@dataclass(frozen=True, slots=True)
class Amount(Generic[N]):
    """A number with the ends of its 95 % interval, None where nobody can tell. What rests on a rule has no probability:
    then they are the least and the most that are to be reckoned with.
    """

    value: N
    low: N | None
    high: N | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all `items` of a run come to with one model. Money is in USD, with all its digits.

    Of the items, `ended` are done and `in_flight` were sent, as the ledger tells where there is one; `waiting` are
    still to be sent, and `cached` of those that were looked at need not be, for an earlier run has the answer.
    `looked_at` items were read, and the API counted the tokens of `counted` of them.

    `input_tokens` and `output_tokens` are those of the items that are still to be paid. `input_method` says how the
    tokens that were not counted are told: by the "mean" of those counted, their "ratio" to the size of a request or a
    "regression" on what it holds, or, where none could be counted, from "sizes" alone. `output_method` says where the
    length of answers is from: "measured" on answers to the same settings, "given" by the caller, or a "rule" about what
    is asked for, whose interval is wide because it is no more than that; `output_source` says it as a sentence.

    `cost` is for the whole run, with what is `spent` already; `bound` the most that it can come to without anything
    being sent twice, None where it has no limit, and only extrapolated when `bound_is_exact` is false. `list_price` is
    what the same would cost outside of message batches, None where the ledger does not tell. With `max_cost`, about
    `jobs_at_a_time` batches with `items_at_a_time` items in all can be in flight, None without a limit. `notes` are
    what else is to be known. `prompt_cache_saving` is what the prompt cache is taken to save, None where nothing is
    marked for it: it is taken off `cost`, and its ends, which have no probability, are in those of `cost`.
    """

    model: str
    items: int
    ended: int
    in_flight: int
    waiting: int
    cached: int
    looked_at: int
    counted: int
    input_tokens: Amount[int]
    input_method: InputMethod
    output_tokens: Amount[int]
    output_method: OutputMethod
    output_source: str
    spent: Decimal
    cost: Amount[Decimal]
    bound: Decimal | None
    bound_is_exact: bool
    list_price: Decimal | None
    max_cost: Decimal | None
    jobs_at_a_time: int | None
    items_at_a_time: int | None
    notes: tuple[str, ...] = ()
    prompt_cache_saving: Amount[Decimal] | None = None

    def __str__(self) -> str:
        return told(self)

    def to_dict(self) -> dict[str, Any]:
        """As plain values; money as text, so that no digit is lost."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    def to_json(self) -> str:
        """The same as JSON."""
        return orjson.dumps(self.to_dict(), option=orjson.OPT_INDENT_2).decode()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value:f}"
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case tuple():
            return [_plain(each) for each in value]
        case _:
            return value
