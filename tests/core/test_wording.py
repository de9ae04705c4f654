"""A parameter in a message, as each surface spells it."""

import pytest

from batchata.cli import build
from batchata.core.wording import COMMAND_LINE, FORM, spelled
from batchata.runs.spec import RunSpec


@pytest.mark.parametrize(
    ("message", "typed", "filled_in"),
    [
        ("Raise `max_cost` and run again", "Raise --max-cost and run again", "Raise `max_cost` and run again"),
        ("give another `state_path`", "give another --out", "give another `state_dir`"),
        ("Give `state_path='/b c.jsonl'` to go on", "Give --out '/b c.jsonl' to go on", "Give `state_dir='/b c.jsonl'` to go on"),
        ("give `sample=0.01` (a share)", "give --sample 0.01 (a share)", "give `sample=0.01` (a share)"),
        ('`on_cost_limit="pause"` asks', "--on-cost-limit pause asks", '`on_cost_limit="pause"` asks'),
        ("`upload=True` is about files", "--upload is about files", "`upload=True` is about files"),
        ("leave out `enable_citations`", "leave out --citations", "leave out `enable_citations`"),
        ("`retry_failed()` sends 3", "`batchata retry` sends 3", "the deployment `retry-failed` sends 3"),
        ("`batchata models` lists `max_words`, `x`", "`batchata models` lists `max_words`, `x`", "`batchata models` lists `max_words`, `x`"),
        ("not `", "not `", "not `"),
    ],
)  # fmt: skip
def test_each_surface_spells_it(message, typed, filled_in):
    assert spelled(message, COMMAND_LINE) == typed
    assert spelled(message, FORM) == filled_in
    assert spelled(spelled(message, FORM), COMMAND_LINE) in (typed, filled_in)


def test_what_the_tables_name_is_there():
    app = build()
    commands = ("run", "estimate", "export")
    options = {
        name for each in commands for argument in app[each].assemble_argument_collection() for name in argument.names
    }
    assert {words.split()[0] for words in COMMAND_LINE.values() if words.startswith("--")} <= options
    fields = {*RunSpec.model_fields, "retry_failed", "cancel"}
    assert {words.strip("`") for words in FORM.values() if words.startswith("`") and " " not in words} <= fields


def test_no_parameter_of_a_run_is_left_without_its_option():
    assert set(RunSpec.model_fields) - set(COMMAND_LINE) == {"home", "wait"}
