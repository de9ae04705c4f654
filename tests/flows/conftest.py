"""One server for all flow tests, on a database and a home of its own."""

import os
import tempfile

import pytest


@pytest.fixture(scope="session")
def prefect_server():
    os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-")  # read when prefect is imported
    os.environ.update(PREFECT_SERVER_ANALYTICS_ENABLED="false", DO_NOT_TRACK="1", PREFECT_LOGGING_LEVEL="ERROR")
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield
