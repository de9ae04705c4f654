"""One run over files or conversations, begun or gone on with."""

from typing import Any

from prefect import State, flow

from batchata.job import DEFAULT_MODEL
from batchata.orchestration.endings import concluded
from batchata.orchestration.flow import final_state
from batchata.orchestration.hooks import settle_cancelled
from batchata.orchestration.naming import name_flow_run
from batchata.runs import carrying
from batchata.runs import parameters as p
from batchata.runs.spec import spec_of


@flow(
    name="run-batch",
    description="Put files, or conversations, through message batches of Claude at a limited cost.",
    on_cancellation=[settle_cancelled],
)
@p.described
def run_batch(
    files: p.Files = [],
    prompt: p.Prompt = None,
    model: p.Model = DEFAULT_MODEL,
    response_model: p.ResponseModel = None,
    enable_citations: p.Citations = False,
    max_cost: p.MaxCost = None,
    max_tokens: p.MaxTokens = None,
    name: p.Name = None,
    on_cost_limit: p.OnCostLimit = "pause",
    wait: p.Wait = True,
    sample: p.Sample = None,
    approve_below: p.ApproveBelow = None,
    files_from: p.FilesFrom = None,
    messages_file: p.MessagesFile = None,
    requests_file: p.RequestsFile = None,
    rows_file: p.RowsFile = None,
    template: p.Template = None,
    id_column: p.IdColumn = None,
    delimiter: p.Delimiter = None,
    prompt_file: p.PromptFile = None,
    prompts_file: p.PromptsFile = None,
    upload: p.Upload = False,
    credentials: p.Credentials = None,
    params: p.Params = {},
    answer_within: p.AnswerWithin = None,
    items_per_job: p.ItemsPerJob = None,
    max_parallel_jobs: p.ParallelJobs = None,
    quick: p.Quick = False,
    results_dir: p.ResultsDir = None,
    state_dir: p.StateDir = None,
    home: p.Home = ".batchata",
    cache: p.Cache = True,
    prompt_caching: p.PromptCaching = "auto",
    on_cancel: p.OnCancel = "leave",
    task_runner: p.TaskRunner = "threads",
    shards: p.Shards = 0,
) -> State[Any]:
    """Put files, or conversations, through message batches of Claude at a limited cost."""
    given = dict(locals())
    return concluded(lambda: final_state(carrying.carry_out(spec_of(given), began=name_flow_run)))
