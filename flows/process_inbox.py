"""Scheduled: whatever is new or changed in a folder or bucket goes through, once."""

from typing import Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.states import Completed, Failed

from batchata.core.naming import artifact_key
from batchata.job import DEFAULT_MODEL
from batchata.orchestration.endings import concluded
from batchata.orchestration.flow import final_state
from batchata.orchestration.hooks import settle_cancelled
from batchata.orchestration.naming import name_flow_run
from batchata.runs import inbox as inboxes
from batchata.runs import parameters as p
from batchata.runs.spec import RunSpec, spec_of


@flow(
    name="process-inbox",
    description="Put what is new in a folder through message batches of Claude. What was done is never done again.",
    on_cancellation=[settle_cancelled],
)
@p.described
def process_inbox(
    inbox: p.Inbox,
    prompt: p.Prompt = None,
    model: p.Model = DEFAULT_MODEL,
    response_model: p.ResponseModel = None,
    enable_citations: p.Citations = False,
    max_cost: p.PickupCost = None,
    max_tokens: p.MaxTokens = None,
    on_cost_limit: p.OnCostLimit = "pause",
    wait: p.Wait = True,
    prompt_file: p.PromptFile = None,
    prompts_file: p.PromptsFile = None,
    upload: p.Upload = False,
    name: p.Name = None,
    credentials: p.Credentials = None,
    params: p.Params = {},
    answer_within: p.AnswerWithin = None,
    items_per_job: p.ItemsPerJob = None,
    max_parallel_jobs: p.ParallelJobs = None,
    results_dir: p.ResultsDir = None,
    home: p.Home = ".batchata",
    cache: p.Cache = True,
    prompt_caching: p.PromptCaching = "auto",
    on_cancel: p.OnCancel = "leave",
    task_runner: p.TaskRunner = "threads",
    shards: p.Shards = 0,
    quick: p.Quick = False,
) -> State[Any]:
    """Put what is new in a folder through message batches of Claude. What was done is never done again."""
    given = dict(locals())
    name_flow_run(f"look into {given.pop('inbox')}")
    return concluded(lambda: _picked_up(spec_of({"files": [inbox], **given})))


def _picked_up(spec: RunSpec) -> State[Any]:
    pickup = inboxes.process_inbox(spec, began=name_flow_run)
    told = inboxes.sentence(pickup)
    create_markdown_artifact(inboxes.report(pickup), key=artifact_key(spec.title, "inbox"), description=told)
    without_figures = Failed if pickup.broken else Completed
    return final_state(pickup.runs[-1], told) if pickup.runs and not pickup.broken else without_figures(message=told)
