"""The SDK's exceptions -> ours, by what follows from them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchata.errors import (
    AccountError,
    BatchataError,
    CredentialsError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
)
from batchata.io.limits import has_none_left, retry_after

if TYPE_CHECKING:
    from anthropic import APIConnectionError, APIStatusError

_SPEND_CODES = ("enforced_spend_limit_reached", "contract_spend_limit_reached")
_ACCOUNT_STATUS = (402, 403)
_OWN_LIMIT = ("You have reached your specified", "Your credit balance is too low")
_MAYBE_CREATED = (408, 409, 499)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Around a call that is safe to repeat: whatever goes wrong comes out as one of our errors."""
    import anthropic
    import httpx2

    try:
        yield
    except anthropic.APIStatusError as error:
        raise status_error(what, error) from error
    except anthropic.APIConnectionError as error:
        check_headers(what, error)
        raise ServiceError(f"{what}: the API could not be reached ({error.__cause__ or error}); try again") from error
    except httpx2.HTTPError as error:
        raise ServiceError(f"{what}: the connection broke ({error}); try again") from error
    except (anthropic.AnthropicError, ValueError) as error:
        raise ServiceError(f"{what}: the answer could not be read ({error})") from error


def check_headers(what: str, error: APIConnectionError) -> None:
    """Raises CredentialsError when a header cannot be sent at all, without quoting it: it may be the key."""
    if type(error.__cause__).__name__ == "LocalProtocolError" and "header" in str(error.__cause__):
        raise CredentialsError(
            f"{what}: a header cannot be sent, for there is a line end or another control character in it. It is most "
            "likely the API key: copy it anew (nothing was sent)"
        ) from None


def status_error(what: str, error: APIStatusError) -> BatchataError:
    """The error for an answer that is no success (doc:api/errors)."""
    said = f"{error.api_message or error.message} (HTTP {error.status_code}, request id {error.request_id})"
    if error.status_code == 401:
        return CredentialsError(f"{what}: the API refused the credentials: {said}")
    if is_account_trouble(error):
        return AccountError(f"{what}: the account may not do this: {said}")
    if error.status_code == 429:
        headers = error.response.headers
        seconds, is_pace = retry_after(headers, time.time()), has_none_left(headers)
        message = f"{what}: the API takes no more for the moment: {said}; try again later"
        return RateLimitedError(message, retry_after=seconds, is_pace=is_pace)
    if error.status_code >= 500:
        return ServiceError(f"{what}: the API is busy or down: {said}; try again later")
    return RequestRefusedError(f"{what}: the API refused it: {said}", status=error.status_code)


def is_account_trouble(error: APIStatusError) -> bool:
    """Spend limits, credit, permissions: no item is at fault (doc:api/rate-limits, doc:api/errors)."""
    message = error.api_message or ""
    return (
        error.status_code in _ACCOUNT_STATUS
        or error.error_code in _SPEND_CODES
        or (error.status_code == 400 and message.startswith(_OWN_LIMIT))
    )


def may_have_created(error: APIStatusError) -> bool:
    """Whether a create call that was answered like this may have created the batch all the same."""
    return error.status_code >= 500 or error.status_code in _MAYBE_CREATED
