"""The right to send a job, which one of all the workers gets: the Prefect server keeps a name once for each flow run.

Dask and Ray run a task again when its worker dies, and a worker that seemed dead may wake up late. Whoever has not got
the right does not send.
"""

from __future__ import annotations

import os
import socket
from contextlib import closing
from http import HTTPStatus
from uuid import UUID

from httpx import HTTPError, HTTPStatusError

from batchata.errors import ForgottenRunError, ServiceError
from batchata.orchestration.server import Line


def take(place: str, name: str) -> bool:
    """Whether the right of this name was free; from now on it is not. `place` is the id of a flow run.

    Raises ServiceError when the Prefect server does not answer: the right may be taken then, and by nobody; a
    ForgottenRunError when the flow run was deleted there: nobody can take it any more, and it may have been taken.
    """
    who = f'"{socket.gethostname()} {os.getpid()}"'
    try:
        with closing(Line()) as line:
            line.call(lambda client: client.create_flow_run_input(UUID(place), name, who))
    except HTTPStatusError as error:
        if error.response.status_code == HTTPStatus.CONFLICT:
            return False
        if error.response.status_code == HTTPStatus.NOT_FOUND:
            raise ForgottenRunError(_nobody(name, f"it does not know the flow run {place}")) from error
        raise ServiceError(_nobody(name, f"it answered {error.response.status_code}")) from error
    except HTTPError as error:
        raise ServiceError(_nobody(name, repr(error))) from error
    return True


def _nobody(name: str, why: str) -> str:
    return f"the Prefect server could not be asked for the right {name}: {why}. Nothing was sent"
