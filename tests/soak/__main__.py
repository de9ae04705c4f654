"""Kills runs at random moments and checks the simulator's books. Run: python -m tests.soak --rounds 200

Each round is a run of 100 items over a simulator in a process of its own that drops connections before and after a
message batch was created, delays calls so that later ones pass, answers with 429, 500 and 529, cuts streams of
results and gives them in any order. The run's process is killed with SIGKILL one to three times: anywhere in its
course, or close to an event of its ledger (an intent, a batch id that came home, a batch that ended); sometimes
half a line is left at the end of the ledger, as a power cut would. Then it is started once more and may finish.

Every item must have one outcome, the right one, and be billed once by the simulator's books; what the run says it
cost must be the bill; no message batch may exist that the ledger does not know.

`lost_after` (1.5 s here, 60 s by default) must be longer than a create call takes to take effect after its caller is
gone, which is at most `plans.LONGEST_DELAY` here: a batch that appears after it was given up is paid for twice, and
no client of this API could know better, for a batch carries no name before it has ended.

Exit code 1 on any violation; the seed and the folder of the round are printed, and the folder is kept.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.soak.rounds import played

SHOWN = (
    "rounds", "kills", "kills between intent and submitted", "kills between ended and settled",
    "kills that came too late", "torn last lines", "lost batches found and adopted",
    "lost batches that were never created", "ended with an error of the API", "items", "items billed",
    "items billed twice", "items lost or wrong", "violations",
)  # fmt: skip


def table_of(seen, seconds):
    table = Table(title=f"{seen['rounds']} rounds in {seconds:.0f} s")
    table.add_column("what")
    table.add_column("how many", justify="right")
    for name in SHOWN:
        table.add_row(name, f"{seen[name]:,}")
    return table


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--items", type=int, default=100)
    parser.add_argument("--only", type=int, help="play this round of the seed only")
    parser.add_argument("--beside", type=int, default=2, help="rounds beside each other (default 2)")
    return parser.parse_args()


def main():
    given, console, seen = arguments(), Console(), Counter()
    root = Path(tempfile.mkdtemp(prefix="batchata-soak-"))
    numbers = range(given.rounds) if given.only is None else [given.only]
    columns = [TextColumn(f"seed {given.seed}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    began = time.monotonic()
    with Progress(*columns, TextColumn("{task.description}"), console=console) as progress:
        task = progress.add_task("", total=len(numbers))
        for each in played(given.seed, numbers, root, items=given.items, beside=given.beside):
            seen += each.seen
            for problem in each.problems:
                told = f"[red]round {each.number} of seed {given.seed}:[/] {escape(problem)} ({each.folder})"
                console.print(told, highlight=False, soft_wrap=True)
            found = f"{seen['kills']} kills, {seen['items billed twice']} twice, {seen['violations']} violations"
            progress.update(task, advance=1, description=found)
    console.print(table_of(seen, time.monotonic() - began))
    if seen["violations"]:
        console.print(f"[red]seed {given.seed}; the folders of the rounds are kept in {root}[/]")
        sys.exit(1)
    console.print(f"seed {given.seed}: nothing was paid twice, nothing was lost")
    root.rmdir()


if __name__ == "__main__":
    main()
