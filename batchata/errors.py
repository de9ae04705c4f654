"""Every error batchata raises on purpose, under one base class.

A message says what happened, gives the numbers and says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class BatchataError(Exception):
    """Base of all errors of this package. They can be pickled, with all that they say."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(kind: type[BatchataError], args: tuple[Any, ...], state: Mapping[str, Any]) -> BatchataError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one item, found before anything was sent."""

    item: str
    reason: str

    def __str__(self) -> str:
        return f"{self.item}: {self.reason}"


class InputError(BatchataError, ValueError):
    """The input cannot be sent as it is. Nothing was sent and nothing was paid.

    `problems` names every bad item; it is empty when the call as a whole is wrong.
    """

    SHOWN = 10

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)

    @classmethod
    def of_items(cls, problems: Sequence[Problem], total: int) -> InputError:
        """One error for all the bad items of a call, so that they can be mended in one go."""
        if len(problems) == 1:
            return cls(f"{problems[0]} (nothing was sent)", problems)
        shown = "".join(f"\n  {problem}" for problem in problems[: cls.SHOWN])
        more = len(problems) - cls.SHOWN
        rest = f"\n  and {more} more (all in .problems)" if more > 0 else ""
        return cls(f"{len(problems)} of {total} items cannot be sent (nothing was sent):{shown}{rest}", problems)


class StorageError(InputError):
    """Files of the input cannot be read at the moment: their storage is not reached, or refuses.

    No item is at fault, so those that could not be read wait; run again to go on.
    """


class ModelError(InputError):
    """The model is unknown or retired, or cannot do what was asked of it."""


class CredentialsError(BatchataError):
    """No credentials were found, or the API refused them."""


class AccountError(BatchataError):
    """The account cannot pay or may not: no credit, a spend limit, a missing permission.

    No item is at fault, so nothing that waits should be counted as failed.
    """


class ServiceError(BatchataError):
    """The API could not be reached or answered with an error; asking again later is safe."""


class ForgottenRunError(ServiceError):
    """The Prefect server does not know the flow run that is asked about, or not any more."""


class RateLimitedError(ServiceError):
    """The API takes no more for the moment (HTTP 429): calls a minute, or items that wait to be processed.

    `retry_after` are the seconds after which it may be asked again, where it said so. `is_pace` says that there were
    too many calls; else that there are too many items, or that nobody can tell.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, is_pace: bool = False) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.is_pace = is_pace


class LostWorkerError(BatchataError):
    """Whoever carried a step out elsewhere was lost on the way, so what came of it is not known."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"the worker that had it was lost ({reason!r})")


class RequestRefusedError(BatchataError):
    """The API refused the call with a 4xx answer, whose number is `status`: nothing was created."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AmbiguousSubmitError(BatchataError):
    """The answer to a create call was lost, so the message batch may or may not exist.

    Sending the same requests again could pay twice. `custom_id` is the first one sent: a batch
    whose results carry it is the lost one. `total` is its number of requests. `why` is what happened, alone.
    """

    def __init__(self, message: str, *, custom_id: str, total: int, why: str = "") -> None:
        super().__init__(message)
        self.why = why or message
        self.custom_id = custom_id
        self.total = total


class NotEndedError(BatchataError):
    """The message batch is still being processed, so there are no results yet."""


class IncompleteResultsError(BatchataError):
    """The results stream ended early each time it was read. `read` of `expected` lines are there."""

    def __init__(self, message: str, *, read: int, expected: int) -> None:
        super().__init__(message)
        self.read = read
        self.expected = expected


class ForeignResultsUrlError(BatchataError):
    """`results_url` points to another host than the client's, which must not be given the key."""


class UnknownPriceError(BatchataError, LookupError):
    """No price table knows the model, and none is guessed from a model with a similar name."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"no price is known for the model {model!r}. If that is its name (`batchata models` lists what the API "
            "serves), give one in USD per million tokens with "
            f"`rates=Rates(input=..., output=...)`, or register one for every call with "
            f'tokencost.TOKEN_COSTS[{model!r}] = {{"input_cost_per_token": ..., "output_cost_per_token": ...}}'
        )
        self.model = model


class UnknownUsageError(BatchataError):
    """An answer came without its token counts, so its cost cannot be told."""


class UnboundedCostError(BatchataError):
    """What the request may cost has no upper limit, for example a web search without max_uses."""


class LedgerError(BatchataError):
    """The ledger of a run cannot be read or written. Nothing is sent without one."""


class ResultsError(BatchataError):
    """Results that were paid for cannot be written to disk or read from it."""


class OutputError(BatchataError):
    """A table or report cannot be written where it should go. What was there before is still there."""


class LedgerInUseError(LedgerError):
    """Another process works on this run at the moment."""


class LedgerMismatchError(LedgerError, ValueError):
    """The ledger is about other work: another model, prompt, response model, parameter or input."""
