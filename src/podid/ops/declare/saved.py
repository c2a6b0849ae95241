"""Saved plans of files. A saved plan names account, region, cluster and its resources. It is a request: the rules of
`podid.ops.change.requested` hold again when it is applied.

The digest protects against accidents, such as an edit or a transfer that cut the file. With a key, the plan also has a
signature.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from podid.calls import pacing
from podid.domain.encoding import encode, plain
from podid.domain.errors import Conflict, InvalidInput
from podid.domain.fileplan import FilePlan
from podid.domain.foreign import Malformed
from podid.domain.members import API_VERSION
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Header, Plan, State, Verb, matches
from podid.domain.signature import canonical, check_signature, signed
from podid.domain.text import short_list, utc
from podid.local import data
from podid.ops.change.forms import check_form
from podid.ops.change.kinds import ASSOCIATION, ROLE_TRUST, kind_of
from podid.ops.change.records import action_of, action_record
from podid.ops.change.requested import TAKE_OVER, Requested, RequestSource, check_requested, check_unread
from podid.ops.clients import Clients, Site

SAVED_KIND = "SavedFilePlan"
_MEMBERS = {"apiVersion", "kind", "savedAt", "digest", "parts"}
_PLACE = ("callerArn", "account", "region", "cluster")
_MEMBERS_OF_PART = {
    *("files", "owners", *_PLACE, "unchanged", "takenOver", "acceptedUnread"),
    *("affected", "notes", "pruned", "actions"),
}
_MEMBERS_OF_ACTION = {"kind", "before", "after", "note"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlans:
    """The plans of a file. `proven` is whether its signature was checked."""

    name: str
    saved_at: str
    plans: tuple[FilePlan, ...]
    proven: bool = False


def saved_text(plans: Sequence[FilePlan], now: datetime, key: bytes | None = None) -> str:
    """Return the text of the file, signed with the key if there is one."""
    whole = {
        "apiVersion": API_VERSION,
        "kind": SAVED_KIND,
        "savedAt": utc(now),
        "parts": [_part(item) for item in plans],
    }
    return json.dumps(signed({**whole, "digest": _digest(whole)}, key), indent=2, ensure_ascii=False) + "\n"


def _part(item: FilePlan) -> Any:
    return plain(
        {
            "files": list(item.files),
            "owners": sorted([key, name] for key, name in item.owners),
            **encode(Header, item.plan.header),
            "unchanged": item.unchanged,
            "takenOver": item.taken_over,
            "acceptedUnread": [part.what for part in item.accepted_unread or ()],
            "affected": [str(ref) for ref in item.affected],
            "notes": list(item.plan.notes),
            "pruned": sorted([kind, target] for kind, target in item.pruned_keys),
            "actions": [action_record(action) for action in item.plan.actions],
        }
    )


def _digest(document: Mapping[str, object]) -> str:
    covered = {name: value for name, value in document.items() if name not in ("digest", "signature")}
    return hashlib.sha256(canonical(covered)).hexdigest()


def read_saved(text: str, name: str, key: bytes | None = None) -> SavedPlans:
    """Return the plans of a file that `podid plan --save` wrote. Raise InvalidInput for another file, and for one that
    is damaged; with a key, Conflict for a file without its signature."""
    damaged = InvalidInput(f"{name} is not a plan of podid plan --save, or it is damaged", subject=name)
    try:
        document = data.read(text, name)
    except InvalidInput as error:
        raise damaged from error
    if not isinstance(document, dict) or document.get("kind") != SAVED_KIND:
        raise damaged
    proven = check_signature(document, key, name)
    if document.get("apiVersion") != API_VERSION or document.get("digest") != _digest(document):
        raise damaged
    try:
        _check_members(document, _MEMBERS | ({"signature"} & document.keys()))
        plans = tuple(_read_part(part) for part in document["parts"])
        places = [(item.header.account, item.header.region, item.header.cluster) for item in plans]
        if not plans or len(set(places)) < len(places):
            raise Malformed("a cluster has several parts")
    except (KeyError, TypeError, ValueError, Malformed, InvalidInput) as error:
        damaged.lines = (str(error),) if isinstance(error, Malformed) else ()
        raise damaged from error
    return SavedPlans(name=name, saved_at=str(document["savedAt"]), plans=plans, proven=proven)


def _check_members(value: object, names: set[str]) -> None:
    if not isinstance(value, dict) or value.keys() != names:
        raise Malformed("it has other members than a saved plan")


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed("a list has other items than text")
    return tuple(value)


def _read_part(part: Mapping[str, Any]) -> FilePlan:
    _check_members(part, _MEMBERS_OF_PART)
    _texts([part[member] for member in _PLACE])
    if type(part["unchanged"]) is not int or type(part["takenOver"]) is not bool:
        raise Malformed("a member has another type")
    header = Header(
        caller_arn=part["callerArn"], account=part["account"], region=part["region"], cluster=part["cluster"]
    )
    for record in part["actions"]:
        _check_members(record, _MEMBERS_OF_ACTION)
    actions = tuple(action_of(record) for record in part["actions"])
    for action in actions:
        check_form(action)
    # a trust policy may gain statements first and lose others later
    once = [(action.kind, action.target.lower()) for action in actions if action.kind != ROLE_TRUST.name]
    if len(set(once)) < len(once):
        raise Malformed("a resource has several actions")
    plan = Plan(header=header, actions=actions, notes=_texts(part["notes"]), separate=True)
    kept = [action for action in actions if action.kind == ASSOCIATION.name and action.after is not None]
    refs = tuple(ServiceAccountRef(*action.keys.values()) for action in kept)
    # a saved plan does not record unchanged associations: those that it changes are also all declared ones
    return FilePlan(
        plan=plan,
        files=_texts(part["files"]),
        owners=frozenset((key, name) for key, name in map(_texts, part["owners"])),
        unchanged=part["unchanged"],
        taken_over=part["takenOver"],
        accepted=_texts(part["acceptedUnread"]),
        refs=refs,
        declared=refs,
        affected=tuple(map(ServiceAccountRef.parse, _texts(part["affected"]))),
        pruned_keys=frozenset((kind, target) for kind, target in map(_texts, part["pruned"])),
    )


def check_typed(saved: SavedPlans, clusters: Sequence[str], region: str) -> None:
    """Raise Conflict if the command line specifies another cluster or region than the plan."""
    for item in saved.plans:
        header = item.header
        arn = f":eks:{header.region}:{header.account}:cluster/{header.cluster}"
        if clusters and not any(text == header.cluster or text.endswith(arn) for text in clusters):
            message = f"{saved.name} is a plan for cluster {header.cluster}, not for {short_list(clusters)}"
            raise Conflict(message, subject=saved.name)
        if region not in ("", header.region):
            raise Conflict(f"{saved.name} is a plan for region {header.region}, not for {region}", subject=saved.name)


def check_place(saved: FilePlan, header: Header, name: str) -> None:
    """Raise Conflict if the plan is for another account, region or cluster."""
    for member in ("account", "region", "cluster"):
        planned, current = getattr(saved.plan.header, member), getattr(header, member)
        if planned != current:
            raise Conflict(f"{name} is a plan for {member} {planned}, not for {current}", subject=name)


@dataclass(frozen=True, slots=True)
class Applicable:
    """A plan that may be applied. `grave` are sentences on changes that require an answer at a terminal."""

    plan: FilePlan
    grave: tuple[str, ...] = ()


def applicable(saved: SavedPlans, number: int, clients: Clients, header: Header, flags: frozenset[str]) -> Applicable:
    """Return the plan of one cluster as the caller at this place may apply it with these flags. A signed plan was made
    from files, so its own flags count and no answer is required. Raise Conflict for a plan of another place, for
    resources that have changed, and as `check_requested` does."""
    item = saved.plans[number]
    earlier = [action for part in saved.plans[:number] for action in part.plan.actions]
    check_place(item, header, saved.name)
    plan = replace(item.plan, header=header)
    requested = Requested(
        source=RequestSource.PLAN,
        plan=plan,
        clients=clients,
        owners=item.owners,
        flags=flags,
        proven=saved.proven,
    )
    check_unread(requested)
    actions = current_actions(plan.actions, clients, header, saved.name, earlier)
    grave = check_requested(replace(requested, plan=replace(plan, actions=actions)))
    taken_over = TAKE_OVER in flags or (saved.proven and item.taken_over)
    plan = plan.noting((*grave, f"the plan was saved at {saved.saved_at} by {item.plan.header.caller_arn}"))
    accepted = item.accepted if saved.proven else ()
    return Applicable(replace(item, plan=plan, taken_over=taken_over, accepted=accepted), () if saved.proven else grave)


def current_actions(
    actions: Sequence[Action], clients: Clients, header: Header, name: str, earlier: Sequence[Action] = ()
) -> tuple[Action, ...]:
    """Return the actions with the state of their resources as it is read now, after those before them. Raise Conflict
    with each resource that differs from the plan."""
    site, first, moved = Site(clients, header), dict[tuple[str, str], Action](), list[str]()
    for action in actions:
        first.setdefault(_which(action), action)

    def read(which: tuple[str, str]) -> State | None:
        kind, action = kind_of(which[0]), first[which]
        return kind.read(site, kind.reading(action))

    planned = {_which(action): action.after for action in earlier if kind_of(action.kind).account_wide}
    states = {**dict(pacing.fan_out(read, [which for which in first if which not in planned])), **planned}
    now: list[Action] = []
    for action in actions:
        kind, state = kind_of(action.kind), states[_which(action)]
        recorded = kind.held(action.before)
        if not matches(recorded, state):
            subject = kind.subject(action)
            moved.append(f"{subject} exists already" if action.verb is Verb.CREATE else f"{subject} has changed")
        elif recorded is not None and (lacking := (kind.held(state) or {}).keys() - recorded.keys()):
            moved.append(f"{kind.subject(action)}: the plan lacks its {min(lacking)}")
        now.append(replace(action, before=state))
        states[_which(action)] = action.after
    if moved:
        raise Conflict(
            f"The state changed since {name} was saved",
            advice="Make the plan again: podid plan --save.",
            lines=tuple(sorted(dict.fromkeys(moved))),
            subject=name,
        )
    return tuple(now)


def _which(action: Action) -> tuple[str, str]:
    return action.kind, action.target
