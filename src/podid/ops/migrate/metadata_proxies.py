"""Service accounts whose pods get credentials from kiam or kube2iam.

Those two give a role to a pod, by its annotation; Pod Identity gives it to a service account. Each pair of service
account and role is therefore an item, and workloads that share a service account may require one of their own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from podid.domain import trust
from podid.domain.aws import Association
from podid.domain.cluster import Pod
from podid.domain.errors import PodidError
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.metadata_proxies import EXTERNAL_ID, ROLE, MetadataProxy, PodTemplate, find_proxies, may_proxy
from podid.domain.migration import Blocker, Caution, MigrationItem, OlderAgent, Stage
from podid.domain.names import ServiceAccountRef, role_name
from podid.domain.plan import Place
from podid.domain.section import attempt
from podid.domain.snapshot import Known, Missing, Section, Snapshot, known_or, missing
from podid.domain.status import CredentialSource
from podid.domain.text import short_list
from podid.domain.workloads import injected, live, workload_subject
from podid.facts.credentials import main_use
from podid.facts.products import accounts
from podid.ops.clients import Clients
from podid.ops.migrate.candidates import MigrationCandidate, counts_of, leftovers_of, path_of
from podid.ops.migrate.proxy_changes import PATCHABLE, principals_of
from podid.ops.reading.scope import EVERYTHING, DoctorScope

NEEDS_ACCOUNT = "needs-service-account"
Annotations = Mapping[tuple[str, str], Mapping[str, str]]
# RoleBinding or ClusterRoleBinding -> the service accounts that it names
Bindings = Mapping[Subject, tuple[ServiceAccountRef, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyReading:
    """kiam and kube2iam in the cluster, with the annotations that they read. `bindings` are read by namespace, and only
    if service accounts are to be created."""

    proxies: tuple[MetadataProxy, ...] = ()
    templates: tuple[PodTemplate, ...] = ()
    pods: Annotations = field(default_factory=dict)
    namespaces: Annotations = field(default_factory=dict)
    bindings: Mapping[str, Section[Bindings]] = field(default_factory=dict)


def read_proxies(
    clients: Clients, place: Place, snapshot: Snapshot, *, bindings: bool = False
) -> Section[ProxyReading]:
    """Read the annotations if kiam or kube2iam runs in the cluster; without them the annotations have no effect."""
    daemon_sets = snapshot.daemon_sets
    if isinstance(daemon_sets, Missing):
        return daemon_sets
    if not any(map(may_proxy, daemon_sets.value)):
        return Known(ProxyReading())
    reader, cluster, keys = clients.kube.reader, place.the_cluster, frozenset({ROLE, EXTERNAL_ID})
    try:
        templates = reader.list_pod_templates(keys)
        proxies = find_proxies(templates, partition=cluster.partition, account=cluster.account)
        renamed = frozenset(key for proxy in proxies for key in (proxy.role_key, proxy.external_id_key))
        if renamed - keys:
            templates = reader.list_pod_templates(renamed)
        annotated = sorted({template.workload.namespace for template in templates if template.annotations})
        return Known(
            ProxyReading(
                proxies=proxies,
                templates=templates,
                pods=reader.list_annotations("Pod", renamed),
                namespaces=reader.list_annotations("Namespace", {proxy.namespace_key for proxy in proxies}),
                bindings={name: attempt(partial(reader.list_bindings, name)) for name in annotated} if bindings else {},
            )
        )
    except PodidError as error:
        return missing(error)


@dataclass(slots=True)
class ProxyUse:
    """The use of one role by one workload. `text` is the annotation, empty for the default role."""

    workload: Subject
    role_arn: str
    text: str
    template: PodTemplate | None
    pods: list[Pod] = field(default_factory=list)
    external_id: bool = False


@dataclass(frozen=True, slots=True)
class ProxyUses:
    """The uses of roles by service account, and the workloads of each that use none."""

    proxy: MetadataProxy
    snapshot: Snapshot
    reading: ProxyReading
    uses: Mapping[ServiceAccountRef, Mapping[tuple[Subject, str], ProxyUse]]
    idle: Mapping[ServiceAccountRef, set[Subject]]

    def candidates(
        self, scope: DoctorScope, skipped: Collection[ServiceAccountRef], *, create: bool
    ) -> tuple[list[MigrationCandidate], list[MigrationItem]]:
        """Return the candidates, and the blocked items of service accounts with several roles. `skipped` already use
        another mechanism, which SDKs prefer. With `create`, workloads get service accounts of their own."""
        candidates: list[MigrationCandidate] = []
        blocked: list[MigrationItem] = []
        for ref, by_workload in sorted(self.uses.items()):
            roles = grouped((use.role_arn, use) for use in by_workload.values())
            if ref in skipped or (scope.namespaces and ref.namespace not in scope.namespaces):
                continue
            if ref.name != "default" and len(roles) == 1:
                candidates += [self._candidate(ref, arn, uses) for arn, uses in roles.items()]
                continue
            why = dict.fromkeys(by_workload, "")
            if create:
                own, why = self._with_own_accounts(ref, by_workload)
                candidates += own
            for arn, uses in sorted(roles.items()):
                remaining = [use for use in uses if (use.workload, arn) in why]
                if not remaining:
                    continue
                shared = self._candidate(ref, arn, remaining)
                reasons = tuple(filter(None, (why[use.workload, arn] for use in remaining)))
                shared = replace(shared, blockers=(_needs_account(ref, roles, reasons), *shared.blockers))
                if len(roles) > 1:
                    blocked.append(shared.item(Stage.OLD, counts_of(self.snapshot, shared.pods)))
                else:
                    candidates.append(shared)
        named = scope.named
        return (
            [
                c
                for c in candidates
                if not named or c.ref in named or ServiceAccountRef(c.ref.namespace, c.copy_of) in named
            ],
            [item for item in blocked if not named or item.ref in named],
        )

    def _with_own_accounts(
        self, ref: ServiceAccountRef, by_workload: Mapping[tuple[Subject, str], ProxyUse]
    ) -> tuple[list[MigrationCandidate], dict[tuple[Subject, str], str]]:
        """Return a candidate for each workload with its own service account, and the reasons why others do not get
        one."""
        groups: dict[ServiceAccountRef, dict[tuple[Subject, str], ProxyUse]] = defaultdict(dict)
        why: dict[tuple[Subject, str], str] = {}
        for key, use in by_workload.items():
            new = ServiceAccountRef(ref.namespace, use.workload.name)
            if reason := self._not_patched(use, new):
                why[key] = reason
            else:
                groups[new][key] = use
        candidates = []
        for new, members in groups.items():
            if len({arn for _, arn in members}) > 1:
                why |= dict.fromkeys(members, f"workloads named {new.name} have different roles")
                continue
            ((_, arn), *_) = members
            candidates.append(self._candidate(new, arn, list(members.values()), copy_of=ref))
        return candidates, why

    def _not_patched(self, use: ProxyUse, new: ServiceAccountRef) -> str:
        """Return why podid does not give the workload its own service account; empty if it does."""
        template, workload = use.template, use.workload
        if template is None or workload.kind not in PATCHABLE:
            return f"podid does not change {workload}: set serviceAccountName where it is defined"
        if template.owner:
            return f"{template.owner} manages {workload}: set serviceAccountName there"
        if template.workload.on_delete or (template.workload.paused and workload.kind != "CronJob"):
            return f"{workload} does not replace its pods by itself: set serviceAccountName yourself"
        users = {*self.idle.get(new, ()), *(subject for subject, _ in self.uses.get(new, ()))} - {workload}
        return f"service account {new} already belongs to {short_list(map(str, sorted(users)))}" if users else ""

    def _candidate(
        self, ref: ServiceAccountRef, arn: str, uses: Sequence[ProxyUse], copy_of: ServiceAccountRef | None = None
    ) -> MigrationCandidate:
        proxy, home = self.proxy, self.reading.namespaces.get(("", ref.namespace), {})
        evidence = [
            f"annotation {proxy.role_key}: {use.text} of {use.workload}"
            if use.text
            else f"default role of {proxy.source}: {use.workload}"
            for use in uses
        ]
        if any(use.text and use.text != arn for use in uses):
            evidence.append(f"base role ARN {proxy.base} ({proxy.base_words})")
        blockers, unknown = [], []
        permitted = proxy.permits(home, arn)
        if permitted is None:
            unknown.append(f"the annotation {proxy.namespace_key} of namespace {ref.namespace}")
        elif not permitted:
            message = (
                f"Namespace {ref.namespace} does not permit role {role_name(arn)}. {proxy.source} refuses it to pods."
            )
            allows = f"{proxy.namespace_key}: {home.get(proxy.namespace_key, 'no annotation')}"
            blockers.append(Blocker("role-not-permitted", message, (allows,)))
        if any(not use.text for use in uses):
            message = f"Pods without an annotation may use role {role_name(arn)}, the default role of {proxy.source}."
            blockers.append(Blocker("default-role", message, tuple(evidence)))
        if copy_of is not None:
            bindings = self.reading.bindings.get(ref.namespace)
            if isinstance(bindings, Missing):
                unknown.append(f"RoleBindings of {copy_of} (needs {bindings.permission})")
        texts = ", ".join(sorted({use.text for use in uses if use.text}))
        return MigrationCandidate(
            ref,
            arn,
            tuple(evidence),
            accounts(self.snapshot).get(ref),
            tuple(pod for use in uses for pod in use.pods),
            source=proxy.source,
            proxy=proxy,
            templates=tuple(use.template for use in uses if use.template is not None),
            workloads=tuple(use.workload for use in uses),
            texts={proxy.role_key: texts} if texts else {},
            copy_of=copy_of.name if copy_of is not None else "",
            blockers=tuple(blockers),
            cautions=tuple(self._cautions(ref, arn, uses, copy_of)),
            unknown=tuple(unknown),
        )

    def _cautions(
        self, ref: ServiceAccountRef, arn: str, uses: Sequence[ProxyUse], copy_of: ServiceAccountRef | None
    ) -> Iterator[Caution]:
        if any(use.external_id for use in uses):
            yield Caution(
                "external-id-mismatch",
                f"Pods of {ref} have the annotation {self.proxy.external_id_key}. EKS sends no external ID to role "
                f"{role_name(arn)}, and its own external ID to a target role.",
            )
        if copy_of is None:
            if others := self.idle.get(ref):
                yield Caution(
                    NEEDS_ACCOUNT,
                    f"{short_list(map(str, sorted(others)))} also runs as {ref} and would get role {role_name(arn)}.",
                )
            return
        bindings = known_or(self.reading.bindings.get(ref.namespace, Known({})), {})
        if names := [str(binding) for binding, refs in bindings.items() if copy_of in refs]:
            yield Caution(
                NEEDS_ACCOUNT,
                f"podid does not copy {short_list(names)}, which gives {copy_of} permissions. Bind {ref} too if its "
                "pods call the Kubernetes API.",
            )


def uses_of(reading: ProxyReading, snapshot: Snapshot) -> ProxyUses | None:
    """Return the uses of roles; None without kiam and kube2iam."""
    if not reading.proxies:
        return None
    proxy = reading.proxies[0]
    templates = {template.subject: template for template in reading.templates}
    uses: dict[ServiceAccountRef, dict[tuple[Subject, str], ProxyUse]] = defaultdict(dict)
    idle: dict[ServiceAccountRef, set[Subject]] = defaultdict(set)
    working: set[Subject] = set()

    def note(
        ref: ServiceAccountRef, workload: Subject, annotations: Mapping[str, str], default: str
    ) -> ProxyUse | None:
        text = annotations.get(proxy.role_key, "").strip()
        arn = proxy.arn_of(text) if text else default
        if not arn:
            return None
        use = uses[ref].setdefault((workload, arn), ProxyUse(workload, arn, text, templates.get(workload)))
        use.external_id |= proxy.external_id_key in annotations
        working.add(workload)
        return use

    for pod in known_or(snapshot.pods, ()):
        if not live(pod):
            continue
        workload, default = _workload(pod, templates), ""
        if proxy.default_role and not pod.host_network:
            source = main_use(pod, snapshot.config_map_keys)
            default = proxy.default_role if source and source.uses is CredentialSource.NODE_ROLE else ""
        template = templates.get(workload)
        # in a rollout, old pods still run as the previous service account
        ref = template.workload.ref if template is not None else pod.ref
        use = note(ref, workload, reading.pods.get((pod.namespace, pod.name), {}), default)
        if use is None:
            idle[ref].add(workload)
        else:
            use.pods.append(pod)
    for subject, template in templates.items():
        # a Job that has no pods has ended, and the Jobs of a CronJob follow it
        if subject.kind != "Job" and note(template.workload.ref, subject, template.annotations, "") is None:
            idle[template.workload.ref].add(subject)
    return ProxyUses(proxy, snapshot, reading, uses, {ref: names - working for ref, names in idle.items()})


def _workload(pod: Pod, templates: Mapping[Subject, PodTemplate]) -> Subject:
    """Return the workload with the pod template: for a Job of a CronJob, the CronJob."""
    subject = workload_subject(pod)
    template = templates.get(subject)
    owner = template.workload.owner if template is not None else None
    return Subject(owner.kind, owner.name, pod.namespace) if owner is not None else subject


def _needs_account(ref: ServiceAccountRef, roles: Collection[str], reasons: tuple[str, ...]) -> Blocker:
    if len(roles) > 1:
        message = f"Pods of {ref} use {len(roles)} roles, and an association gives a service account one role."
    else:
        message = f"Every pod without a service account runs as {ref}, and would get the role."
    command = ("podid", "migrate", "apply", "-n", ref.namespace, "--create-service-accounts")
    message = " ".join((message, *(f"{reason}." for reason in reasons)))
    return Blocker(NEEDS_ACCOUNT, message, way_out=() if reasons else (command,))


def agents_of(
    reading: ProxyReading, uses: ProxyUses | None, removed: Collection[Subject] = ()
) -> tuple[OlderAgent, ...]:
    """Return kiam and kube2iam with the workloads that they serve, without those whose annotations are `removed`."""
    if uses is None:
        return ()
    agents = []
    for proxy in reading.proxies:
        # kiam and kube2iam may read different annotations, and only kube2iam has a default role
        own = uses if proxy == uses.proxy else uses_of(replace(reading, proxies=(proxy,)), uses.snapshot)
        serves = sorted({use.workload for use in _served(own) if use.workload not in removed}) if own else []
        served = {workload.namespace for workload in serves}
        agents.append(
            OlderAgent(
                source=proxy.source,
                workloads=tuple(map(path_of, proxy.workloads)),
                serves=tuple(map(path_of, serves)),
                unneeded=tuple(
                    ("kubectl", "annotate", "namespace", namespace, f"{proxy.namespace_key}-")
                    for (_, namespace), annotations in sorted(reading.namespaces.items())
                    if proxy.namespace_key in annotations and namespace not in served
                ),
            )
        )
    return tuple(agents)


def _served(uses: ProxyUses) -> Iterator[ProxyUse]:
    """Yield the uses of roles that new pods would have too, or that running pods depend on."""
    for by_workload in uses.uses.values():
        for use in by_workload.values():
            lasts = use.template is not None and use.workload.kind in PATCHABLE and use.template.annotations
            if lasts or not all(map(injected, use.pods)):
                yield use


def find_proxy_leftovers(
    snapshot: Snapshot,
    proxy: MetadataProxy,
    candidates: Collection[MigrationCandidate],
    scope: DoctorScope = EVERYTHING,
) -> tuple[MigrationCandidate, ...]:
    """Return associated service accounts whose role still allows the agent, although no annotation names the role."""
    needed = {item.role_arn for item in candidates} | {proxy.default_role}
    principals = principals_of(proxy, snapshot)

    def remains(association: Association, arn: str, policy: trust.Policy) -> bool:
        needless = not association.owner_arn and arn not in needed
        return needless and bool(trust.principals_among(policy, principals))

    leftovers = leftovers_of(snapshot, candidates, scope, remains)
    return tuple(replace(item, source=proxy.source, proxy=proxy) for item in leftovers)
