"""The commands as processes, with real signals and a real terminal."""

import os
import re
import signal
import subprocess
import sys

import pexpect
import pytest

from batchata import batch, make_client
from batchata.runs.models import response_model_of
from batchata.simulator import Simulator

from .conftest import ROOT

COMMAND = [sys.executable, "-m", "batchata.cli"]


def run(*arguments, **environment):
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )


def test_help_and_version():
    assert "demo" in run("--help").stdout
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", run("--version").stdout)


def test_the_demo_shows_objects_pages_and_cost():
    done = run("demo", COLUMNS="100")
    assert done.returncode == 0, done.stderr
    assert "it answers by rule; it is not a model" in " ".join(done.stdout.split())
    assert "12 items: 12 succeeded" in done.stdout
    assert "INV-2026-0118" in done.stdout
    assert re.search(r"cost \$0\.\d+ instead of \$0\.\d+: the batch discount saved", done.stdout)


def test_the_demo_in_a_terminal_has_a_progress_bar():
    child = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "demo"], encoding="utf-8", timeout=60, dimensions=(40, 120))
    child.expect("waiting for the batch")
    child.expect("12 invoices done")
    child.expect("saved")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_the_demo_takes_a_folder_of_ones_own(tmp_path):
    (tmp_path / "mine.pdf").write_bytes((ROOT / "examples" / "invoices" / "01_classic_usd.pdf").read_bytes())
    assert "1 items: 1 succeeded" in run("demo", str(tmp_path)).stdout


def test_an_error_is_a_sentence_and_an_exit_code(tmp_path):
    done = run("demo", str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert "error: there are no PDFs in" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_live_without_a_key_says_where_to_put_it(tmp_path):
    done = run("demo", "--live", HOME=str(tmp_path))
    assert done.returncode == 1
    assert "ANTHROPIC_API_KEY=..." in done.stderr


def test_a_port_that_is_taken_is_an_error_of_one_sentence():
    with Simulator() as url:
        done = run("simulate", "--port", url.rsplit(":", 1)[1])
    assert done.returncode == 1
    assert "--port 0 takes a free one" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_simulator_serves_until_it_is_stopped(number):
    process = subprocess.Popen([*COMMAND, "simulate", "--port", "0"], stdout=subprocess.PIPE, text=True)
    url = re.search(r"http://\S+", process.stdout.readline())[0]
    with make_client(api_key="none", base_url=url) as client:
        assert batch(messages=[[{"role": "user", "content": "hi"}]], client=client).results()
    assert f"ANTHROPIC_BASE_URL={url}" in process.stdout.readline()
    process.send_signal(number)
    with process:
        assert process.wait(timeout=10) == 0


def test_init_writes_what_prefect_deploys_and_overwrites_nothing(tmp_path):
    done = run("init", str(tmp_path / "project"))
    assert done.returncode == 0, done.stderr
    steps = [
        "cd ",
        "prefect server start",
        "export PREFECT_API_URL=",
        "work-pool create",
        "prefect deploy --all --no-prompt",
        "ANTHROPIC_API_KEY",
        "batchata simulate",
        "worker start --pool batchata",
        "run-batch/run-batch",
    ]
    places = [done.stdout.find(step) for step in steps]
    assert places == sorted(places)
    assert -1 not in places
    assert (tmp_path / "project" / "automations.yaml").read_text() == (
        ROOT / "examples" / "automations.yaml"
    ).read_text()
    model = response_model_of(f"{tmp_path / 'project' / 'models.py'}:Invoice")
    assert list(model.model_fields) == ["company_name", "invoice_number", "total_amount"]
    for name in ("prefect.yaml", "flows/run_batch.py", "flows/process_inbox.py"):
        assert (tmp_path / "project" / name).read_bytes() == (ROOT / name).read_bytes()
    again = run("init", str(tmp_path / "project"))
    assert again.returncode == 1
    assert "would be overwritten; nothing was written" in " ".join(again.stderr.split())
