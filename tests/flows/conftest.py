"""One server for all flow tests, on a database and a home of its own."""

import os
import tempfile

import pytest

from tests.flows.server import running_server


@pytest.fixture(scope="session")
def prefect_server():
    os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-")  # read when prefect is imported
    os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", PREFECT_LOGGING_LEVEL="ERROR")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture(scope="session")
def real_server():
    """A server that other processes reach too. Flows of the test itself use it inside `real_server.in_process()`."""
    os.environ.setdefault("PREFECT_HOME", tempfile.mkdtemp(prefix="prefect-"))
    os.environ.update(DO_NOT_TRACK="1", PREFECT_LOGGING_LEVEL="ERROR")
    with running_server() as server:
        yield server


@pytest.fixture
def inside(real_server):
    with real_server.in_process():
        yield real_server
