"""The schemas of docs/schemas. To check one is dearer than what is held against it, and so is done once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def validate(document: Any, name: str) -> None:
    """Raise jsonschema.ValidationError where the document is not as docs/schemas/NAME.schema.json says, and
    jsonschema.SchemaError where that is no schema."""
    _validator(name).validate(document)


@cache
def _validator(name: str) -> Any:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)
