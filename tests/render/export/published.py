"""Schemas that other tools publish, cut down to roles and associations: `schemas/FORM.json`, with their sources."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent / "schemas"


def loaded(text: str) -> list[Any]:
    """Return the YAML documents that are not empty."""
    return [document for document in yaml.safe_load_all(text) if document is not None]


@cache
def published(form: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{form}.json").read_text())
    return data


def problems(form: str, name: str, value: object) -> list[str]:
    """Return the errors of a value against the schema NAME of a form."""
    schema = published(form)["schemas"][name]
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
