"""Associations in a file: JSON, YAML or CSV, among them what `podid list` prints."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef, addon_name, check_role, parse_role_arn
from podid.domain.words import did_you_mean
from podid.ops.association.request import Settings

# how else a member may be called, as a column of `list -o csv` among others
_ALSO = {
    "role": "roleArn",
    "targetRole": "targetRoleArn",
    "serviceaccount": "serviceAccount",
    "targetrole": "targetRoleArn",
    "sessiontags": "sessionTags",
    "sessionpolicy": "policy",
    "sessionPolicy": "policy",
    "owner": "ownerArn",
}
_TAKEN = (
    "namespace",
    "serviceAccount",
    "roleArn",
    "targetRoleArn",
    "disableSessionTags",
    "sessionTags",
    "policy",
    "tags",
)
# what EKS assigns, and what podid says of an association: it is there to be read
_ASSIGNED = (
    *("clusterName", "associationArn", "associationId", "createdAt", "modifiedAt", "externalId", "ownerArn"),
    *("associationid", "created", "modified", "pods", "injected", "stale", "exists", "health", "notread", "unread"),
    "serviceAccountExists",
)


@dataclass(frozen=True, slots=True)
class FileItem:
    """One association of a file. `role` is empty where the file leaves it out; `owner` is the ARN of the add-on that
    owns it, if one does."""

    ref: ServiceAccountRef
    role: str = ""
    settings: Settings = field(default_factory=Settings)
    owner: str = ""

    @property
    def why_skipped(self) -> str:
        """Why it is not associated again; empty for one that is."""
        name = addon_name(self.owner)
        return f"the add-on {name} owns it: podid addon associate {name} {self.ref.name}" if self.owner else ""


def read_items(text: str, name: str) -> tuple[FileItem, ...]:
    """The associations of a file, each service account once. Raises InvalidInput, which names the file and the item."""
    rows = _rows(text, name)
    items = tuple(_item(row, f"{name}: item {number}") for number, row in enumerate(rows, 1))
    seen: set[ServiceAccountRef] = set()
    for item in items:
        if item.ref in seen:
            raise InvalidInput(f"{name}: {item.ref} is there twice", subject=str(item.ref))
        seen.add(item.ref)
    return items


def _rows(text: str, name: str) -> Iterable[Mapping[str, object]]:
    if name.lower().endswith(".csv") or (name == "-" and _looks_like_csv(text)):
        return _csv_rows(text, name)
    from podid.aws.addon_values import read_json_or_yaml

    lines = text.splitlines()
    if name.lower().endswith(".jsonl") or (len(lines) > 1 and all(_is_object(line) for line in lines)):
        found: object = [json.loads(line) for line in lines]
    else:
        found = read_json_or_yaml(text, name)
    if isinstance(found, Mapping):
        found = found.get("items", found.get("associations", [found]))
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise InvalidInput(
            f"{'stdin' if name == '-' else name} is not a list of associations, as podid list prints it with -o json, "
            "yaml or csv",
            subject=name,
        )
    return found


def _is_object(line: str) -> bool:
    return line.startswith("{") and line.endswith("}")


def _looks_like_csv(text: str) -> bool:
    first = text.partition("\n")[0]
    return "," in first and "namespace" in first and not first.lstrip().startswith(("{", "[", "-"))


def _csv_rows(text: str, name: str) -> Iterable[Mapping[str, object]]:
    """Each row by its columns; an empty cell says nothing. Tags are KEY=VALUE, with `;` between them."""
    reader = csv.DictReader(text.splitlines())
    for number, row in enumerate(reader, 1):
        found: dict[str, object] = {}
        for column, cell in row.items():
            if column is None or cell is None:
                raise InvalidInput(f"{name}: item {number} has not as many columns as the header", subject=name)
            key = column.strip().replace("_", "").replace(" ", "")
            key = key if key in _TAKEN else _ALSO.get(key, key)
            if not cell.strip():
                continue
            if key == "tags":
                found[key] = dict(pair.partition("=")[::2] for pair in cell.split(";"))
            elif key == "policy" and cell in ("yes", "no"):
                if cell == "yes":
                    what = f"{name}: item {number} has a session policy, which CSV does not hold; use JSON"
                    raise InvalidInput(what, subject=name)
            else:
                found[key] = cell.strip()
        yield found


def _item(row: Mapping[str, object], where: str) -> FileItem:
    named = {_ALSO.get(key, key): value for key, value in row.items()}
    for key in named:
        if key not in (*_TAKEN, *_ASSIGNED):
            raise InvalidInput(f"{where} has {key!r}, which no association has{did_you_mean(str(key), _TAKEN, 1)}")
    if named.get("unread"):
        raise InvalidInput(f"{where} could not be read when the list was made: its role is not known")
    ref = ServiceAccountRef.parse(f"{_text(named, 'namespace', where)}/{_text(named, 'serviceAccount', where)}")
    role, target = _text(named, "roleArn", where, needed=False), _optional(named, "targetRoleArn", where)
    if role:
        check_role(role)
    if target:
        parse_role_arn(target)
    settings = Settings(
        target_role_arn=target,
        disable_session_tags=_tags_off(named, where),
        policy=_policy(named, where),
        tags=_tags(named, where),
    )
    if settings.policy and settings.disable_session_tags is False:
        raise InvalidInput(f"{where} has a session policy, and EKS takes none while session tags are on")
    return FileItem(ref, role, settings, owner=str(named.get("ownerArn") or ""))


def _text(row: Mapping[str, object], key: str, where: str, *, needed: bool = True) -> str:
    value = row.get(key)
    if value is None and not needed:
        return ""
    if not isinstance(value, str) or (needed and not value):
        wrong = "is missing" if value is None else f"is {value!r}, and not text"
        raise InvalidInput(f"{where}: {key} {wrong}")
    return value


def _optional(row: Mapping[str, object], key: str, where: str) -> str | None:
    """None where it is left out; "" where it is null, which asks for none."""
    return _text(row, key, where, needed=False) if key in row else None


def _tags_off(row: Mapping[str, object], where: str) -> bool | None:
    words = {"on": False, "off": True}
    if "sessionTags" in row:
        value = row["sessionTags"]
        if isinstance(value, bool):
            return not value
        if isinstance(value, str) and value in words:
            return words[value]
        raise InvalidInput(f"{where}: sessionTags is {value!r}, and not on or off")
    value = row.get("disableSessionTags")
    if value in ("true", "false"):  # a cell of CSV
        return value == "true"
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"{where}: disableSessionTags is {value!r}, and not true or false")
    return value


def _policy(row: Mapping[str, object], where: str) -> str | None:
    from podid.domain import trust
    from podid.ops.role.policies import check_policy_document, session_policy_text

    if "policy" not in row:
        return None
    value = row["policy"]
    if value is None or value == "":
        return ""
    try:
        document = trust.read_json(value) if isinstance(value, str) else value
    except trust.TrustPolicyError as error:
        raise InvalidInput(f"{where}: policy: {error.what}") from error
    return session_policy_text(check_policy_document(document, f"{where}: policy"), f"{where}: policy")


def _tags(row: Mapping[str, object], where: str) -> dict[str, str]:
    value = row.get("tags") or {}
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise InvalidInput(f"{where}: tags is not an object of text")
    return {key: text for key, text in value.items() if not key.lower().startswith("aws:")}
