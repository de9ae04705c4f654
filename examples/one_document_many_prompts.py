"""Ask one long document many things; it is paid in full once. Run `python -m examples.one_document_many_prompts`."""

import tempfile
from pathlib import Path

from batchata import BatchManager
from examples.place import MODEL, api_or_simulator

CLAUSES = "\n".join(
    f"Clause {n}. Lot {n} is delivered {n} days after notice, and costs {n * 40} dollars." for n in range(1500)
)


def main(folder: Path) -> None:
    contract = folder / "contract.txt"
    contract.write_text(CLAUSES)
    manager = BatchManager(
        files=[contract],
        prompts={f"lot {n}": f"What does lot {n} cost?" for n in range(0, 1500, 25)},
        model=MODEL,
        max_tokens=1_000,
        state_path=folder / "contract.jsonl",
        prompt_caching="1h",
        upload=True,
        cache=False,
    )
    summary = manager.run()
    for record in list(manager.outcomes())[:3]:
        print(f"{record.label}: {record.result or record.reason}")
    hit_rate = summary["prompt_cache_hit_rate"]
    print(f"{summary['completed_items']} answers for ${summary['total_cost']:.4f}")
    print(f"read from the prompt cache: {hit_rate:.0%}, saved ${summary['prompt_cache_saved']:.4f}")


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
