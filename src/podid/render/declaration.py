"""A declaration as a file: the output of podid export and podid convert; and its JSON Schema."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from podid.domain.declaration import (
    DECLARATION_KIND,
    Declaration,
    DeclarationFile,
    DeclaredPolicy,
    InlinePolicy,
    PolicyFile,
)
from podid.domain.encoding import JsonObject, encode, plain
from podid.domain.members import API_VERSION, About, Document
from podid.render.formats import to_yaml
from podid.render.reports import HOMEPAGE
from podid.render.view import Line, Table, View, columns, document

SCHEMA_URL = f"{HOMEPAGE}/raw/main/docs/reference/json/{DECLARATION_KIND}.json"
# editors with the YAML language server read it
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_URL}\n"
# every version of YAML reads these as text, except for the words below
_PLAIN = re.compile(r"[A-Za-z/][\w./@+-]*(?:::?[\w./@*+-]+)*", re.ASCII)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
# the form in which `podid.local.documents` finds variables
_VARIABLE = re.compile(r"\$?\$\{([^}]*)\}")
_NAME_LIKE = re.compile(r"[\w.-]*", re.ASCII)


def declaration_text(declaration: Declaration, comments: str = "", *, first: bool = True) -> str:
    """Return the document; the `first` one of a file has the line that names the schema. `comments` are below it."""
    return (SCHEMA_LINE if first else "") + comments + to_yaml(escaped(declaration_object(declaration)), quoted=_quoted)


def declarations_text(declarations: Iterable[Declaration]) -> str:
    return "---\n".join(declaration_text(item, first=not number) for number, item in enumerate(declarations))


def self_contained(declaration: Declaration) -> Declaration:
    """Return the declaration with the content of its policy files in their place."""

    def inlined(policy: DeclaredPolicy) -> DeclaredPolicy:
        if isinstance(policy, PolicyFile):
            return InlinePolicy(name=policy.name, document=policy.document)
        return policy

    roles = (replace(role, policies=tuple(map(inlined, role.policies))) for role in declaration.roles)
    return replace(declaration, roles=tuple(roles))


def _quoted(text: str) -> bool:
    return not _PLAIN.fullmatch(text) or text.lower() in _WORDS


def escaped(value: Any) -> Any:
    """Return the value with `$${` where podid would read a variable."""
    if isinstance(value, dict):
        return {escaped(key): escaped(member) for key, member in value.items()}
    if isinstance(value, list):
        return [escaped(item) for item in value]
    return _VARIABLE.sub(_escape, value) if isinstance(value, str) else value


def _escape(match: re.Match[str]) -> str:
    literal = match[0].startswith("$$") or _NAME_LIKE.fullmatch(match[1])
    return f"${match[0]}" if literal else match[0]


def declaration_object(declaration: Declaration) -> JsonObject:
    """Return the file's document, without members that have their defaults."""
    members = encode(DeclarationFile, declaration, api_version=API_VERSION, kind=DECLARATION_KIND)
    return {key: plain(value) for key, value in members.items()}


# --- the schemas, as tools/gen_docs.py generates them -----------------------------------------------------------------


_PACKAGE = Path(__file__).resolve().parent.parent
# the build puts schemas into the package; a checkout has them only in the documentation
_FOLDERS = (_PACKAGE / "schemas", _PACKAGE.parent.parent / "docs" / "reference" / "json")


class SchemaDocument(Document, kind="Schema"):
    """`podid schema`."""

    name: Annotated[str, About("The kind of file that the schema describes.")]
    schema: Annotated[Mapping[str, object], About("JSON Schema, draft 2020-12.")]


def schema_text(kind: str) -> str:
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    return (folder / f"{kind}.json").read_text(encoding="utf-8")


def schema_view() -> View:
    text = schema_text(DECLARATION_KIND)
    body = document(SchemaDocument, name=DECLARATION_KIND, schema=json.loads(text))
    lines = tuple(Line(line, code=True) for line in text.splitlines())
    table = Table(columns("NAME"), ((DECLARATION_KIND,),))
    return View(body, (table,), (DECLARATION_KIND,), lines, exact=True, file=True)
