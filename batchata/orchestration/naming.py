"""Flow runs whose names say what they do."""

from __future__ import annotations

import logging
from contextlib import closing

from httpx import HTTPError

from batchata.orchestration.server import Line, own_flow_run_id

logger = logging.getLogger("batchata")


def name_flow_run(text: str) -> None:
    """Gives the flow run that we are in another name, such as `run_title(name, day, items)`.

    Outside of a flow run it does nothing. When the server is away the old name stays and a line in the log says so.
    """
    run_id = own_flow_run_id()
    if run_id is None:
        return
    try:
        with closing(Line()) as line:
            line.call(lambda client: client.update_flow_run(run_id, name=text))
    except HTTPError as error:
        logger.warning("the flow run could not be named %r: %s", text, error)
