"""The command line: `batchata demo`, `batchata init`, `batchata simulate`."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from batchata import __version__
from batchata.errors import BatchataError

Style = Literal["bullets", "values", "pairs", "two", "one", "fenced", "prose"]

EXIT_ERROR, EXIT_INTERRUPTED = 1, 130

app = App(
    name="batchata",
    help="Large amounts of work through Claude's Message Batches API.",
    version=__version__,
    result_action="return_value",
)


@app.command
def demo(
    folder: Path | None = None,
    *,
    live: Annotated[bool, Parameter(negative="")] = False,
    ui: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Put a folder of PDF invoices through the whole pipeline and show objects, citations and cost.

    Parameters
    ----------
    folder
        A folder of PDFs of your own. Default: the invoices that come with batchata.
    live
        Use the Claude API instead of the simulator. Needs a key and costs about a cent.
    ui
        Show the invoices of batchata in the Prefect UI instead: a server, a worker and a run that stops to ask, on
        this machine, until Ctrl-C.
    """
    if ui:
        from batchata.demo_ui import run_demo_ui

        run_demo_ui(Console(), threading.Event().wait)
        return
    from batchata.demo import run_demo

    run_demo(folder, live=live, console=Console())


@app.command
def simulate(*, port: int = 8765, style: Style = "bullets", seed: int = 0, seconds: float = 0) -> None:
    """Run a simulator of the Message Batches API on loopback until it is interrupted.

    It answers by rule from the documents it is sent. It is not a model.

    Parameters
    ----------
    port
        Where to listen; 0 takes a free one.
    style
        How structured answers with citations are written: lines of evidence before the JSON (bullets), cited
        values, pairs or two fields inside it, all citations in one block, a code fence, or prose around it.
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
    except OSError as error:
        raise BatchataError(f"port {port} cannot be used ({error}); --port 0 takes a free one") from error
    with simulator as url:
        print(f"A simulator of the Message Batches API at {url} (a rule, not a model). Use it with")
        print(f"  export ANTHROPIC_BASE_URL={url} ANTHROPIC_API_KEY=simulated", flush=True)
        stopped.wait()


@app.command
def init(folder: Path = Path()) -> None:
    """Write prefect.yaml and flows/ into a project, ready for `prefect deploy --all`.

    Parameters
    ----------
    folder
        The project. Default: the working directory. Files that are there are never overwritten.
    """
    from batchata.scaffold import write_project

    written = write_project(folder)
    print(f"Written to {folder.absolute()}: {', '.join(str(name) for name in written)}. Next:")
    print("  prefect work-pool create batchata --type process    # once")
    print("  prefect deploy --all                                # after each change of prefect.yaml")
    print("  prefect worker start --pool batchata")


def main() -> None:
    """Run a command; errors of ours become one sentence on stderr and exit code 1."""
    try:
        app()
    except BatchataError as error:
        Console(stderr=True).print(f"[red]error:[/] {error}", highlight=False)
        sys.exit(EXIT_ERROR)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
