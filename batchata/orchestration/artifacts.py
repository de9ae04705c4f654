"""Artifacts of a flow run, made once and then updated in place."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from uuid import UUID

from httpx import HTTPError, HTTPStatusError
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import Artifact

from batchata.core.reports import View
from batchata.orchestration.fence import AWAY_SECONDS
from batchata.orchestration.server import Line, own_flow_run_id

logger = logging.getLogger("batchata")


class Artifacts:
    """The artifacts that show one run in the flow run that we are in.

    `is_ours` tells by its description whether an artifact of the flow run shows this run: it may stem from before
    the flow run was suspended. A server that is away costs a warning and a pause in the updates. For one thread;
    to be closed there.
    """

    def __init__(self, is_ours: Callable[[str | None], bool], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_ours = is_ours
        self._clock = clock
        self._flow_run = own_flow_run_id()
        self._ids: dict[str, UUID] | None = None
        self._shown: dict[str, View] = {}
        self._line: Line | None = None
        self._away_until = float("-inf")
        self._has_warned = False

    def show(self, views: Iterable[View]) -> None:
        """Brings those up to date that changed."""
        for view in views:
            if self._shown.get(view.key) != view and self._clock() >= self._away_until:
                self._try(view)

    def line(self) -> Line:
        """The connection to the server, which costs too much to be opened for each purpose."""
        self._line = self._line or Line()
        return self._line

    def close(self) -> None:
        """Ends the connection; it is opened again when it is needed."""
        if self._line is not None:
            self._line.close()
            self._line = None

    def _try(self, view: View) -> None:
        try:
            self.line().call(lambda client: self._put(client, view))
            self._shown[view.key] = view
        except (HTTPError, ValueError) as error:  # ValueError: an answer that is none of Prefect's
            self._pause(error)

    def _put(self, client: SyncPrefectClient, view: View) -> None:
        if self._ids is None:
            self._ids = {str(each.key): each.id for each in self._existing(client, view.key)}
        known = self._ids.get(view.key)
        if known is not None and _is_updated(client, known, view):
            return
        created = ArtifactCreate(
            key=view.key, type=view.type, description=view.description, data=view.data, flow_run_id=self._flow_run
        )
        self._ids[view.key] = client.create_artifact(created).id

    def _existing(self, client: SyncPrefectClient, key: str) -> list[Artifact]:
        if self._flow_run is None:
            return []
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(like_=f"{key.rpartition('-')[0]}-%")),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[self._flow_run])),
        )
        return [each for each in found if self._is_ours(each.description)]

    def _pause(self, error: Exception) -> None:
        self._away_until = self._clock() + AWAY_SECONDS
        if not self._has_warned:
            self._has_warned = True
            logger.warning("what the Prefect UI shows of this run is not up to date for now: %s", _why(error))


def _is_updated(client: SyncPrefectClient, known: UUID, view: View) -> bool:
    """False when somebody deleted the artifact."""
    try:
        client.update_artifact(known, ArtifactUpdate(data=view.data, description=view.description))
    except HTTPStatusError as error:
        if error.response.status_code == HTTPStatus.NOT_FOUND:
            return False
        raise
    return True


def _why(error: Exception) -> str:
    if isinstance(error, HTTPStatusError):
        return f"the Prefect server answered {error.response.status_code}"
    return f"the Prefect server did not answer ({type(error).__name__}: {error})"
