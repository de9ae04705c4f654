"""`batchata simulate`."""

from __future__ import annotations

import signal
import threading
from typing import Literal

from cyclopts import App

from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit
from batchata.errors import BatchataError

EXAMPLES = """\
Examples:

  batchata simulate --seconds 20     # then set the two variables that it prints
  batchata simulate --port 0 --json  # a free port, told as JSON

It answers by rule from the documents it is sent. It is not a model."""

Style = Literal["bullets", "values", "pairs", "two", "one", "fenced", "prose"]

command = App(name="simulate", usage="Usage: batchata simulate [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def simulate(
    *, port: int = 8765, style: Style = "bullets", seed: int = 0, seconds: float = 0, output: Output = Output()
) -> Exit:
    """Run a simulator of the Message Batches API on loopback until it is interrupted.

    Parameters
    ----------
    port
        Where to listen; 0 takes a free one.
    style
        How structured answers with citations are written; bullets: lines of evidence before the JSON.
    seed
        Decides the order of the results and everything else that is random.
    seconds
        How long each message batch takes. Default: it has ended when it is first looked at.
    """
    from batchata.simulator import OnClock, Simulator

    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    simulator = Simulator(port=port, progress=OnClock(seconds), style=style, seed=seed)
    try:
        simulator.start()
    except (OSError, OverflowError) as error:
        raise BatchataError(f"port {port} cannot be used ({error}); --port 0 takes a free one") from error
    with simulator as url:
        _tell(url, output)
        while not stopped.wait(0.2):  # a signal that another thread takes wakes nobody up
            pass
    return Exit.DONE


def _tell(url: str, output: Output) -> None:
    console = stdout()
    if output.json:
        print_json({"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"})
    else:
        console.print(f"A simulator of the Message Batches API at {url} (a rule, not a model). Use it with",
                      soft_wrap=True)  # fmt: skip
        console.print(f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=simulated", soft_wrap=True)
    console.file.flush()
