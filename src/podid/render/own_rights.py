"""The caller's own rights: what is missing or unknown, and the policies that grant it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from podid.domain.own_rights import NOT_SIMULATED, Outcome, OwnOptional, OwnRight, OwnRights, missing_of
from podid.domain.rights import OptionalRight
from podid.domain.text import count_of
from podid.render.formats import to_json
from podid.render.permissions import manifest_list, manifests_of, optional_of, policy_of, role_names, yaml_lines
from podid.render.view import NOTHING, Line, Table, View, columns, document

if TYPE_CHECKING:
    from podid.render.documents import tool as documents

_STYLES: dict[Outcome, str] = {"held": "good", "missing": "bad", "denied": "bad", "unknown": "warn"}
_COLUMNS = columns("RIGHT", "OUTCOME", "FOR", "WHERE", "REASON")


def own_rights_view(found: OwnRights) -> View:
    """What would grant the missing ones is called otherwise than what --show-permissions prints: applied, it takes
    nothing away."""
    lacking = missing_of(found.always)
    policy = policy_of(lacking)
    name = "-".join(("podid", *(word for command in found.commands for word in command.split()), "missing"))
    manifests = manifests_of(lacking, name, found.namespace)
    roles = role_names(name, [missing_of(item.rights) for item in found.optional])
    body: documents.RightsReportDocument = {
        "kind": "RightsReport",
        "commands": list(found.commands),
        "callerArn": found.caller_arn,
        "principalArn": found.principal_arn or None,
        "cluster": found.cluster or None,
        "namespace": found.namespace or None,
        "summary": {
            "held": found.count("held"),
            "missing": found.count("missing"),
            "denied": found.count("denied"),
            "unknown": found.count("unknown"),
        },
        "rights": [_right(item) for item in found.always],
        "optional": [_optional(item, own, found.namespace) for item, own in zip(found.optional, roles, strict=True)],
        "missing": {"iamPolicy": policy, "kubernetes": manifest_list(manifests)},
        "notSeen": NOT_SIMULATED,
    }
    lines = [*_head(found), *_lines(item for item in found.always if item.reason)]
    if policy is not None:
        lines += ["", "# IAM policy that grants what is missing", *to_json(policy).splitlines()]
    if manifests:
        lines += ["", "# Kubernetes Roles that grant what is missing", *yaml_lines(manifests)]
    if ways := [line for way in found.optional for line in _way(way)]:
        lines += ["", "only for some ways:", *ways]
    lines += ["", f"not looked at: {NOT_SIMULATED}"]
    rows = [("", item) for item in found.always]
    rows += [(way.reason, item) for way in found.optional for item in way.rights]
    cells = tuple((str(r.right), r.outcome, way or NOTHING, r.where or NOTHING, r.reason or NOTHING) for way, r in rows)
    names = tuple(str(item.right) for item in found.always if item.outcome in ("missing", "denied"))
    return View(document(body), (Table(_COLUMNS, cells),), names, tuple(lines))


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


def _right(item: OwnRight) -> documents.OwnRightBody:
    return {
        "right": str(item.right),
        "outcome": item.outcome,
        "where": item.where or None,
        "reason": item.reason or None,
        "permission": item.permission or None,
    }


def _optional(item: OwnOptional, name: str, namespace: str) -> documents.OwnOptionalBody:
    lacking = missing_of(item.rights)
    return {
        "for": item.reason,
        "rights": [_right(right) for right in item.rights],
        "missing": optional_of(OptionalRight(lacking, item.reason), name, namespace) if lacking else None,
    }
