"""Plan associations that are created or changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from podid.domain import trust
from podid.domain.aws import Association, Cluster, Role
from podid.domain.errors import AccessDenied, Again, Conflict, Hint, NotFound, Other, UsageError
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef, addon_name
from podid.domain.plan import Action, Header, Plan, texts
from podid.domain.text import nearest, no_namespace
from podid.ops.association.request import AssociationChange, DesiredAssociation, Settings
from podid.ops.change.kinds import ASSOCIATION, SERVICE_ACCOUNT
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients
from podid.ops.role.plan import check_editable, identity, others, plan_trust
from podid.ops.role.quota import TrustQuota

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader

Current = Mapping[ServiceAccountRef, Association | None]
# up to this number service accounts are read by name, beyond it in one list
_FEW = 10


class NotAllowed(Conflict):
    """The trust policy of a role does not allow the pods of `refs`."""

    def __init__(self, message: str, *, refs: tuple[ServiceAccountRef, ...], **details: Any) -> None:
        super().__init__(message, **details)
        self.refs = refs


def plan_associations(
    desired: Sequence[DesiredAssociation],
    change: AssociationChange,
    cluster: Cluster,
    header: Header,
    current: Current,
    quota: TrustQuota,
) -> Plan:
    """Plan the changes; planning again after applying gives an empty plan. Raise Conflict, which names the flag that
    would allow the change, and AccessDenied if the trust policy is to be changed and cannot be read."""
    actions: list[Action] = []
    unchanged: list[Action] = []
    notes: list[str] = []
    for item in desired:
        action = plan_one(item, current[item.ref])
        (unchanged if action.before == action.after else actions).append(action)
    if not change.replace:
        _check_replaceable([action for action in actions if action.before is not None], current)
    trusts = []
    for items in grouped((item.role.arn, item) for item in desired).values():
        role = items[0].role
        if change.update_trust and role.denied is not None:
            raise role.denied  # --update-trust must not be skipped silently
        if role.note:
            notes.append(f"role {role.arn}: {role.note}")
        if role.role is not None:
            trusts.append(_plan_trust(change, items, cluster, role.role, current, notes, quota))
    whole = (*(action for action in trusts if action is not None), *actions)
    return Plan(header=header, actions=whole, unchanged=tuple(unchanged), notes=tuple(notes), separate=True)


def plan_one(item: DesiredAssociation, existing: Association | None) -> Action:
    """Return the change of one association, without its role. Raise Conflict for settings that EKS does not accept
    together, and for an association of an add-on."""
    ref, settings = item.ref, item.settings
    changes: dict[str, object] = {"roleArn": item.role.arn}
    if settings.target_role_arn is not None:
        changes["targetRoleArn"] = settings.target_role_arn or None
    if settings.disable_session_tags is not None:
        changes["disableSessionTags"] = settings.disable_session_tags
    if settings.policy is not None:
        changes["policy"] = settings.policy or None
    if existing is None:
        new: dict[str, object] = {
            "namespace": ref.namespace,
            "serviceAccount": ref.name,
            "targetRoleArn": None,
            "disableSessionTags": False,
            "policy": None,
            **changes,
            "tags": dict(settings.tags),
        }
        _check_session_policy(ref, new)
        _check_target(ref, new)
        return ASSOCIATION.action(None, new)
    before = ASSOCIATION.state_of(existing)
    if _same_document(settings.policy, existing.policy):
        del changes["policy"]
    kept = {key: value for key, value in existing.tags.items() if key not in settings.untag}
    after = {**before, **changes, "tags": {**kept, **settings.tags}}
    _check_session_policy(ref, after)
    if before != after:
        _check_target(ref, after)
        check_not_owned(existing, item.role.arn)
    return ASSOCIATION.action(before, after)


def _check_session_policy(ref: ServiceAccountRef, state: Mapping[str, object]) -> None:
    if state["policy"] and not state["disableSessionTags"]:
        raise Conflict(
            f"{ref} has a session policy, which EKS does not accept with session tags",
            hint=Again(add=("--no-session-policy",)),
            advice="--no-session-policy removes it.",
            subject=str(ref),
        )


def _check_target(ref: ServiceAccountRef, state: Mapping[str, object]) -> None:
    if state["targetRoleArn"] and state["targetRoleArn"] == state["roleArn"]:
        raise UsageError(
            f"the target role of {ref} is the role of the association itself: omit --target-role",
            hint=Again(add=("--no-target-role",)) if state.get("associationId") else (),
            subject=str(ref),
        )


def _same_document(one: str | None, other: str | None) -> bool:
    try:
        return bool(one) and bool(other) and json.loads(one or "") == json.loads(other or "")
    except ValueError:
        return False


def _check_replaceable(changed: Sequence[Action], current: Current) -> None:
    """Raise Conflict with every difference, field by field."""
    if not changed:
        return
    first = current[ref_of(changed[0].keys)]
    assert first is not None
    count = len(changed) - 1
    more = (
        f"; so {'is 1 other service account' if count == 1 else f'are {count} other service accounts'}" if count else ""
    )
    differs = [f"{action.target} {line}" for action in changed for line in differences(action)]
    raise Conflict(
        f"{first.ref} is already associated ({first.association_id}) with other settings{more}",
        hint=Again(add=("--replace",)),
        lines=tuple(differs),
        subject=str(first.ref),
    )


_WORDS = {
    "roleArn": "role",
    "targetRoleArn": "target role",
    "disableSessionTags": "session tags",
    "policy": "session policy",
}


def differences(action: Action) -> tuple[str, ...]:
    """Return a line for each field that an update changes: `role: ARN -> ARN`, `tag team: a -> none`."""
    before, after = action.before or {}, action.after or {}
    lines = [
        f"{words}: {_shown(key, before.get(key))} -> {_shown(key, after.get(key))}"
        for key, words in _WORDS.items()
        if before.get(key) != after.get(key)
    ]
    old, new = (texts(state, "tags") for state in (before, after))
    lines += [
        f"tag {key}: {old.get(key, 'none')} -> {new.get(key, 'none')}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    return tuple(lines)


def _shown(key: str, value: object) -> str:
    if key == "disableSessionTags":
        return "off" if value else "on"
    return str(value or "none")


def check_not_owned(association: Association, role_arn: str = "") -> None:
    """Raise Conflict for an association that an add-on owns: the add-on would restore it. `role_arn` is the requested
    role, empty for a deletion."""
    if association.owner_arn:
        name, account = addon_name(association.owner_arn), association.service_account
        change = Other(("addon", "associate"), (name, account), ("--role", role_arn, "--replace"))
        raise Conflict(
            f"The add-on {name} owns the association of {association.ref}: change it through the add-on",
            hint=change if role_arn else Other(("addon", "disassociate"), (name, account)),
            subject=str(association.ref),
        )


def _plan_trust(
    change: AssociationChange,
    items: Sequence[DesiredAssociation],
    cluster: Cluster,
    role: Role,
    current: Current,
    notes: list[str],
    quota: TrustQuota,
) -> Action | None:
    """Return the change of the trust policy; None if it allows every service account, or if only the pods can tell
    (verdict unknown). A mismatch that exists already and is not touched is no conflict."""
    policy = trust.parse_policy(role.trust)
    missing: dict[ServiceAccountRef, bool] = {}
    sentences: list[str] = []
    first_mode = ""
    for item in items:
        existing = current[item.ref]
        tags_on = session_tags(item.settings, existing)
        evaluation = trust.evaluate(policy, identity(cluster, item.ref, session_tags=tags_on, role=role))
        if evaluation.verdict is not trust.TrustVerdict.NO_MATCH:
            continue
        if item.kept and existing is not None and tags_on == existing.session_tags and not change.update_trust:
            continue
        cause = next((finding for finding in evaluation.findings if finding.id != trust.TOO_BROAD), None)
        if cause is not None and not missing:
            first_mode = cause.id
        why = cause.message if cause is not None else evaluation.assume_role.reason
        missing[item.ref] = tags_on
        sentences.append(f"the trust policy of role {role.name} does not allow {item.ref} to assume the role: {why}")
    if not missing:
        return None
    if not change.update_trust:
        first, *more = sentences
        raise NotAllowed(
            first[0].upper() + first[1:],
            hint=Again(add=("--update-trust",)),
            lines=tuple(more),
            advice="--update-trust adds a statement for it and keeps every other statement.",
            subject=role.name,
            id=first_mode,
            refs=tuple(missing),
        )
    check_editable(role)
    notes += others(role)
    # a statement for pods without session tags allows the whole cluster, and the others need their own after it
    tagged_first = dict(sorted(missing.items(), key=lambda item: not item[1]))
    return plan_trust(role, cluster, tagged_first, change.reach, change.conditions, notes=notes, quota=quota)


def with_service_accounts(plan: Plan, refs: Sequence[ServiceAccountRef], clients: Clients) -> Plan:
    """Return the plan with missing service accounts created first. Raise as the reader does, and NotFound if the
    namespace does not exist either."""
    reader, namespaces = clients.kube.reader, None
    missing = absent(refs, reader)
    if missing:
        with suppress(AccessDenied):  # the API server checks it
            namespaces = reader.list_namespaces()
    for ref in missing:
        if namespaces is not None and ref.namespace not in namespaces:
            near = nearest(ref.namespace, namespaces, 1)
            hint: Hint = ("kubectl", "create", "namespace", ref.namespace)
            if near:
                hint = Again(swap=(str(ref), f"{near[0]}/{ref.name}"))
            raise NotFound(no_namespace(ref.namespace, namespaces), hint=hint, subject=ref.namespace)
    created = [SERVICE_ACCOUNT.action(None, SERVICE_ACCOUNT.state_of(ref)) for ref in missing]
    return replace(plan, actions=(*created, *plan.actions))


def absent(refs: Collection[ServiceAccountRef], reader: KubeReader) -> list[ServiceAccountRef]:
    """Return the service accounts that do not exist. Raise as the reader does."""
    if len(refs) > _FEW:
        existing = {account.ref for account in reader.list_service_accounts()}
        return [ref for ref in refs if ref not in existing]
    return [ref for ref in refs if reader.find_service_account(ref) is None]


def session_tags(settings: Settings, existing: Association | None) -> bool:
    """Return whether EKS sends session tags with these settings."""
    if settings.disable_session_tags is not None:
        return not settings.disable_session_tags
    return existing is None or existing.session_tags


def all_tagged(settings: Mapping[ServiceAccountRef, Settings], current: Current) -> bool:
    """Return whether EKS sends session tags for all of them, or for none. Raise Conflict if they differ."""
    tagged = {session_tags(new, current[ref]) for ref, new in settings.items()}
    if len(tagged) > 1:
        raise Conflict("Service accounts with session tags on and off require separate commands")
    return tagged != {False}


def changed_associations(actions: Sequence[Action]) -> tuple[list[ServiceAccountRef], list[ServiceAccountRef]]:
    """Return the service accounts whose associations exist after the actions, and those that lose theirs."""
    changes = [action for action in actions if action.kind == ASSOCIATION.name]
    kept = [ref_of(action.keys) for action in changes if action.after is not None]
    return kept, [ref_of(action.keys) for action in changes if action.after is None]
