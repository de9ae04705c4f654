"""`python -m tests.benchmarks.caching [PROMPTS]`: so many prompts over one document of 50 pages, with and without the cache.

The simulator has the rules of the API's prompt cache; half of the items of a batch start together and do not see what
the others write. Prints both bills, to the digit, beside the saving that was shown.
"""

from __future__ import annotations

import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from batchata import BatchManager, make_client
from batchata.io.ledger import read_state
from batchata.simulator import Simulator
from tests.contract.test_prompt_caching import asked_about, text_of

MODEL = "claude-sonnet-5-5"


def bill(mode: str, prompts: int, folder: Path) -> tuple[Decimal, Decimal | None]:
    """What was paid, and what is said to be saved."""
    with Simulator(seed=7) as url, make_client(api_key="none", base_url=url) as client:
        began = time.monotonic()
        manager = BatchManager(
            messages=asked_about(text_of(50), prompts), model=MODEL, prompt_caching=mode, state_path=folder / mode,
            max_tokens=2_000, items_per_job=100, cache=False, client=client, orchestrator="local",
        )  # fmt: skip
        summary = manager.run()
        state = read_state(folder / mode)
    rate = summary["prompt_cache_hit_rate"]
    told = "nothing cached" if rate is None else f"hit rate {rate:.1%}"
    print(
        f"{mode:4}  {summary['completed_items']} items  ${state.budget.spent}  {told}  {time.monotonic() - began:.1f} s"
    )
    return state.budget.spent, state.tally.prompt_saved


def main() -> None:
    prompts = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as folder:
        plain, _ = bill("off", prompts, Path(folder))
        cached, shown = bill("auto", prompts, Path(folder))
    print(f"the bill falls by {1 - cached / plain:.1%}: ${plain - cached} saved, ${shown} shown")


if __name__ == "__main__":
    main()
