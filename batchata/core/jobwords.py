"""What came of one job, for the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from batchata.core.events import Settled
from batchata.core.money import rounded_usd
from batchata.core.plurals import number_of
from batchata.core.showing import reason

_LONGEST = 120


def job_sentence(event: Settled, causes: Sequence[str | None], left: int) -> str:
    """`job 1 settled: 3 of 3 succeeded, $0.0023; 27 items left`. `causes` are those of its failures, see `cause_of`."""
    costs = [cost for _, _, cost in event.endings] + [each.cost for each in event.again]
    unknown = costs.count(None)
    cost = f"{rounded_usd(event.cost)}{f' and {unknown:,} of unknown cost' if unknown else ''}"
    told = ", ".join([*_parts(event, causes), cost])
    return f"job {event.job} settled: {told}; {number_of(left, 'item')} left"


def _parts(event: Settled, causes: Sequence[str | None]) -> Iterator[str]:
    succeeded = sum(kind == "succeeded" for _, kind, _ in event.endings)
    failed = len(event.endings) - succeeded
    yield f"{succeeded:,} of {len(event.endings) + len(event.again) + len(event.pending):,} succeeded"
    if event.cached:
        yield f"{event.cached:,} from the cache"
    if failed or event.again:
        counts = [(failed, "failed"), (len(event.again), "to be sent again")]
        yield ", ".join(f"{count:,} {word}" for count, word in counts if count) + _why(event, causes)
    if event.pending:
        yield number_of(len(event.pending), "waits as before", "wait as before")


def _why(event: Settled, causes: Sequence[str | None]) -> str:
    """The most frequent cause; how items failed where that says all there is to say."""
    known = Counter(each for each in causes if each is not None)
    ended = (kind for _, kind, _ in event.endings if kind != "succeeded")
    kinds = Counter([*ended, *(each.kind for each in event.again)])
    if not known:
        return f" ({', '.join(kinds)})"
    [(cause, _)] = known.most_common(1)
    kind, _, why = cause.partition(": ")
    return f" ({'mostly ' if len(known) > 1 or len(kinds) > 1 else ''}{kind}: {reason(kind, why, _LONGEST)})"
