import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

import batchata

from .conftest import ROOT


def python(*arguments, **options):
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, **options).stdout


def test_a_plain_import_loads_nothing_heavy():
    script = "import sys, json, batchata; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(python("-c", script)))
    assert not loaded & {
        "prefect",
        "tokencost",
        "anthropic",
        "pydantic",
        "genai_prices",
        "pypdf",
        "rich",
        "upath",
        "fsspec",
    }
    script = "import sys, json; from batchata import BatchManager, batch; print(json.dumps(sorted(sys.modules)))"
    assert not set(json.loads(python("-c", script))) & {"prefect", "upath", "fsspec"}


def test_a_plain_import_is_quick():
    """Over the start of Python itself; the best of a few, so that a busy machine does not count."""
    script = "import time; start = time.perf_counter(); import batchata; print(time.perf_counter() - start)"
    assert min(float(python("-c", script)) for _ in range(5)) < 0.1


def test_every_public_name_is_there_and_documented():
    for name in batchata.__all__:
        public = getattr(batchata, name)
        assert callable(public) is False or public.__doc__ or name == "Outcome", name
    assert set(dir(batchata)) == set(batchata.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        batchata.nonsense  # noqa: B018


def test_the_version_is_said_once_more_and_the_same():
    assert f'version = "{batchata.__version__}"' in (ROOT / "pyproject.toml").read_text()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    python("-c", f"from hatchling.build import build_wheel; build_wheel({str(folder)!r})", cwd=ROOT)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_its_types_and_the_documents_of_the_demo(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {"batchata/py.typed", "batchata/simulator/models.json", "batchata/cli.py"} <= set(names)
    assert sum(name.startswith("batchata/demo_documents/") and name.endswith(".pdf") for name in names) == 12
    assert {
        "batchata/project/prefect.yaml",
        "batchata/project/automations.yaml",
        "batchata/project/flows/run_batch.py",
    } <= set(names)
    assert not any(name.startswith(("tests/", "flows/")) for name in names)


def test_the_wheel_works_without_the_repository(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)}
    script = "import batchata, batchata.demo as demo; print(batchata.__file__); print(len(demo.demo_files()))"
    place, count = python("-c", script, cwd=tmp_path, env=environment).split()
    assert place.startswith(str(tmp_path))
    assert count == "12"


def test_the_constraints_name_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.+!-]+", line) for line in lines)
