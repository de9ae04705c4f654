"""What a run may be asked to do, checked before anything is done."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal

from batchata.core.encoding import MAX_REQUESTS
from batchata.core.quick import jobs_in_flight
from batchata.core.rates import Rates
from batchata.core.retries import ROUNDS
from batchata.core.session import Policy
from batchata.errors import InputError
from batchata.io.paths import PathOrUrl, Place, is_url, path_of
from batchata.running.gate import Gate

Orchestrator = Literal["local", "prefect"]
OnCostLimit = Literal["stop", "pause"]

DEFAULT_ITEMS_PER_JOB = 1_000
DEFAULT_PARALLEL_JOBS = 10
LOST_AFTER = 60.0
SHARD_DEPLOYMENT = "work-shard/work-shard"
NEEDS_SERVER = (
    "with `task_runner` or `shards` the work is done by other processes, which meet at a Prefect server that all of "
    "them reach, and none is configured. Set PREFECT_API_URL, here and for the workers, and leave `orchestrator` as "
    "it is (nothing was sent)"
)
DESCRIPTION = "run.json"
"""The file beside a ledger that says what is to be done, so that others than a program can go on with the run."""

RUNS_FOLDER = Path(".batchata")
"""Where runs without a `state_path` keep their ledger, below the working directory."""


def checked_policy(
    *,
    items_per_job: int | None,
    max_parallel_jobs: int | None,
    rounds: int | None,
    on_cost_limit: str,
    lost_after: float,
    quick: bool = False,
) -> Policy:
    """Raises InputError for what is out of range. What is None is left to the kind of run."""
    size = DEFAULT_ITEMS_PER_JOB if items_per_job is None else items_per_job
    _check_number("items_per_job", size, 1, MAX_REQUESTS)
    usual = jobs_in_flight(size, DEFAULT_PARALLEL_JOBS) if quick else DEFAULT_PARALLEL_JOBS
    parallel = usual if max_parallel_jobs is None else max_parallel_jobs
    _check_number("max_parallel_jobs", parallel, 1, 10_000)
    _check_number("rounds", ROUNDS if rounds is None else rounds, 0, 100)
    if on_cost_limit not in ("stop", "pause"):
        raise InputError(f'`on_cost_limit` is "stop" or "pause", not {on_cost_limit!r}')
    return Policy(
        items_per_job=size,
        max_parallel_jobs=parallel,
        rounds=ROUNDS if rounds is None else rounds,
        on_limit="ask" if on_cost_limit == "pause" else "stop",
        lost_after=lost_after,
        quick=bool(quick),
        grows=bool(quick) and items_per_job is None,
    )


def checked_orchestrator(given: Any) -> Orchestrator | None:
    """Raises InputError for what is none."""
    if given is not None and given not in ("local", "prefect"):
        raise InputError(f'`orchestrator` is "local" or "prefect", not {given!r}')
    return given  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Helpers:
    """Who does the heavy part of each job: a task runner, or so many shards of a deployment."""

    task_runner: Any = None
    shards: int = 0
    shard_deployment: str = SHARD_DEPLOYMENT

    @property
    def are_elsewhere(self) -> bool:
        """Whether they are other processes."""
        threads = self.task_runner in (None, "threads") or type(self.task_runner).__name__ == "ThreadPoolTaskRunner"
        return self.shards > 0 or not threads


def checked_helpers(client: object, task_runner: Any, shards: int, shard_deployment: str) -> Helpers:
    """Raises InputError for what does not go together, and for a client with a key in it, which must not travel."""
    _check_number("shards", shards, 0, 1_000)
    helpers = Helpers(task_runner, shards, shard_deployment)
    if shards and replace(helpers, shards=0).are_elsewhere:
        raise InputError("give either `task_runner` or `shards`: the work is done by the one or by the others")
    if client is not None and not callable(client) and helpers.are_elsewhere:
        raise InputError(
            "client= has a key in it, and no key is sent to other processes: give each worker ANTHROPIC_API_KEY in its "
            "environment or a .env file, and leave client out (ANTHROPIC_BASE_URL here is used there too); or give a "
            "function that makes a client where it is called"
        )
    return helpers


def check_upload(upload: Any, helpers: Helpers, *, is_files: bool) -> None:
    """Raises InputError where nothing can be uploaded."""
    if not isinstance(upload, bool):
        raise InputError(f"`upload` is True or False, not {upload!r}")
    if upload and not is_files:
        raise InputError("`upload=True` is about files; documents in conversations are sent as they are")
    if upload and helpers.are_elsewhere:
        raise InputError(
            "`upload=True` does not go together with `task_runner` and `shards`: what this process uploaded, others "
            "would upload again (nothing was sent). Leave out one of them"
        )


def checked_limit(max_cost: Any) -> Decimal | None:
    """USD. Raises InputError for what is no amount of money above 0."""
    return _checked_usd("max_cost", max_cost)


def _checked_usd(name: str, given: Any) -> Decimal | None:
    if given is None:
        return None
    try:
        amount = Decimal(str(given))
    except InvalidOperation as error:
        raise InputError(f"`{name}` is an amount in USD, not {given!r}") from error
    if not amount.is_finite() or amount <= 0:
        raise InputError(f"`{name}` is {given}; it must be more than 0 USD")
    return amount


def checked_gate(sample: Any, approve: Any, approve_below: Any) -> Gate | None:
    """Raises InputError for a sample that is none, or for an approval without a sample."""
    if sample is None:
        if approve is not None or approve_below is not None:
            raise InputError(
                "`approve` and `approve_below` are about a sample: give `sample=0.01` (a share) or `sample=50`"
            )
        return None
    whole = isinstance(sample, int) and not isinstance(sample, bool) and sample >= 1
    if not whole and not (isinstance(sample, float) and 0 < sample <= 1):
        raise InputError(
            f"`sample` is {sample!r}; it must be a share above 0 and up to 1.0, or a whole number of items"
        )
    if approve is not None and not callable(approve):
        raise InputError(f"`approve` is a function that is called with the SampleReport, not {approve!r}")
    return Gate(sample, approve, _checked_usd("approve_below", approve_below))


def checked_estimate(models: Any, count: Any, output_tokens: Any) -> None:
    """Raises InputError for what cannot be estimated by."""
    is_list = isinstance(models, list | tuple) and bool(models)
    if models is not None and not (is_list and all(isinstance(each, str) and each for each in models)):
        raise InputError(f"models is a list of the ids of models, not {models!r}")
    _check_number("count", count, 1, 100_000)
    if output_tokens is not None:
        _check_number("output_tokens", output_tokens, 1, 10_000_000)


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InputError(f"`{name}` is {value!r}; it must be a whole number from {least} to {most:,}")


def check_types(*, model: Any, prompt: Any, rates: Any, max_tokens: Any, lost_after: Any) -> None:
    """Raises InputError for what has the wrong type, which would show only when something was paid for."""
    if not isinstance(model, str) or not model:
        raise InputError(f"`model` is the id of a model, not {model!r}")
    if prompt is not None and not isinstance(prompt, str):
        raise InputError(f"prompt is text, not {type(prompt).__name__}")
    if rates is not None and not isinstance(rates, Rates):
        raise InputError(f"rates is a Rates(input=..., output=...), not {type(rates).__name__}")
    if max_tokens is not None:
        _check_number("max_tokens", max_tokens, 1, 10_000_000)
    if not isinstance(lost_after, int | float) or not 0 <= lost_after < 86_400:
        raise InputError(f"lost_after is {lost_after!r}; it must be a number of seconds below a day")


def keep_out_of_git(state_path: Path) -> None:
    """A folder of ours in somebody's repository is not for its history."""
    folder = state_path.parent.parent
    if folder == RUNS_FOLDER.absolute():
        folder.mkdir(exist_ok=True)
        (folder / ".gitignore").write_text("*\n")


def places(state_path: PathOrUrl | None, results_dir: PathOrUrl | None) -> tuple[Path, Place]:
    """Where the ledger and the results are: what was not said lies beside what was, or in a folder of the run's own.

    Raises InputError for a ledger on a URL, and for results on one that nothing here can reach.
    """
    if state_path is None:
        own = RUNS_FOLDER / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(3)}"
        state, beside = own / "ledger.jsonl", own / "results"
    else:
        state = _ledger_path(state_path)
        beside = state.with_name(f"{state.stem}.results")
    results = beside if results_dir is None else path_of(results_dir)
    return state.absolute(), results.absolute() if isinstance(results, Path) else results


def _ledger_path(state_path: PathOrUrl) -> Path:
    place = None if is_url(state_path) else path_of(state_path)
    if not isinstance(place, Path):
        raise InputError(
            f"`state_path` {state_path} is a URL, and a ledger is locked, appended to and synced to the disk, for "
            "which it takes a file. Give a local path, or one in a folder that all workers mount; `files` and "
            "`results_dir` may be URLs"
        )
    return place


def renamed_results_dir(given: Any, former: Any) -> Any:
    """`save_results_dir` is what it was called before. Raises InputError for both."""
    if former is None:
        return given
    warnings.warn("save_results_dir is now results_dir", DeprecationWarning, stacklevel=3)
    if given is not None:
        raise InputError("save_results_dir is the former name of results_dir; give one of them")
    return former
