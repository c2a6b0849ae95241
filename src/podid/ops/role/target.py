"""A role that goes on to a target role: whether the target lets it in, the change that makes it do so, and what its
owner must add where that is not podid's to do."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.errors import CredentialsError, InvalidInput, PodidError, UsageError
from podid.domain.model import Cluster, Decision, Role
from podid.domain.names import ServiceAccountRef, parse_role_arn, role_name
from podid.domain.plan import Action, ChangeResult, Status
from podid.domain.snapshot import Known, Missing, Section, attempt
from podid.ops.change.kinds import TARGET_TRUST
from podid.ops.change.kinds.role_trust import document_of
from podid.ops.role.create import RoleRequest
from podid.ops.role.plan import check_editable, check_size, identity, others

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.aws.iam import Iam
    from podid.aws.session import AwsSession

Hops = Mapping[ServiceAccountRef, trust.TargetHop]


def going_on_policy(target_role_arn: str) -> dict[str, dict[str, object]]:
    """The inline policy, by its name, that lets a role go on to the target role."""
    return {f"assume-{role_name(target_role_arn)}"[:128]: trust.base_role_permissions(target_role_arn)}


def going_on_policies(arns: Iterable[str]) -> dict[str, dict[str, object]]:
    """The same for several target roles; of those that are called the same in other accounts, under the account's."""
    found: dict[str, dict[str, object]] = {}
    for arn in dict.fromkeys(arns):
        ((name, policy),) = going_on_policy(arn).items()
        found[name if name not in found else f"{name[:115]}-{parse_role_arn(arn).account}"] = policy
    return found


def read_target(arn: str, account: str, aws: AwsSession, other: AwsSession | None) -> Section[Role | None]:
    """The target role; `other` are the credentials of its own account, where there are any. Raises UsageError where
    they are another account's."""
    wanted = parse_role_arn(arn)
    session = aws if other is None and wanted.account == account else other
    if session is None:
        return Missing(
            f"it is in account {wanted.account}; --target-profile with credentials of that account looks at it"
        )
    if other is not None:
        has = other.sts.get_caller().account
        if has != wanted.account:
            raise UsageError(
                f"--target-profile has credentials of account {has}, and the target role is in {wanted.account}",
                subject=arn,
            )
    try:
        role = session.iam.find_role(wanted.resource_name)
    except CredentialsError:
        raise
    except PodidError as error:
        return Missing(error.what, error.permission)
    return Known(role if role is not None and role.arn == arn else None)


def hops_of(request: RoleRequest, cluster: Cluster, current: Role | None, external_ids: Mapping[object, str]) -> Hops:
    """How each service account of a new role, or of `current`, comes to the target role."""
    made = f"arn:{cluster.partition}:iam::{cluster.account}:role{request.path}{request.name}"
    base = current.arn if current is not None else made
    return {
        ref: trust.TargetHop(
            base,
            identity(cluster, ref, session_tags=request.session_tags, role=current),
            external_ids.get(ref),
            role_tags=None,
        )
        for ref in request.refs
    }


def external_ids(
    eks: Eks, cluster: Cluster, refs: Iterable[ServiceAccountRef], target_role_arn: str
) -> dict[object, str]:
    """Those of the associations that go on to the target role already: EKS makes them up with the association. Nothing
    of what cannot be read."""
    found: dict[object, str] = {}
    for ref in refs:
        try:
            association = eks.find_association(cluster.name, ref)
        except CredentialsError:
            raise
        except PodidError:
            continue
        if association is not None and association.target_role_arn == target_role_arn and association.external_id:
            found[ref] = association.external_id
    return found


def barred_notes(iam: Iam, request: RoleRequest, current: Role | None, target_role_arn: str) -> tuple[str, ...]:
    """What keeps the role from going on, whatever the policy that lets it: a boundary, a denial, the organization. IAM
    simulates only what is there; a boundary that a new role gets is named."""
    bound = request.permissions_boundary_arn
    if current is None:
        return (f"the boundary {bound} must allow sts:AssumeRole on {target_role_arn}, too",) if bound else ()
    found = attempt(lambda: iam.simulate(current.arn, trust.ACTIONS, (target_role_arn,)))
    if isinstance(found, Missing):
        why = f"needs {found.permission}" if found.permission else found.reason
        return (f"whether a boundary or a denial keeps role {current.name} from going on was not looked at: {why}",)
    barred = {why: None for decision in found.value if (why := _bar(decision))}
    return tuple(f"role {current.name} may not go on to {target_role_arn}: {why}" for why in barred)


def _bar(decision: Decision) -> str:
    if decision.boundary_allows is False:
        return f"its permissions boundary does not allow {decision.action}"
    if decision.organization_allows is False:
        return f"a service control policy of the organization does not allow {decision.action}"
    return f"a policy denies {decision.action}" if decision.decision == "explicitDeny" else ""


@dataclass(frozen=True, slots=True)
class Owed:
    """Statements that the owner of a target role must add to its trust policy, and what there is to know of them."""

    target_role_arn: str
    statements: tuple[object, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Onward:
    """What it takes at the target role: `action` changes its trust policy, None where it need not be, must not be or
    cannot be changed, which `notes` tell, with what is `owed` by its owner."""

    action: Action | None
    notes: tuple[str, ...]
    owed: Owed | None = None

    @property
    def actions(self) -> tuple[Action, ...]:
        return () if self.action is None else (self.action,)


def left_to_owners(result: ChangeResult) -> ChangeResult:
    """The result with what the owners of target roles must add, whose trust policy could not be changed."""
    notes: list[str] = []
    for item in result.done:
        action = item.action
        if action.kind == TARGET_TRUST.name and item.status in (Status.FAILED, Status.BLOCKED):
            old, new = (trust.parse_policy(document_of(state)).statements for state in (action.before, action.after))
            there = [statement.raw for statement in old]
            added = tuple(statement.raw for statement in new if statement.raw not in there)
            notes += _to_add(f"target role {action.target}", added)
    return replace(result, notes=(*result.notes, *notes))


def plan_onward(arn: str, hops: Hops, target: Section[Role | None], *, profile: str, update: bool) -> Onward:
    """Pure: whether the chain holds once the plan is carried out, service account by service account. With `update`
    the target's trust is made to admit them; every other statement stays as it is. Raises Conflict where IAM would not
    take it."""
    name = f"target role {arn}"
    if isinstance(target, Missing):
        why = f"{target.reason} (needs {target.permission})" if target.permission else target.reason
        return _untouched(arn, f"{name} was not looked at: {why}", hops)
    if target.value is None:
        return _untouched(arn, f"{name} does not exist", hops)
    role = target.value
    try:
        before = trust.parse_policy(role.trust)
    except InvalidInput as error:
        return Onward(None, (f"the trust policy of {name} cannot be read: {error.what}",))
    after, notes, shut, added = before, [], [], []
    for ref, hop in hops.items():
        found = trust.evaluate(after, hop)
        said = _said(name, ref, hop, found)
        if found.verdict is not trust.TrustVerdict.NO_MATCH:
            notes.append(said)
        elif not update or _unbound(hop):
            notes.append(f"{said}; {_UNBOUND.format(ref=ref)}" if update else said)
            shut.append(hop)
        elif trust.evaluate(wider := _with(after, hop), hop).verdict is trust.TrustVerdict.MATCH:
            after = wider
            added.append((ref, hop))
        else:
            notes.append(f"{said}; one more statement would not help")
    owed = _owed(arn, shut)
    notes += (*_to_add(name, _statements(shut)), *(() if update else _to_bind(shut)))
    if shut and not update:
        notes.append("--update-trust adds it with these credentials")
    if after == before:
        return Onward(None, tuple(notes), owed)
    check_editable(role)
    check_size(after, role.name)
    keys = {"targetRoleArn": arn, "profile": profile}
    state = TARGET_TRUST.state_at(role, keys)
    whom = ", ".join(str(ref) for ref, _ in added)
    why = f"so that it lets in role {role_name(added[0][1].base_role_arn)} for {whom}"
    action = TARGET_TRUST.action(state, {**state, "policyDocument": after.to_document()}, note=why)
    return Onward(action, (*notes, *others(role)), owed)


_UNBOUND = (
    "without session tags only the external id tells {ref} from others, and EKS generates it with the association: "
    "once {ref} is associated with this target role, the same command adds the statement"
)


def _said(name: str, ref: ServiceAccountRef, hop: trust.TargetHop, found: trust.Evaluation) -> str:
    """What the target role's trust says to one service account's way."""
    base = role_name(hop.base_role_arn)
    if found.verdict is trust.TrustVerdict.MATCH:
        return f"{name} lets role {base} in for {ref}"
    does = "it is not known whether it does" if found.verdict is trust.TrustVerdict.UNKNOWN else "it does not"
    return f"{name} must let role {base} in for {ref}, and {does}: {_why(found)}"


def _unbound(hop: trust.TargetHop) -> bool:
    return not hop.pod.session_tags and hop.external_id is None


def _why(found: trust.Evaluation) -> str:
    if found.findings:
        return found.findings[0].message
    return next(item.reason for item in (found.assume_role, found.tag_session) if item.verdict is found.verdict)


def _with(policy: trust.Policy, hop: trust.TargetHop) -> trust.Policy:
    there = [trust.meaning(statement.raw) for statement in policy.statements]
    new = [raw for raw in _raws(hop) if trust.meaning(raw) not in there]
    return policy.with_statements([*(statement.raw for statement in policy.statements), *new])


def _raws(hop: trust.TargetHop) -> list[Mapping[str, object]]:
    found = trust.target_policy(hop)["Statement"]
    assert isinstance(found, list)
    return found


def _statements(hops: Iterable[trust.TargetHop]) -> tuple[object, ...]:
    """One for each service account; without session tags they are all the same."""
    found: list[object] = []
    for hop in hops:
        found += [raw for raw in _raws(hop) if raw not in found]
    return tuple(found)


def _untouched(arn: str, note: str, hops: Hops) -> Onward:
    added = _to_add(f"target role {arn}", _statements(hops.values()))
    return Onward(None, (note, *added, *_to_bind(hops.values())), _owed(arn, list(hops.values())))


def _owed(arn: str, hops: Sequence[trust.TargetHop]) -> Owed | None:
    return Owed(arn, _statements(hops), _to_bind(hops)) if hops else None


def _to_bind(hops: Iterable[trust.TargetHop]) -> tuple[str, ...]:
    if not any(map(_unbound, hops)):
        return ()
    return (
        "without session tags these let in the role whoever uses it: once there is an association, podid show NS/SA "
        "tells its external id, which the owner should demand there (StringEquals, sts:ExternalId)",
    )


def _to_add(name: str, statements: tuple[object, ...]) -> tuple[str, ...]:
    if not statements:
        return ()
    text = json.dumps(statements[0] if len(statements) == 1 else statements)
    return (f"the owner of {name} must add to its trust policy: {text}",)
