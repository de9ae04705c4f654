"""Response models by name: the user's own code is loaded, also several times, also when it raises."""

import json
import pickle
import subprocess
import sys

import cloudpickle
import pytest

from batchata import InputError
from batchata.running.errands import unpacked
from batchata.runs.carrying import carry_out
from batchata.runs.due import collect_due
from batchata.runs.models import response_model_of

MODELS = (
    "from __future__ import annotations\nfrom pydantic import BaseModel\n\nclass Line(BaseModel):\n    name: str\n\n"
)
CONTACT = "class Contact(BaseModel):\n    lines: list[Line]\n"
LOAD = (
    "import sys, pickle; model = pickle.load(sys.stdin.buffer); "
    "print(model.model_validate({'lines': [{'name': 'Ada'}]}).lines[0].name)"
)


@pytest.mark.parametrize("name", ["shapes_of_file.py:Contact", "shapes_of_package.sub:Contact"])
def test_a_model_of_the_project_goes_to_processes_that_do_not_have_it(tmp_path, name):
    (tmp_path / "shapes_of_file.py").write_text(MODELS + CONTACT)
    (tmp_path / "shapes_of_package").mkdir()
    (tmp_path / "shapes_of_package" / "base.py").write_text(MODELS)
    (tmp_path / "shapes_of_package" / "sub.py").write_text(
        "from pydantic import BaseModel\nfrom shapes_of_package.base import Line\n\n" + CONTACT
    )
    (tmp_path / "elsewhere").mkdir()
    packed = cloudpickle.dumps(response_model_of(name))
    done = subprocess.run(
        [sys.executable, "-c", LOAD], input=packed, capture_output=True, cwd=tmp_path / "elsewhere"
    )  # fmt: skip
    assert done.stdout == b"Ada\n", done.stderr.decode()


class Gone:
    def __reduce__(self):
        return __import__, ("no_such_module",)


def test_what_a_worker_cannot_load_is_an_error_of_ours():
    with pytest.raises(InputError, match="cannot load the response model: No module named"):
        unpacked(pickle.dumps(Gone()), "the response model")


def test_two_files_of_one_name_are_two_models(tmp_path):
    for folder, field in (("a", "name"), ("b", "place")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "models.py").write_text((MODELS + CONTACT).replace("name: str", f"{field}: str"))
    first, second = (response_model_of(f"{folder}/models.py:Contact") for folder in "ab")
    assert first.model_validate({"lines": [{"name": "Ada"}]}).lines[0].name == "Ada"
    assert second.model_validate({"lines": [{"place": "London"}]}).lines[0].place == "London"


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
