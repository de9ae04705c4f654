"""`python -m tests.report.screenshot PICTURE`: the report of a run over forty invoices, as the README shows it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from batchata import BatchManager, make_client
from batchata.demo import MODEL, PROMPT, Invoice
from batchata.simulator import Simulator
from tests.browser.browser import find_tools, running_browser
from tests.report.forty import draw_forty

ITEM, FIELD = 17, "line_items[1].amount"


def main(picture: Path) -> None:
    with tempfile.TemporaryDirectory() as name, Simulator(style="values") as url:
        folder = Path(name)
        files = [*draw_forty(folder)]
        with make_client(api_key="none", base_url=url) as client:
            manager = BatchManager(
                files=files, prompt=PROMPT, model=MODEL, response_model=Invoice, enable_citations=True, max_cost=0.05,
                state_path=folder / "run" / "ledger.jsonl", client=client, cache=False, orchestrator="local",
                name="Invoices",
            )  # fmt: skip
            manager.run()
        manager.export(folder / "report.html")
        with running_browser(find_tools()) as browser:
            browser.take(
                {"do": "open", "url": (folder / "report.html").as_uri(), "until": "items"},
                {"do": "look", "width": 1360, "height": 840, "dark": False},
                {"do": "point", "selector": f"#rows button[data-item='{ITEM}']"},
                {"do": "point", "selector": f"[data-path='{FIELD}'] .field"},
                {"do": "shot", "path": str(picture)},
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
