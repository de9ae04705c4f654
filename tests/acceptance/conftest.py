import shutil
from pathlib import Path

import pytest

from batchata.simulator import Simulator

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A user's project: a .env file that leads to a simulator, three invoices, a note, and it is the working folder."""
    invoices = sorted((ROOT / "examples" / "invoices").glob("*.pdf"))[:3]
    for number, invoice in enumerate(invoices, 1):
        shutil.copy(invoice, tmp_path / f"invoice{number}.pdf")
    shutil.copy(invoices[0], tmp_path / "document.pdf")
    (tmp_path / "notes.txt").write_text("The meeting is on Monday. Budget: $500. Ada leads the project.")
    monkeypatch.chdir(tmp_path)
    simulator = Simulator()
    with simulator as url:
        (tmp_path / ".env").write_text(f"ANTHROPIC_API_KEY=from-dot-env\nANTHROPIC_BASE_URL={url}\n")
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
            monkeypatch.setenv(name, "")  # so that what .env sets is undone
            monkeypatch.delenv(name)
        yield simulator
