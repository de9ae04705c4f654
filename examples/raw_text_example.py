"""Text in, text out, and what each answer used. Run `python -m examples.raw_text_example`."""

from batchata import batch
from examples.place import MODEL, api_or_simulator

QUESTIONS = ("Name three uses of a paper clip.", "Why is the sky blue? One sentence.", "Write a haiku about a ledger.")


def main() -> None:
    job = batch(
        messages=[[{"role": "user", "content": question}] for question in QUESTIONS],
        model=MODEL,
        system="Answer briefly.",
    )
    for record in job.outcomes():
        print(QUESTIONS[record.index])
        print("   ", record.result or record.reason)
    cost = job.cost()
    print(f"{cost.total} USD, {cost.saved} USD less than without the batch discount")


if __name__ == "__main__":
    with api_or_simulator():
        main()
