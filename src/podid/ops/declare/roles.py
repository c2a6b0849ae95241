"""Plan the roles that files declare, for all their clusters together: IAM is global."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Association, Role, RolePolicies
from podid.domain.declaration import Declaration, DeclaredRole, PolicyReference, PresetPolicy
from podid.domain.errors import Again, Conflict, CredentialsError, InvalidInput, NotFound, PodidError, Undetermined
from podid.domain.fileplan import FileConflict, NotRead
from podid.domain.names import AWS_MANAGED, ServiceAccountRef, role_name
from podid.domain.plan import Action, Place, Plan, State, document, texts
from podid.ops.change.kinds import ROLE, ROLE_SETTINGS, ROLE_TRUST, kind_of
from podid.ops.change.kinds.base import needed_role
from podid.ops.declare.accounts import DeclaredAccounts
from podid.ops.declare.clusters import ClusterSubjects, FileSite
from podid.ops.declare.ownership import Mark, TagHistory, UnmarkedOwners, decide
from podid.ops.declare.request import Ownership
from podid.ops.declare.trust import by_cluster, declared_trust, kept, users_elsewhere, wider
from podid.ops.role.create import MANAGED_BY, role_with_policies
from podid.ops.role.plan import check_editable, check_not_aws, difference, others, policy_changes
from podid.ops.role.policies import check_inline_size
from podid.ops.role.presets import PresetPermissions, fill, parse_choice, values_of_place
from podid.ops.role.quota import TrustQuota
from podid.ops.role.request import RoleOptions, RoleRequest, tagged
from podid.ops.role.resolve import ResolvedRole, managed_policy
from podid.ops.role.target import allows_chaining, chaining_for, chaining_policies

Documents = dict[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlanned:
    """The plan of one declared role. `role` is the role for the associations: as planned, or without its trust
    policy if that is not known. `idle` is whether there is nothing to plan, because no service account is to assume
    the role."""

    role: ResolvedRole
    actions: tuple[Action, ...] = ()
    conflict: FileConflict | None = None
    unread: NotRead | None = None
    notes: tuple[str, ...] = ()
    idle: bool = False


def in_order(planned: dict[str, RolePlanned]) -> dict[str, RolePlanned]:
    """Return the roles so that each new role precedes the roles whose trust policies name it. The order of the files
    stays if there is none such."""
    new = {
        name: key
        for key, item in planned.items()
        if any(action.kind == ROLE.name for action in item.actions)
        for name in needed_role(key)
    }

    def before(key: str) -> set[str]:
        names = {name for action in planned[key].actions for name in kind_of(action.kind).needs(action)}
        return {new[name] for name in names if name in new} - {key}

    graph = {key: before(key) for key in planned}
    if not any(graph.values()):
        return planned
    try:
        return {key: planned[key] for key in TopologicalSorter(graph).static_order()}
    except CycleError:
        return planned


def role_plans(
    places: Sequence[Place], planned: Iterable[RolePlanned], leaving: Collection[str], quota: TrustQuota
) -> tuple[Plan, list[Plan]]:
    """Return the plan of the roles, and for each cluster the part that follows its associations: changes that only
    remove statements of trust policies, since the associations use these until they are changed. `leaving` are the
    names of the roles, in lower case, that an association no longer has after the plan. If their trust policies gain
    and lose statements, these changes are several actions, and the later ones follow the associations."""
    items, first, later = tuple(planned), list[Action](), [list[Action]() for _ in places]
    for action in (action for item in items for action in item.actions):
        gains, losses = _gains_and_losses(action, leaving, quota) if action.kind == ROLE_TRUST.name else ((action,), ())
        first += gains
        for loss in losses:
            for actions, part in zip(later, by_cluster(loss, places), strict=True):
                actions += part
    notes = tuple(dict.fromkeys(note for item in items for note in item.notes))
    whole = Plan(header=places[0].header, actions=tuple(first), notes=notes, separate=True)
    parts = zip(places, later, strict=True)
    return whole, [Plan(header=at.header, actions=tuple(actions), separate=True) for at, actions in parts]


def _gains_and_losses(
    action: Action, leaving: Collection[str], quota: TrustQuota
) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
    """Return the changes of a trust policy that precede the associations, and those that follow them."""
    old, new = (trust.parse_policy(document(state, "policyDocument")) for state in (action.before, action.after))
    gained, kept = {trust.meaning(item.raw) for item in new.statements}, list[Mapping[str, object]]()
    for item in old.statements:
        if (meaning := trust.meaning(item.raw)) in gained:
            kept.append(item.raw)
        gained.discard(meaning)
    if not gained and len(new.statements) < len(old.statements):
        return (), (action,)
    both = trust.merged(old.with_statements(kept), old, new)
    if action.target.lower() not in leaving or both is None or both == new or not quota.allows(both, old):
        return (action,), ()
    state = {**(action.after or {}), "policyDocument": both.to_document()}
    return (
        (ROLE_TRUST.action(action.before, state, note=action.note),),
        (ROLE_TRUST.action(state, action.after, note=action.note),),
    )


@dataclass(slots=True, kw_only=True)
class RolePlanner:
    """Plans declared roles of one account. `sites` are the clusters of the files, `accounts` their associations.
    `staying` returns the service accounts outside the files whose associations have the role after the plan, each with
    its association; None if that could not be read."""

    sites: Sequence[FileSite]
    accounts: Sequence[DeclaredAccounts]
    ownership: Ownership
    history: Callable[[Declaration], TagHistory]
    unmarked: UnmarkedOwners
    staying: Callable[[FileSite, DeclaredRole], Mapping[ServiceAccountRef, Association | None]]
    say: Callable[[str], None]
    missing: list[str] = field(default_factory=list)

    @property
    def quota(self) -> TrustQuota:
        return self.sites[0].clients.trust_quota

    @property
    def place(self) -> Place:
        return self.sites[0].place

    def plan(self) -> dict[str, RolePlanned]:
        """Return the plans by the role's name in lower case. Raise NotFound, with the lines, for policies that do not
        exist."""
        declarations = {id(declaration): declaration for site in self.sites for declaration in site.declarations}
        declared = [(declaration, role) for declaration in declarations.values() for role in declaration.roles]
        names = [role.name for _, role in declared]
        if not names:
            return {}
        self.say(f"reading {len(names)} declared roles")
        iam = self.sites[0].clients.iam
        live = dict(iam.find_roles(names))
        existing = [name for name, answer in live.items() if isinstance(answer, Role)]
        policies = dict(pacing.fan_out(pacing.attempt(iam.get_policies), existing))
        planned = {}
        for declaration, role in declared:
            answer, held = live[role.name], policies.get(role.name, RolePolicies())
            error = next((item for item in (answer, held) if isinstance(item, PodidError)), None)
            if isinstance(error, CredentialsError):
                raise error
            key = role.name.lower()
            if error is not None:
                unread = NotRead(f"role {role.name}", error)
                planned[key] = RolePlanned(role=self._unseen(role), unread=unread)
                continue
            assert isinstance(answer, Role | None)
            assert isinstance(held, RolePolicies)
            try:
                planned[key] = self._planned(declaration, role, answer, held)
            except Conflict as conflict:
                planned[key] = self._refused(role, answer, conflict)
            except Undetermined as gap:
                unread = NotRead(f"users of role {role.name}", gap)
                planned[key] = RolePlanned(role=self._unseen(role, answer), unread=unread)
        if self.missing:
            raise NotFound(self.missing[0], lines=tuple(self.missing[1:]))
        return in_order(planned)

    def _unseen(self, role: DeclaredRole, current: Role | None = None) -> ResolvedRole:
        partition, account = self.place.the_cluster.partition, self.place.account
        arn = f"arn:{partition}:iam::{account}:role{role.path}{role.name}"
        return ResolvedRole(current.arn if current is not None else arn, None)

    def _refused(self, role: DeclaredRole, current: Role | None, error: Conflict, owner: str = "") -> RolePlanned:
        conflict = FileConflict(ROLE.name, role.name, role.place("name"), error, owner)
        return RolePlanned(role=self._unseen(role, current), conflict=conflict)

    def _planned(
        self, declaration: Declaration, role: DeclaredRole, current: Role | None, held: RolePolicies
    ) -> RolePlanned:
        """Raise Conflict if the role cannot become as declared."""
        subjects = self._subjects(declaration, role)
        documents, arns = self._permissions(role)
        chaining = self._chaining(role, documents)
        documents = {**chaining, **documents}
        if documents:
            check_inline_size(role.name, documents)
        if current is None:
            return self._created(declaration, role, subjects, documents, arns)
        if role.path != current.path:
            message = f"Role {role.name} exists and its path is {current.path}, not {role.path}"
            raise Conflict(message, advice="IAM cannot change the path of a role.", subject=role.name)
        mark = Mark.of(current.tags, declaration, named=role.tags, name=role.name)
        gone: tuple[str, ...] = ()
        # an existing role is taken as it is: the file does not name these policies
        derived = [] if mark.ours or self.ownership.adopt else [name for name in chaining if name not in held.inline]
        documents = {name: document for name, document in documents.items() if name not in derived}
        staying = (item for site in self.sites for item in self.staying(site, role).values())
        required = chaining_for(held.inline, (item.target_role_arn for item in staying if item), documents)
        # an adopted role becomes as declared at once, so that a rerun changes nothing
        ours = mark.ours or (not mark.other_file and self.ownership.takes(mark.tool))
        if ours:
            subjects += users_elsewhere(self.sites[0].clients, role, current, subjects)
        if mark.ours:
            gone = self.history(declaration).removed((role.name,), current.tags, {**role.tags, **MANAGED_BY})
        before = ROLE_SETTINGS.state_of(current)
        after: State = {
            **before,
            "description": role.description,
            "maxSessionDuration": role.max_session_seconds,
            "permissionsBoundary": self._boundary(role, current.permissions_boundary_arn),
            "tags": tagged({key: value for key, value in current.tags.items() if key not in gone}, role.tags),
        }
        self._check_policies(role, arns, [policy.arn for policy in held.attached])
        kept_inline = {name: held.inline[name] for name in required}
        policies = policy_changes(role.name, held, {**documents, **kept_inline}, arns)
        trusts = self._trust_changes(role, current, subjects, whole=ours)
        actions = [*trusts, *_settings(before, after), *policies]
        lines = tuple(line for action in actions for line in _lines(action))
        mark = self.unmarked.of(mark, current, written=bool(lines) or self.ownership.adopt)
        decision = decide(f"role {role.name}", mark, self.ownership, lines)
        if decision.conflict is not None:
            return self._refused(role, current, decision.conflict, mark.words)
        notes = [decision.note] if decision.note else []
        if not decision.change:
            after, trusts, policies, actions = before, [], [], []
        if actions:
            check_not_aws(current)
            if decision.taken:
                notes += others(current)
        if trusts:
            check_editable(current)
            if decision.taken and not self.ownership.update_trust:
                raise Conflict(
                    f"The trust policy of role {role.name} differs from the file, and the file did not create the role",
                    hint=Again(add=("--update-trust",)),
                    advice="--update-trust changes it.",
                    lines=tuple(line for action in trusts for line in _lines(action)),
                    subject=role.name,
                )
        if decision.mark:
            after = {**after, "tags": tagged(texts(after, "tags"), declaration.owner_tag)}
        why = "its inline policies do not allow it to assume a target role; podid did not read its managed policies"
        reason = "of an association that is not in the file requires it"
        notes += [
            f"role {role.name} keeps its inline policy {name}: target role {arn} {reason}"
            for name, arn in required.items()
        ]
        notes += [f"role {role.name} gets no inline policy {name}, unless --adopt: {why}" for name in derived]
        live = replace(current, trust=document(trusts[0].after, "policyDocument")) if trusts else current
        return RolePlanned(
            role=ResolvedRole(current.arn, live),
            actions=(*_settings(before, after), *trusts, *policies),
            notes=(*notes, *wider(role, live, subjects), *(kept(role, live, subjects) if ours else ())),
        )

    def _created(
        self,
        declaration: Declaration,
        role: DeclaredRole,
        subjects: Sequence[ClusterSubjects],
        documents: Documents,
        arns: Sequence[str],
    ) -> RolePlanned:
        tags = tagged(tagged(MANAGED_BY, declaration.owner_tag), role.tags)
        policy = declared_trust(role, subjects, None, tags, self.quota, whole=True)
        if policy is None:
            note = f"{role.at}: role {role.name} is not created: no service account is to assume it"
            return RolePlanned(role=self._unseen(role), notes=(note,), idle=True)
        self._check_policies(role, arns, ())
        options = RoleOptions(
            path=role.path,
            description=role.description,
            boundary=self._boundary(role),
            max_session_seconds=role.max_session_seconds,
        )
        request = RoleRequest(
            name=role.name,
            refs=(),
            scope=role.scope,
            settings=options,
            tags=tags,
            policies=documents,
            managed_policy_arns=tuple(arns),
        )
        arn = self._unseen(role).arn
        created = Role(name=role.name, arn=arn, path=role.path, role_id="", trust=policy.document, tags=tags)
        return RolePlanned(role=ResolvedRole(arn, created), actions=role_with_policies(request, policy))

    def _trust_changes(
        self, role: DeclaredRole, current: Role, subjects: Sequence[ClusterSubjects], *, whole: bool
    ) -> list[Action]:
        """Return the change of the trust policy; none if the policy stays."""
        before = trust.parse_policy(current.trust)
        after = declared_trust(role, subjects, before, {**current.tags, **role.tags}, self.quota, whole=whole)
        if after is None or after == before:
            return []
        return [ROLE_TRUST.change(current, after)]

    def uses(self, role: DeclaredRole, name: str) -> bool:
        """Return whether an association that names this role refers to the declared one."""
        if role_name(name).lower() != role.name.lower():
            return False
        return not name.startswith("arn:") or f":iam::{self.place.account}:" in name

    def _subjects(self, declaration: Declaration, role: DeclaredRole) -> list[ClusterSubjects]:
        subjects = []
        for site, accounts in zip(self.sites, self.accounts, strict=True):
            if declaration not in site.declarations:
                continue
            refs: dict[ServiceAccountRef, bool] = {}
            for ref, account in accounts.by_ref.items():
                if ref in role.subjects or (not role.subjects and self.uses(role, account.item.role)):
                    refs[ref] = account.item.session_tags
            refs.update((ref, True) for ref in role.subjects if ref not in refs)
            staying = {ref: item is None or item.session_tags for ref, item in self.staying(site, role).items()}
            subjects.append(ClusterSubjects(site.place.the_cluster.arn, refs, staying))
        return subjects

    def _chaining(self, role: DeclaredRole, documents: Documents) -> Documents:
        """Return the policies that allow the role to assume the target roles of its associations, apart from those that
        its inline policies allow. A pattern may match in a cluster that is not planned now."""
        of_files = (item for site in self.sites for file in site.declarations for item in file.associations)
        matched = (account.item for accounts in self.accounts for account in accounts.by_ref.values())
        items = (*of_files, *matched)
        targets = dict.fromkeys(i.target_role for i in items if i.target_role and self.uses(role, i.role))
        return dict(chaining_policies(arn for arn in targets if not allows_chaining(documents.values(), arn)))

    def _permissions(self, role: DeclaredRole) -> tuple[Documents, list[str]]:
        """Return the inline policies by name, and the ARNs of the managed ones, without a call."""
        documents: Documents = {}
        arns: list[str] = []
        for policy in role.policies:
            if isinstance(policy, PolicyReference):
                arns.append(self._arn(policy.managed))
                continue
            managed: Sequence[str] = ()
            if isinstance(policy, PresetPolicy):
                granted = {repr(item := _filled(policy.choice, site.place)): item for site in self.sites}
                if len(granted) > 1:
                    subject, option = "cluster", ""
                    if not parse_choice(policy.choice).preset.of_cluster:
                        subject, option = "region of the cluster", "specify its parameter region, or "
                    message = (
                        f"preset {policy.preset} depends on the {subject}: {option}declare a role for each cluster"
                    )
                    raise InvalidInput(f"{policy.at}: {message}", subject=role.name)
                ((_, item),) = granted.items()
                name, document, managed = item.name, item.document, item.managed_policies
            else:
                name, document = policy.name, policy.document
            if document is not None:
                if name in documents:
                    message = f"{policy.at}: two policies would both become the inline policy {name}"
                    raise InvalidInput(message, subject=role.name)
                documents[name] = document
            arns += map(self._arn, managed)
        return documents, list(dict.fromkeys(arns))

    def _arn(self, text: str) -> str:
        return text if text.startswith("arn:") else f"arn:{self.place.the_cluster.partition}{AWS_MANAGED}{text}"

    def _boundary(self, role: DeclaredRole, current: str = "") -> str:
        arn = self._arn(role.boundary) if role.boundary else ""
        if arn and arn != current:
            self._check_exists(arn, f"{role.place('boundary')}: boundary")
        return arn

    def _check_policies(self, role: DeclaredRole, arns: Sequence[str], attached: Iterable[str]) -> None:
        at = {self._arn(policy.managed): policy.at for policy in role.policies if isinstance(policy, PolicyReference)}
        for arn in arns:
            if arn not in attached:
                self._check_exists(arn, f"{at.get(arn, role.at)}: policies")

    def _check_exists(self, arn: str, where: str) -> None:
        try:
            managed_policy(self.sites[0].clients, arn, partition=self.place.the_cluster.partition)
        except NotFound as error:
            self.missing.append(f"{where}: {error.message}")


def _filled(choice: str, place: Place) -> PresetPermissions:
    cluster = place.the_cluster
    return fill(parse_choice(choice), values_of_place(cluster.partition, cluster.account, place.region, cluster))


def _settings(before: State, after: State) -> list[Action]:
    return [] if after == before else [ROLE_SETTINGS.action(before, after)]


def _lines(action: Action) -> list[str]:
    return difference(action) or [f"{action.verb} {kind_of(action.kind).subject(action)}"]
