"""The credentials of the Claude API as a Prefect block: entered in the UI, encrypted by the server, used by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from httpx import HTTPError
from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr

from batchata.errors import CredentialsError
from batchata.io.client import ADDRESS, make_client

if TYPE_CHECKING:
    from anthropic import Anthropic


class AnthropicCredentials(Block):
    """A key of the Claude API.

    Example:
        AnthropicCredentials(api_key="...").save("production")
        BatchManager(..., client=AnthropicCredentials.load("production").get_client())
    """

    _block_type_name = "Anthropic Credentials"
    _block_type_slug = "anthropic-credentials"
    _documentation_url = HttpUrl("https://docs.claude.com/en/api/overview")
    _description = "A key of the Claude API, for batchata."

    api_key: SecretStr = Field(description="The API key.")
    base_url: str | None = Field(default=None, description="Where the API lives, unless at its usual address.")
    workspace: str | None = Field(
        default=None, description="The id of the workspace to work in, for a key that may use several."
    )

    def get_client(self) -> Anthropic:
        """A client that uses these credentials and nothing of the environment; close it. Raises CredentialsError."""
        headers = {"anthropic-workspace-id": self.workspace} if self.workspace else None
        return make_client(self.api_key.get_secret_value(), self.base_url or ADDRESS, headers=headers)


def client_of(name: str) -> Anthropic:
    """The client of the block with this name. Raises CredentialsError."""
    try:
        block = AnthropicCredentials.load(name.removeprefix("anthropic-credentials/"))
    except (ValueError, RuntimeError, HTTPError) as error:  # RuntimeError: there is no server, and none can be started
        raise CredentialsError(
            f"the credentials {name!r} cannot be loaded: {error}. Make a block of that name in the Prefect UI, after "
            f"`prefect block register -m batchata.orchestration.credentials`, or with AnthropicCredentials(...).save()"
        ) from error
    if not isinstance(block, AnthropicCredentials):
        raise CredentialsError(f"the block {name} is a {type(block).__name__}, not an AnthropicCredentials")
    return block.get_client()
