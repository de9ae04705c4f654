"""What the Models API says of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchata.core.models import ModelInfo
from batchata.errors import AccountError, ModelError, RequestRefusedError
from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic


def get_model(client: Anthropic, model: str) -> ModelInfo:
    """The model's limits and capabilities (doc:api/models/retrieve).

    Raises ModelError for an id the API does not know. Where the credentials may not ask, nothing is known: every
    part of the answer but the id is None.
    """
    import anthropic

    try:
        with reading(f"model {model}"):
            raw: Any = client.get(f"/v1/models/{model}", cast_to=object)
    except AccountError:
        return ModelInfo(id=model)
    except RequestRefusedError as error:
        if not isinstance(error.__cause__, anthropic.NotFoundError):
            raise
        raise ModelError(f"the API serves no model {model!r}{_instead(client, model)} (nothing was sent)") from error
    return ModelInfo.from_api(raw)


def list_models(client: Anthropic) -> list[ModelInfo]:
    """Every model that the API lists, the newest first (doc:api/models/list). Raises as `poll`."""
    return [ModelInfo.from_api(each) for each in _listed(client)]


def successor_of(client: Anthropic, line: str | None) -> str | None:
    """The newest active model of a line (haiku, sonnet, opus ...), when the API tells lines."""
    wanted = {"lifecycle": "active", "line": line}
    active = [each for each in _listed(client) if line and wanted.items() <= each.items()]
    newest = max(active, key=lambda each: str(each.get("created_at")), default=None)
    return str(newest["id"]) if newest else None


def _instead(client: Anthropic, model: str) -> str:
    """What to take instead of an id that the API does not know."""
    known = sorted(_listed(client), key=lambda each: str(each.get("created_at")), reverse=True)
    line = next((each["line"] for each in known if each.get("line") and each["line"] in model), None)
    if successor := successor_of(client, line):
        return f"; the newest active model of the {line} line is {successor}"
    return f"; the newest it serves are {', '.join(str(each['id']) for each in known[:5])}" if known else ""


def _listed(client: Anthropic) -> list[dict[str, Any]]:
    with reading("models"):
        raw: Any = client.get("/v1/models", cast_to=object, options={"params": {"limit": 1000}})
    return list(raw.get("data") or [])
