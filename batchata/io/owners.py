"""Whose credentials they are: message batches that are sent with those of one workspace are not seen with another's."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from batchata.errors import AccountError, CredentialsError, RequestRefusedError
from batchata.io.faults import reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthropic import Anthropic, APIRequest


class Owner(NamedTuple):
    """As the API's answers name them (doc:api/overview); empty where they do not say."""

    organization: str = ""
    workspace: str = ""

    def is_other_than(self, other: Owner) -> bool:
        """Whether it is known that they are two."""
        return any(mine and theirs and mine != theirs for mine, theirs in zip(self, other, strict=True))

    def __str__(self) -> str:
        named = zip(("organization", "workspace"), self, strict=True)
        return " ".join(f"{name} {value}" for name, value in named if value)


class _Witness:
    """A middleware of the SDK's client."""

    def __init__(self) -> None:
        self.owner = Owner()

    def __call__(self, request: APIRequest, call_next: Callable[[APIRequest], Any]) -> Any:
        response = call_next(request)
        names = ("anthropic-organization-id", "anthropic-workspace-id")
        self.owner = Owner(*(response.headers.get(name, "") for name in names))
        return response


def owner_of(client: Anthropic) -> Owner:
    """By one free call. Raises CredentialsError for a key that is refused, ServiceError for no answer."""
    witness = _Witness()
    with suppress(AccountError, RequestRefusedError), reading("models"):  # a key may be forbidden to ask
        client.with_middleware(witness).get("/v1/models", cast_to=object, options={"params": {"limit": 1}})
    return witness.owner


def check_owner(own: Owner, of_run: Owner, who: str) -> None:
    """Raises CredentialsError when `who` would send where the run does not look."""
    if own.is_other_than(of_run):
        raise CredentialsError(
            f"{who} has credentials of {own}, the run those of {of_run}: it would not see the batches that are sent "
            "there, and they would be paid for. Give both a key of the same workspace (nothing was sent there)"
        )
