"""The caller's own rights: what is missing or unknown, and the policies that grant it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

from podid.domain.encoding import encode
from podid.domain.members import OR_NULL, About, ArnText, Document, From, Names, TextOrNull
from podid.domain.own_rights import NOT_SIMULATED, Outcome, OwnOptional, OwnRight, OwnRights, missing_of
from podid.domain.rights import OptionalRight
from podid.domain.text import count_of
from podid.render.formats import to_json
from podid.render.permissions import Grant, GrantBody, OptionalGrant, OptionalRightBody, role_names, yaml_lines
from podid.render.view import NOTHING, Line, Table, View, columns, document

_STYLES: dict[Outcome, str] = {"held": "good", "missing": "bad", "denied": "bad", "unknown": "warn"}
_COLUMNS = columns("RIGHT", "OUTCOME", "FOR", "WHERE", "REASON")


def own_rights_view(found: OwnRights) -> View:
    """What would grant the missing ones is called otherwise than what --show-permissions prints: applied, it takes
    nothing away."""
    name = "-".join(("podid", *(word for command in found.commands for word in command.split()), "missing"))
    missing = Grant.of(missing_of(found.always), name, found.namespace)
    roles = role_names(name, [missing_of(item.rights) for item in found.optional])
    optional = [
        encode(OwnOptionalBody, item, missing=_optional(item, own, found.namespace))
        for item, own in zip(found.optional, roles, strict=True)
    ]
    body = document(RightsReportDocument, found, optional=optional, missing=missing)
    lines = [*_head(found), *_lines(item for item in found.always if item.reason)]
    if missing.iam_policy is not None:
        lines += ["", "# IAM policy that grants what is missing", *to_json(missing.iam_policy).splitlines()]
    if missing.manifests:
        lines += ["", "# Kubernetes Roles that grant what is missing", *yaml_lines(missing.manifests)]
    if ways := [line for way in found.optional for line in _way(way)]:
        lines += ["", "only for some ways:", *ways]
    lines += ["", f"not looked at: {NOT_SIMULATED}"]
    rows = [("", item) for item in found.always]
    rows += [(way.reason, item) for way in found.optional for item in way.rights]
    cells = tuple((str(r.right), r.outcome, way or NOTHING, r.where or NOTHING, r.reason or NOTHING) for way, r in rows)
    names = tuple(str(item.right) for item in found.always if item.outcome in ("missing", "denied"))
    return View(body, (Table(_COLUMNS, cells),), names, tuple(lines))


def _head(found: OwnRights) -> list[str | Line]:
    what = " and ".join(f"podid {command}" for command in found.commands)
    where = f", cluster {found.cluster}" if found.cluster else ""
    told = [f"{found.count(word)} {word}" for word in _STYLES if word != "held" and found.count(word)]
    head: list[str | Line] = [f"{found.caller_arn} for {what}{where}"]
    if found.principal_arn not in ("", found.caller_arn):
        head.append(f"simulated: {found.principal_arn}")
    return [*head, f"{count_of(len(found.always), 'right')}: {', '.join(told) or 'none missing'}"]


def _lines(items: Iterable[OwnRight]) -> Iterator[Line]:
    """One for each, but for what is unknown for the same reason: that is said once."""
    alike: dict[tuple[str, ...], list[OwnRight]] = {}
    for item in items:
        own = () if item.outcome == "unknown" else (str(item.right),)
        alike.setdefault((item.reason, item.permission, *own), []).append(item)
    for first, *others in alike.values():
        told = f" (it takes {first.permission} to know)" if first.permission not in first.reason else ""
        rights = ", ".join(str(item.right) for item in (first, *others))
        yield Line(
            f"{first.outcome:<8} {rights}  {first.reason}{told}", _STYLES[first.outcome], upto=len(first.outcome)
        )


def _way(way: OwnOptional) -> list[str]:
    """Nothing where nothing is missing."""
    lacking = [item for item in way.rights if not item.held]
    outcomes = dict.fromkeys(item.outcome for item in lacking)
    by_outcome = [f"{word} {', '.join(str(i.right) for i in lacking if i.outcome == word)}" for word in outcomes]
    return [f"  {way.reason}: {'; '.join(by_outcome)}"] if lacking else []


def _optional(item: OwnOptional, name: str, namespace: str) -> OptionalGrant | None:
    lacking = missing_of(item.rights)
    return OptionalGrant.of(OptionalRight(lacking, item.reason), name, namespace) if lacking else None


# --- documents --------------------------------------------------------------------------------------------------------


class OwnOptionalBody(Document):
    for_: Annotated[str, From("reason"), About("What it serves: a flag, or a closer look.")]
    rights: Sequence[OwnRight]
    missing: Annotated[OptionalRightBody | None, About("What grants it; null where nothing is missing.")]


class RightsSummary(Document):
    held: Annotated[int, From(lambda rights: rights.count("held"))]
    missing: Annotated[int, From(lambda rights: rights.count("missing"))]
    denied: Annotated[int, From(lambda rights: rights.count("denied"))]
    unknown: Annotated[int, From(lambda rights: rights.count("unknown"))]


class RightsReportDocument(Document, kind="RightsReport"):
    """`podid doctor --me`."""

    commands: Names
    caller_arn: ArnText
    principal_arn: Annotated[str, OR_NULL, About("Whose policies IAM simulated; null where it could not.")]
    cluster: TextOrNull
    namespace: Annotated[str, OR_NULL, About("Where what changes something was asked for; null for all.")]
    summary: Annotated[RightsSummary, From(""), About("Of what is needed in every case.")]
    rights: Annotated[Sequence[OwnRight], From("always"), About("Needed in every case.")]
    optional: Annotated[Sequence[OwnOptionalBody], About("Needed by one way of the command; none counts.")]
    missing: Annotated[GrantBody, About("What grants what is missing of `rights`.")]
    not_seen: Annotated[str, From(lambda _: NOT_SIMULATED)]
