"""An estimate as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from batchata.core.money import rounded_usd, usd

if TYPE_CHECKING:
    from batchata.core.estimates import Amount, Estimate

_HOW = {
    "mean": "the others are taken to be like these",
    "ratio": "the others by the ratio of tokens to the size of a request",
    "regression": "the others by a regression on the text, pages and pictures of a request",
}


def told(estimate: Estimate) -> str:
    """Some lines of text."""
    rows = list(rows_of(estimate))
    width = max(len(name) for name, _ in rows)
    lines = [f"Estimate for {estimate.items:,} items with {estimate.model}"]
    lines += [f"  {name:<{width}}  {value}" for name, value in rows]
    return "\n".join([*lines, *(f"  note: {each}" for each in estimate.notes)])


def rows_of(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """The figures by name."""
    yield "items", standing_words(estimate)
    yield "input tokens", f"{tokens_words(estimate.input_tokens)}; {input_words(estimate)}"
    yield "output tokens", f"{tokens_words(estimate.output_tokens, interval_name(estimate))}; {estimate.output_source}"
    if estimate.spent:
        yield "spent already", rounded_usd(estimate.spent)
    yield "cost", cost_words(estimate)
    yield "at most", bound_words(estimate)
    if estimate.list_price is not None:
        yield "without batches", f"{rounded_usd(estimate.list_price)}, at the list price"
    yield "cost limit", limit_words(estimate)


def standing_words(estimate: Estimate) -> str:
    """What there is still to be sent."""
    parts = [f"{estimate.waiting:,} to send"]
    parts += [f"{estimate.ended:,} ended"] if estimate.ended else []
    parts += [f"{estimate.in_flight:,} in flight"] if estimate.in_flight else []
    among = (
        "" if estimate.looked_at >= estimate.waiting + estimate.in_flight else f" of {estimate.looked_at:,} looked at"
    )
    parts += [f"{estimate.cached:,}{among} in the cache, which cost nothing"] if estimate.cached else []
    return ", ".join(parts)


def input_words(estimate: Estimate) -> str:
    """How they were told."""
    left = estimate.waiting + estimate.in_flight
    match estimate.input_method:
        case "nothing":
            return "nothing is left to be read"
        case "counted":
            return f"the API counted all {estimate.counted:,}"
        case "sizes":
            return "told from the sizes alone, for none could be counted"
        case method:
            return f"the API counted {estimate.counted:,} of {left:,}, {_HOW[method]}"


def interval_name(estimate: Estimate) -> str:
    """A rule has no probabilities."""
    return "perhaps" if estimate.output_method == "rule" else "95 %:"


def tokens_words(tokens: Amount[int], name: str = "95 %:") -> str:
    """With the interval."""
    if tokens.low is None or tokens.high is None:
        return f"{tokens.value:,} (no interval is known)"
    same = tokens.low == tokens.value == tokens.high
    return f"{tokens.value:,}" if same else f"{tokens.value:,} ({name} {tokens.low:,} to {tokens.high:,})"


def cost_words(estimate: Estimate) -> str:
    """With the interval."""
    cost = estimate.cost
    if cost.low is None or cost.high is None:
        return f"{rounded_usd(cost.value)} (no interval is known)"
    if cost.low == cost.value == cost.high:
        return rounded_usd(cost.value)
    name = interval_name(estimate) if estimate.prompt_cache_saving is None else "perhaps"
    return f"{rounded_usd(cost.value)} ({name} {rounded_usd(cost.low)} to {rounded_usd(cost.high)})"


def bound_words(estimate: Estimate) -> str:
    """The upper bound."""
    if estimate.bound is None:
        return "no upper bound"
    if not estimate.waiting + estimate.in_flight:
        return rounded_usd(estimate.bound)
    bound = f"{rounded_usd(estimate.bound)}, with every byte of text a token and every answer `max_tokens` long"
    return bound if estimate.bound_is_exact else f"about {bound} (bound of a sample)"


def limit_words(estimate: Estimate) -> str:
    """What the limit means for the run."""
    limit, cost = estimate.max_cost, estimate.cost
    if limit is None:
        return "none"
    if limit < cost.value:
        means = ", which is below the estimate: it will be reached before all items are sent"
    elif cost.high is None or limit < cost.high:
        means = ", which is inside the interval: it may be reached before all items are sent"
    else:
        means = ""
    return f"{usd(limit)}{means}; {at_a_time_words(estimate)}"


def at_a_time_words(estimate: Estimate) -> str:
    """What is sent side by side within the limit."""
    if not estimate.waiting:
        return "nothing is left to be sent"
    if estimate.items_at_a_time is None:
        return "how many items it covers at a time cannot be told without an upper bound"
    if not estimate.items_at_a_time:
        return "it does not cover the most that one item can cost, so nothing would be sent"
    jobs = estimate.jobs_at_a_time or 1
    batches = "batch" if jobs == 1 else "batches"
    return f"it covers about {jobs:,} {batches} with {estimate.items_at_a_time:,} items in all at a time"
