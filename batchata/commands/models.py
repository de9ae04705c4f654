"""`batchata models`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from cyclopts import App
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit
from batchata.core.modelsheet import ModelSheet, sheets_of
from batchata.core.money import usd
from batchata.io.client import make_client
from batchata.io.models import list_models

EXAMPLES = """\
Examples:

  batchata models
  batchata models --all                  # retired ones too
  batchata models --json | jq -r '.[] | select(.citations) | .id'

Prices are USD per million tokens in a message batch, which is half of what they are outside of one."""

_CAN = ("batch", "citations", "pdf", "images", "structured_outputs", "sampling")

command = App(name="models", help_epilogue=EXAMPLES)


@command.default
def models(*, all: bool = False, output: Output = Output()) -> Exit:  # noqa: A002 - the option's name
    """List the models that the API serves now: limits, prices in a batch, what each accepts.

    Parameters
    ----------
    all
        Retired models too, which no longer answer.
    """
    with make_client() as client:
        sheets = sheets_of(list_models(client), retired=all)
    if output.json:
        print_json(sheets)
    else:
        stdout().print(_view(sheets))
    return Exit.DONE


def _view(sheets: Sequence[ModelSheet]) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("model", overflow="fold", min_width=17)
    for name in ("lifecycle", "context", "answer", "in", "out"):
        table.add_column(name, justify="left" if name == "lifecycle" else "right", no_wrap=True)
    for name in ("batch", "cites", "pdf", "image", "schema", "temp."):
        table.add_column(name, justify="center", no_wrap=True)
    for each in sheets:
        limits = [_tokens(each.context), _tokens(each.max_output)]
        prices = [_price(each.input_price), _price(each.output_price)]
        can = [_word(getattr(each, name)) for name in _CAN]
        table.add_row(each.id, each.lifecycle or "unknown", *limits, *prices, *can)
    return table


def _tokens(count: int | None) -> str:
    if count is None:
        return "unknown"
    return f"{count // 1_000_000}M" if count % 1_000_000 == 0 else f"{count // 1000}k"


def _price(price: Decimal | None) -> str:
    return "unknown" if price is None else usd(price)


def _word(can: bool | None) -> Text:  # noqa: FBT001 - it is the one value
    if can is None:
        return Text("?", style="yellow")
    return Text("yes", style="green") if can else Text("-", style="dim")
