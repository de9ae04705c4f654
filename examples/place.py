"""Where the examples run: at the Claude API if there are credentials, else on the simulator."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from batchata import CredentialsError, make_client
from batchata.simulator import AfterLooks, Faults, Simulator

MODEL = "claude-haiku-5-5"
INVOICES = sorted(str(path) for path in (Path(__file__).parent / "invoices").glob("*.pdf"))


@contextmanager
def api_or_simulator(faults: Faults | None = None) -> Iterator[None]:
    """Inside, a batch needs no `client=`. The `faults` are made by the simulator only, and no key is needed for it."""
    if _has_credentials():
        print("there are credentials, so this runs at the Claude API and costs a few cents at most\n")
        yield
        return
    with Simulator(progress=AfterLooks(1), faults=faults) as url:
        os.environ |= {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "simulated"}
        print(f"no credentials, so this runs on the simulator at {url}, which answers by rule\n")
        try:
            yield
        finally:
            del os.environ["ANTHROPIC_BASE_URL"], os.environ["ANTHROPIC_API_KEY"]


def _has_credentials() -> bool:
    try:
        make_client().close()
    except CredentialsError:
        return False
    return True
