"""Tokens and USD of the items that are still to be paid, each with how far off it may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import starmap
from math import hypot, sqrt

from batchata.core.answers import AnswerRule, Span
from batchata.core.contents import Contents
from batchata.core.estimates import InputMethod, OutputMethod
from batchata.core.fitting import Fit, Known, Total, Traits, fit, total_of, widened
from batchata.core.pricing import US_GEO, Tokens, cost_of
from batchata.core.rates import Rates
from batchata.core.sampling import student

_LARGEST_IMAGE = 4_784
_PAGE, _BLOCK, _TEXT, _UNKNOWN = 2_000.0, 8.0, 0.3, 20_000.0
"""About how many tokens a page's picture, a block, a byte of text and a file that only the API has are. Only the
proportions matter where any tokens were counted (doc:build-with-claude/token-counting).
"""
_LEAST, _MOST = 0.6, 1.7
"""How far off these may be where none were."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An item that is to be paid for. `frame` are the bytes of what goes with every item, `bound` the most that it can
    cost, None where that has no limit; `counted` its tokens, where the API counted them.
    """

    contents: Contents
    frame: int
    max_tokens: int
    bound: Decimal | None
    counted: int | None = None
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of an answer to another item, with the same settings. `tries` says how often it was paid for: what cannot
    be used is sent again.
    """

    prompt: int
    output: int
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of how long answers are, the first of: measured on others, given, by rule. `source` says it."""

    measured: Sequence[Usage] = ()
    given: int | None = None
    rule: AnswerRule | None = None
    source: str = ""

    @property
    def has_repeats(self) -> bool:
        """Whether some items were paid for more than once."""
        return any(each.tries > 1 for each in self.measured)

    @property
    def method(self) -> OutputMethod:
        if self.measured:
            return "measured"
        return "rule" if self.given is None else "given"


@dataclass(frozen=True, slots=True)
class Pricing:
    """What tokens cost in a message batch."""

    rates: Rates
    is_us: bool = False

    def cost(self, prompt: float, output: float) -> tuple[Decimal, Decimal]:
        """USD for what is read and what is written; the length of the prompt decides the tier of both."""
        tokens = Tokens(max(round(prompt), 0), max(round(output), 0), 0, 0, 0, 0)
        geo = US_GEO if self.is_us else Decimal(1)
        cost = cost_of(tokens, self.rates.for_prompt(tokens.prompt), geo=geo)
        return cost.input, cost.output


@dataclass(frozen=True, slots=True)
class Spread:
    """A sum, and how far below and above it the truth may be in 19 of 20 cases; None where nobody can tell."""

    value: float
    below: float | None = 0.0
    above: float | None = 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """What is read, or what is written, by all items. `exact` is the money where nothing about it was estimated."""

    tokens: Spread
    money: Spread
    exact: Decimal | None

    @property
    def usd(self) -> Decimal:
        return Decimal(f"{self.money.value:.12g}") if self.exact is None else self.exact


@dataclass(frozen=True, slots=True)
class Crowd:
    """How many items there are, and how many were looked at that cost nothing: answered before, or not to be sent."""

    items: int
    free: int = 0

    def stretched(self, total: Total, values: Sequence[float]) -> Total:
        """From those that were looked at, a simple random sample, to all."""
        return widened(total, [*values, *[0.0] * self.free], self.items)


def traits_of(seen: Seen) -> Traits:
    """What a request weighs beside others, and what makes it up."""
    each = seen.contents
    patches = float(sum(_LARGEST_IMAGE if image is None else min(image, _LARGEST_IMAGE) for image in each.images))
    text, pages, unknown = float(each.all_text + seen.frame), float(len(each.pages)), float(each.unknown)
    size = _TEXT * text + _PAGE * pages + _BLOCK * (each.blocks + 1) + patches + _UNKNOWN * unknown
    return Traits(size, (text, pages, patches, unknown, float(len(each.images))))


def read_of(seen: Sequence[Seen], crowd: Crowd, pricing: Pricing) -> tuple[Part, InputMethod, list[float]]:
    """What is read, how that is told, and the tokens of each item that was seen."""
    traits = [traits_of(each) for each in seen]
    counted = [at for at, each in enumerate(seen) if each.counted is not None]
    values = [float(seen[at].counted or 0) for at in counted]
    found = fit([traits[at] for at in counted], values)
    if found is None:
        return _by_size([each.size for each in traits], crowd, pricing)
    tokens = [max(found.expected(each), 1.0) for each in traits]
    for at, value in zip(counted, values, strict=True):
        tokens[at] = value
    others = [at for at, each in enumerate(seen) if each.counted is None]
    stretch = found.stretch([traits[at] for at in others])

    def summed(worth: Callable[[float], float]) -> Total:
        total = total_of(_known(found, values, stretch, worth), [worth(tokens[at]) for at in others])
        whole = Total(total.value + sum(map(worth, values)), total.reach)
        return crowd.stretched(whole, list(map(worth, tokens)))

    costs = [pricing.cost(each, 0)[0] for each in tokens]
    part = _part(summed(lambda value: value), summed(lambda value: float(pricing.cost(value, 0)[0])), costs)
    is_whole = not others and crowd.items <= len(seen) + crowd.free
    return part, "counted" if is_whole else found.method, tokens


def _known(found: Fit, values: Sequence[float], stretch: float, worth: Callable[[float], float] = float) -> Known:
    alone = found.alone if len(values) > 1 else found.fitted
    worths = [[worth(each) for each in some] for some in (values, found.fitted, alone)]
    return Known(worths[0], worths[1], worths[2], found.freedom, stretch)


def _by_size(sizes: list[float], crowd: Crowd, pricing: Pricing) -> tuple[Part, InputMethod, list[float]]:
    nothing = Spread(0.0)
    if not sizes:
        return Part(nothing, nothing, Decimal(0)), "nothing", sizes
    scale = crowd.items / (len(sizes) + crowd.free)
    tokens, money = sum(sizes) * scale, sum(float(pricing.cost(each, 0)[0]) for each in sizes) * scale
    spreads = [Spread(each, each * (1 - _LEAST), each * (_MOST - 1)) for each in (tokens, money)]
    return Part(spreads[0], spreads[1], None), "sizes", sizes


def written_of(
    seen: Sequence[Seen], prompts: Sequence[float], answers: Answers, crowd: Crowd, pricing: Pricing
) -> Part:
    """What is written about items of these prompts."""
    if answers.measured:
        return _as_measured(seen, prompts, answers.measured, crowd, pricing)
    if answers.given is not None:
        likely = float(answers.given)
        spans = [Span(likely, likely, likely).up_to(each.max_tokens) for each in seen]
    else:
        rule = answers.rule or AnswerRule(Span(0, 0, 0))
        spans = [rule.of(each.contents, each.max_tokens) for each in seen]
    costs = [
        [pricing.cost(prompt, tokens)[1] for tokens in (span.low, span.likely, span.high)]
        for prompt, span in zip(prompts, spans, strict=True)
    ]
    tokens = _spanned(crowd, [(span.low, span.likely, span.high) for span in spans])
    money = _spanned(crowd, [tuple(map(float, each)) for each in costs])
    is_exact = tokens.below == tokens.above == 0
    return Part(tokens, money, sum((each[1] for each in costs), Decimal(0)) if is_exact else None)


def _spanned(crowd: Crowd, spans: Sequence[tuple[float, ...]]) -> Spread:
    """A rule that is off is off for all items alike, so nothing evens out."""
    parts = [[span[at] for span in spans] for at in range(3)]
    low, middle, high = (crowd.stretched(Total(sum(each), 0.0), each) for each in parts)
    reach = middle.reach
    if reach is None:
        return Spread(middle.value, None, None)
    return Spread(middle.value, middle.value - low.value + reach, high.value - middle.value + reach)


def _as_measured(
    seen: Sequence[Seen], prompts: Sequence[float], measured: Sequence[Usage], crowd: Crowd, pricing: Pricing
) -> Part:
    """Longer prompts may have longer answers: how much longer shows in what was measured."""
    outputs = [float(each.output * each.tries) for each in measured]
    found = fit([_by_prompt(each.prompt) for each in measured], outputs)
    if found is None or not seen:
        return Part(Spread(0.0), Spread(0.0), Decimal(0))
    traits = [_by_prompt(each) for each in prompts]
    stretch = found.stretch(traits)
    most = max(each.tries for each in measured)
    tokens = [
        min(max(found.expected(trait), 0.0), each.max_tokens * most) for trait, each in zip(traits, seen, strict=True)
    ]
    total = total_of(_known(found, outputs, stretch), tokens)

    def usd(prompt: float, output: float) -> float:
        return float(pricing.cost(prompt, output)[1])

    lengths = [each.prompt for each in measured]
    alone = found.alone if len(outputs) > 1 else found.fitted
    worths = [list(map(usd, lengths, each)) for each in (outputs, found.fitted, alone)]
    costs = list(starmap(usd, zip(prompts, tokens, strict=True)))
    money = total_of(Known(worths[0], worths[1], worths[2], found.freedom, stretch), costs)
    return _part(crowd.stretched(total, tokens), crowd.stretched(money, costs), None)


def repeated(part: Part, measured: Sequence[Usage], others: int) -> Part:
    """What is read by `others` when as much of it is read again as was for those that were measured: a ratio."""
    prompts = sum(each.prompt for each in measured)
    extra = sum(each.prompt * (each.tries - 1) for each in measured)
    if not extra or not others:
        return part
    ratio, count = 1 + extra / prompts, len(measured)
    squares = sum((each.prompt * (each.tries - ratio)) ** 2 for each in measured)
    error = sqrt(squares * count / max(count - 1, 1) * (count + others) / others) / prompts
    reach = student(max(count - 1, 1)) * error

    def spread(once: Spread) -> Spread:
        more = once.value * reach
        ends = [None if each is None else hypot(each * ratio, more) for each in (once.below, once.above)]
        return Spread(once.value * ratio, ends[0], ends[1])

    return Part(spread(part.tokens), spread(part.money), None)


def _by_prompt(tokens: float) -> Traits:
    return Traits(max(tokens, 1.0), (max(tokens, 1.0),))


def _part(tokens: Total, money: Total, costs: Sequence[Decimal] | None) -> Part:
    is_exact = costs is not None and tokens.reach == 0
    spreads = [Spread(each.value, each.reach, each.reach) for each in (tokens, money)]
    return Part(spreads[0], spreads[1], sum(costs or (), Decimal(0)) if is_exact else None)
