"""What the API answers when it refuses: a status, an error type and a sentence."""

from __future__ import annotations

from typing import Any

TYPES_BY_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """An answer with `status`, in the shape of `doc:api/errors`."""

    status = 500

    def __init__(
        self, message: str, *, details: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.headers = headers or {}

    @property
    def type(self) -> str:
        return TYPES_BY_STATUS.get(self.status, "api_error")

    def body(self, request_id: str | None) -> dict[str, Any]:
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            error["details"] = self.details
        return {"type": "error", "error": error, "request_id": request_id}


class InvalidRequestError(ApiError):
    status = 400


class AuthenticationError(ApiError):
    status = 401


class NotFoundError(ApiError):
    status = 404


class TooLargeError(ApiError):
    """Raised in front of the API, so the outer `type` is missing from the body."""

    status = 413

    def __init__(self) -> None:
        super().__init__("Request exceeds the maximum size")

    def body(self, request_id: str | None) -> dict[str, Any]:  # noqa: ARG002 - the real body has no request id
        return {"error": {"type": self.type, "message": self.message}}


class OrderedError(ApiError):
    """A failure that was asked for, with whichever status was asked for."""

    def __init__(
        self, status: int, message: str, *, error_code: str | None = None, retry_after: float | None = None
    ) -> None:
        details = {"error_code": error_code} if error_code else None
        headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
        super().__init__(message, details=details, headers=headers)
        self.status = status


class HangUpError(Exception):
    """The connection is closed without a (further) word."""
