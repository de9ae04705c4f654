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

Prices are USD per million tokens in a message batch, half of those outside of
one. ? is what nobody tells; temperature stands for top_p and top_k too."""

_CAN = {
    "citations": "citations",
    "pdf": "pdf",
    "images": "images",
    "structured_outputs": "schema",
    "sampling": "temperature",
}

command = App(name="models", usage="Usage: batchata models [OPTIONS]", help_epilogue=EXAMPLES)


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
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, pad_edge=False)
    table.add_column("model", no_wrap=True)
    for name in ("context", "answer", "in", "out"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("takes", overflow="fold")
    for each in sheets:
        stage = "" if each.lifecycle == "active" else f"\n  {each.lifecycle or 'unknown'}"
        limits = [_tokens(each.context), _tokens(each.max_output)]
        prices = [_price(each.input_price), _price(each.output_price)]
        table.add_row(Text.assemble(each.id, (stage, "yellow")), *limits, *prices, _takes(each))
    return table


def _takes(sheet: ModelSheet) -> str:
    """What it takes; with a question mark what nobody tells."""
    if sheet.batch is False:
        return "no batches"
    known = [(word, getattr(sheet, name)) for name, word in _CAN.items()]
    return " ".join(word if can else f"{word}?" for word, can in known if can is not False)


def _tokens(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{count // 1_000_000}M" if count % 1_000_000 == 0 else f"{count // 1000}k"


def _price(price: Decimal | None) -> str:
    return "?" if price is None else usd(price)
