"""Plan role chaining: whether a target role allows the role, and the change by podid or by its owner."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import (
    Again,
    Conflict,
    CredentialsError,
    Hint,
    InvalidInput,
    NotFound,
    Other,
    PodidError,
    UsageError,
)
from podid.domain.iam import DENIALS
from podid.domain.names import ServiceAccountRef, parse_role_arn, role_name
from podid.domain.plan import Action, ChangeResult, Plan, Status, TargetTrustChange
from podid.domain.policy.statements import parse_permissions
from podid.domain.snapshot import Known, Missing, Section, attempt, known_or
from podid.domain.trust.request import RequestContext
from podid.ops.change.kinds import TARGET_TRUST
from podid.ops.change.kinds.trusts import trust_policy_of
from podid.ops.change.propagation import awaited, awaited_in, find_external_id, with_external_ids
from podid.ops.clients import Clients
from podid.ops.role.plan import check_editable, others
from podid.ops.role.quota import TrustQuota
from podid.ops.role.uses import cluster_arn

Hops = Mapping[ServiceAccountRef, trust.TargetHop]


def chaining_policies(arns: Iterable[str]) -> dict[str, dict[str, object]]:
    """Return the inline policies, by name, that allow a role to assume target roles. Equal role names in several
    accounts get the account in the name."""
    policies: dict[str, dict[str, object]] = {}
    for arn in dict.fromkeys(arns):
        name = f"assume-{role_name(arn)}"[:128]
        if name in policies:
            name = f"{name[:115]}-{parse_role_arn(arn).account}"
        policies[name] = trust.base_role_permissions(arn)
    return policies


def allows_chaining(documents: Iterable[Mapping[str, object]], arn: str) -> bool:
    """Return whether inline policies allow a role to assume the target role, without a condition."""
    policies = [parse_permissions("", "identity", document) for document in documents]
    statements = [item for policy in policies for item in policy.statements if item.allow and not item.conditions]
    context = RequestContext(1, {}, frozenset(), ())
    return all(
        any(item.covers(action.lower()) and item.resource_truth(arn, context) is True for item in statements)
        for action in trust.ACTIONS
    )


def chaining_for(
    inline: Mapping[str, Mapping[str, object]], arns: Iterable[str | None], declared: Mapping[str, Mapping[str, object]]
) -> dict[str, str]:
    """Return the inline policies that allow a role to assume one of the target roles, each with its ARN, unless a
    declared policy has the name or allows it too."""
    targets = [arn for arn in dict.fromkeys(arns) if arn and not allows_chaining(declared.values(), arn)]
    pairs = ((name, arn) for name in inline if name not in declared for arn in targets)
    return {name: arn for name, arn in pairs if inline[name] == trust.base_role_permissions(arn)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRequest:
    """A target role and how to treat it. `profile` has credentials of its account; None if the command has no option
    for it. With `update`, its trust policy is changed. `associating` is whether the run creates the associations, whose
    external IDs are known afterwards. EKS accepts a missing target role; with `must_exist` podid does not."""

    arn: str
    profile: str | None = ""
    update: bool = False
    associating: bool = True
    must_exist: bool = True


def read_target(clients: Clients, request: TargetRequest, account: str) -> Section[Role | None]:
    """Read the target role, with the credentials of the profile if there is one. Raise UsageError if these belong to
    another account."""
    arn, target = request.arn, parse_role_arn(request.arn)
    owner = clients.aws_of(request.profile) if request.profile else None
    session = clients.aws if owner is None and target.account == account else owner
    if session is None:
        advice = "" if request.profile is None else "; pass --target-profile with credentials of that account"
        return Missing(f"it is in account {target.account}{advice}")
    if owner is not None and (actual := owner.sts.get_caller().account) != target.account:
        raise UsageError(
            f"--target-profile has credentials of account {actual}, and the target role is in {target.account}",
            subject=arn,
        )
    try:
        role = session.iam.find_role(target.resource_name)
    except CredentialsError:
        raise
    except PodidError as error:
        return Missing(error.message, error.permission)
    return Known(role if role is not None and role.arn == arn else None)


def external_ids(
    clients: Clients, cluster: str, refs: Iterable[ServiceAccountRef], target_role_arn: str
) -> dict[ServiceAccountRef, str]:
    """Return the external IDs of the associations that have the target role already, as far as they can be read."""
    ids: dict[ServiceAccountRef, str] = {}
    for ref in refs:
        read = attempt(partial(find_external_id, clients.eks, cluster, ref, target_role_arn))
        if isinstance(read, Known) and read.value:
            ids[ref] = read.value
    return ids


def denial_notes(clients: Clients, current: Role | None, boundary: str, target_role_arn: str) -> tuple[str, ...]:
    """Describe what prevents the role from assuming the target role despite its policy: a boundary, a denial, the
    organization. IAM simulates only an existing role; for a new one the boundary is named."""
    if current is None:
        return (f"the boundary {boundary} must also allow sts:AssumeRole on {target_role_arn}",) if boundary else ()
    decisions = attempt(lambda: clients.iam.simulate(current.arn, trust.ACTIONS, (target_role_arn,)))
    if isinstance(decisions, Missing):
        why = f"requires {decisions.permission}" if decisions.permission else decisions.reason
        return (f"boundary and denials of role {current.name} were not checked: {why}",)
    notes = []
    for decision in decisions.value:
        if decision.denied_by:
            why = DENIALS[decision.denied_by].removesuffix(" it")
            notes.append(f"role {current.name} cannot assume {target_role_arn}: {why} {decision.action}")
    return tuple(dict.fromkeys(notes))


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """The plan for a target role. `action` changes its trust policy; None if no change is required, allowed or
    possible, with the reason in `notes`. `owner_changes` are for the role's owner. `late` is whether the action
    requires the external ID of a new association and so follows it."""

    action: Action | None
    notes: tuple[str, ...]
    owner_changes: tuple[TargetTrustChange, ...] = ()
    late: bool = False

    @property
    def actions(self) -> tuple[Action, ...]:
        return () if self.action is None else (self.action,)

    def around(self, plan: Plan) -> Plan:
        """Return the plan with this before the associations, or after them if `late`."""
        return self.after(plan) if self.late else self._with(plan, (*self.actions, *plan.actions))

    def after(self, plan: Plan) -> Plan:
        return self._with(plan, (*plan.actions, *self.actions))

    def _with(self, plan: Plan, actions: tuple[Action, ...]) -> Plan:
        owner_changes = (*plan.owner_changes, *self.owner_changes)
        return replace(plan, actions=actions, owner_changes=owner_changes).noting(self.notes)


def plan_chain(request: TargetRequest, hops: Hops, target: Section[Role | None], quota: TrustQuota) -> TargetPlan:
    """Evaluate the chain after the plan for each service account. Other statements of the target's trust policy stay
    unchanged. Raise NotFound for a missing target role that must exist, and Conflict if the trust policy would be too
    long."""
    arn, name = request.arn, f"target role {request.arn}"
    if isinstance(target, Missing):
        why = f"{target.reason} (requires {target.permission})" if target.permission else target.reason
        return TargetPlan(None, (f"{name} was not checked: {why}",), _owner_changes(arn, hops, refused=False))
    if target.value is None:
        if request.must_exist:
            listing = ("aws", "iam", "list-roles", *(("--profile", request.profile) if request.profile else ()))
            raise NotFound(f"The {name} does not exist", id="role-not-found", subject=arn, hint=listing)
        return TargetPlan(None, (f"{name} does not exist",), _owner_changes(arn, hops, refused=True))
    role = target.value
    try:
        before = trust.parse_policy(role.trust)
    except InvalidInput as error:
        return TargetPlan(None, (f"the trust policy of {name} cannot be read: {error.message}",))
    after, notes = before, list[str]()
    added: dict[ServiceAccountRef, trust.TargetHop] = {}
    shut: dict[ServiceAccountRef, trust.TargetHop] = {}
    denied: dict[ServiceAccountRef, trust.TargetHop] = {}
    # may be allowed once their external IDs are known
    unsure: dict[ServiceAccountRef, trust.TargetHop] = {}
    for ref, hop in hops.items():
        evaluation = trust.evaluate(after, hop)
        late = request.associating and _unbound(hop)
        refused = evaluation.verdict is trust.TrustVerdict.NO_MATCH
        sentence = _sentence(name, ref, hop, evaluation)
        if evaluation.verdict is trust.TrustVerdict.MATCH or not (late or refused):
            notes.append(sentence)
            continue
        bound = _bound(ref, hop)
        wider = trust.serving(after, bound)
        if trust.evaluate(wider, bound).verdict is not trust.TrustVerdict.MATCH:
            notes.append(f"{sentence}; another statement would not help")
            denied[ref] = hop
        elif request.update and (late or not _unbound(hop)):
            after = wider
            added[ref] = bound
        else:
            notes.append(sentence)
            (shut if refused else unsure)[ref] = hop
    owner_changes = (
        *_owner_changes(arn, shut, refused=True),
        *_owner_changes(arn, denied, refused=True, helps=False),
        *(replace(item, trust=role.trust) for item in _owner_changes(arn, unsure, refused=False)),
    )
    if after == before:
        return TargetPlan(None, tuple(notes), owner_changes)
    check_editable(role)
    # external IDs as long as EKS may create them
    ids = {ref: "x" * (len(hop.pod.cluster_arn) + len(str(ref))) for ref, hop in added.items()}
    document = with_external_ids(after.document, ids)
    assert isinstance(document, Mapping)
    quota.check(trust.parse_policy(document), role.name)
    keys = {"targetRoleArn": arn, "profile": request.profile or ""}
    state = TARGET_TRUST.state_at(role, keys)
    names, base = ", ".join(map(str, added)), next(iter(added.values())).base_role_arn
    why = f"to allow role {role_name(base)} for {names}"
    action = TARGET_TRUST.action(state, {**state, "policyDocument": after.to_document()}, note=why)
    return TargetPlan(action, (*notes, *others(role)), owner_changes, late=bool(awaited_in(action.after)))


def check_allowed(onward: TargetPlan, name: str, *, update: bool) -> None:
    """Raise Conflict for a new role that its target role does not allow: the chain would be incomplete. Without session
    tags, the target can allow it only after the association exists, which requires the role."""
    owner_changes = [item for item in onward.owner_changes if item.refused and not awaited_in(item.statements)]
    if not owner_changes:
        return
    message, *more = onward.notes
    helps = any(item.statements for item in owner_changes) and not update
    raise Conflict(
        message[0].upper() + message[1:],
        hint=Again(add=("--update-trust",)) if helps else (),
        lines=(*more, *map(owner_change_words, owner_changes)),
        advice=f"--force creates role {name} anyway; the owner of the target role can allow it later.",
        subject=owner_changes[0].target_role_arn,
        id="target-role-trust-broken",
    )


def by_update_trust(change: TargetTrustChange, *, update: bool) -> Hint:
    """Return the option that makes podid change the target role, if it can read the role and the option is not set."""
    read = change.refused or change.trust is not None
    return Again(add=("--update-trust",)) if read and change.statements and not update else ()


def next_command(change: TargetTrustChange, *, name: str, profile: str | None, update: bool) -> Hint:
    """Return the command that completes the chain of the new role `name`; the association, if it must come first."""
    if not awaited_in(change.statements):
        return by_update_trust(change, update=update)
    flags = ["--role", name, "--target-role", change.target_role_arn, "--no-session-tags"]
    flags += ["--target-profile", profile] if profile else []
    flags += ["--update-trust"] if change.refused else []
    return Other(("associate",), change.service_accounts, tuple(flags))


def with_owner_changes(result: ChangeResult, clients: Clients | None) -> ChangeResult:
    """Return the result with the changes for the owners of target roles: those outside the plan, and those that failed.
    `clients` read the external IDs of new associations."""
    owner_changes = [*result.plan.owner_changes]
    for item in result.done:
        action = item.action
        if action.kind == TARGET_TRUST.name and item.status in (Status.FAILED, Status.BLOCKED):
            old, new = (
                trust.parse_policy(trust_policy_of(state)).statements for state in (action.before, action.after)
            )
            present = [statement.raw for statement in old]
            added = tuple(statement.raw for statement in new if statement.raw not in present)
            owner_changes.append(
                TargetTrustChange(target_role_arn=action.target, service_accounts=(), statements=added, refused=True)
            )
    if clients is not None:
        known = (_known_by_now(item, clients, result.plan.header.cluster) for item in owner_changes)
        owner_changes = [change for change in known if change is not None]
    if result.error is not None and not result.worked:
        result.error.lines = (*result.error.lines, *map(owner_change_words, owner_changes))
    return replace(result, owner_changes=tuple(owner_changes))


def _known_by_now(change: TargetTrustChange, clients: Clients, cluster: str) -> TargetTrustChange | None:
    """Return the change with known external IDs after the run; None if the target role allows all associations."""
    ids: dict[ServiceAccountRef, str] = {}
    let_in: set[ServiceAccountRef] = set()
    for ref in awaited_in(change.statements):
        item = known_or(attempt(partial(clients.eks.find_association, cluster, ref)), None)
        if item is None or item.target_role_arn != change.target_role_arn or not item.external_id:
            continue
        ids[ref] = item.external_id
        who = trust.PodIdentity(cluster_arn(item), ref.namespace, ref.name, session_tags=item.session_tags)
        hop = trust.TargetHop(item.role_arn, who, item.external_id, role_tags=None)
        if change.trust is not None:
            verdict = trust.evaluate(trust.parse_policy(change.trust), hop).verdict
            if verdict is trust.TrustVerdict.MATCH:
                let_in.add(ref)
            elif verdict is trust.TrustVerdict.NO_MATCH:
                change = replace(change, refused=True)
    remaining = tuple(name for name in change.service_accounts if name not in set(map(str, let_in)))
    if let_in and not remaining:
        return None
    statements = with_external_ids([raw for raw in change.statements if not awaited_in(raw) & let_in], ids)
    assert isinstance(statements, list)
    return replace(change, service_accounts=remaining, statements=tuple(statements))


def owner_change_words(change: TargetTrustChange) -> str:
    if not change.statements:
        return f"target role {change.target_role_arn} does not allow {', '.join(change.service_accounts)}"
    text = json.dumps(change.statements[0] if len(change.statements) == 1 else change.statements)
    return f"the owner of target role {change.target_role_arn} must add to its trust policy: {text}"


def _sentence(name: str, ref: ServiceAccountRef, hop: trust.TargetHop, evaluation: trust.Evaluation) -> str:
    base, verdict = role_name(hop.base_role_arn), evaluation.verdict
    if verdict is trust.TrustVerdict.MATCH:
        return f"{name} allows role {base} to assume it for {ref}"
    does = "it is not known whether {} allows" if verdict is trust.TrustVerdict.UNKNOWN else "{} does not allow"
    if evaluation.findings:
        why = evaluation.findings[0].message
    else:
        why = next(action.reason for action in evaluation.actions if action.verdict is verdict)
    return f"{does.format(name)} role {base} to assume it for {ref}: {why}"


def _unbound(hop: trust.TargetHop) -> bool:
    return not hop.pod.session_tags and hop.external_id is None


def _bound(ref: ServiceAccountRef, hop: trust.TargetHop) -> trust.TargetHop:
    """Return it with an external ID, which the run reads later if it is not known yet."""
    return replace(hop, external_id=awaited(ref)) if _unbound(hop) else hop


def _owner_changes(arn: str, hops: Hops, *, refused: bool, helps: bool = True) -> tuple[TargetTrustChange, ...]:
    """Return one change for all service accounts, with a statement for each, unless a statement would not help."""
    if not hops:
        return ()
    statements: list[Mapping[str, object]] = []
    for ref, hop in hops.items() if helps else ():
        # one statement for each service account, and without session tags one more for all of them
        statements += [raw for raw in trust.target_statements(_bound(ref, hop)) if raw not in statements]
    return (
        TargetTrustChange(
            target_role_arn=arn, service_accounts=tuple(map(str, hops)), statements=tuple(statements), refused=refused
        ),
    )
