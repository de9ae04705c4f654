import json

import pytest

from batchata import make_client
from batchata.errors import CredentialsError


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
