import os

import pytest
from hypothesis import settings

settings.register_profile("batchata", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("batchata")

for name in [name for name in os.environ if name.startswith(("ANTHROPIC_", "PREFECT_"))]:
    del os.environ[name]


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(monkeypatch, tmp_path):
    """No profile of the machine's owner, no .env of a parent folder."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
