import anthropic
import httpx2
import pytest

from batchata.simulator import Simulator

HEADERS = {"authorization": "Bearer key", "anthropic-version": "2026-10-21"}


@pytest.fixture
def start():
    """Start a simulator and give it with an SDK client; everything is closed afterwards."""
    opened = []

    def begin(**options):
        simulator = Simulator(**options)
        # Loopback has no TLS, and loading the certificates takes longer than most of these tests.
        http = anthropic.DefaultHttpxClient(verify=False)
        client = anthropic.Anthropic(api_key="key", base_url=simulator.start(), max_retries=0, http_client=http)
        opened.extend((client.close, simulator.stop))
        return simulator, client

    yield begin
    for close in opened:
        close()


@pytest.fixture
def served(start):
    return start()


@pytest.fixture
def client(served):
    return served[1]


@pytest.fixture
def raw(served):
    with httpx2.Client(base_url=served[0].url, headers=HEADERS, timeout=10) as http:
        yield http
