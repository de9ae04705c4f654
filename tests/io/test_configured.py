"""Whether a Prefect server is set, told without importing Prefect."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from batchata.orchestration.server import is_configured

HERE = Path(__file__).parents[2]
URL = "http://127.0.0.1:4200/api"
PROFILES = f"""
active = "team"
[profiles.team]
PREFECT_API_URL = "{URL}"
[profiles.alone]
PREFECT_SERVER_EPHEMERAL_ENABLED = "true"
[profiles.empty]
PREFECT_API_URL = ""
"""


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    """Other tests of the session prepare Prefect with some."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def profiles(tmp_path):
    """The folder ~/.prefect; each test has a home of its own."""
    folder = tmp_path / "home" / ".prefect"
    folder.mkdir(parents=True)
    return folder / "profiles.toml"


def test_nothing_is_set():
    assert not is_configured()


@pytest.mark.parametrize(("value", "expected"), [(URL, True), ("", False), ("  ", False)])
def test_the_environment_decides(monkeypatch, value, expected):
    monkeypatch.setenv("PREFECT_API_URL", value)
    assert is_configured() is expected


def test_an_empty_variable_switches_a_profile_off(monkeypatch, profiles):
    profiles.write_text(PROFILES)
    monkeypatch.setenv("PREFECT_API_URL", "")
    assert not is_configured()


@pytest.mark.parametrize(
    ("profile", "expected"), [(None, True), ("team", True), ("alone", False), ("empty", False), ("unknown", False)]
)
def test_the_active_profile(monkeypatch, profiles, profile, expected):
    profiles.write_text(PROFILES)
    if profile:
        monkeypatch.setenv("PREFECT_PROFILE", profile)
    assert is_configured() is expected


@pytest.mark.parametrize("variable", ["PREFECT_HOME", "PREFECT_PROFILES_PATH"])
def test_the_profiles_of_another_place(monkeypatch, tmp_path, variable):
    path = tmp_path / "profiles.toml"
    path.write_text(PROFILES)
    monkeypatch.setenv(variable, str(tmp_path if variable == "PREFECT_HOME" else path))
    assert is_configured()


@pytest.mark.parametrize(
    "content",
    [b"", b"active = ", b"\xff\xfe", b"active = 3", b"profiles = 3", b'active = "x"\nprofiles = ["x"]', b"[profiles]"],
)
def test_odd_profiles_count_as_none(profiles, content):
    profiles.write_bytes(content)
    assert not is_configured()


def test_a_folder_in_place_of_the_profiles(profiles):
    profiles.mkdir()
    assert not is_configured()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env", f"PREFECT_API_URL={URL}\n"),
        ("prefect.toml", f'[api]\nurl = "{URL}"\n'),
        ("pyproject.toml", f'[tool.prefect.api]\nurl = "{URL}"\n'),
    ],
)
def test_files_of_the_project_that_prefect_reads(name, content):
    Path(name).write_text(content)
    assert is_configured()
    Path(name).write_bytes(b"\xff\xfe\x00 = [")
    assert not is_configured()


def test_prefect_agrees_and_is_not_imported(profiles):
    profiles.write_text(PROFILES)
    code = (
        "import sys; from batchata.orchestration.server import is_configured; answer = is_configured(); "
        "assert 'prefect' not in sys.modules; "
        "from prefect.settings import PREFECT_API_URL; assert answer is bool(PREFECT_API_URL.value()); print(answer)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=_plain(profiles), cwd=HERE)
    assert done.stdout.strip() == "True", done.stderr


def _plain(profiles):
    return {"HOME": str(profiles.parents[1]), "PATH": "/usr/bin:/bin"}
