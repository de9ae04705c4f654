"""Response models by name: the user's own code is loaded, also several times, also when it raises."""

import json
import sys

import pytest

from batchata import InputError
from batchata.runs.carrying import carry_out
from batchata.runs.due import collect_due
from batchata.runs.models import response_model_of

NESTED = (
    "from __future__ import annotations\nfrom pydantic import BaseModel\n\n"
    "class Bill(BaseModel):\n    lines: list[Line]\n\nclass Line(BaseModel):\n    amount: {}\n"
)


@pytest.fixture
def schema(tmp_path):
    def made(place, kind):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text(NESTED.format(kind))
        model = response_model_of(f"{place}:Bill")
        return model.model_json_schema()["$defs"]["Line"]["properties"]["amount"]["type"]

    return made


def test_each_model_has_the_annotations_of_its_own_file(schema):
    assert schema("a/models.py", "int") == "integer"
    assert schema("b/models.py", "str") == "string"
    assert schema("b/models.py", "list[bool]") == "array"


def test_a_file_may_bear_the_name_of_a_library(schema):
    assert schema("json.py", "int") == "integer"
    assert sys.modules["json"] is json


def test_code_that_raises_anything_is_told_and_keeps_no_other_run_from_it(hourly, notes, spec, tmp_path):
    for folder in "ab":
        notes("Ada", folder=folder)
    (tmp_path / "shapes.py").write_text(NESTED.format("str"))
    carry_out(spec(files=["a"], response_model="shapes.py:Bill", wait=False))
    carry_out(spec(files=["b"], wait=False))
    (tmp_path / "shapes.py").write_text("raise NotImplementedError('to do')\n")
    with pytest.raises(InputError, match="NotImplementedError: to do"):
        response_model_of("shapes.py:Bill")
    troubles = [visit.trouble for visit in collect_due(tmp_path / ".batchata")]
    assert [bool(each) for each in troubles] == [True, False]
