"""A worker of a run with `shards=...`: started by the run, on any machine of the work pool, and ended by it."""

from prefect import flow

from batchata.orchestration.shards import serve


@flow(name="work-shard", flow_run_name="shard-{shard}", log_prints=False)
def work_shard(coordinator: str, shard: int, exchange: str) -> str:
    """Carries out errands of the flow run `coordinator`, through the folder or URL `exchange`."""
    return serve(coordinator, shard, exchange)
