"""Edit trust policies in files, or in a role as a plan."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from podid.calls.patience import Patience
from podid.domain import trust
from podid.domain.aws import Role
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Header, Plan
from podid.domain.text import count_of
from podid.ops.change.kinds import ROLE_TRUST
from podid.ops.role.plan import check_editable, others
from podid.ops.role.quota import TrustQuota
from podid.ops.role.uses import Uses, evaluate_uses, used_words
from podid.ops.trust.files import TrustFile, locked, read_files, write_in_place

RoleTags = Mapping[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The service accounts of a cluster (by ARN) whose access is edited, and the scope. EKS sends no session tags for
    those in `untagged`."""

    refs: tuple[ServiceAccountRef, ...]
    cluster_arn: str
    scope: trust.ScopeKind = trust.ScopeKind.SERVICE_ACCOUNT
    untagged: Collection[ServiceAccountRef] = ()
    conditions: tuple[trust.OwnCondition, ...] = ()

    def identities(self, role_tags: RoleTags) -> tuple[trust.PodIdentity, ...]:
        return tuple(
            trust.PodIdentity(
                self.cluster_arn, ref.namespace, ref.name, session_tags=ref not in self.untagged, role_tags=role_tags
            )
            for ref in self.refs
        )


_WIDER = (trust.ScopeKind.NAMESPACE, trust.ScopeKind.CLUSTER, trust.ScopeKind.ACCOUNT)
Edit = Callable[[trust.Policy, RoleTags], trust.Edit]


def adding(subjects: Subjects) -> Edit:
    """Allow all of them, or none: the first refusal applies to the whole edit."""

    def edit(policy: trust.Policy, role_tags: RoleTags) -> trust.Edit:
        add = partial(trust.add, scope=subjects.scope, conditions=subjects.conditions)
        result = _in_turn(policy, [partial(add, identity=who) for who in subjects.identities(role_tags)])
        misspellings = tuple(str(misspelling) for misspelling in trust.find_misspellings(policy))
        return result if result.refused else replace(result, notes=(*result.notes, *misspellings))

    return edit


def removing(subjects: Subjects) -> Edit:
    """Remove all of them, or none. A refusal names the wider scope that would succeed."""

    def edit(policy: trust.Policy, role_tags: RoleTags) -> trust.Edit:
        identities = subjects.identities(role_tags)

        def at(scope: trust.ScopeKind) -> trust.Edit:
            return _in_turn(policy, [partial(trust.remove, identity=who, scope=scope) for who in identities])

        result = at(subjects.scope)
        if not result.refused:
            return result
        wider = next((scope for scope in _WIDER if scope is not subjects.scope and at(scope).changed), None)
        how = "" if wider is None else f" (--scope {wider} removes the statement)"
        return replace(result, reason=result.reason + how)

    return edit


def removing_issuer(issuer: str, refs: Sequence[ServiceAccountRef] = ()) -> Edit:
    """Remove an OIDC provider, or its access for these service accounts: all of them, or none."""
    if not refs:
        return lambda policy, _: trust.remove_issuer(policy, issuer)
    steps = [partial(trust.remove_subject, issuer=issuer, ref=ref) for ref in refs]
    return lambda policy, _: _in_turn(policy, steps)


def tightening(identities: Sequence[trust.PodIdentity], scope: trust.ScopeKind) -> Edit:
    """Replace wider statements with ones of `scope` for these pods. Each of them stays allowed."""

    def edit(policy: trust.Policy, role_tags: RoleTags) -> trust.Edit:
        tagged = [replace(who, role_tags=role_tags) for who in identities]
        result = trust.tighten(policy, tagged, scope)
        match = trust.TrustVerdict.MATCH
        out = [who for who in tagged if trust.evaluate(result.policy, who).verdict is not match]
        if result.changed and out:
            names = ", ".join(f"{who.namespace}/{who.service_account}" for who in out)
            return trust.refused(policy, f"it is not certain that {names} would still be allowed", result.statement)
        return result

    return edit


Step = Callable[[trust.Policy], trust.Edit]


def _in_turn(policy: trust.Policy, steps: Sequence[Step]) -> trust.Edit:
    """Apply one step after another; the first change gives the reason."""
    now, edits = policy, []
    for step in steps:
        edit = step(now)
        if edit.refused:
            return replace(edit, policy=policy)
        edits.append(edit)
        now = edit.policy
    first = next((edit for edit in edits if edit.changed), edits[0])
    sentences = [text for edit in edits for text in (edit.reason, *edit.notes)]
    notes = tuple(text for text in dict.fromkeys(sentences) if text != first.reason)
    return replace(first, policy=now, size=trust.policy_size(now), notes=notes)


def users_of(role: Role, uses: Uses, *, accept_unread: bool) -> tuple[trust.PodIdentity, ...]:
    """Return the requests of all users of a role. Raise Conflict if nothing uses the role, or if the trust policy does
    not certainly allow every user, and Undetermined if some could not be read, unless the user accepts that."""
    uses.check_complete(f"role {role.name}", accept=accept_unread)
    users = [use for use in evaluate_uses(role, uses) if use.hop == 1]
    if not users:
        raise Conflict(
            f"The trust policy of role {role.name} is not tightened: no association uses the role, so no pod would be "
            "allowed",
            subject=role.name,
        )
    out = [use for use in users if use.evaluation.verdict is not trust.TrustVerdict.MATCH]
    if out:
        raise Conflict(
            f"The trust policy of role {role.name} is not tightened: it is not certain that it allows every "
            "association that uses the role",
            lines=tuple(f"{used_words(use.association)}: {_why(use.evaluation)}" for use in out),
            subject=role.name,
        )
    return tuple(use.evaluation.request for use in users if isinstance(use.evaluation.request, trust.PodIdentity))


def users_words(users: Sequence[trust.PodIdentity]) -> str:
    """Return `3 associations in 2 clusters`."""
    clusters = len({who.cluster_arn for who in users})
    many = count_of(len(users), "association")
    return f"{many} in {clusters} clusters" if clusters > 1 else f"{many} in cluster {users[0].cluster_name}"


def _why(evaluation: trust.Evaluation) -> str:
    return next(action.reason for action in evaluation.actions if action.verdict is not trust.TrustVerdict.MATCH)


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A file and its edited policy. A refusal is an error."""

    file: TrustFile
    edit: trust.Edit

    @property
    def changed(self) -> bool:
        return self.edit.changed

    @property
    def notes(self) -> tuple[str, ...]:
        return (self.edit.reason, *self.edit.notes, *self.warnings)

    @property
    def warnings(self) -> tuple[str, ...]:
        return trust.too_long(self.edit.policy) if self.changed else ()

    @property
    def diff(self) -> str:
        return trust.diff(self.file.policy, self.edit.policy)


def edit_files(
    names: Sequence[str], edit: Edit, read_file: Callable[[str], str], patience: Patience, *, writes: bool
) -> tuple[FileEdit, ...]:
    """Edit each file, and write it with `writes`. Raise Conflict for the first that cannot be edited, before any is
    written."""
    with locked(names if writes else (), patience) as facts:
        edits = []
        for file in read_files(names, read_file):
            result = edit(file.policy, file.role_tags)
            if result.refused:
                raise _refusal(f"The trust policy in {file.called}", file.called, result)
            edits.append(FileEdit(file, result))
        for item in edits if writes else ():
            if item.changed:
                write_in_place(item.file, item.edit.policy, facts[item.file.name])
    return tuple(edits)


def _refusal(policy: str, subject: str, edit: trust.Edit) -> Conflict:
    return Conflict(f"{policy} was not changed: {edit.reason}", subject=subject)


def plan_edit(role: Role, edit: Edit, header: Header, quota: TrustQuota, *, why: str) -> Plan:
    """Plan the edit. Raise Conflict if the trust policy cannot be edited or would be too long, and for roles that podid
    does not edit."""
    check_editable(role)
    current = trust.parse_policy(role.trust)
    result = edit(current, dict(role.tags))
    if result.refused:
        raise _refusal(f"The trust policy of role {role.name}", role.name, result)
    action, notes = ROLE_TRUST.change(role, result.policy, note=why), (result.reason, *result.notes)
    if not result.changed:
        return Plan(header=header, actions=(), unchanged=(replace(action, note=""),), notes=notes)
    quota.check(result.policy, role.name, current=current)
    return Plan(header=header, actions=(action,), notes=(*notes, *others(replace(role, trust=result.policy.document))))
