import json
import traceback

import pytest

from batchata import build_requests, make_client, poll, submit
from batchata.errors import CredentialsError

REQUESTS = build_requests([[{"role": "user", "content": "Hello"}]], model="claude-haiku-5-5", run_id="r")


def test_without_credentials_it_says_where_to_put_the_key():
    with pytest.raises(CredentialsError, match=r"ANTHROPIC_API_KEY=.*\.env.*batchata demo"):
        make_client()


def test_the_key_comes_from_a_env_file_of_the_project(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=from-file\n")
    below = tmp_path / "src"
    below.mkdir()
    monkeypatch.chdir(below)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "")  # set and empty is what unset looks like in many shells
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with make_client() as client:
        assert client.api_key == "from-file"
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=from-file\n")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "from-environment")
    with make_client() as client:
        assert client.api_key == "from-environment"


def test_a_profile_on_disk_counts(tmp_path, monkeypatch):
    configs = tmp_path / "config" / "configs"
    configs.mkdir(parents=True)
    profile = {"authentication": {"type": "user_oauth"}, "organization_id": "org"}
    (configs / "default.json").write_text(json.dumps(profile))
    credentials = tmp_path / "config" / "credentials"
    credentials.mkdir()
    token = {"type": "oauth_token", "access_token": "token", "expires_at": 4102444800}
    (credentials / "default.json").write_text(json.dumps(token))
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path / "config"))
    with make_client() as client:
        assert client.credentials is not None


def test_a_line_end_after_a_key_is_no_part_of_it(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", " from-environment\n")
    with make_client() as client:
        assert client.api_key == "from-environment"
    with make_client(api_key="sk-1\r\n") as client:
        assert client.api_key == "sk-1"
    with pytest.raises(CredentialsError, match="no credentials"):
        make_client(api_key=" \n")


@pytest.mark.parametrize("call", [lambda client: poll(client, "msgbatch_1"), lambda client: submit(client, REQUESTS)])
def test_a_key_that_cannot_be_sent_is_not_quoted(client, call):
    with client.with_options(api_key="sk-ant-SEC\nRET") as odd, pytest.raises(CredentialsError) as caught:
        call(odd)
    assert "copy it anew" in str(caught.value)
    assert "SEC" not in "".join(traceback.format_exception(caught.value))
