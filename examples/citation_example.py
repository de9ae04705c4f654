"""Ask for prose, and get the passages of the text that it rests on. Run `python -m examples.citation_example`."""

from batchata import batch
from examples.place import MODEL, api_or_simulator

REPORT = """The observatory was opened in 1912 and stands at 2,340 metres.
Its main mirror measures 1.8 metres. It was replaced in 1967 after a crack was found.
Every year some 14,000 visitors come, most of them in August.
The roof opens in four minutes."""


def main() -> None:
    job = batch(
        files=[REPORT.encode()], prompt="How large is the mirror, and since when?", model=MODEL, enable_citations=True
    )
    for entry in job.results():
        print(entry["result"])
        for each in entry["citations"] or []:
            print(f"    characters {each.start_char_index} to {each.end_char_index}: {each.cited_text.strip()!r}")


if __name__ == "__main__":
    with api_or_simulator():
        main()
