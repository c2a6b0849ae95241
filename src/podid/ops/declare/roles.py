"""Plan the roles that files declare, for all their clusters together: IAM is global."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from podid.calls import pacing
from podid.domain import trust
from podid.domain.aws import Association, Role, RolePolicies
from podid.domain.declaration import KEPT_KEY, Declaration, DeclaredRole, PolicyReference, PresetPolicy
from podid.domain.errors import Again, Conflict, CredentialsError, InvalidInput, NotFound, PodidError, Undetermined
from podid.domain.fileplan import FileConflict
from podid.domain.incomplete import NotRead
from podid.domain.names import AWS_MANAGED, ServiceAccountRef, role_name
from podid.domain.owners import MANAGED_BY
from podid.domain.plan import Action, Place, State, document, texts
from podid.ops.change.kinds import ROLE, ROLE_SETTINGS, kind_of
from podid.ops.declare.accounts import DeclaredAccounts
from podid.ops.declare.clusters import ClusterSubjects, FileSite, Remaining
from podid.ops.declare.order import RolePlanned, in_order
from podid.ops.declare.ownership import Mark, TagHistory, UnmarkedOwners, decide
from podid.ops.declare.request import Ownership
from podid.ops.declare.trust import (
    declared_trust,
    fingerprints,
    kept,
    removed_notes,
    trust_changes,
    users_elsewhere,
    wider,
)
from podid.ops.role.create import role_with_policies
from podid.ops.role.plan import check_editable, check_not_aws, difference, others, policy_changes
from podid.ops.role.policies import check_inline_size
from podid.ops.role.presets import PresetPermissions, fill, parse_choice, values_of_place
from podid.ops.role.quota import TrustQuota
from podid.ops.role.request import RoleOptions, RoleRequest, tagged
from podid.ops.role.resolve import ResolvedRole, managed_policy
from podid.ops.role.target import allows_chaining, chaining_for, chaining_policies

Documents = dict[str, Mapping[str, object]]


@dataclass(slots=True, kw_only=True)
class RolePlanner:
    """Plans declared roles of one account. `sites` are the clusters of the files, `accounts` their declared
    associations, and `remaining` those that the plan does not delete."""

    sites: Sequence[FileSite]
    accounts: Sequence[DeclaredAccounts]
    ownership: Ownership
    history: Callable[[Declaration], TagHistory]
    unmarked: UnmarkedOwners
    remaining: Sequence[Remaining]
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
        staying = (item for number in range(len(self.sites)) for item in self._staying(number, role).values())
        required = chaining_for(held.inline, (item.target_role_arn for item in staying if item), documents)
        # an adopted role becomes as declared at once, so that a rerun changes nothing
        ours = mark.ours or (not mark.other_file and self.ownership.takes(mark.tool))
        others_of = fingerprints(role, trust.parse_policy(current.trust))
        kept_before = (current.tags.get(KEPT_KEY, "") if mark.ours else others_of).split()
        if ours:
            subjects += users_elsewhere(self.sites[0].clients, role, current, subjects, kept_before)
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
        trusts = trust_changes(role, current, subjects, self.quota, whole=ours, kept=kept_before)
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
            kept_now = {KEPT_KEY: others_of} if decision.taken and others_of else {}
            after = {**after, "tags": tagged(texts(after, "tags"), {**declaration.owner_tag, **kept_now})}
        why = "its inline policies do not allow it to assume a target role; podid did not read its managed policies"
        reason = "of an association that is not in the file requires it"
        notes += [
            f"role {role.name} keeps its inline policy {name}: target role {arn} {reason}"
            for name, arn in required.items()
        ]
        notes += [f"role {role.name} gets no inline policy {name}, unless --adopt: {why}" for name in derived]
        live = replace(current, trust=document(trusts[0].after, "policyDocument")) if trusts else current
        clusters = [site.place.the_cluster.arn for site in self.sites]
        notes += removed_notes(current, trust.parse_policy(live.trust), clusters)
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

    def uses(self, role: DeclaredRole, name: str) -> bool:
        """Return whether an association that names this role refers to the declared one."""
        if role_name(name).lower() != role.name.lower():
            return False
        return not name.startswith("arn:") or f":iam::{self.place.account}:" in name

    def _subjects(self, declaration: Declaration, role: DeclaredRole) -> list[ClusterSubjects]:
        subjects = []
        for number, (site, accounts) in enumerate(zip(self.sites, self.accounts, strict=True)):
            if declaration not in site.declarations:
                continue
            refs: dict[ServiceAccountRef, bool] = {}
            for ref, account in accounts.by_ref.items():
                if ref in role.subjects or (not role.subjects and self.uses(role, account.item.role)):
                    refs[ref] = account.item.session_tags
            refs.update((ref, True) for ref in role.subjects if ref not in refs)
            items = self._staying(number, role)
            subjects.append(
                ClusterSubjects(
                    cluster_arn=site.place.the_cluster.arn,
                    refs=refs,
                    staying={ref: item is None or item.session_tags for ref, item in items.items()},
                    unread=frozenset(ref for ref, item in items.items() if item is None),
                    chained=tuple(self._chained(number, self._unseen(role).arn)),
                )
            )
        return subjects

    def _staying(self, number: int, role: DeclaredRole) -> Remaining:
        """Return the service accounts that are not declared, and whose associations keep the role or may have it."""
        declared = self.accounts[number].by_ref
        return {
            ref: item
            for ref, item in self.remaining[number].items()
            if ref not in declared and (item is None or role_name(item.role_arn).lower() == role.name.lower())
        }

    def _chained(self, number: int, arn: str) -> Iterator[Association]:
        """Yield the associations whose target role it is after the plan."""
        for ref, item in self.remaining[number].items():
            account = self.accounts[number].by_ref.get(ref)
            if item and arn == (item.target_role_arn if account is None else account.item.target_role):
                yield item

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
