"""A response model by its name, or made of a JSON Schema."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from batchata.errors import InputError


def response_model_of(given: str | Mapping[str, Any] | None) -> Any:
    """`package.module:Model`, `models.py:Model` or a JSON Schema -> a Pydantic model. Raises InputError."""
    if given is None:
        return None
    return _imported(given) if isinstance(given, str) else _made_of(given)


def _imported(name: str) -> Any:
    place, _, attribute = name.partition(":")
    if not place or not attribute:
        raise InputError(f"response_model is {name!r}; write package.module:Model, or models.py:Model")
    try:
        module = _file_module(Path(place)) if place.endswith(".py") else _module(place)
        found: Any = module
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # it is the user's own code, which may raise anything
        where = f"looked in {Path.cwd()} and in the environment of {sys.executable}"
        why = f"{type(error).__name__}: {error}"
        raise InputError(f"response_model {name} cannot be loaded: {why} ({where})") from error
    return found


def _module(name: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path:  # the project's own modules, as `python -m` finds them
        sys.path.insert(0, here)
    return importlib.import_module(name)


def _file_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path.absolute())
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    with _known_as(path.stem, module):
        spec.loader.exec_module(module)
        for each in vars(module).values():
            if isinstance(each, type) and issubclass(each, BaseModel) and each.__module__ == path.stem:
                each.model_rebuild()
    return module


@contextmanager
def _known_as(name: str, module: ModuleType) -> Iterator[None]:
    """A model looks up its annotations by the name of its module, which may be that of another one.

    A library of this name has it back afterwards; of ours the last one keeps it, for whoever pickles its models.
    """
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        yield
    except BaseException:
        sys.modules.pop(name, None)
        raise
    finally:
        if before is not None and name not in _ours:
            sys.modules[name] = before
        else:
            _ours.add(name)


_ours: set[str] = set()
"""Names of modules that were loaded from files that a description named."""


def _made_of(schema: Mapping[str, Any]) -> Any:
    from json_schema_to_pydantic import create_model
    from json_schema_to_pydantic.exceptions import SchemaError

    if schema.get("type") != "object" or not schema.get("properties"):
        raise InputError('response_model is a JSON Schema of an object: {"type": "object", "properties": {...}}')
    try:
        return create_model(dict(schema))
    except (SchemaError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"response_model: no model can be made of this JSON Schema: {error}") from error
