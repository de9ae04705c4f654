"""`export` and `estimate`, whose rooms others build."""

from .conftest import document


def test_export_writes_what_the_ending_says(shell):
    done = shell.run("export", "out", "--to", "all.jsonl", "--json")
    assert document(done) == {"path": "all.jsonl", "rows": 6, "items": 6, "waiting": 0}
    assert len((shell.folder / "all.jsonl").read_text().splitlines()) == 6
    only = shell.run("export", "out", "--to", "some.csv", "--outcome", "succeeded")
    assert "4 rows in some.csv; of the 6 items 2 have another outcome" in only.stdout


def test_an_estimate_of_two_models(shell):
    asked = ("estimate", "notes", "--prompt", "prompt.txt", "--model", "claude-haiku-5-5", "--also", "claude-opus-5-5")
    found = document(shell.run(*asked, "--json"))
    assert set(found) == {"claude-haiku-5-5", "claude-opus-5-5"}
    assert all(each["items"] == 6 for each in found.values())
    assert shell.run(*asked).stdout.count("Estimate for 6 items") == 2
