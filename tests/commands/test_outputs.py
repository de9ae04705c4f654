"""What the commands beside a run write, at a terminal and as JSON."""

import json
import re
import signal
import socket

import pytest

from .conftest import document, ended, until


def test_export_writes_what_the_ending_says(shell):
    done = shell.run("export", "out", "--to", "all.jsonl", "--json")
    assert document(done) == {"path": "all.jsonl", "rows": 6, "items": 6, "waiting": 0, "export_errors": 0}
    assert len((shell.folder / "all.jsonl").read_text().splitlines()) == 6
    only = shell.run("export", "out", "--to", "some.csv", "--outcome", "succeeded")
    assert "4 rows in some.csv; of the 6 items 2 have another outcome" in only.stdout


def test_an_estimate_of_two_models(shell):
    asked = ("estimate", "notes", "--prompt", "prompt.txt", "--model", "claude-haiku-5-5", "--also", "claude-opus-5-5")
    found = document(shell.run(*asked, "--json"))
    assert set(found) == {"claude-haiku-5-5", "claude-opus-5-5"}
    assert all(each["items"] == 6 for each in found.values())
    assert shell.run(*asked).stdout.count("Estimate for 6 items") == 2


def test_at_a_narrow_terminal_without_colours(shell):
    """Each line fits, so that the terminal breaks none of them."""
    work = ("notes", "--prompt", "prompt.txt", "--model", "claude-haiku-5-5")
    for arguments in (("estimate", *work), ("init", "narrow"), ("export", "out", "--to", "n.csv"), ("results", "out")):
        text, code = ended(shell.terminal(*arguments, width=100, NO_COLOR="1"))
        assert code == 0
        assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
        assert max(len(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)) for line in text.splitlines()) <= 100, text


def test_init_as_json_and_where_to_go_from_there(shell):
    done = document(shell.run("init", "a project", "--json"))
    assert done["folder"] == str(shell.folder / "a project")
    assert all((shell.folder / "a project" / name).is_file() for name in done["written"])
    assert "prefect.yaml" in done["written"]
    assert "\n  cd 'another one'\n  prefect server start" in shell.run("init", "another one").stdout
    again = shell.run("init", "a project", "--json")
    assert (again.returncode, again.stdout) == (1, "")


def test_the_simulator_tells_its_variables_as_json_until_it_is_stopped(shell):
    started = shell.start("simulate", "--port", "0", "--json")
    until(lambda: started.out.read_text().endswith("}\n"))
    variables = json.loads(started.out.read_text())
    assert variables["ANTHROPIC_API_KEY"] == "simulated"
    host, port = variables["ANTHROPIC_BASE_URL"].removeprefix("http://").split(":")
    socket.create_connection((host, int(port)), timeout=10).close()
    started.told(signal.SIGINT)
    assert started.returncode() == 0


def test_the_demo_as_json(shell):
    done = shell.run("demo", "--json", "--quiet")
    found = document(done)
    assert done.stderr == ""
    assert [each["outcome"] for each in found["items"]] == ["succeeded"] * 12
    assert found["items"][0]["result"]["invoice_number"] == "INV-2026-0118"
    assert sum(float(each["cost"]) for each in found["items"]) == pytest.approx(float(found["cost"]))
