"""What the forms of the deployments show: the order of the fields, and what each says."""

from inspect import signature

import pytest

from batchata.runs.spec import RunSpec
from flows.process_inbox import process_inbox
from flows.run_batch import run_batch

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

FIRST = ["prompt", "model", "response_model", "enable_citations", "max_cost", "max_tokens"]


def _parameters(flow):
    return signature(flow.fn).parameters


def test_what_one_needs_first_stands_first():
    assert [*_parameters(run_batch)][:10] == ["files", *FIRST, "name", "on_cost_limit", "wait"]
    assert [*_parameters(process_inbox)][:9] == ["inbox", *FIRST, "on_cost_limit", "wait"]


def test_the_form_has_what_a_description_has_with_the_same_defaults():
    shown = {name: each.default for name, each in _parameters(run_batch).items()}
    assert shown == {name: field.default for name, field in RunSpec.model_fields.items()}


def test_a_field_that_may_stay_empty_says_what_that_means():
    unsaid = [
        name
        for name, field in RunSpec.model_fields.items()
        if field.default is None
        and "Default: " not in str(field.description)
        and not str(field.description).startswith(("Instead of ", "With rows_file: "))
    ]
    assert unsaid == ["prompt"], "files need one, conversations take none"
    assert "16,000" in str(RunSpec.model_fields["max_tokens"].description)
