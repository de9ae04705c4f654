"""A response model by its name, or made of a JSON Schema."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from batchata.core.fingerprints import namespace_of
from batchata.errors import InputError


def response_model_of(given: str | Mapping[str, Any] | None) -> Any:
    """`package.module:Model`, `models.py:Model` or a JSON Schema -> a Pydantic model. Raises InputError."""
    if given is None:
        return None
    return _imported(given) if isinstance(given, str) else _made_of(given)


def _imported(name: str) -> Any:
    place, _, attribute = name.partition(":")
    if not place or not attribute:
        raise InputError(f"`response_model` is {name!r}; write package.module:Model, or models.py:Model")
    try:
        module = _file_module(Path(place)) if place.endswith(".py") else _module(place)
        found: Any = module
        for part in attribute.split("."):
            found = _member(found, part)
    except Exception as error:  # it is the user's own code, which may raise anything
        where = f"looked in {Path.cwd()} and in the environment of {sys.executable}"
        why = f"{type(error).__name__}: {error}"
        raise InputError(f"`response_model` {name} cannot be loaded: {why} ({where})") from error
    return found


def _member(place: Any, name: str) -> Any:
    if not hasattr(place, name):
        models = [key for key, each in vars(place).items() if isinstance(each, type) and issubclass(each, BaseModel)]
        there = ", ".join(each for each in models if each != "BaseModel") or "no Pydantic model"
        raise LookupError(f"it has no {name}; it has {there}")
    return getattr(place, name)


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:  # the project's own modules, as `python -m` finds them
        sys.path.insert(0, here)
    module = importlib.import_module(name)
    if (module.__file__ or "").startswith(f"{here}/"):
        _travels(importlib.import_module(name.split(".", 1)[0]))
    return module


def _travels(module: ModuleType) -> None:
    """It goes to other processes as a whole, for they may have no module of that name."""
    import cloudpickle

    cloudpickle.register_pickle_by_value(module)


def _file_module(path: Path) -> ModuleType:
    name = f"{path.stem}_{namespace_of({'path': str(path.absolute())})}"  # two projects may both have a models.py
    spec = importlib.util.spec_from_file_location(name, path.absolute())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a model looks up its annotations there
    spec.loader.exec_module(module)
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == name:
            each.model_rebuild()  # before another version of the file takes the name
    _travels(module)
    return module


def _made_of(schema: Mapping[str, Any]) -> Any:
    from json_schema_to_pydantic import create_model
    from json_schema_to_pydantic.exceptions import SchemaError

    if schema.get("type") != "object" or not schema.get("properties"):
        raise InputError('`response_model` is a JSON Schema of an object: {"type": "object", "properties": {...}}')
    try:
        return create_model(dict(schema))
    except (SchemaError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"`response_model`: no model can be made of this JSON Schema: {error}") from error
