"""The file that podid prints is the file that it reads; and its JSON Schema."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness import table
from podid.domain.declaration import DECLARATION_KIND, ClusterChoice, Declaration, DeclaredAgent, Guard
from podid.domain.trust import ScopeKind
from podid.ops.declare.export import declared
from podid.ops.declare.files import read_declarations
from podid.render.declaration import declaration_object, declaration_text, schema_text, schema_view
from render.export.samples import EMPTY, SAMPLE

SCHEMA = Draft202012Validator(schema_view().document["schema"])
FULL = Declaration(
    name="no.1",
    owner_key="shop:owner",
    clusters=(ClusterChoice(name="blue"), ClusterChoice(tags={"env": "prod", "on": "1"})),
    agent=DeclaredAgent(version="latest", configuration={"a": [1, True, None, "no", "0o17", "1e3"]}),
    allowed_roles=("arn:aws:iam::*:role/shop-*",),
    guard=Guard(
        allowed_roles=(),
        allowed_scopes=(ScopeKind.NAMESPACE,),
        required_boundary="limit",
        required_tags={"team": "*"},
        default_accounts=False,
    ),
)


def read(text: str, tmp_path: Path) -> Declaration:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    (declaration,) = read_declarations((str(path),), {"x": "y"}, read_file=lambda name: Path(name).read_text("utf-8"))
    return declaration


ANY_AGENT = Declaration(name="any", agent=DeclaredAgent())  # installed, of any version
UNCONFIGURED = Declaration(name="unconfigured", agent=DeclaredAgent(configuration={}))


@pytest.mark.parametrize(
    "declaration", [FULL, declared(EMPTY), declared(SAMPLE), ANY_AGENT, UNCONFIGURED], ids=lambda item: item.name
)
def test_a_declaration_is_read_back_as_it_was(declaration: Declaration, tmp_path: Path) -> None:
    text = declaration_text(declaration, "# note: x\n")
    assert [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(yaml.safe_load(text))] == []
    assert read(text, tmp_path) == declaration


VARIABLES = ["${x}", "$${x}", "$$${x}", "${aws:x}", "$${aws:x}", "${", "${}", "${a b}", "$$$${x}${x}"]
SCALARS = ["no", "0o17", "=", "1_0", "2026-01-01", "12:30", "~", "", " a", "a: b", "a #b", "*a", "&a", "!a", "<<", ".5"]


@pytest.mark.parametrize("text", [*VARIABLES, *SCALARS, "\u2028", "##[error]", "::error::", "\U0001f600", "a\nb"])
def test_any_text_is_read_back(text: str, tmp_path: Path) -> None:
    agent = DeclaredAgent(configuration={"key": text, **({text: "value"} if text else {})})
    declaration = Declaration(name="x", agent=agent)
    assert read(declaration_text(declaration), tmp_path) == declaration


@table(
    "wrong",
    [
        {"kind": "Other"},
        {"surprise": 1},
        {"roles": [{"path": "/"}]},
        {"roles": [{"name": "a", "scope": "world"}]},
        {"roles": [{"name": "a", "policies": [{"managed": "a", "preset": "b"}]}]},
        {"associations": [{"serviceAccount": "a/b"}]},
        {"associations": [{"serviceAccount": "a/b", "role": "r", "sessionTags": "off"}]},
    ],
)
def test_the_schema_refuses_mistakes(wrong: dict[str, Any]) -> None:
    assert not SCHEMA.is_valid({**declaration_object(declared(EMPTY)), **wrong})


def test_the_schema_of_declarations() -> None:
    view = schema_view()
    assert view.names == (DECLARATION_KIND,)
    assert view.document["schema"] == json.loads(schema_text(DECLARATION_KIND)) == json.loads(view.text)
