"""Plan associations with their roles and settings, from the options to the plan."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from podid.domain.aws import Association, Role
from podid.domain.errors import AccessDenied, Again, UsageError
from podid.domain.grouping import grouped
from podid.domain.names import ServiceAccountRef, check_namespace_of, check_role_name, role_name, same_cluster
from podid.domain.option import given_options
from podid.domain.plan import Place, Plan, Skipped, document, text, texts
from podid.domain.section import Known, Section
from podid.domain.text import count_of
from podid.domain.trust import TargetHop
from podid.ops.association.files import FileItem, check_one_cluster, read_items
from podid.ops.association.plan import (
    Current,
    NotAllowed,
    all_tagged,
    plan_associations,
    session_tags,
    with_service_accounts,
)
from podid.ops.association.read import Selection, expand, quota_note, with_suggestion
from podid.ops.association.request import (
    AssociateOptions,
    AssociationChange,
    DesiredAssociation,
    Settings,
)
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import ASSOCIATION, ROLE, ROLE_TRUST
from podid.ops.clients import Clients
from podid.ops.role.create import complete, named, plan_new_role, plan_target, read_permissions
from podid.ops.role.plan import identity, preset_notes
from podid.ops.role.policies import validated
from podid.ops.role.request import RoleRequest
from podid.ops.role.resolve import ResolvedRole, resolve_role
from podid.ops.role.tags import session_notes
from podid.ops.role.target import TargetPlan, TargetRequest, chaining_policies, plan_chain, read_target
from podid.ops.trust.files import called


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociateRequest:
    """The associations to create or change. `items` are the service accounts that were specified, each with its own
    role and settings; `selection` stands for more of them; `skipped` belong to add-ons. `settings`, and the role of
    `options`, apply to items without their own. `new_role` is the role of --create-role. `new_policies` is whether
    session settings are new here, not copied from an existing association. `file` is the file of the items that have a
    line."""

    items: tuple[FileItem, ...]
    options: AssociateOptions
    skipped: tuple[FileItem, ...] = ()
    selection: Selection | None = None
    settings: Settings = field(default_factory=Settings)
    new_role: RoleRequest | None = None
    new_policies: bool = False
    file: str = ""

    @property
    def printed(self) -> bool:
        return bool(self.options.print_)

    @property
    def reads_cluster(self) -> bool:
        accounts = self.options.accounts
        return not self.printed and (accounts.create_service_account or accounts.strict or self.selection is not None)

    def all_items(self, clients: Clients) -> dict[ServiceAccountRef, FileItem]:
        items = {item.ref: item for item in self.items}
        if self.selection is not None:
            selected = expand(clients.kube, self.selection)
            items.update((ref, FileItem(ref)) for ref in selected if ref not in items)
        return {
            ref: replace(item, role=item.role or self.options.role, settings=item.settings.over(self.settings))
            for ref, item in items.items()
        }

    def question(self, count: int, *, absent: bool) -> str:
        """Return the confirmation question for `count` service accounts, some of them `absent`; empty if none is
        required."""
        if absent:
            return "Associate anyway?"
        return f"Associate {count_of(count, 'service account')}?" if self.selection is not None else ""


def associate_request(
    typed: AssociateOptions, namespace: str | None, *, in_namespaces: bool, read_file: Callable[[str], str]
) -> AssociateRequest:
    """Return the options as a request. `in_namespaces` is whether -n or -A is set. Raise UsageError for options that
    are missing or cannot be used together, InvalidInput for a file that cannot be used."""
    settings = typed.settings.settings(read_file)
    of_role = (*given_options(typed.new_role), *given_options(typed.permissions))
    of_role += (("--role-tag",) if typed.role_tag else ()) + (("--adopt",) if typed.adopt else ())
    if of_role and not typed.create_role:
        raise UsageError(f"{of_role[0]} requires --create-role", hint=Again(add=("--create-role",)))
    if typed.conditions and not (typed.create_role or typed.change.update_trust):
        message = "--condition requires --create-role or --update-trust: it belongs to the statement that podid adds"
        raise UsageError(message, hint=Again(add=("--update-trust",)))
    new_role = None
    if typed.create_role:
        new_role = RoleRequest(
            name=check_role_name(typed.role) if typed.role else "",
            refs=typed.service_accounts,
            scope=typed.change.scope,
            conditions=typed.conditions,
            permissions=typed.permissions,
            settings=typed.new_role,
            tags=typed.role_tag,
            policies=read_permissions(typed.permissions, read_file),
            adopt=typed.adopt,
            update_trust=typed.change.update_trust,
            replace=typed.change.replace,
        )
    file = called(typed.from_file)
    listed = read_items(read_file(typed.from_file), file) if typed.from_file else ()
    check_one_cluster(listed, file)
    items = {ref: FileItem(ref) for ref in typed.service_accounts}
    for item in listed:
        if not item.owner:
            items.setdefault(item.ref, item)
    selection = _selection(typed, namespace, in_namespaces=in_namespaces, named=bool(items or typed.from_file))
    if selection is not None and selection.exact:
        ref = ServiceAccountRef.parse(f"{selection.namespace}/{selection.name}")
        items.setdefault(ref, FileItem(ref))
        selection = None
    return AssociateRequest(
        items=tuple(items.values()),
        options=replace(typed, change=replace(typed.change, conditions=typed.conditions)),
        skipped=tuple(item for item in listed if item.owner and item.ref not in typed.service_accounts),
        selection=selection,
        settings=settings,
        new_role=new_role,
        new_policies=True,
        file=file,
    )


def other_cluster_notes(request: AssociateRequest, place: Place) -> tuple[str, ...]:
    """Return a note if the file lists associations of another cluster."""
    clusters = dict.fromkeys(item.cluster for item in request.items if item.cluster)
    elsewhere = [name for name in clusters if not same_cluster(name, place.the_cluster.arn)]
    listed = f"{request.file} lists associations of cluster"
    return tuple(f"{listed} {name}, not of cluster {place.cluster_name}" for name in elsewhere)


def _selection(typed: AssociateOptions, namespace: str | None, *, in_namespaces: bool, named: bool) -> Selection | None:
    """Return the selection of -n, -A, --service-account and --selector. Raise UsageError if it is incomplete."""
    if not typed.pattern and not typed.selector:
        if in_namespaces and typed.service_accounts and not typed.from_file:
            check_namespace_of(typed.service_accounts, namespace)
        elif in_namespaces:
            raise UsageError("Specify the service accounts: --service-account NAME or --selector LABELS")
        if not named:
            raise UsageError(
                "Specify service accounts as NAMESPACE/NAME, in a file (--from-file), or with -n and "
                "--service-account or --selector"
            )
        return None
    if namespace is None and not in_namespaces:
        raise UsageError("Specify the namespaces: -n NAME, -n 'PATTERN-*', or -A for all")
    return Selection(namespace or "*", typed.pattern or "*", typed.selector)


@dataclass(frozen=True, slots=True, kw_only=True)
class Associating:
    """One request in one cluster, with the associations as requested (`items`) and as they are (`current`). `say`
    reports progress."""

    clients: Clients
    place: Place
    journal: Journal
    request: AssociateRequest
    items: Mapping[ServiceAccountRef, FileItem]
    current: Current
    say: Callable[[str], None]

    def with_role_named(self) -> Self:
        """Return it with a derived name for the new role if none was specified."""
        new_role = self.request.new_role
        if new_role is None or new_role.name:
            return self
        new_role = named(replace(new_role, refs=tuple(self._of_new_role)), self.place.the_cluster)
        return replace(self, request=replace(self.request, new_role=new_role))

    @property
    def _of_new_role(self) -> dict[ServiceAccountRef, FileItem]:
        if self.request.new_role is None:
            return {}
        return {ref: item for ref, item in self.items.items() if item.role == self.request.options.role}

    def plan(self) -> Plan:
        """Raise Conflict, which names the flag that would allow the change, NotFound and AccessDenied. A printed plan
        conflicts with nothing."""
        request, change = self.request, self.request.options.change
        if request.printed:
            return self._planned(replace(change, replace=True))
        try:
            plan = self._planned(change)
        except NotAllowed as refused:
            raise with_suggestion(self.clients, refused) from None
        if request.new_role is not None or request.new_policies:
            plan = validated(plan, self.clients)
        if request.options.accounts.create_service_account:
            plan = with_service_accounts(plan, tuple(self.items), self.clients)
        return plan.noting(quota_note(self.clients, plan))

    def _planned(self, change: AssociationChange) -> Plan:
        request, place, new = self.request, self.place, self._of_new_role
        role_plan, created, at_targets = (
            (None, None, []) if request.new_role is None else self._new_role(request.new_role)
        )
        self.say("reading roles")
        specified = {ref: item.role for ref, item in self.items.items() if ref not in new}
        roles = choose_roles(self.clients, place, specified, self.current)
        desired = [
            DesiredAssociation(
                ref,
                roles[ref] if created is None or ref in roles else created,
                item.settings,
                kept=ref in roles and not item.role,
            )
            for ref, item in self.items.items()
        ]
        plan = plan_associations(
            desired, change, place.the_cluster, place.header, self.current, self.clients.trust_quota
        )
        skipped = tuple(Skipped(ASSOCIATION.unread(item.ref), item.why_skipped) for item in request.skipped)
        plan = replace(plan, skipped=skipped)
        others = [item for item in desired if item.role is not created]
        profile = request.options.settings.target_profile
        target = TargetRequest(arn="", profile=profile, update=change.update_trust)
        for at_target in (*at_targets, *plan_targets(self.clients, place, others, self.current, target)):
            plan = at_target.around(plan)
        if request.new_policies:
            # the content of a new role is known
            used = {item.role.arn: item.role.role if item.role is not created else None for item in desired}
            for arn, role in used.items():
                actions = tuple(action for action in plan.actions if (action.after or {}).get("roleArn") == arn)
                plan = plan.noting(session_notes(replace(plan, actions=actions), self.clients, role))
        return role_plan.then(plan) if role_plan is not None else plan

    def _new_role(self, request: RoleRequest) -> tuple[Plan, ResolvedRole, list[TargetPlan]]:
        place, new = self.place, {ref: item.settings for ref, item in self._of_new_role.items()}
        tagged = all_tagged(new, self.current)
        request = complete(self.clients, place, replace(request, refs=tuple(new), session_tags=tagged), self.say)
        # an association that had another role keeps its target role
        kept = {
            ref: item.target_role_arn
            for ref, item in self.current.items()
            if item is not None and role_name(item.role_arn) != request.name
        }
        requested = {ref: item.target_role_arn for ref, item in new.items() if item.target_role_arn is not None}
        targets = grouped((arn, ref) for ref, arn in {**kept, **requested}.items() if arn and ref in new)
        request = request.chaining(chaining_policies(targets))
        plan, role = plan_new_role(self.clients, place, self.journal, request, self.say)
        at_targets = []
        for arn, refs in targets.items():
            target = TargetRequest(
                arn=arn,
                profile=self.request.options.settings.target_profile,
                update=request.update_trust,
                must_exist=not self.request.printed and any(new[ref].target_role_arn for ref in refs),
            )
            at_targets.append(plan_target(self.clients, place, replace(request, refs=tuple(refs)), role, target))
        created = planned_role(plan, role, account=place.account, partition=place.the_cluster.partition)
        return plan.noting(preset_notes(request.granted)), created, at_targets

    def trust_commands(self, plan: Plan) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield each role whose trust policy the plan changes, with the command that changes it."""
        for action in plan.actions:
            if action.kind == ROLE_TRUST.name:
                name = action.keys["roleName"]
                refs = (ref for ref, item in self.items.items() if role_name(item.role) == name)
                words = (word for ref in refs for word in ("--for", str(ref)))
                yield name, ("podid", "trust", "add", "--role", name, *words)


def plan_targets(
    clients: Clients,
    place: Place,
    associations: Sequence[DesiredAssociation],
    current: Current,
    target: TargetRequest,
    planned: Mapping[str, Role] | None = None,
) -> Iterator[TargetPlan]:
    """Plan each target role of the associations, with the flags of `target`. A target role that is only named may be
    missing, since EKS accepts that. The run makes the `planned` ones, by ARN, as they are here."""
    hops: dict[str, dict[ServiceAccountRef, TargetHop]] = {}
    for item in associations:
        requested, existing = item.settings.target_role_arn, current[item.ref]
        before = existing.target_role_arn if existing is not None else None
        arn = before if requested is None else requested
        if arn:
            tags = session_tags(item.settings, existing)
            pod = identity(place.the_cluster, item.ref, session_tags=tags, role=item.role.role)
            known = existing.external_id if existing is not None and before == arn else None
            hops.setdefault(arn, {})[item.ref] = TargetHop(item.role.arn, pod, known, role_tags=None)
    for arn, chains in hops.items():
        role = (planned or {}).get(arn)
        update = target.update and role is None
        request = replace(target, arn=arn, update=update, must_exist=update or bool(target.profile))
        read: Section[Role | None] = Known(role)
        if role is None:
            read = read_target(clients, request, place.account)
        yield plan_chain(request, chains, read, clients.trust_quota_of(request.profile))


def kept_role(clients: Clients, ref: ServiceAccountRef, existing: Association | None) -> ResolvedRole:
    """Return the current role of an association. Raise UsageError if there is no association."""
    if existing is None:
        message = f"{ref} has no association yet: specify its role with --role, or create one"
        raise UsageError(message, hint=Again(add=("--create-role",)), subject=str(ref))
    arn = existing.role_arn
    try:
        role = clients.iam.find_role(role_name(arn))
    except AccessDenied as error:
        return ResolvedRole.unseen(arn, error)
    if role is None or role.arn != arn:
        return ResolvedRole(arn, None, "does not exist")
    return ResolvedRole(arn, role)


def choose_roles(
    clients: Clients, place: Place, named: Mapping[ServiceAccountRef, str], current: Current
) -> dict[ServiceAccountRef, ResolvedRole]:
    """Return the role of each service account, by name or ARN, or its present role if none is specified. Raise as
    `resolve_role` and `kept_role` do."""
    account, partition = place.account, place.the_cluster.partition
    read: dict[tuple[bool, str], ResolvedRole] = {}
    chosen = {}
    for ref, role in named.items():
        existing = current[ref]
        key = (bool(role), role or (existing.role_arn if existing is not None else ""))
        if key not in read:
            refs = tuple(other for other in named if named[other] == role)
            read[key] = (
                resolve_role(clients, role, account=account, partition=partition, refs=refs)
                if role
                else kept_role(clients, ref, existing)
            )
        chosen[ref] = read[key]
    return chosen


def planned_role(plan: Plan, current: Role | None, *, account: str, partition: str) -> ResolvedRole:
    """Return the role that a plan creates or changes, as it will be."""
    trusts = [action.after for action in plan.actions if action.kind == ROLE_TRUST.name]
    if current is not None:
        after = document(trusts[0], "policyDocument") if trusts and trusts[0] is not None else current.trust
        return ResolvedRole(current.arn, replace(current, trust=after))
    state = next(action.after for action in plan.actions if action.kind == ROLE.name and action.after is not None)
    name, path = text(state, "roleName"), text(state, "path")
    arn = f"arn:{partition}:iam::{account}:role{path}{name}"
    trust, tags = document(state, "trustPolicy"), texts(state, "tags")
    return ResolvedRole(arn, Role(name=name, arn=arn, path=path, role_id="", trust=trust, tags=tags))
