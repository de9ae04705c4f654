"""The ways in which the API, the network or an answer can go wrong, ordered in advance.

Nothing here is random: a rule hits the next `times` calls, or the items picked by position, by
`custom_id`, or by a hash of `custom_id` and the seed.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from batchata.simulator.errors import ApiError, OrderedError

When = Literal["before", "after"]
Kind = Literal["errored", "expired", "refused", "truncated", "invalid", "unknown", "missing"]
KINDS: tuple[str, ...] = ("errored", "expired", "refused", "truncated", "invalid", "unknown", "missing")
ENDPOINTS = (
    "create", "retrieve", "list", "cancel", "delete", "results", "count_tokens", "models", "files", "*",
)  # fmt: skip
SENTENCES = {
    429: "This request would exceed your rate limit. Please try again later.",
    500: "Internal server error",
    503: "Service unavailable",
    529: "Overloaded",
}
_KNOWN = frozenset({"fail", "drop", "cut", "delay", "outcome", "results_url", "blank_lines", "clear"})
_WAYS = f'known are {", ".join(sorted(_KNOWN))}; {{"clear": true}} takes all back that were ordered'


@dataclass(slots=True)
class Rule:
    """What all call rules share: where they apply and how often still (None: for ever)."""

    endpoint: str
    times: int | None

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS:
            raise ValueError(f"unknown endpoint {self.endpoint!r}; known are {', '.join(ENDPOINTS)}")

    def hits(self, endpoint: str) -> bool:
        return self.times != 0 and self.endpoint in ("*", endpoint)


@dataclass(slots=True)
class Failure(Rule):
    status: int
    retry_after: float | None = None
    error_code: str | None = None
    message: str | None = None

    def error(self) -> ApiError:
        message = self.message or SENTENCES.get(self.status, "The request failed")
        return OrderedError(self.status, message, error_code=self.error_code, retry_after=self.retry_after)


@dataclass(slots=True)
class Drop(Rule):
    when: When = "before"


@dataclass(slots=True)
class Delay(Rule):
    seconds: float = 0.0


@dataclass(slots=True)
class Cut(Rule):
    """Where a results stream stops. `inside`: in the middle of the next line."""

    after_lines: int = 0
    inside: bool = False
    abrupt: bool = False


@dataclass(slots=True)
class Outcome:
    """How the picked items end instead of succeeding."""

    kind: Kind
    share: float = 0.0
    custom_ids: Collection[str] = ()
    indices: Collection[int] = ()
    match: Callable[[str], bool] | None = None
    batch: int | None = None
    times: int | None = None
    error: str = "api_error"
    message: str | None = None
    category: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind {self.kind!r}; known are {', '.join(KINDS)}")

    def named(self, custom_id: str, index: int) -> bool:
        if custom_id in self.custom_ids or index in self.indices:
            return True
        return self.match is not None and self.match(custom_id)


AnyRule = TypeVar("AnyRule", bound=Rule)


class Faults:
    """The orders, safe to change while the simulator runs. Every method returns the object itself.

    `Faults(fail=[{"endpoint": "create", "status": 429}])` gives the arguments of the methods `fail`,
    `drop`, `cut`, `delay` and `outcome` as mappings, which is also what `POST /_simulator/faults` takes.
    """

    def __init__(
        self,
        *,
        fail: Collection[Mapping[str, Any]] = (),
        drop: Collection[Mapping[str, Any]] = (),
        cut: Collection[Mapping[str, Any]] = (),
        delay: Collection[Mapping[str, Any]] = (),
        outcome: Collection[Mapping[str, Any]] = (),
        results_url: str | None = None,
        blank_lines: int = 0,
    ) -> None:
        self._lock = threading.Lock()
        self._calls: list[Rule] = []
        self._outcomes: list[Outcome] = []
        self.foreign_results_url = results_url
        self.blank_line_every = blank_lines
        self._add_all({"fail": fail, "drop": drop, "cut": cut, "delay": delay, "outcome": outcome})

    def apply(self, orders: Mapping[str, Any]) -> Faults:
        """Add orders given as JSON: the keyword arguments of the constructor, and `clear: true`, which takes those
        back that were given before. Raises ValueError, and changes nothing, for none and for unknown ones.
        """
        if not orders:
            raise ValueError(f"none was given; {_WAYS}")
        if unknown := set(orders) - _KNOWN:
            raise ValueError(f"{', '.join(sorted(unknown))} is unknown; {_WAYS}")
        if orders.get("clear"):
            self.clear()
        if "results_url" in orders:
            self.results_url(orders["results_url"])
        if "blank_lines" in orders:
            self.blank_lines(orders["blank_lines"])
        self._add_all(orders)
        return self

    def _add_all(self, orders: Mapping[str, Any]) -> None:
        methods: dict[str, Callable[..., Faults]] = {
            "fail": self.fail,
            "drop": self.drop,
            "cut": self.cut,
            "delay": self.delay,
            "outcome": self.outcome,
        }
        for name, method in methods.items():
            for order in orders.get(name, ()):
                method(**order)

    def fail(
        self,
        endpoint: str,
        status: int = 529,
        *,
        times: int | None = 1,
        retry_after: float | None = None,
        error_code: str | None = None,
        message: str | None = None,
    ) -> Faults:
        """The next `times` calls to the endpoint answer `status`, and nothing is done for them."""
        return self._add(Failure(endpoint, times, status, retry_after, error_code, message))

    def drop(self, endpoint: str = "create", when: When = "before", *, times: int | None = 1) -> Faults:
        """The connection closes without an answer, `before` or `after` the call took effect."""
        return self._add(Drop(endpoint, times, when))

    def cut(self, after_lines: int = 0, *, inside: bool = False, abrupt: bool = False, times: int | None = 1) -> Faults:
        """A results stream ends after so many lines, or `inside` the one after them.

        Otherwise a cut stream is a well-formed HTTP body; `abrupt` closes the connection instead.
        """
        return self._add(Cut("results", times, after_lines, inside, abrupt))

    def delay(self, endpoint: str, seconds: float, *, times: int | None = None) -> Faults:
        """The answer waits so many seconds."""
        return self._add(Delay(endpoint, times, seconds))

    def outcome(self, kind: Kind, **choice: Any) -> Faults:
        """Items end as `kind`: errored, expired, refused, truncated, invalid (not JSON), unknown
        (a result type nobody knows) or missing (no line).

        Which: `share` (0 to 1, by hash of custom_id and seed), `custom_ids`, `indices` in the message
        batch, or `match` (a predicate on the custom_id). Only in the `batch`-th message batch (from 1)
        and at most `times` items, when given. `error` and `message` are those of an errored item,
        `category` that of a refusal.
        """
        outcome = Outcome(kind, **choice)
        with self._lock:
            self._outcomes.append(outcome)
        return self

    def results_url(self, url: str | None) -> Faults:
        """From now on ended message batches name this results_url. None: the right one again."""
        self.foreign_results_url = url
        return self

    def blank_lines(self, every: int = 1) -> Faults:
        """A blank line follows every `every`-th line of results; 0 stops that."""
        self.blank_line_every = every
        return self

    def clear(self) -> Faults:
        """Forget all orders."""
        with self._lock:
            self._calls.clear()
            self._outcomes.clear()
        self.foreign_results_url = None
        self.blank_line_every = 0
        return self

    def _add(self, rule: Rule) -> Faults:
        with self._lock:
            self._calls.append(rule)
        return self

    def take(self, kind: type[AnyRule], endpoint: str, when: When | None = None) -> AnyRule | None:
        """The first rule of that kind that hits this call, counted as used."""
        with self._lock:
            for rule in self._calls:
                if isinstance(rule, kind) and rule.hits(endpoint) and getattr(rule, "when", when) == when:
                    rule.times = None if rule.times is None else rule.times - 1
                    return rule
        return None

    def any_outcomes(self) -> bool:
        return bool(self._outcomes)

    def outcome_of(self, custom_id: str, index: int, batch: int, seed: int) -> Outcome | None:
        """What is ordered for this item, counted as used."""
        point = _point(custom_id, seed)
        with self._lock:
            floor = 0.0
            for outcome in self._outcomes:
                shared = floor <= point < floor + outcome.share
                floor += outcome.share
                if outcome.times == 0 or outcome.batch not in (None, batch):
                    continue
                if shared or outcome.named(custom_id, index):
                    outcome.times = None if outcome.times is None else outcome.times - 1
                    return outcome
        return None


def _point(custom_id: str, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}:{custom_id}".encode(), digest_size=8).digest()
    return float(int.from_bytes(digest) / 2**64)
