"""Is there a Prefect server, and how the loop of a flow talks to it. Importing this module does not import Prefect."""

from __future__ import annotations

import os
import sys
import time
import tomllib
from collections.abc import Callable
from contextlib import ExitStack, closing
from contextvars import copy_context
from functools import cache
from pathlib import Path
from ssl import SSLContext, create_default_context
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from httpx import Response
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import StateType
    from prefect.settings.models.api import APISettings

T = TypeVar("T")

API_URL = "PREFECT_API_URL"
SECONDS_PER_CALL = 10.0
MAY_PASS = frozenset({408, 429, 502, 503})
LOOK_SECONDS = 10.0
"""How often the server is asked for the state of the own run, at most."""


def is_configured() -> bool:
    """Whether a flow called now would report to a Prefect server: one is set, or we are inside a flow run already."""
    return bool(_url_in_effect()) or _is_in_flow_run()


def _url_in_effect() -> object:
    """The first of Prefect's own sources that names a URL; a variable that is set but empty switches the others off."""
    if API_URL in os.environ:
        return os.environ[API_URL].strip()
    return _url_in_dotenv() or _url_in_project() or _url_in_profile()


def _url_in_dotenv() -> object:
    if not Path(".env").is_file():
        return None
    from dotenv import dotenv_values

    try:
        return dotenv_values(".env").get(API_URL)
    except (OSError, ValueError):  # unreadable, or not UTF-8
        return None


def _url_in_project() -> object:
    return _look_up(_toml(Path("prefect.toml")), "api", "url") or _look_up(
        _toml(Path("pyproject.toml")), "tool", "prefect", "api", "url"
    )


def _url_in_profile() -> object:
    home = Path(os.environ.get("PREFECT_HOME") or "~/.prefect")
    settings = _toml(Path(os.environ.get("PREFECT_PROFILES_PATH") or home / "profiles.toml"))
    profile = os.environ.get("PREFECT_PROFILE") or settings.get("active")
    return _look_up(settings, "profiles", profile, API_URL)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.expanduser().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # absent, odd, or no home directory
        return {}


def _look_up(table: object, *keys: object) -> object:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) and isinstance(key, str) else None
    return table


def _is_in_flow_run() -> bool:
    context = getattr(sys.modules.get("prefect.context"), "FlowRunContext", None)
    return context is not None and context.get() is not None


def own_flow_run_id() -> UUID | None:
    """The id of the flow run we are in, also inside a task run; None outside."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return context.flow_run.id if context is not None and context.flow_run is not None else None


def is_deployed() -> bool:
    """Whether the flow run that we are in is one of a deployment."""
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    return context is not None and context.flow_run is not None and context.flow_run.deployment_id is not None


class Line:
    """A client for the loop of a flow: a call is tried once and waits 10 s at most.

    Prefect's usual client tries six times within a minute while a server is away, and the loop would stand still.
    Close it where it was opened.
    """

    def __init__(self) -> None:
        self._context = copy_context()  # the setting that forbids retries holds in here only
        self._resources = ExitStack()
        self._client = self._context.run(self._open)

    def _open(self) -> SyncPrefectClient:
        from prefect.client.orchestration import get_client
        from prefect.context import SettingsContext, get_settings_context

        # Prefect's temporary_settings and its client read the environment, and all certificates, anew each time: that
        # takes a fifth of a second, and a short run opens several lines.
        now = get_settings_context()
        once = now.settings.client.model_copy(update={"max_retries": 0})
        settings = now.settings.model_copy(update={"client": once})
        self._resources.enter_context(SettingsContext(profile=now.profile, settings=settings))
        how = {"timeout": SECONDS_PER_CALL, "event_hooks": {"response": [_refuse_at_once]}, **_trust(settings.api)}
        client = get_client(sync_client=True, httpx_settings=how)
        return self._resources.enter_context(client)

    def call(self, function: Callable[[SyncPrefectClient], T]) -> T:
        """`function` with the client. Raises httpx.HTTPError when the server is away or refuses."""
        return self._context.run(function, self._client)

    def close(self) -> None:
        self._context.run(self._resources.close)


def _refuse_at_once(response: Response) -> None:
    """Prefect's client sleeps for two seconds after a refusal that may pass, also where it tries no more."""
    if response.status_code in MAY_PASS:
        response.read()
        response.raise_for_status()


def _trust(api: APISettings) -> dict[str, SSLContext]:
    """Whose certificates are believed, where Prefect is to check them at all."""
    from certifi import where

    return {} if api.tls_insecure_skip_verify else {"verify": _certificates(api.ssl_cert_file or where())}


@cache
def _certificates(file: str) -> SSLContext:
    return create_default_context(cafile=file)


def state_type(line: Line, run_id: UUID) -> StateType | None:
    """None when the server is away; a run that it does not know, or not any more, has crashed."""
    from httpx import HTTPError
    from prefect.client.schemas.objects import StateType
    from prefect.exceptions import ObjectNotFound

    try:
        return line.call(lambda client: client.read_flow_run(run_id)).state_type
    except ObjectNotFound:
        return StateType.CRASHED
    except HTTPError:
        return None


_looks: dict[UUID, tuple[float, bool]] = {}


def is_cancelling() -> bool:
    """Whether somebody cancelled the flow run we are in, as seen 10 s ago at most. False while the server is away.

    For runs in a process of one's own, which no runner stops. They end as cancelled by returning Prefect's `Cancelled`.
    """
    run_id = own_flow_run_id()
    if run_id is None:
        return False
    seen, answer = _looks.get(run_id, (float("-inf"), False))
    if not answer and time.monotonic() - seen >= LOOK_SECONDS:
        answer = _look(run_id)
        _looks[run_id] = time.monotonic(), answer
    return answer


def _look(run_id: UUID) -> bool:
    with closing(Line()) as line:
        state = state_type(line, run_id)
    return state is not None and state.value in {"CANCELLING", "CANCELLED"}
