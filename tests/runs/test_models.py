import pickle
import subprocess
import sys

import cloudpickle
import pytest

from batchata import InputError
from batchata.running.errands import _opened
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
    with pytest.raises(InputError, match="cannot load the response model or a parameter: No module named"):
        _opened(pickle.dumps(Gone()))


def test_two_files_of_one_name_are_two_models(tmp_path):
    for folder, field in (("a", "name"), ("b", "place")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "models.py").write_text((MODELS + CONTACT).replace("name: str", f"{field}: str"))
    first, second = (response_model_of(f"{folder}/models.py:Contact") for folder in "ab")
    assert first.model_validate({"lines": [{"name": "Ada"}]}).lines[0].name == "Ada"
    assert second.model_validate({"lines": [{"place": "London"}]}).lines[0].place == "London"
