"""Service accounts with credentials from IRSA, kiam or kube2iam, with role and stage: pure, from one snapshot."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field

from podid.domain import trust
from podid.domain.aws import Association, Role
from podid.domain.cluster import Pod, ServiceAccount
from podid.domain.errors import InvalidInput
from podid.domain.findings import Subject
from podid.domain.metadata_proxies import MetadataProxy, PodTemplate
from podid.domain.migration import Blocker, Caution, CredentialCounts, MigrationItem, OlderWay, Stage
from podid.domain.names import Arn, ServiceAccountRef
from podid.domain.plan import Place, Plan
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or
from podid.domain.status import CredentialSource
from podid.domain.text import count_of
from podid.domain.workloads import live, opted_out, workload_subject
from podid.facts.credentials import ROLE_ARN, ConfigMapKeys, carried_role, main_use, uses_of
from podid.facts.index import index, role_section, under
from podid.facts.products import accounts
from podid.ops.association.plan import plan_one
from podid.ops.association.request import DesiredAssociation
from podid.ops.reading.scope import EVERYTHING, DoctorScope
from podid.ops.role.plan import identity
from podid.ops.role.resolve import ResolvedRole


@dataclass(frozen=True, slots=True)
class MigrationCandidate:
    """A service account with the role of its pods before the migration, without a judgement. With kiam or kube2iam,
    `texts` are the annotations that name the role. `copy_of` is the present service account of the workloads, if they
    get this one instead."""

    ref: ServiceAccountRef
    role_arn: str
    evidence: tuple[str, ...]
    account: ServiceAccount | None
    pods: tuple[Pod, ...]
    source: OlderWay = OlderWay.IRSA
    proxy: MetadataProxy | None = None
    templates: tuple[PodTemplate, ...] = ()
    workloads: tuple[Subject, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    copy_of: str = ""
    blockers: tuple[Blocker, ...] = ()
    cautions: tuple[Caution, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def workload_names(self) -> tuple[str, ...]:
        return tuple(sorted(map(path_of, set(self.workloads or map(workload_subject, self.pods)))))

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.texts or (self.account.irsa_annotations if self.account is not None else {})

    @property
    def owner(self) -> str:
        """Return the tool that would restore the annotations; empty if none is known."""
        if self.source is OlderWay.IRSA:
            return self.account.owner if self.account is not None and self.account.irsa_annotations else ""
        return next((template.owner for template in self.templates if template.annotations and template.owner), "")

    def item(self, stage: Stage, pods: CredentialCounts) -> MigrationItem:
        """Return the item without the judgement of the checks."""
        return MigrationItem(
            ref=self.ref,
            source=self.source,
            role_arn=self.role_arn,
            stage=stage,
            pods=pods,
            evidence=self.evidence,
            workloads=self.workload_names,
            blockers=self.blockers,
            warnings=self.cautions,
            unknown=self.unknown,
            owner=self.owner,
        )


def path_of(workload: Subject) -> str:
    """Return KIND/NAMESPACE/NAME."""
    return f"{workload.kind}/{workload.namespace}/{workload.name}"


def find_candidates(snapshot: Snapshot, scope: DoctorScope = EVERYTHING) -> tuple[MigrationCandidate, ...]:
    """Return each service account with IRSA's annotation or with pods that carry IRSA's variables, sorted."""
    pods = {ref: tuple(filter(live, members)) for ref, members in index(snapshot).pods.items()}
    candidates = []
    for ref in sorted({*accounts(snapshot), *pods}):
        if scope.named and ref not in scope.named:
            continue
        account, members = accounts(snapshot).get(ref), pods.get(ref, ())
        annotated = account.irsa_role_arn.strip() if account is not None else ""
        carried = Counter(arn for pod in members if (arn := carried_role(pod)))
        if not annotated and not carried:
            continue
        evidence = [f"annotation eks.amazonaws.com/role-arn: {annotated}"] if annotated else []
        evidence += [f"{ROLE_ARN}={arn} in {count_of(count, 'running pod')}" for arn, count in sorted(carried.items())]
        role = annotated or max(sorted(carried), key=lambda arn: carried[arn])
        candidates.append(MigrationCandidate(ref, role, tuple(evidence), account, members))
    return tuple(candidates)


def find_leftovers(
    snapshot: Snapshot, place: Place, candidates: Collection[MigrationCandidate], scope: DoctorScope = EVERYTHING
) -> tuple[MigrationCandidate, ...]:
    """Return associated service accounts whose role still allows them by this cluster's issuer, without other traces of
    IRSA. A pattern counts only if no other candidate needs it."""
    provider, needed = place.the_cluster.oidc_provider_arn, {item.role_arn for item in candidates}

    def remains(association: Association, arn: str, policy: trust.Policy) -> bool:
        if not trust.shares_of(policy, provider, association.ref):
            return False
        return arn not in needed or trust.lists_subject(policy, provider, association.ref)

    return leftovers_of(snapshot, candidates, scope, remains)


def leftovers_of(
    snapshot: Snapshot,
    candidates: Collection[MigrationCandidate],
    scope: DoctorScope,
    remains: Callable[[Association, str, trust.Policy], bool],
) -> tuple[MigrationCandidate, ...]:
    """Return the other associated service accounts for which a trust statement of a previous mechanism remains, in the
    trust policy of the role or of the target role."""
    known = {item.ref for item in candidates}
    leftovers = []
    for ref, association in sorted(index(snapshot).associations.items()):
        if ref in known or not isinstance(association, Association) or (scope.named and ref not in scope.named):
            continue
        for arn in filter(None, (association.role_arn, association.target_role_arn)):
            policy = policy_of(any_role_section(snapshot, arn))
            if policy is not None and remains(association, arn, policy):
                pods = tuple(filter(live, index(snapshot).pods.get(ref, ())))
                leftovers.append(MigrationCandidate(ref, arn, (), accounts(snapshot).get(ref), pods))
                break
    return tuple(leftovers)


def wished_associations(place: Place, candidates: Iterable[MigrationCandidate], snapshot: Snapshot) -> Plan:
    """Return the planned associations, without reading their roles: only to select what to read."""
    associations = index(snapshot).associations
    new = [item for item in candidates if item.ref not in associations and in_account(item.role_arn, place)]
    desired = (DesiredAssociation(item.ref, ResolvedRole(item.role_arn, None)) for item in new)
    return Plan(header=place.header, actions=tuple(plan_one(item, None) for item in desired))


def in_account(arn: str, place: Place) -> bool:
    try:
        return Arn.parse(arn).account == place.account
    except InvalidInput:
        return False


@dataclass(frozen=True, slots=True)
class MigrationFacts:
    """The facts for the stage, the blockers and the warnings of one candidate. `allowed` is whether the trust policy
    allows it by Pod Identity, `by_issuer` whether by this cluster's OIDC issuer; None if the policy could not be read.
    `proven` is whether CloudTrail has a session of every running pod."""

    candidate: MigrationCandidate
    association: Association | None
    role: Section[Role | None]
    allowed: bool | None
    by_issuer: bool | None
    counts: CredentialCounts
    proven: bool = False

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
    def chained(self) -> bool:
        """Return whether pods assume the role as a target role: its trust policy names the association's own role."""
        return self.associated and self.association is not None and self.association.role_arn != self.candidate.role_arn

    @property
    def stage(self) -> Stage:
        if not self.associated:
            return Stage.ADMITTED if self.allowed else Stage.OLD
        if self.counts.pod_identity < self.counts.total:
            return Stage.ASSOCIATED
        return Stage.PROVEN if self.proven else Stage.MOVED


def facts_of(snapshot: Snapshot, place: Place, candidate: MigrationCandidate) -> MigrationFacts:
    association = index(snapshot).associations.get(candidate.ref)
    known = association if isinstance(association, Association) else None
    role = any_role_section(snapshot, candidate.role_arn)
    policy = policy_of(role)
    tags_on = known.session_tags if known is not None else True
    allowed = by_issuer = None
    if policy is not None and isinstance(role, Known) and role.value is not None:
        who = identity(place.the_cluster, candidate.ref, session_tags=tags_on, role=role.value)
        allowed = trust.evaluate(policy, who).verdict is trust.TrustVerdict.MATCH
        by_issuer = trust.allows_by_issuer(policy, place.the_cluster.oidc_provider_arn, candidate.ref)
    return MigrationFacts(candidate, known, role, allowed, by_issuer, counts_of(snapshot, candidate.pods))


def any_role_section(snapshot: Snapshot, arn: str) -> Section[Role | None]:
    """Return the role, also one that pods assume only as a target role."""
    target = known_or(snapshot.target_roles, {}).get(arn)
    if target is None or arn in known_or(snapshot.roles, {}):
        return role_section(snapshot, arn)
    return under(arn, target)


def policy_of(role: Section[Role | None]) -> trust.Policy | None:
    if isinstance(role, Missing) or role.value is None:
        return None
    try:
        return trust.parse_policy(role.value.trust)
    except InvalidInput:
        return None


def counts_of(snapshot: Snapshot, pods: Iterable[Pod]) -> CredentialCounts:
    """Count pods by the credentials of their main container, or as IRSA if one of their containers sets its variables
    itself. Pods that opt out of injection count only as IRSA."""
    sources = Counter(_source(pod, snapshot.config_map_keys) for pod in pods if live(pod))
    total = sources.total() - sources[None]
    identity, irsa = sources[CredentialSource.POD_IDENTITY], sources[CredentialSource.IRSA]
    return CredentialCounts(total=total, pod_identity=identity, irsa=irsa, other=total - identity - irsa)


def _source(pod: Pod, maps: ConfigMapKeys) -> CredentialSource | None:
    if any(use.uses is CredentialSource.IRSA for use in uses_of(pod, maps)):
        return CredentialSource.IRSA
    main = main_use(pod, maps)
    return None if opted_out(pod) else main.uses if main is not None else CredentialSource.NONE


def digest(document: Mapping[str, object]) -> str:
    """Return a short name for the content of a policy, whatever the order of its members."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
