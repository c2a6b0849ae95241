"""Associations: the plan that makes, changes or removes them, and their reading."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.errors import AccessDenied, Again, Conflict, Hint, NotFound, Other, PodidError
from podid.domain.model import Association, Cluster, Role
from podid.domain.names import ServiceAccountRef, addon_name
from podid.domain.place import Place
from podid.domain.plan import Action, Header, Plan
from podid.domain.words import did_you_mean, nearest
from podid.ops.change.kinds import ASSOCIATION, SERVICE_ACCOUNT
from podid.ops.change.kinds.association import ref_of
from podid.ops.clients import Clients
from podid.ops.role.plan import check_editable, identity, kept_by_others, others, plan_trust
from podid.ops.role.resolve import ResolvedRole

if TYPE_CHECKING:
    from podid.kube.reader import KubeReader


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateRequest:
    """What `podid associate` was asked for. None leaves a setting of an existing association as it is."""

    refs: tuple[ServiceAccountRef, ...]
    role: ResolvedRole
    target_role_arn: str | None = None
    disable_session_tags: bool | None = None
    policy: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    scope: trust.ScopeKind
    replace: bool = False
    update_trust: bool = False


def current_associations(
    clients: Clients, place: Place, refs: Sequence[ServiceAccountRef]
) -> dict[ServiceAccountRef, Association | None]:
    return {ref: clients.eks.find_association(place.cluster_name, ref) for ref in refs}


def plan_associations(
    request: AssociateRequest,
    cluster: Cluster,
    header: Header,
    current: Mapping[ServiceAccountRef, Association | None],
) -> Plan:
    """Pure: planning after applying gives an empty plan. Raises Conflict, which names the flag that would allow
    it, AccessDenied where the trust policy was to be changed and may not be read."""
    if request.update_trust and request.role.denied is not None:
        raise request.role.denied  # what was asked for by name must not be left out
    actions: list[Action] = []
    unchanged: list[Action] = []
    notes: list[str] = [f"role {request.role.arn}: {request.role.note}"] if request.role.note else []
    for ref in request.refs:
        action = _plan_one(request, ref, current[ref])
        (unchanged if action.before == action.after else actions).append(action)
    role = request.role.role
    if role is not None:
        trust_action = _plan_trust(request, cluster, role, current, notes)
        if trust_action is not None:
            actions.insert(0, trust_action)
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=tuple(notes))


def _plan_one(request: AssociateRequest, ref: ServiceAccountRef, existing: Association | None) -> Action:
    asked: dict[str, object] = {"roleArn": request.role.arn}
    if request.target_role_arn is not None:
        asked["targetRoleArn"] = request.target_role_arn or None
    if request.disable_session_tags is not None:
        asked["disableSessionTags"] = request.disable_session_tags
    if request.policy is not None:
        asked["policy"] = request.policy or None
    if existing is None:
        wanted: dict[str, object] = {
            "namespace": ref.namespace,
            "serviceAccount": ref.name,
            "targetRoleArn": None,
            "disableSessionTags": False,
            "policy": None,
            **asked,
            "tags": dict(request.tags),
        }
        _check_session_policy(ref, wanted)
        return ASSOCIATION.action(None, wanted)
    before = ASSOCIATION.state_of(existing)
    if _same_document(request.policy, existing.policy):
        del asked["policy"]
    after = {**before, **asked, "tags": {**existing.tags, **request.tags}}
    _check_session_policy(ref, after)
    if before != after:
        _check_replaceable(request, ref, existing, before, after)
    return ASSOCIATION.action(before, after)


def _check_session_policy(ref: ServiceAccountRef, state: Mapping[str, object]) -> None:
    if state["policy"] and not state["disableSessionTags"]:
        raise Conflict(
            f"{ref} has a session policy, and EKS takes none while session tags are on",
            hint=Again(add=("--session-policy", "")),
            advice="An empty --session-policy removes it.",
            subject=str(ref),
        )


def _same_document(one: str | None, other: str | None) -> bool:
    """Whether two session policies are the same JSON, however they are laid out."""
    try:
        return bool(one) and bool(other) and json.loads(one or "") == json.loads(other or "")
    except ValueError:
        return False


def _check_replaceable(
    request: AssociateRequest,
    ref: ServiceAccountRef,
    existing: Association,
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> None:
    check_not_owned(existing, request.role.arn)
    if request.replace:
        return
    differs = ", ".join(
        f"{key} is {_shown(before[key]) or 'not set'}, asked for {_shown(after[key]) or 'none'}"
        for key in after
        if before[key] != after[key]
    )
    raise Conflict(
        f"{ref} is already associated ({existing.association_id}): {differs}",
        hint=Again(add=("--replace",)),
        subject=str(ref),
    )


def _shown(value: object) -> object:
    return ", ".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, Mapping) else value


def check_not_owned(association: Association, role_arn: str = "") -> None:
    """Raises Conflict for an association that an EKS add-on owns: it is changed through the add-on, which would put it
    back. `role_arn` is the role that it was to have, empty where it was to go."""
    if association.owner_arn:
        name, account = addon_name(association.owner_arn), association.service_account
        change = Other(("addon", "associate"), (name, account), ("--role", role_arn, "--replace"))
        raise Conflict(
            f"The association of {association.ref} is owned by the add-on {name} and is changed through it",
            hint=change if role_arn else Other(("addon", "disassociate"), (name, account)),
            subject=str(association.ref),
        )


def _plan_trust(
    request: AssociateRequest,
    cluster: Cluster,
    role: Role,
    current: Mapping[ServiceAccountRef, Association | None],
    notes: list[str],
) -> Action | None:
    """None when the role admits every service account already, or when only the pods can tell (a verdict unknown)."""
    missing: dict[bool, list[ServiceAccountRef]] = {}
    refused = ""
    for ref in request.refs:
        tags_on = session_tags(request, current[ref])
        verdict = trust.evaluate(
            trust.parse_policy(role.trust), identity(cluster, ref, session_tags=tags_on, role=role)
        )
        if verdict.verdict is trust.TrustVerdict.NO_MATCH:
            missing.setdefault(tags_on, []).append(ref)
            why = next((f.message for f in verdict.findings if f.id != trust.TOO_BROAD), verdict.assume_role.reason)
            notes.append(f"the trust policy of role {role.name} does not admit {ref}: {why}")
            refused = refused or notes[-1]
        elif verdict.verdict is trust.TrustVerdict.UNKNOWN:
            unclear = (verdict.assume_role, verdict.tag_session)
            why = next(item.reason for item in unclear if item.verdict is trust.TrustVerdict.UNKNOWN)
            notes.append(f"it is not known whether the trust policy of role {role.name} admits {ref}: {why}")
    if not missing:
        return None
    refs = tuple(ref for group in missing.values() for ref in group)
    if len(missing) > 1:
        raise Conflict("Service accounts with session tags on and off need separate commands", subject=role.name)
    if not request.update_trust:
        raise Conflict(
            refused[0].upper() + refused[1:],
            hint=Again(add=("--update-trust",)),
            advice="--update-trust adds one statement for it; every other statement stays as it is.",
            subject=role.name,
        )
    check_editable(role)
    notes += (*others(role), *kept_by_others(role))
    return plan_trust(role, cluster, refs, request.scope, session_tags=next(iter(missing)), notes=notes)


def with_service_accounts(plan: Plan, refs: Sequence[ServiceAccountRef], reader: KubeReader) -> Plan:
    """The plan with the service accounts that do not exist yet created first. Raises as the reader does, and NotFound
    where the namespace does not exist either."""
    missing = [ref for ref in refs if reader.find_service_account(ref) is None]
    if missing:
        _check_namespaces(missing, reader)
    created = [SERVICE_ACCOUNT.action(None, SERVICE_ACCOUNT.state_of(ref)) for ref in missing]
    return replace(plan, actions=(*created, *plan.actions))


def _check_namespaces(refs: Sequence[ServiceAccountRef], reader: KubeReader) -> None:
    try:
        namespaces = reader.list_namespaces()
    except AccessDenied:
        return  # the API server will tell
    for ref in refs:
        if ref.namespace not in namespaces:
            what = f"Namespace {ref.namespace} does not exist{did_you_mean(ref.namespace, namespaces)}"
            near = nearest(ref.namespace, namespaces, 1)
            hint: Hint = ("kubectl", "create", "namespace", ref.namespace)
            if near:
                hint = Again(swap=(str(ref), f"{near[0]}/{ref.name}"))
            raise NotFound(what, hint=hint, subject=ref.namespace)


def missing_service_accounts(
    refs: Sequence[ServiceAccountRef], reader: KubeReader
) -> dict[ServiceAccountRef, list[str]]:
    """The service accounts that do not exist, each with the nearest one that does. Raises as the reader does."""
    missing = [ref for ref in refs if reader.find_service_account(ref) is None]
    known: list[str] = []
    if missing:
        with suppress(PodidError):
            known = [str(item.ref) for item in reader.list_service_accounts()]
    return {ref: nearest(str(ref), known, 1) for ref in missing}


def session_tags(request: AssociateRequest, existing: Association | None) -> bool:
    """Whether EKS will send session tags once the request is carried out."""
    if request.disable_session_tags is not None:
        return not request.disable_session_tags
    return existing is None or existing.session_tags


def plan_disassociate(
    refs: tuple[ServiceAccountRef, ...],
    header: Header,
    current: Mapping[ServiceAccountRef, Association | None],
) -> Plan:
    """Where there is none to delete the plan says so under `unchanged`."""
    actions, unchanged = [], []
    for ref in refs:
        existing = current[ref]
        if existing is None:
            nothing = {"namespace": ref.namespace, "serviceAccount": ref.name}
            unchanged.append(ASSOCIATION.action(nothing, None))
            continue
        check_not_owned(existing)
        actions.append(ASSOCIATION.action(ASSOCIATION.state_of(existing), None))
    notes = ASSOCIATION.once_deleted if actions else ()
    return Plan(header=header, actions=tuple(actions), unchanged=tuple(unchanged), notes=notes)


def changed_associations(plan: Plan) -> tuple[list[ServiceAccountRef], list[ServiceAccountRef]]:
    """The service accounts whose associations are there after the plan, and those that lose theirs."""
    actions = [action for action in plan.actions if action.kind == ASSOCIATION.name]
    kept = [ref_of(action.keys) for action in actions if action.after is not None]
    return kept, [ref_of(action.keys) for action in actions if action.after is None]


def check_associated(clients: Clients, place: Place, current: Mapping[ServiceAccountRef, Association | None]) -> None:
    """Raises NotFound for the first service account without an association, with the nearest names."""
    for ref, association in current.items():
        if association is None:
            summaries = clients.eks.list_association_summaries(place.cluster_name)
            error = association_not_found(ref, place.cluster_name, tuple(item.ref for item in summaries))
            error.hint = Again(add=("--ignore-not-found",))
            raise error


def association_not_found(ref: ServiceAccountRef, cluster_name: str, refs: tuple[ServiceAccountRef, ...]) -> NotFound:
    """The error with the nearest service accounts that do have an association."""
    known = [str(item) for item in refs]
    near = nearest(str(ref), known, 1)
    return NotFound(
        f"{ref} has no association in cluster {cluster_name}{did_you_mean(str(ref), known)}",
        hint=Again(swap=(str(ref), near[0])) if near else Other(("list",)),
        advice="" if near else f"podid associate {ref} gives it a role.",
        subject=str(ref),
    )
