"""The key of the Claude API as a block of a real Prefect server."""

import uuid

import pytest
from prefect.blocks.core import Block

from batchata import BatchManager, CredentialsError
from batchata.io.client import api_address
from batchata.orchestration.credentials import AnthropicCredentials, client_of

pytestmark = [pytest.mark.usefixtures("inside"), pytest.mark.filterwarnings("default")]

KEY = "sk-ant-very-secret"


@pytest.fixture
def saved(simulator):
    def save(**more):
        name = f"c-{uuid.uuid4().hex[:8]}"
        AnthropicCredentials(api_key=KEY, **{"base_url": simulator.url, **more}).save(name)
        return name

    return save


def test_a_run_works_with_a_block_and_nothing_else(saved, simulator, tmp_path):
    with client_of(saved()) as client:
        manager = BatchManager(
            messages=[[{"role": "user", "content": "Name: Ada"}]],
            model="claude-haiku-5-5",
            client=client,
            state_path=tmp_path / "ledger.jsonl",
            cache=False,
            orchestrator="local",
        )
        assert manager.run()["completed_items"] == 1
    assert all(KEY.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_the_environment_of_the_worker_plays_no_part(saved, simulator, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another")
    with client_of(saved()) as client:
        assert client.api_key == KEY
        assert client.auth_token is None
        assert api_address(client) == simulator.url
    with AnthropicCredentials(api_key=KEY).get_client() as client:
        assert api_address(client) == "https://api.anthropic.com"


def test_a_workspace_goes_with_every_request(saved):
    with client_of(saved(workspace="wrkspc_1")) as client:
        assert client.default_headers["anthropic-workspace-id"] == "wrkspc_1"


def test_it_is_found_by_its_type_and_keeps_its_key_to_itself(saved):
    found = Block.load(f"anthropic-credentials/{saved()}")
    assert isinstance(found, AnthropicCredentials)
    assert KEY not in repr(found) + str(found.model_dump())


@pytest.mark.parametrize("prefix", ["", "anthropic-credentials/"])
def test_a_name_may_say_its_type(saved, prefix):
    with client_of(prefix + saved()) as client:
        assert client.api_key == KEY


def test_a_block_that_is_not_there_is_told():
    with pytest.raises(CredentialsError, match=r"'nobody' cannot be loaded.*prefect block register"):
        client_of("nobody")
