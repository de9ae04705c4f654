"""What runs of deployments tell whoever watches them in the UI: their names, logs, states and summaries.

They are carried out here, as a worker's child would: an answer to a suspended run has it carried out once more.
"""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from batchata import InputError
from batchata.simulator import Simulator

pytestmark = [pytest.mark.usefixtures("inside"), pytest.mark.filterwarnings("default")]

COMMON = {"files": ["notes"], "prompt": "Who is it?", "model": "claude-haiku-5-5", "cache": False, "max_tokens": 1000}


@pytest.fixture
def simulator(monkeypatch):
    with Simulator(seed=7) as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "none")
        yield url


@pytest.fixture
def notes(tmp_path):
    (tmp_path / "notes").mkdir()
    for number in range(8):
        (tmp_path / "notes" / f"n{number}.txt").write_text(f"Name: Nr{number}")


@pytest.fixture
def api():
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as api:
        yield api


@pytest.fixture(autouse=True)
def prefects_own_lines(inside):
    """In the log of the flow run, as a worker's child has them: the level of the tests keeps them away."""
    from prefect.logging.configuration import setup_logging
    from prefect.settings import PREFECT_LOGGING_LEVEL, temporary_settings

    with temporary_settings({PREFECT_LOGGING_LEVEL: "INFO"}):
        setup_logging()
        yield
    setup_logging()


class Deployed:
    """A run of a deployment of a flow."""

    def __init__(self, api, flow, *, called=None, **parameters):
        deployment = flow.to_deployment(f"told-{uuid4().hex[:6]}").apply()
        self.api, self.flow = api, flow
        self.id = api.create_flow_run_from_deployment(deployment, parameters=parameters, name=called).id

    def carry_out(self):
        """The state in which the flow run is left; the error that a child would end with passes by, and is logged."""
        from prefect.exceptions import Pause
        from prefect.flow_engine import run_flow
        from prefect.logging.loggers import flow_run_logger
        from prefect.states import Pending

        self.api.set_flow_run_state(self.id, Pending())
        run = self.api.read_flow_run(self.id)
        with suppress(Pause, InputError):
            run_flow(self.flow, flow_run=run, error_logger=flow_run_logger(run, self.flow))
        return self.api.read_flow_run(self.id).state

    def log(self):
        """The lines so far."""
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
        from prefect.logging.handlers import APILogHandler

        APILogHandler().flush()
        lines = self.api.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self.id])))
        return [each.message for each in sorted(lines, key=lambda each: each.timestamp)]

    def summary(self):
        from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

        found = self.api.read_artifacts(
            artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[self.id]))
        )
        return next(each.data for each in found if each.key.endswith("-summary"))


def having(lines, words):
    return [line for line in lines if words in line]


def test_a_question_is_put_once_and_its_answer_is_told(api, simulator, notes):
    from flows.run_batch import run_batch

    run = Deployed(api, run_batch, **COMMON, items_per_job=2, max_cost=0.0004)
    assert run.carry_out().name == "Suspended"
    asked = run.log()
    assert len(having(asked, "asks for a new limit or a stop: answer with Resume")) == 1
    assert having(asked, "job 1 settled: 1 of 1 succeeded, $0.00000")
    assert having(asked, "Suspending")
    waits = run.summary()
    assert "**The run waits for your answer**: the cost limit of $0.0004 is reached" in waits
    assert "Answer with **Resume**" in waits
    api.resume_flow_run(run.id, run_input={"decision": "continue", "new_limit_usd": 0.05})
    state = run.carry_out()
    assert (state.name, state.message.startswith("8 of 8 items succeeded; $0.0")) == ("Completed", True)
    later = run.log()[len(asked) :]
    assert having(later, "answered: continue, the limit is raised from $0.0004 to $0.05")
    assert not having(later, "asks for")
    assert not having(later, "Suspending")
    assert "**The run is finished.**" in run.summary()
    assert api.read_flow_run(run.id).name.startswith("notes 20")


def test_what_stops_a_run_is_in_its_log_and_names_what_the_ui_has(api, simulator, notes):
    from flows.cancel import cancel
    from flows.run_batch import run_batch

    run = Deployed(api, run_batch, called="my own name", **COMMON, max_cost=0.00001, on_cost_limit="stop")
    state = run.carry_out()
    assert state.name == "Stopped"
    why = "Raise `max_cost` and start the same deployment again"
    assert len([line for line in run.log() if line.endswith(why)]) == 1
    assert why in state.message
    summary = run.summary()
    place = next(Path(".batchata/runs").absolute().iterdir())
    assert f"- **`state_dir`**: `{place}`" in summary
    assert f"prefect deployment run cancel/cancel -p state_dir={place}" in summary
    assert "state_path=" not in summary
    assert api.read_flow_run(run.id).name == "my own name"
    stops = Deployed(api, cancel, state_dir=str(place))
    stops.carry_out()
    assert api.read_flow_run(stops.id).name == "cancel notes"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"files": ["nowhere/*.pdf"]}, "no file is found for nowhere/*.pdf"), ({"prompt": None}, "files need a prompt")],
)
def test_an_expected_error_is_one_sentence(api, simulator, notes, given, sentence):
    from flows.run_batch import run_batch

    run = Deployed(api, run_batch, **(COMMON | given))
    state = run.carry_out()
    assert state.is_failed()
    assert sentence in state.message
    lines = run.log()
    assert lines.count(state.message) == 1
    assert not having(lines, "Traceback")
    with pytest.raises(InputError, match=r"nowhere|prompt"):
        run_batch(**(COMMON | given))


@pytest.mark.parametrize("name", ["my own name", "nightly", "a-b", "invoices-2026", "gentle", "gentle-fox-run", ""])
def test_a_typed_name_is_not_taken_for_one_of_prefect(name):
    from prefect.utilities.names import generate_slug

    from batchata.orchestration.naming import is_made_up

    assert not is_made_up(name)
    assert all(is_made_up(generate_slug(2)) for _ in range(100))
    assert is_made_up("Rustic-Onager")  # by the form in the UI
    assert is_made_up("Mild-Nurse Shark")
