"""Send a few at random, see what all would cost, then decide. Run `python -m examples.sample_first`."""

import tempfile
from pathlib import Path

from batchata import BatchManager, SampleReport
from examples.place import MODEL, api_or_simulator

REVIEWS = [f"Order {number}: arrived {'late' if number % 3 else 'on time'}, box {'dented' if number % 2 else 'fine'}."
           for number in range(60)]  # fmt: skip


def decide(report: SampleReport) -> bool:
    print(report)
    return report.high is not None and report.high < 1


def main(folder: Path) -> None:
    manager = BatchManager(
        messages=[[{"role": "user", "content": f"Is this customer content? {review}"}] for review in REVIEWS],
        model=MODEL,
        max_tokens=500,
        state_path=folder / "reviews.jsonl",
        cache=False,
    )
    summary = manager.run(sample=10, approve=decide)
    print(f"{summary['completed_items']} of {summary['total_items']} done for ${summary['total_cost']}")


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
