"""Rows of a CSV file in, a CSV file with the answers out. Run `python -m examples.rows_and_tables`."""

import tempfile
from pathlib import Path

from pydantic import BaseModel

from batchata import BatchManager, read_rows
from examples.place import MODEL, api_or_simulator

MAILS = """id,subject,body
m1,Budget,"The meeting moves to 3 pm, same room."
m2,You won,"Click here to claim your $1,000 gift card!"
m3,Draft,"Two comments on section 4, see below."
"""


class Verdict(BaseModel):
    is_spam: bool
    reason: str


def main(folder: Path) -> None:
    mails = folder / "mails.csv"
    mails.write_text(MAILS)
    manager = BatchManager(
        messages=read_rows(mails, "Is this mail spam?\n\nSubject: {subject}\n\n{body}", id_column="id"),
        model=MODEL,
        response_model=Verdict,
        state_path=folder / "mails.jsonl",
        cache=False,
    )
    manager.run()
    print(manager.export(folder / "verdicts.csv"))
    print((folder / "verdicts.csv").read_text())


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
