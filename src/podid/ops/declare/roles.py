"""Plan the roles that files declare, for all their clusters together: IAM is global."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Role, RolePolicies
from podid.domain.declaration import Declaration, DeclaredRole, PolicySource
from podid.domain.errors import Again, Conflict, CredentialsError, InvalidInput, NotFound, PodidError
from podid.domain.fileplan import FileConflict, NotRead
from podid.domain.names import AWS_MANAGED, ServiceAccountRef, role_name
from podid.domain.plan import Action, Place
from podid.ops.change.kinds import ROLE, ROLE_ATTACHMENT, ROLE_POLICY, ROLE_SETTINGS, ROLE_TRUST, kind_of
from podid.ops.declare.clusters import ClusterSubjects, FileSite
from podid.ops.declare.marks import Mark, TagHistory
from podid.ops.declare.ownership import Treatment, decide
from podid.ops.declare.planned_roles import RolePlanned, in_order
from podid.ops.declare.request import Ownership
from podid.ops.declare.trust import wanted_trust
from podid.ops.declare.unmarked import UnmarkedOwners
from podid.ops.declare.wishes import Wishes
from podid.ops.role.create import MANAGED_BY, RoleRequest, role_with_policies
from podid.ops.role.permissions import difference, permission_actions
from podid.ops.role.plan import check_editable, check_not_aws, others
from podid.ops.role.policies import check_inline_size
from podid.ops.role.presets import PresetPermissions, fill, parse_choice, surroundings
from podid.ops.role.request import RoleOptions
from podid.ops.role.resolve import ResolvedRole, managed_policy
from podid.ops.role.target import allows_chaining, chaining_policies

Documents = dict[str, Mapping[str, object]]


@dataclass(slots=True, kw_only=True)
class RolePlanner:
    """Plans declared roles of one account. `sites` are the clusters of the files, `wishes` their associations."""

    sites: Sequence[FileSite]
    wishes: Sequence[Wishes]
    ownership: Ownership
    history: Callable[[Declaration], TagHistory]
    unmarked: UnmarkedOwners
    say: Callable[[str], None]
    missing: list[str] = field(default_factory=list)

    @property
    def place(self) -> Place:
        return self.sites[0].place

    def plan(self) -> dict[str, RolePlanned]:
        """Return the plans by the role's name in lower case. Raise NotFound, with the lines, for policies that do not
        exist."""
        declared = self._declared()
        names = [role.name for _, role in declared]
        if not names:
            return {}
        self.say(f"reading {len(names)} declared roles")
        iam = self.sites[0].clients.iam
        live = dict(iam.find_roles(names))
        existing = [name for name, answer in live.items() if isinstance(answer, Role)]
        policies = dict(pacing.fan_out(pacing.attempt(iam.get_policies), existing, reads=True))
        planned = {}
        for declaration, role in declared:
            answer, held = live[role.name], policies.get(role.name, RolePolicies())
            error = next((item for item in (answer, held) if isinstance(item, PodidError)), None)
            if isinstance(error, CredentialsError):
                raise error
            if error is not None:
                unread = NotRead.of(f"role {role.name}", error)
                planned[role.name.lower()] = RolePlanned(declared=role, role=self._unseen(role), unread=unread)
                continue
            assert isinstance(answer, Role | None)
            assert isinstance(held, RolePolicies)
            planned[role.name.lower()] = self._planned(declaration, role, answer, held)
        if self.missing:
            raise NotFound(self.missing[0], lines=tuple(self.missing[1:]))
        return in_order(planned)

    def _declared(self) -> list[tuple[Declaration, DeclaredRole]]:
        declarations = {id(declaration): declaration for site in self.sites for declaration in site.declarations}
        return [(declaration, role) for declaration in declarations.values() for role in declaration.roles]

    def _unseen(self, role: DeclaredRole, current: Role | None = None) -> ResolvedRole:
        partition, account = self.place.the_cluster.partition, self.place.account
        arn = f"arn:{partition}:iam::{account}:role{role.path}{role.name}"
        return ResolvedRole(current.arn if current is not None else arn, None)

    def _planned(
        self, declaration: Declaration, role: DeclaredRole, current: Role | None, held: RolePolicies
    ) -> RolePlanned:
        try:
            return self._created_here(declaration, role, current, held)
        except Conflict as error:
            return RolePlanned(
                declared=role, role=self._unseen(role, current), conflict=self._conflict(role, error, "")
            )

    def _conflict(self, role: DeclaredRole, error: Conflict, owner: str) -> FileConflict:
        return FileConflict(
            kind=ROLE.name,
            target=role.name,
            at=role.place("name"),
            owner=owner,
            message=error.message,
            lines=error.lines,
            error=error,
        )

    def _created_here(
        self, declaration: Declaration, role: DeclaredRole, current: Role | None, held: RolePolicies
    ) -> RolePlanned:
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
        if mark.ours:
            gone = self.history(declaration).removed((role.name,), current.tags, {**role.tags, **MANAGED_BY})
        changes = self._changes(role, current, held, documents, arns, gone)
        trust_action = self._trust(role, current, subjects, whole=mark.ours)
        actions = [*((trust_action,) if trust_action is not None else ()), *changes]
        lines = tuple(line for action in actions for line in _lines(action))
        mark = self.unmarked.of(mark, current, written=bool(lines) or self.ownership.adopt)
        decision = decide(f"role {role.name}", mark, self.ownership, lines)
        if decision.conflict is not None:
            conflict = self._conflict(role, decision.conflict, mark.words)
            return RolePlanned(declared=role, role=self._unseen(role, current), conflict=conflict)
        planned = self._decided(declaration, role, current, decision, trust_action, changes)
        why = "its inline policies do not allow it to assume a target role; podid did not read its managed policies"
        notes = tuple(f"role {role.name} gets no inline policy {name}, unless --adopt: {why}" for name in derived)
        return replace(planned, notes=(*planned.notes, *notes))

    def _decided(
        self,
        declaration: Declaration,
        role: DeclaredRole,
        current: Role,
        decision: Treatment,
        trust_action: Action | None,
        changes: list[Action],
    ) -> RolePlanned:
        notes = [decision.note] if decision.note else []
        if not decision.change:
            trust_action, changes = None, []
        if trust_action is not None or changes:
            check_not_aws(current)
            if decision.taken:
                notes += others(current)
        if trust_action is not None:
            check_editable(current)
            if decision.taken and not self.ownership.update_trust:
                flags = ("--update-trust",)
                raise Conflict(
                    f"The trust policy of role {role.name} differs from the file, and the file did not create the role",
                    hint=Again(add=flags),
                    advice="--update-trust changes it.",
                    lines=tuple(_lines(trust_action)),
                    subject=role.name,
                )
        if decision.mark:
            changes = _marked(changes, current, declaration.owner_tag)
        actions = (*(item for item in changes if item.kind == ROLE_SETTINGS.name), *_some(trust_action))
        actions = (*actions, *(item for item in changes if item.kind != ROLE_SETTINGS.name))
        after = current.trust if trust_action is None else _trust_of(trust_action)
        planned = replace(current, trust=after)
        return RolePlanned(declared=role, role=ResolvedRole(current.arn, planned), actions=actions, notes=tuple(notes))

    def _created(
        self,
        declaration: Declaration,
        role: DeclaredRole,
        subjects: Sequence[ClusterSubjects],
        documents: Documents,
        arns: Sequence[str],
    ) -> RolePlanned:
        tags = {**MANAGED_BY, **declaration.owner_tag, **role.tags}
        policy = wanted_trust(role, subjects, None, tags, whole=True)
        if policy is None:
            note = f"{role.at}: role {role.name} is not created: no service account is to assume it"
            return RolePlanned(declared=role, role=self._unseen(role), notes=(note,), idle=True)
        self._check_policies(role, arns, ())
        request = RoleRequest(
            name=role.name,
            refs=(),
            scope=role.scope,
            options=self._options(role),
            tags=tags,
            policies=documents,
            managed_policy_arns=tuple(arns),
        )
        actions = role_with_policies(request, policy)
        arn = self._unseen(role).arn
        created = Role(name=role.name, arn=arn, path=role.path, role_id="", trust=policy.document, tags=tags)
        return RolePlanned(declared=role, role=ResolvedRole(arn, created), actions=actions)

    def _options(self, role: DeclaredRole) -> RoleOptions:
        return RoleOptions(
            path=role.path,
            description=role.description,
            boundary=self._boundary(role),
            max_session_seconds=role.max_session_seconds,
        )

    def _trust(
        self, role: DeclaredRole, current: Role, subjects: Sequence[ClusterSubjects], *, whole: bool
    ) -> Action | None:
        before = trust.parse_policy(current.trust)
        after = wanted_trust(role, subjects, before, {**current.tags, **role.tags}, whole=whole)
        if after is None or after == before:
            return None
        state = {"roleName": role.name, "policyDocument": after.to_document()}
        return ROLE_TRUST.action(ROLE_TRUST.state_of(current), state)

    def _changes(
        self,
        role: DeclaredRole,
        current: Role,
        held: RolePolicies,
        documents: Documents,
        arns: Sequence[str],
        gone: tuple[str, ...],
    ) -> list[Action]:
        """Return the changes besides the trust policy: the settings, the list of policies and the tags."""
        before = ROLE_SETTINGS.state_of(current)
        kept = {key: value for key, value in current.tags.items() if key not in gone}
        after = {
            **before,
            "description": role.description,
            "maxSessionDuration": role.max_session_seconds,
            "permissionsBoundary": self._boundary(role, current.permissions_boundary_arn),
            "tags": {**kept, **role.tags},
        }
        changes = [] if after == before else [ROLE_SETTINGS.action(before, after)]
        self._check_policies(role, arns, [policy.arn for policy in held.attached])
        more, _ = permission_actions(role.name, documents, arns, held)
        changes += more
        changes += [
            ROLE_POLICY.action(ROLE_POLICY.state_of(role.name, name, document), None)
            for name, document in held.inline.items()
            if name not in documents
        ]
        changes += [
            ROLE_ATTACHMENT.action(ROLE_ATTACHMENT.state_of(role.name, policy.arn), None)
            for policy in held.attached
            if policy.arn not in arns
        ]
        return changes

    # --- who, and with which permissions ------------------------------------------------------------------------------

    def uses(self, role: DeclaredRole, name: str) -> bool:
        """Return whether an association that names this role refers to the declared one."""
        if role_name(name).lower() != role.name.lower():
            return False
        return not name.startswith("arn:") or f":iam::{self.place.account}:" in name

    def _subjects(self, declaration: Declaration, role: DeclaredRole) -> list[ClusterSubjects]:
        subjects = []
        for site, wishes in zip(self.sites, self.wishes, strict=True):
            if declaration not in site.declarations:
                continue
            refs: dict[ServiceAccountRef, bool] = {}
            for ref, wish in wishes.by_ref.items():
                if ref in role.subjects or (not role.subjects and self.uses(role, wish.item.role)):
                    refs[ref] = wish.item.session_tags
            refs.update((ref, True) for ref in role.subjects if ref not in refs)
            subjects.append(ClusterSubjects(site.place.the_cluster.arn, refs))
        return subjects

    def _chaining(self, role: DeclaredRole, documents: Documents) -> Documents:
        """Return the policies that allow the role to assume the target roles of its associations, apart from those that
        its inline policies allow."""
        targets = dict.fromkeys(
            wish.item.target_role
            for wishes in self.wishes
            for wish in wishes.by_ref.values()
            if wish.item.target_role and self.uses(role, wish.item.role)
        )
        return dict(chaining_policies(arn for arn in targets if not allows_chaining(documents.values(), arn)))

    def _permissions(self, role: DeclaredRole) -> tuple[Documents, list[str]]:
        """Return the inline policies by name, and the ARNs of the managed ones, without a call."""
        documents: Documents = {}
        arns: list[str] = []
        for policy in role.policies:
            if policy.source is PolicySource.MANAGED:
                arns.append(self._arn(policy.value))
                continue
            name, document, managed = policy.name, policy.document, tuple[str, ...]()
            if policy.source is PolicySource.PRESET:
                granted = {repr(item := self._filled(policy.choice, site)): item for site in self.sites}
                if len(granted) > 1:
                    message = f"{policy.at}: preset {policy.value} names the cluster: declare a role for each cluster"
                    raise InvalidInput(message, subject=role.name)
                ((_, item),) = granted.items()
                name, document, managed = item.name, item.document, item.managed_policies
            if document is not None:
                if name in documents:
                    message = f"{policy.at}: two policies would both become the inline policy {name}"
                    raise InvalidInput(message, subject=role.name)
                documents[name] = document
            arns += map(self._arn, managed)
        return documents, list(dict.fromkeys(arns))

    def _filled(self, choice: str, site: FileSite) -> PresetPermissions:
        place = site.place
        cluster = place.the_cluster
        return fill(parse_choice(choice), surroundings(cluster.partition, cluster.account, place.region, cluster))

    def _arn(self, text: str) -> str:
        return text if text.startswith("arn:") else f"arn:{self.place.the_cluster.partition}{AWS_MANAGED}{text}"

    def _boundary(self, role: DeclaredRole, current: str = "") -> str:
        arn = self._arn(role.boundary) if role.boundary else ""
        if arn and arn != current:
            self._check_exists(arn, f"{role.place('boundary')}: boundary")
        return arn

    def _check_policies(self, role: DeclaredRole, arns: Sequence[str], attached: Iterable[str]) -> None:
        at = {self._arn(policy.value): policy.at for policy in role.policies if policy.source is PolicySource.MANAGED}
        for arn in arns:
            if arn not in attached:
                self._check_exists(arn, f"{at.get(arn, role.at)}: policies")

    def _check_exists(self, arn: str, where: str) -> None:
        try:
            managed_policy(self.sites[0].clients, arn, partition=self.place.the_cluster.partition)
        except NotFound as error:
            self.missing.append(f"{where}: {error.message}")


def _some(action: Action | None) -> tuple[Action, ...]:
    return () if action is None else (action,)


def _trust_of(action: Action) -> Mapping[str, object]:
    document = (action.after or {})["policyDocument"]
    assert isinstance(document, Mapping)
    return document


def _lines(action: Action) -> list[str]:
    lines = difference(action)
    return lines or [f"{action.verb} {kind_of(action.kind).subject(action)}"]


def _marked(changes: list[Action], current: Role, tag: Mapping[str, str]) -> list[Action]:
    """Return the changes with the mark of the file among the role's tags."""
    before = ROLE_SETTINGS.state_of(current)
    settings = next((item for item in changes if item.kind == ROLE_SETTINGS.name), None)
    after = dict(before if settings is None else settings.after or {})
    tags = after["tags"]
    assert isinstance(tags, Mapping)
    after["tags"] = {**tags, **tag}
    others = [item for item in changes if item is not settings]
    return others if after == before else [ROLE_SETTINGS.action(before, after), *others]
