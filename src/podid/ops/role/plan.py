"""Plan changes of a role: its trust policy and its policies; and describe its other users."""

import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from podid.domain import trust
from podid.domain.aws import Cluster, Role, RolePolicies
from podid.domain.declaration import OWNER_KEY
from podid.domain.errors import Again, Conflict, Hint, InvalidInput, NotFound
from podid.domain.iam import ATTACHED_QUOTA, INLINE_QUOTA
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Action, Header, Place, Plan, Verb, document, texts
from podid.domain.text import did_you_mean, nearest, short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_TRUST, kind_of
from podid.ops.clients import Clients
from podid.ops.role.policies import check_inline_size, inline_size
from podid.ops.role.presets import PresetPermissions, fill, parse_choice, values_of_place
from podid.ops.role.quota import TrustQuota
from podid.ops.role.request import AttachOptions, DetachOptions
from podid.ops.role.resolve import managed_policy, own_role


def identity(
    cluster: Cluster, ref: ServiceAccountRef, *, session_tags: bool, role: Role | None = None
) -> trust.PodIdentity:
    """Return the request that EKS makes to the role for this service account."""
    return trust.PodIdentity(
        cluster_arn=cluster.arn,
        namespace=ref.namespace,
        service_account=ref.name,
        session_tags=session_tags,
        role_tags=dict(role.tags) if role is not None else {},
    )


def made_here(journal: Journal, place: Place, role: Role) -> bool:
    """Return whether the journal contains the creation of the role."""
    return journal.created(place.account, ROLE.name, {"roleName": role.name}, role_id=role.role_id)


def adopted_by(journal: Journal, place: Place, role: Role) -> str:
    """Return the declaration that adopted the role after podid created it here; empty if there is none."""
    return _later_tags(journal, place, role).get(OWNER_KEY, "")


def later_tag_notes(journal: Journal, place: Place, role: Role) -> tuple[str, ...]:
    """Return a note on the tags that the role got after podid created it here: a file with an owner key of its own may
    have adopted it."""
    tags = short_list(f"{key}={value}" for key, value in _later_tags(journal, place, role).items())
    return (f"role {role.name} got tags after podid created it, perhaps from its owner: {tags}",) if tags else ()


def _later_tags(journal: Journal, place: Place, role: Role) -> dict[str, str]:
    created = journal.last_made(place.header, ROLE.name, {"roleName": role.name})
    first = texts(created, "tags")
    return {} if created is None else {key: tag for key, tag in role.tags.items() if first.get(key) != tag}


def check_not_aws(role: Role) -> None:
    """Raise Conflict for roles that AWS owns."""
    if role.service_linked:
        raise Conflict(
            f"Role {role.name} belongs to AWS (path {role.path}): podid does not change it", subject=role.name
        )


def check_editable(role: Role) -> None:
    """Raise Conflict for roles that AWS owns and for trust policies that IAM would not accept again."""
    check_not_aws(role)
    dead = trust.unwritable_principals(trust.parse_policy(role.trust))
    if dead:
        raise Conflict(
            f"The trust policy of role {role.name} names deleted principals ({', '.join(dead)}), "
            "which IAM does not accept",
            advice="Remove them from the trust policy first.",
            subject=role.name,
        )


def plan_trust(
    role: Role,
    cluster: Cluster,
    refs: Mapping[ServiceAccountRef, bool],
    scope: trust.ScopeKind,
    conditions: Sequence[trust.OwnCondition] = (),
    *,
    notes: list[str],
    quota: TrustQuota,
) -> Action | None:
    """Return the change that makes the role's trust policy allow `refs`, each with whether EKS sends session tags; None
    if it does already. Append to `notes`, and raise Conflict, as `extended` does."""
    before = trust.parse_policy(role.trust)
    pods = [identity(cluster, ref, session_tags=session_tags, role=role) for ref, session_tags in refs.items()]
    after = extended(before, role.name, pods, scope, conditions, notes=notes, quota=quota)
    return None if after == before else ROLE_TRUST.change(role, after, note=f"to allow {listed(tuple(refs))}")


def extended(
    policy: trust.Policy | None,
    role_name: str,
    pods: Sequence[trust.PodIdentity],
    scope: trust.ScopeKind,
    conditions: Sequence[trust.OwnCondition],
    *,
    notes: list[str],
    quota: TrustQuota,
    current: trust.Policy | None = None,
) -> trust.Policy:
    """Return a role's trust policy, or a new one, with a statement for each of the `pods` that it does not allow yet,
    under further `conditions`, in place of the `current` one. Append to `notes`. Raise Conflict if it denies one of
    them, or would be too long."""
    policy = policy or trust.new_policy(pods[0], scope, conditions)
    for number, who in enumerate(pods, 1):
        evaluation = trust.evaluate(policy, who)
        if not conditions and evaluation.verdict is trust.TrustVerdict.MATCH:
            if evaluation.scope is not None and evaluation.scope.kind is not scope:
                words = f"the trust policy of role {role_name} already allows {who.name}"
                notes.append(f"{words}: {evaluation.scope.words}")
        else:
            edit = trust.add(policy, who, scope, conditions)
            policy, evaluation = edit.policy, trust.evaluate(edit.policy, who)
            if edit.refused or (edit.changed and evaluation.verdict is trust.TrustVerdict.NO_MATCH):
                raise Conflict(
                    f"The trust policy of role {role_name} denies {who.name}; another statement would not help: "
                    f"{evaluation.assume_role.reason or edit.reason}",
                    subject=role_name,
                )
            if not edit.changed:
                notes.append(f"trust policy of role {role_name}: {edit.reason}")
        quota.check(policy, role_name, number, len(pods), current=current)
    return policy


def others(role: Role, *, stays: bool = True) -> list[str]:
    """Describe the other principals that can assume the role, before it is changed or deleted."""
    principals = trust.other_principals(trust.parse_policy(role.trust))
    after = " (unchanged)" if stays else ", which could no longer assume it"
    return [f"role {role.name} also trusts {principal}{after}" for principal in principals]


def listed(refs: tuple[ServiceAccountRef, ...]) -> str:
    return ", ".join(map(str, refs))


Documents = Mapping[str, Mapping[str, object]]


def _names(arn: str) -> tuple[str, ...]:
    """Return the names of a managed policy: its ARN, its name, and its name with the path."""
    return arn, arn.rpartition("/")[2], arn.partition("policy/")[2]


def permission_actions(
    role_name: str, documents: Documents, arns: Iterable[str], policies: RolePolicies
) -> tuple[list[Action], list[Action]]:
    """Return the actions that give the role these policies, and those that need no change."""
    changes: list[Action] = []
    unchanged: list[Action] = []
    for name, policy in documents.items():
        current = policies.inline.get(name)
        action = ROLE_POLICY.action(
            None if current is None else ROLE_POLICY.state_of(role_name, name, current),
            ROLE_POLICY.state_of(role_name, name, policy),
        )
        (unchanged if current == policy else changes).append(action)
    attached = {policy.arn for policy in policies.attached}
    for arn in arns:
        state = ROLE_ATTACHMENT.state_of(role_name, arn)
        present = arn in attached
        (unchanged if present else changes).append(ROLE_ATTACHMENT.action(state if present else None, state))
    return changes, unchanged


def policy_changes(role_name: str, held: RolePolicies, documents: Documents, arns: Sequence[str]) -> list[Action]:
    """Return the changes after which the role has exactly these policies. New policies precede deletions, unless both
    together exceed a quota of IAM."""
    changes, _ = permission_actions(role_name, documents, arns, held)
    inline = (ROLE_POLICY.state_of(role_name, name, held.inline[name]) for name in held.inline if name not in documents)
    attached = (ROLE_ATTACHMENT.state_of(role_name, item.arn) for item in held.attached if item.arn not in arns)
    changes += [ROLE_POLICY.action(state, None) for state in inline]
    changes += [ROLE_ATTACHMENT.action(state, None) for state in attached]
    largest = (max(_size(held.inline, name), _size(documents, name)) for name in {*held.inline, *documents})
    number = len({*arns, *(item.arn for item in held.attached)})
    return sorted(changes, key=_growth) if sum(largest) > INLINE_QUOTA or number > ATTACHED_QUOTA else changes


def _size(documents: Mapping[str, Mapping[str, object]], name: str) -> int:
    return inline_size(documents[name]) if name in documents else 0


def _growth(action: Action) -> int:
    """Return the growth of what a quota limits: characters of inline policies, or the number of attached ones."""
    if action.kind == ROLE_ATTACHMENT.name:
        return 1 if action.before is None else -1
    states = (action.before, action.after)
    before, after = (inline_size(document(state, "policyDocument")) if state else 0 for state in states)
    return after - before


def preset_notes(granted: Iterable[PresetPermissions]) -> tuple[str, ...]:
    return tuple(f"preset {preset.name}: the role may {preset.words}" for preset in granted)


def merged(
    policies: Mapping[str, Mapping[str, object]], chosen: Iterable[PresetPermissions]
) -> dict[str, Mapping[str, object]]:
    """Return the inline policies with those of presets. Raise InvalidInput for equal names."""
    documents = dict(policies)
    for permissions in chosen:
        if permissions.document is None:
            continue
        if permissions.name in documents:
            raise InvalidInput(f"Two policies would both become the inline policy {permissions.name}")
        documents[permissions.name] = permissions.document
    return documents


def plan_attach(
    clients: Clients,
    place: Place,
    journal: Journal,
    options: AttachOptions,
    policies: Documents,
    at_hand: Callable[[], Place],
) -> tuple[Plan, Role]:
    """Return the plan that adds policies to the role, and the role. `at_hand` reads the cluster if a preset names it.
    Raise NotFound with the nearest names, and Conflict with the required flags or if the policies are too long."""
    choices = [parse_choice(text) for text in options.presets]
    role = own_role(clients, options.role)
    partition = Arn.parse(role.arn).partition
    cluster = at_hand().cluster if any(choice.preset.of_cluster for choice in choices) else None
    of_place = values_of_place(partition, place.account, place.region, cluster)
    granted = [fill(choice, of_place) for choice in choices]
    managed = (*options.managed_policies, *(name for preset in granted for name in preset.managed_policies))
    arns = dict.fromkeys(managed_policy(clients, text, partition=partition) for text in managed)
    policies, existing = merged(policies, granted), clients.iam.get_policies(role.name)
    if policies:
        check_inline_size(role.name, {**existing.inline, **policies})
    changes, unchanged = permission_actions(role.name, policies, arns, existing)
    ours = made_here(journal, place, role)
    if changes:
        overwrites = any(action.verb is Verb.UPDATE for action in changes)
        needed = (
            *(() if ours or options.adopt else ("--adopt",)),
            *(("--replace",) if overwrites and not options.replace else ()),
        )
        check_changeable(role, changes, needed, ours=ours)
    return _plan(place.header, role, changes, unchanged, ours=ours).noting(preset_notes(granted)), role


def _plan(header: Header, role: Role, changes: list[Action], unchanged: list[Action], *, ours: bool) -> Plan:
    notes = () if ours else tuple(others(role))
    return Plan(header=header, actions=tuple(changes), unchanged=tuple(unchanged), notes=notes)


def plan_detach(
    clients: Clients, place: Place, journal: Journal, options: DetachOptions, done: Iterable[Action]
) -> tuple[Plan, Role]:
    """Return the plan that removes policies from the role, and the role. `done` are the actions of an interrupted run
    of the same command. Raise NotFound with the nearest names, unless missing policies are ignored, and Conflict with
    the required flags."""
    granted = [fill(parse_choice(text), {}) for text in options.presets]
    inline = dict.fromkeys(
        (*options.inline_policies, *(preset.name for preset in granted if preset.document is not None))
    )
    managed = dict.fromkeys(
        (*options.managed_policies, *(name for preset in granted for name in preset.managed_policies))
    )
    role = own_role(clients, options.role)
    existing = clients.iam.get_policies(role.name)
    gone = {name for action in done for value in action.keys.values() for name in _names(value)}
    changes: list[Action] = []
    unchanged: list[Action] = []

    def check_missing(kind: str, name: str, known: Sequence[str]) -> None:
        if options.ignore_not_found or name in gone:
            return
        near = nearest(name, known, 1, alike=0.8)
        raise NotFound(
            f"Role {role.name} has no {kind} {name}{did_you_mean(name, known)}",
            # a removal is suggested only for typing errors
            hint=Again(swap=(name, near[0])) if near else Again(add=("--ignore-not-found",)),
            subject=name,
        )

    for name in inline:
        document = existing.inline.get(name)
        if document is None:
            check_missing("inline policy", name, tuple(existing.inline))
        action = ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, document or {}), None)
        (unchanged if document is None else changes).append(action)
    for text in managed:
        arns = [item.arn for item in existing.attached if text == item.name or text in _names(item.arn)]
        if len(arns) > 1:
            raise InvalidInput(f"Role {role.name} has {len(arns)} policies named {text}: specify the ARN", subject=text)
        if not arns:
            check_missing("managed policy", text, [policy.name for policy in existing.attached])
        state = ROLE_ATTACHMENT.state_of(role.name, arns[0] if arns else text)
        (changes if arns else unchanged).append(ROLE_ATTACHMENT.action(state, None))
    ours = made_here(journal, place, role)
    if changes:
        check_changeable(role, changes, () if ours or options.adopt else ("--adopt",), ours=ours)
    return _plan(place.header, role, changes, unchanged, ours=ours), role


def check_changeable(
    role: Role, actions: Sequence[Action], needed: tuple[str, ...], *, ours: bool, instead: Hint = ()
) -> None:
    """Raise Conflict for roles that AWS owns, and if flags are `needed`, with the difference and the other principals.
    `instead` is a command that changes only the missing parts."""
    check_not_aws(role)
    if not needed:
        return
    changes = ", ".join(f"{action.verb} {kind_of(action.kind).subject(action)}" for action in actions)
    reason = "differs from the request"
    if not ours:
        reason = "was not created by podid, according to its journal; the change would be"
    raise Conflict(
        f"Role {role.name} exists and {reason}: {changes}",
        hint=instead or Again(add=needed),
        lines=(*(() if ours else others(role)), *(line for action in actions for line in difference(action))),
        subject=role.name,
    )


def difference(action: Action) -> list[str]:
    """Return the members that an update changes; documents line by line."""
    if action.before is None or action.after is None:
        return []
    lines = []
    for key, new in action.after.items():
        old = action.before.get(key)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            left, right = (json.dumps(value, indent=2).splitlines() for value in (old, new))
            changed = list(difflib.unified_diff(left, right, lineterm="", n=1))[2:]
            lines += [f"{action.target} {key}:", *(f"  {line}" for line in changed)]
        else:
            lines.append(f"{action.target} {key}: {old or 'none'} -> {new or 'none'}")
    return lines
