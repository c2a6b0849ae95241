"""Saved plans of files. A saved plan binds account, region, cluster and the resources that it names.

The digest protects against accidents, such as an edit or a transfer that cut the file. It is no signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from podid.calls import pacing
from podid.domain.encoding import encode, plain
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.fileplan import FilePlan
from podid.domain.foreign import Malformed
from podid.domain.members import API_VERSION
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Plan, Verb, matches
from podid.local import data
from podid.ops.change.kinds import kind_of
from podid.ops.change.records import action_of, action_record
from podid.ops.clients import Clients, Site

SAVED_KIND = "SavedFilePlan"


def saved_text(plans: Sequence[FilePlan]) -> str:
    parts = [_part(item) for item in plans]
    whole = {"apiVersion": API_VERSION, "kind": SAVED_KIND, "digest": _digest(parts), "parts": parts}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _part(item: FilePlan) -> Any:
    return plain(
        {
            "files": list(item.files),
            **encode(Header, item.plan.header),
            "unchanged": item.unchanged,
            "takenOver": item.taken_over,
            "affected": [str(ref) for ref in item.affected],
            "notes": list(item.plan.notes),
            "pruned": sorted([kind, target] for kind, target in item.pruned_keys),
            "actions": [action_record(action) for action in item.plan.actions],
        }
    )


def _digest(parts: object) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def read_saved(text: str, name: str) -> tuple[FilePlan, ...]:
    """Return the plans of a file that `podid plan --save` wrote. Raise InvalidInput for another file, and for one that
    is damaged."""
    damaged = InvalidInput(f"{name} is not a plan of podid plan --save, or it is damaged", subject=name)
    try:
        document = data.read(text, name)
    except InvalidInput as error:
        raise damaged from error
    if not isinstance(document, dict) or document.get("kind") != SAVED_KIND:
        raise damaged
    if document.get("apiVersion") != API_VERSION or document.get("digest") != _digest(document.get("parts")):
        raise damaged
    try:
        plans = tuple(_read_part(part) for part in document["parts"])
    except (KeyError, TypeError, ValueError, Malformed) as error:
        raise damaged from error
    if not plans:
        raise damaged
    return plans


def _read_part(part: Mapping[str, Any]) -> FilePlan:
    header = Header(
        caller_arn=part["callerArn"], account=part["account"], region=part["region"], cluster=part["cluster"]
    )
    actions = tuple(action_of(record) for record in part["actions"])
    plan = Plan(header=header, actions=actions, notes=tuple(part["notes"]), separate=True)
    kept = [action for action in actions if action.kind == "association" and action.after is not None]
    refs = tuple(ServiceAccountRef(*action.keys.values()) for action in kept)
    # a saved plan does not record unchanged associations: those that it changes are also all declared ones
    return FilePlan(
        plan=plan,
        files=tuple(part["files"]),
        unchanged=part["unchanged"],
        taken_over=part["takenOver"],
        refs=refs,
        declared=refs,
        affected=tuple(map(ServiceAccountRef.parse, part["affected"])),
        pruned_keys=frozenset((kind, target) for kind, target in part["pruned"]),
    )


def check_place(saved: FilePlan, header: Header, name: str) -> None:
    """Raise Conflict if the plan is for another account, region or cluster."""
    for member in ("account", "region", "cluster"):
        planned, current = getattr(saved.plan.header, member), getattr(header, member)
        if planned != current:
            raise Conflict(f"{name} is a plan for {member} {planned}, not for {current}", subject=name)


def check_unmoved(saved: FilePlan, clients: Clients, name: str) -> None:
    """Raise Conflict with each resource of the plan that changed after the plan was made."""
    site = Site(clients, saved.plan.header)
    moved = sorted(dict.fromkeys(_moved(site, saved.plan.actions)))
    if moved:
        raise Conflict(
            f"The state changed since {name} was saved",
            advice="Make the plan again: podid plan --save.",
            lines=tuple(moved),
            subject=name,
        )


def _moved(site: Site, actions: Sequence[Action]) -> Iterator[str]:
    def read(action: Action) -> bool:
        kind = kind_of(action.kind)
        return matches(kind.held(action.before), kind.read(site, kind.reading(action)))

    for action, same in pacing.fan_out(read, actions):
        if not same:
            subject = kind_of(action.kind).subject(action)
            yield f"{subject} exists already" if action.verb is Verb.CREATE else f"{subject} has changed"
