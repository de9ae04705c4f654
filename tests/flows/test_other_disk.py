"""A worker that does not see the disk of the run, as on another machine: it has its own file system over the folder."""

import os
import signal
import subprocess
import sys

import pytest

from batchata import InputError
from tests.flows.remote_support import invoices, key_of, manager_of

pytestmark = pytest.mark.filterwarnings("default")

CAN_HIDE = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"]


@pytest.fixture
def far_away(inside, tmp_path):
    """A Dask cluster whose only worker has an empty folder where the run has its files."""
    from distributed import LocalCluster

    if subprocess.run(CAN_HIDE, capture_output=True).returncode:
        pytest.skip("a folder cannot be hidden from a process here")
    (tmp_path / "shared").mkdir()
    with LocalCluster(n_workers=0, dashboard_address=None) as cluster:
        worker = f"{sys.executable} -m distributed.cli.dask_worker --no-nanny {cluster.scheduler_address}"
        command = f"mount -t tmpfs none {tmp_path / 'shared'} && exec {worker}"
        process = subprocess.Popen(["unshare", "--mount", "sh", "-c", command], start_new_session=True)
        try:
            yield cluster.scheduler_address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_what_a_worker_cannot_reach_is_said_before_anything_is_sent(far_away, simulator, tmp_path):
    from prefect_dask import DaskTaskRunner

    with key_of(simulator.url):
        files = invoices(tmp_path / "in", 2)
        manager = manager_of(tmp_path / "shared", files, task_runner=DaskTaskRunner(address=far_away))
        with pytest.raises(
            InputError, match=r"the worker on \S+ cannot reach \S+shared/results: what the run put there"
        ):
            manager.run()
    assert simulator.state()["create_calls"] == 0
