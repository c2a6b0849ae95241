"""The items of a migration, derived from one snapshot: who uses the older way, the stage of each, and its blockers.

The checks judge the snapshot as it would be after the migration: a failure that remains then is a blocker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from podid.checks.all import ALL
from podid.domain import trust
from podid.domain.aws import Association, Role, described
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.errors import Conflict, InvalidInput, PodidError
from podid.domain.findings import EVERYONE, Severity, Verdict
from podid.domain.migration import (
    Blocker,
    Caution,
    MigrationItem,
    MigrationPlan,
    MigrationStatus,
    MigrationStep,
    PodCounts,
    Source,
    Stage,
)
from podid.domain.names import Arn, ServiceAccountRef, role_name
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.status import CredentialSource, IdentityStatus
from podid.domain.text import count_of, short_list
from podid.domain.workloads import live, opted_out, workload_subject
from podid.facts.credentials import ROLE_ARN, main_use
from podid.facts.index import index, role_section
from podid.ops.association.plan import plan_associations
from podid.ops.association.request import AssociationChange, DesiredAssociation
from podid.ops.change.kinds import ASSOCIATION
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.role.resolve import ResolvedRole
from podid.ops.status.diagnose import Diagnosis, judge
from podid.ops.status.foresee import foresee, planned_associations, restarts

if TYPE_CHECKING:
    from podid.domain.report import DoctorReport
    from podid.ops.change.journal import Journal
    from podid.ops.clients import Clients
    from podid.ops.migrate.request import MigrationOptions

# warnings after which pods would run without credentials
BLOCKING = frozenset(
    {
        *("custom-credential-chain", "networkpolicy-blocks-agent", "pod-proxy-missing-no-proxy"),
        *("product-still-in-irsa-mode", "sdk-too-old", "sg-for-pods-blocks-agent", "static-aws-keys-shadow"),
    }
)
# the migration itself ends these, or they are its own intermediate states
ENDED = frozenset({"association-missing", "irsa-annotation-leftover", "irsa-env-still-active"})
# what every older way needs to be found, and the pods that show how far it has come
FOUND_IN = ("service_accounts", "pods", "associations", "addons")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A service account with the role that it has by IRSA, before anything is judged."""

    ref: ServiceAccountRef
    role_arn: str
    evidence: tuple[str, ...]
    account: ServiceAccount | None
    pods: tuple[Pod, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One reading of a cluster with its items. `plan` has the changes of all items that nothing blocks."""

    place: Place
    snapshot: Snapshot
    items: tuple[MigrationItem, ...]
    plan: Plan
    providers: tuple[str, ...]

    @property
    def unread(self) -> bool:
        return any(isinstance(getattr(self.snapshot, name), Missing) for name in FOUND_IN)

    def ready(self, options: MigrationOptions, until: Stage) -> tuple[MigrationItem, ...]:
        """Return the items that nothing blocks and that have not reached the stage. Proof is always looked for anew."""

        def blocked(item: MigrationItem) -> bool:
            return bool(item.unknown) if options.strict and item.unknown else self.blocked(item, options)

        reached = min(until.rank, Stage.MOVED.rank) if until is not Stage.PROVEN else Stage.PROVEN.rank
        return tuple(item for item in self.items if item.stage.rank < reached and not blocked(item))

    def blocked(self, item: MigrationItem, options: MigrationOptions) -> bool:
        return any(not options.accepts(item.ref, blocker.id) for blocker in item.blockers)

    def chosen(self, refs: Collection[ServiceAccountRef], namespace: str | None) -> tuple[MigrationItem, ...]:
        """Return the items of these service accounts, or of the namespace, or all of them."""
        return tuple(
            item for item in self.items if (item.ref in refs if refs else namespace in (None, "", item.ref.namespace))
        )

    def status(self, at_place: Callable[[tuple[str, ...]], tuple[str, ...]]) -> MigrationStatus:
        """Return what `podid migrate status` prints: the items, and associations with nothing of the older way left."""
        items = sorted((*self.items, *self._finished()), key=lambda item: (item.stage.rank, item.ref))
        return MigrationStatus(
            cluster=self.place.the_cluster.arn,
            items=items,
            next=tuple(map(at_place, _next(self.items))),
            unread=self.unread,
        )

    def _finished(self) -> Iterator[MigrationItem]:
        left = {item.ref for item in self.items}
        for association in described(known_or(self.snapshot.associations, ())):
            if association.ref not in left and not association.owner_arn:
                pods = index(self.snapshot).pods.get(association.ref, ())
                yield MigrationItem(
                    ref=association.ref,
                    source=Source.IRSA,
                    role_arn=association.role_arn,
                    stage=Stage.FINISHED,
                    pods=counts_of(self.snapshot, pods),
                )

    def document(self) -> MigrationPlan:
        """Return what `podid migrate plan` prints: the items that are not finished."""
        return MigrationPlan(
            cluster=self.place.the_cluster.arn,
            items=tuple(item for item in self.items if item.stage is not Stage.FINISHED),
            providers=self.providers,
            plan=self.plan,
            unread=self.unread,
        )


def read_migration(
    clients: Clients,
    place: Place,
    *,
    scope: DoctorScope = EVERYTHING,
    now: datetime,
    journal: Journal | None = None,
    accepted: Callable[[ServiceAccountRef, str], bool] = lambda ref, blocker: False,
    adjust: Callable[[DoctorReport], DoctorReport] = lambda report: report,
) -> Migration:
    """Read the cluster once and derive the items of `scope`. `accepted` tells which blockers are accepted. Never raises
    for what cannot be read."""
    base = collect(clients, place, ReadRequest(checks=(), scope=scope), now=now, journal=journal, again=FOUND_IN)
    candidates = find_candidates(base, scope)
    wished = _wished(place, candidates, base)
    wanted = ReadRequest(checks=ALL, scope=scope, planned=planned_associations(place, wished, now))
    snapshot = collect(clients, place, wanted, now=now, journal=journal, base=base)
    snapshot = replace(snapshot, targets=tuple(candidate.ref for candidate in candidates))
    return _Judge(place, snapshot, candidates, now, accepted, adjust).migration()


def _next(items: Iterable[MigrationItem]) -> Iterator[tuple[str, ...]]:
    """The commands to continue with."""
    stages = {item.stage for item in items if not item.blockers}
    if any(item.blockers for item in items):
        yield ("podid", "migrate", "plan")
    if stages & {Stage.OLD, Stage.ADMITTED, Stage.ASSOCIATED}:
        yield ("podid", "migrate", "apply", "-A")
    if Stage.MOVED in stages:
        yield ("podid", "migrate", "finish", "-A")


def associated_refs(migration: Migration, namespace: str | None) -> tuple[ServiceAccountRef, ...]:
    """The service accounts of the namespace, or of the cluster, that have an association and the annotation of IRSA."""
    return tuple(
        item.ref
        for item in migration.items
        if item.stage.rank >= Stage.ASSOCIATED.rank and namespace in (None, "", item.ref.namespace)
    )


def read_again(clients: Clients, place: Place, migration: Migration, now: datetime) -> Snapshot:
    """Read the pods again."""
    wanted = ReadRequest(checks=(), scope=EVERYTHING)
    return collect(clients, place, wanted, now=now, base=migration.snapshot, again=("pods",))


# --- who uses the older way -------------------------------------------------------------------------------------------


def find_candidates(snapshot: Snapshot, scope: DoctorScope = EVERYTHING) -> tuple[Candidate, ...]:
    """Return each service account with IRSA's annotation or with pods that carry IRSA's variables, sorted."""
    accounts = {account.ref: account for account in known_or(snapshot.service_accounts, ())}
    pods = {ref: tuple(filter(live, members)) for ref, members in index(snapshot).pods.items()}
    candidates = []
    for ref in sorted({*accounts, *pods}):
        if scope.named and ref not in scope.named:
            continue
        account, members = accounts.get(ref), pods.get(ref, ())
        annotated = account.irsa_role_arn.strip() if account is not None else ""
        carried = Counter(arn for pod in members if (arn := _carried_role(pod)))
        if not annotated and not carried:
            continue
        evidence = [f"annotation eks.amazonaws.com/role-arn: {annotated}"] if annotated else []
        evidence += [f"{ROLE_ARN}={arn} in {count_of(count, 'running pod')}" for arn, count in sorted(carried.items())]
        role = annotated or max(sorted(carried), key=lambda arn: carried[arn])
        candidates.append(Candidate(ref, role, tuple(evidence), account, members))
    return tuple(candidates)


def _carried_role(pod: Pod) -> str:
    """Return the role that IRSA's variables name in the pod's containers, empty for none."""
    return next((arn for c in pod.containers if not c.init and (arn := c.env.get(ROLE_ARN, ""))), "")


def _wished(place: Place, candidates: Iterable[Candidate], snapshot: Snapshot) -> Plan:
    """The associations to be, without a look at their roles: only to read these."""
    associations = index(snapshot).associations
    states = [_state(item) for item in candidates if item.ref not in associations and _in_account(item.role_arn, place)]
    return Plan(header=place.header, actions=tuple(ASSOCIATION.action(None, state) for state in states))


def _state(item: Candidate) -> dict[str, object]:
    return {
        "namespace": item.ref.namespace,
        "serviceAccount": item.ref.name,
        "roleArn": item.role_arn,
        "targetRoleArn": None,
        "disableSessionTags": False,
        "policy": None,
        "tags": {},
    }


def _in_account(arn: str, place: Place) -> bool:
    try:
        return Arn.parse(arn).account == place.account
    except InvalidInput:
        return False


# --- how far each has come --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What one candidate's stage, blockers and warnings depend on. `allowed` is whether the trust policy allows it by
    Pod Identity, `by_issuer` whether by this cluster's OIDC issuer; None where the policy could not be read."""

    candidate: Candidate
    association: Association | None
    role: Section[Role | None]
    allowed: bool | None
    by_issuer: bool | None
    counts: PodCounts

    @property
    def ref(self) -> ServiceAccountRef:
        return self.candidate.ref

    @property
    def associated(self) -> bool:
        return self.association is not None and self.candidate.role_arn in (
            self.association.role_arn,
            self.association.target_role_arn,
        )

    @property
    def stage(self) -> Stage:
        if not self.associated:
            return Stage.ADMITTED if self.allowed else Stage.OLD
        moved = self.counts.pod_identity == self.counts.total
        return Stage.MOVED if moved else Stage.ASSOCIATED


def facts_of(snapshot: Snapshot, place: Place, candidate: Candidate) -> Facts:
    association = index(snapshot).associations.get(candidate.ref)
    known = association if isinstance(association, Association) else None
    role = role_section(snapshot, candidate.role_arn)
    policy = _policy(role)
    tags_on = known.session_tags if known is not None else True
    allowed = by_issuer = None
    if policy is not None and isinstance(role, Known) and role.value is not None:
        who = trust.PodIdentity(
            cluster_arn=place.the_cluster.arn,
            namespace=candidate.ref.namespace,
            service_account=candidate.ref.name,
            session_tags=tags_on,
            role_tags=dict(role.value.tags),
        )
        allowed = trust.evaluate(policy, who).verdict is trust.TrustVerdict.MATCH
        by_issuer = trust.allows_by_issuer(policy, provider_arn(place), candidate.ref)
    return Facts(candidate, known, role, allowed, by_issuer, counts_of(snapshot, candidate.pods))


def _policy(role: Section[Role | None]) -> trust.Policy | None:
    if isinstance(role, Missing) or role.value is None:
        return None
    try:
        return trust.parse_policy(role.value.trust)
    except InvalidInput:
        return None


def counts_of(snapshot: Snapshot, pods: Iterable[Pod]) -> PodCounts:
    """Count pods by the credentials of their main container; those that opt out do not count."""
    uses = [main_use(pod, snapshot.config_map_keys) for pod in pods if live(pod) and not opted_out(pod)]
    sources = Counter(use.uses for use in uses if use is not None)
    identity, irsa = sources[CredentialSource.POD_IDENTITY], sources[CredentialSource.IRSA]
    return PodCounts(total=len(uses), pod_identity=identity, irsa=irsa, other=len(uses) - identity - irsa)


def provider_arn(place: Place) -> str:
    """The ARN that IAM gives the OIDC provider of the cluster's issuer, in the cluster's account."""
    cluster = place.the_cluster
    issuer = cluster.oidc_issuer.partition("://")[2]
    return f"arn:{cluster.partition}:iam::{cluster.account}:oidc-provider/{issuer}"


# --- what stands in the way -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Judge:
    place: Place
    snapshot: Snapshot
    candidates: tuple[Candidate, ...]
    now: datetime
    accepted: Callable[[ServiceAccountRef, str], bool]
    adjust: Callable[[DoctorReport], DoctorReport]

    def migration(self) -> Migration:
        facts = {item.ref: facts_of(self.snapshot, self.place, item) for item in self.candidates}
        blockers: dict[ServiceAccountRef, list[Blocker]] = {
            ref: self._own_blockers(item) for ref, item in facts.items()
        }
        free = [item for ref, item in facts.items() if not self._blocked(ref, blockers[ref])]
        plan, refused = self._plan(free)
        for ref, blocker in refused.items():
            blockers[ref].append(blocker)
        statuses, verdicts = self._after(plan)
        for ref in facts:
            known = {blocker.id for blocker in blockers[ref]}
            blockers[ref] += [b for b in map(_blocker, _against(verdicts, ref, blocking=True)) if b.id not in known]
        # what the checks hold against an item takes its changes out of the plan again
        free = [item for ref, item in facts.items() if not self._blocked(ref, blockers[ref])]
        plan, _ = self._plan(free)
        items = tuple(
            self._item(item, tuple(blockers[ref]), _against(verdicts, ref, blocking=False), statuses.get(ref))
            for ref, item in facts.items()
        )
        return Migration(
            place=self.place,
            snapshot=self.snapshot,
            items=items,
            plan=plan,
            providers=_providers(facts.values(), self.place),
        )

    def _blocked(self, ref: ServiceAccountRef, blockers: Iterable[Blocker]) -> bool:
        return any(not self.accepted(ref, blocker.id) for blocker in blockers)

    def _own_blockers(self, facts: Facts) -> list[Blocker]:
        """Those that the checks cannot see, since no association exists yet."""
        ref, arn, association = facts.ref, facts.candidate.role_arn, facts.association
        if not _in_account(arn, self.place):
            return [self._foreign(facts)]
        if isinstance(facts.role, Known) and facts.role.value is None:
            message = f"Role {role_name(arn)} does not exist."
            return [Blocker("role-not-found", message, facts.candidate.evidence, (("podid", "role", "list"),))]
        if association is not None and not facts.associated:
            message = f"{ref} has an association with another role, {role_name(association.role_arn)}."
            command = ("podid", "associate", str(ref), "--role", arn, "--replace")
            return [
                Blocker("association-other-role", message, (f"association {association.association_id}",), (command,))
            ]
        if isinstance(facts.role, Missing) and not facts.associated:
            permission = f" Needs {facts.role.permission}." if facts.role.permission else ""
            message = f"The trust policy of role {role_name(arn)} could not be read.{permission}"
            return [Blocker("trust-unreadable", message, (facts.role.reason,))]
        if facts.allowed is None and not facts.associated:
            return [Blocker("trust-unreadable", f"The trust policy of role {role_name(arn)} cannot be parsed.")]
        return []

    def _foreign(self, facts: Facts) -> Blocker:
        arn = facts.candidate.role_arn
        try:
            account = Arn.parse(arn).account
        except InvalidInput as error:
            return Blocker("role-not-found", f"The annotation names no role: {error.message}")
        message = f"Role {role_name(arn)} is in account {account}; EKS requires a role in account {self.place.account}."
        command = ("podid", "associate", str(facts.ref), "--create-role", "--target-role", arn)
        return Blocker("cross-account-role-arn", message, facts.candidate.evidence, (command,))

    def _plan(self, items: Sequence[Facts]) -> tuple[Plan, dict[ServiceAccountRef, Blocker]]:
        """The changes of these items, and the blocker of each whose trust policy cannot be extended. Trust policies
        come before associations, and each role has one change however many items use it."""
        cluster, header = self.place.the_cluster, self.place.header
        current = {item.ref: item.association for item in items}
        change = AssociationChange(update_trust=True)
        chosen: list[DesiredAssociation] = []
        refused: dict[ServiceAccountRef, Blocker] = {}
        by_role: dict[str, list[Facts]] = {}
        for item in items:
            if item.stage.rank < Stage.ASSOCIATED.rank or not item.allowed:
                by_role.setdefault(item.candidate.role_arn, []).append(item)
        for arn, members in by_role.items():
            wanted: list[DesiredAssociation] = []
            for item in members:
                role = item.role.value if isinstance(item.role, Known) else None
                one = DesiredAssociation(item.ref, ResolvedRole(arn, role))
                try:
                    plan_associations((*wanted, one), change, cluster, header, current)
                except PodidError as error:
                    refused[item.ref] = _refusal(error)
                else:
                    wanted.append(one)
            chosen += wanted
        plan = plan_associations(chosen, change, cluster, header, current)
        return replace(plan, notes=()), refused

    def _after(self, plan: Plan) -> tuple[Mapping[ServiceAccountRef, IdentityStatus], tuple[Verdict, ...]]:
        """The predicted statuses, and the verdicts that fail once the plan is carried out and pods are restarted."""
        if not self.candidates:
            return {}, ()
        scope = DoctorScope.of([item.ref for item in self.candidates])
        diagnosis = Diagnosis(judge(self.snapshot, scope=scope, adjust=self.adjust), self.snapshot)
        whole = replace(plan, actions=(*plan.actions, *restarts(self.snapshot, plan)))
        outlook = foresee(diagnosis, whole, self.now, adjust=self.adjust)
        return {status.ref: status for status in outlook.after}, (*outlook.brings, *outlook.stands)

    def _item(
        self, facts: Facts, blockers: tuple[Blocker, ...], failing: Sequence[Verdict], status: IdentityStatus | None
    ) -> MigrationItem:
        candidate = facts.candidate
        cautions = [Caution(verdict.check, verdict.message) for verdict in failing]
        cautions += _cautions(facts, self.place)
        workloads = dict.fromkeys(workload_subject(pod) for pod in candidate.pods)
        return MigrationItem(
            ref=facts.ref,
            source=Source.IRSA,
            role_arn=candidate.role_arn,
            stage=facts.stage,
            pods=facts.counts,
            evidence=candidate.evidence,
            workloads=tuple(sorted(f"{w.kind}/{w.namespace}/{w.name}" for w in workloads)),
            blockers=blockers,
            warnings=tuple(dict.fromkeys(cautions)),
            unknown=_unknown(status),
            steps=tuple(_steps(facts)),
            owner=_owner(facts),
        )


def _refusal(error: PodidError) -> Blocker:
    """The blocker of an item that cannot be planned."""
    quota = isinstance(error, Conflict) and "characters; IAM takes" in error.message
    hint = error.hint if isinstance(error.hint, tuple) and error.hint else ()
    return Blocker(
        error.id or ("trust-quota" if quota else "trust-unreadable"),
        f"{error.message}.",
        error.lines,
        (hint,) if hint else (),
    )


def _against(verdicts: Iterable[Verdict], ref: ServiceAccountRef, *, blocking: bool) -> tuple[Verdict, ...]:
    """Those of the failing verdicts that concern the service account: errors of links 1 to 9, and warnings that block,
    or the other warnings."""
    about = [v for v in verdicts if v.check not in ENDED and (str(ref) in v.chain or v.chain == EVERYONE)]
    return tuple(v for v in about if v.severity is not Severity.INFO and not v.masked_by and _blocks(v) is blocking)


def _blocks(verdict: Verdict) -> bool:
    return (verdict.severity is Severity.ERROR and verdict.link < 10) or verdict.check in BLOCKING


def _blocker(verdict: Verdict) -> Blocker:
    commands = verdict.fix.commands if verdict.fix is not None else ()
    return Blocker(verdict.check, verdict.message, verdict.evidence, commands)


def _unknown(status: IdentityStatus | None) -> tuple[str, ...]:
    if status is None:
        return ()
    subjects = dict.fromkeys(
        f"{item.subject or f'link {item.link}'}{f' (needs {item.permission})' if item.permission else ''}"
        for item in status.not_checked
        if not item.how
    )
    return tuple(subjects)


def _cautions(facts: Facts, place: Place) -> Iterator[Caution]:
    """What the checks do not look for, since it only matters to a migration."""
    if owner := _owner(facts):
        yield Caution(
            "annotation-owned",
            f"{owner} manages the annotation. podid migrate finish prints the change to make there.",
        )
    policy, provider = _policy(facts.role), provider_arn(place)
    if policy is None:
        return
    name = role_name(facts.candidate.role_arn)
    others = [who for who in trust.other_principals(policy) if who != provider]
    if others:
        yield Caution(
            "role-used-elsewhere",
            f"Role {name} also trusts {short_list(others)}. podid leaves those statements unchanged.",
        )
    if facts.by_issuer:
        subjects = trust.subjects_of(policy, provider)
        wide = [subject for subject in subjects if "*" in subject or "?" in subject] or ([] if subjects else ["any"])
        if wide:
            yield Caution(
                "wildcard-subject",
                f"The trust policy of role {name} allows service accounts by a pattern ({short_list(wide)}). "
                "The statement stays while another service account needs it.",
            )
    if trust.names_sessions(policy):
        yield Caution(
            "session-name-changed",
            f"The trust policy of role {name} has a condition on the session name or aws:userid. With Pod Identity, "
            "session names begin with eks-CLUSTER-POD.",
        )


def _owner(facts: Facts) -> str:
    account = facts.candidate.account
    return account.owner if account is not None and account.irsa_annotations else ""


def _steps(facts: Facts) -> Iterator[MigrationStep]:
    """What is left, as single commands; `podid migrate apply` does all but the last."""
    ref, name = str(facts.ref), role_name(facts.candidate.role_arn)
    if not facts.allowed:
        yield MigrationStep("allow", name, (("podid", "trust", "add", "--role", name, "--for", ref),))
    if not facts.associated:
        yield MigrationStep("associate", ref, (("podid", "associate", ref, "--role", name),))
    if facts.counts.pod_identity < facts.counts.total:
        yield MigrationStep("restart", ref, (("podid", "restart", ref),))
    if facts.counts.total:
        yield MigrationStep("verify", ref, (("podid", "verify", ref),))
    yield MigrationStep("finish", ref, (("podid", "migrate", "finish", ref),))


def _providers(items: Iterable[Facts], place: Place) -> tuple[str, ...]:
    """This cluster's providers that the roles trust."""
    issuer = place.the_cluster.oidc_issuer.partition("://")[2]
    named = {
        who
        for item in items
        if (policy := _policy(item.role)) is not None
        for who in trust.other_principals(policy)
        if issuer and who.endswith(f":oidc-provider/{issuer}")
    }
    return tuple(sorted(named))


def refs_of(items: Iterable[MigrationItem]) -> Collection[ServiceAccountRef]:
    return tuple(item.ref for item in items)
