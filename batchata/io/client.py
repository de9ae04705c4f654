"""The Anthropic client: credentials from the environment, a .env file or a profile on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from batchata.errors import CredentialsError

if TYPE_CHECKING:
    from anthropic import Anthropic

ADDRESS = "https://api.anthropic.com"
_WHERE = (
    "no credentials for the Claude API were found. Put ANTHROPIC_API_KEY=... into the environment or into a .env "
    "file in your project, or pass `client=Anthropic(api_key=...)`. To try it without a key: `batchata demo`, or "
    "`batchata simulate` and the two variables that it prints"
)


ClientOrMaker: TypeAlias = "Anthropic | Callable[[], Anthropic] | None"
"""A client, a function that makes one (which may be sent to other processes), or None for `make_client`."""


def make_client(
    api_key: str | None = None, base_url: str | None = None, *, headers: Mapping[str, str] | None = None
) -> Anthropic:
    """A client for the Claude API. Reads `.env` first; a variable that is set already wins over it.

    `headers` go with every request.

    Raises CredentialsError when there is neither a key, a token nor a profile on disk
    (the SDK itself would only say so at the first request).
    """
    import anthropic

    _read_dotenv()
    try:
        client = anthropic.Anthropic(api_key=api_key, base_url=base_url, default_headers=headers)
    except anthropic.AnthropicError as error:
        raise CredentialsError(f"the credentials cannot be used: {error}") from error
    client.api_key, client.auth_token = _trimmed(client.api_key), _trimmed(client.auth_token)
    if client.api_key is None and client.auth_token is None and client.credentials is None:
        client.close()
        raise CredentialsError(_WHERE)
    return client


def _trimmed(secret: str | None) -> str | None:
    """What is copied, or read from a file, easily has a line end; with it, it is no header."""
    return secret and (secret.strip() or None)


@contextmanager
def using(client: ClientOrMaker) -> Iterator[Anthropic]:
    """The caller's client, or one that is closed afterwards. Raises CredentialsError."""
    if client is not None and not callable(client):
        yield client
        return
    with client() if client is not None else make_client() as own:
        yield own


def api_address(client: ClientOrMaker) -> str:
    """Where the API lives for this client, or for one that `make_client` would make of the environment."""
    if callable(client):
        with client() as own:
            return api_address(own)
    if client is None:
        _read_dotenv()
    address = str(client.base_url) if client is not None else os.environ.get("ANTHROPIC_BASE_URL") or ADDRESS
    return address.rstrip("/")


def _read_dotenv() -> None:
    from dotenv import find_dotenv, load_dotenv

    if found := find_dotenv(usecwd=True):
        try:
            load_dotenv(found)
        except UnicodeDecodeError as error:
            raise CredentialsError(f"{found} is not UTF-8 text, so no key can be read from it") from error
