"""Changes of a migration from kiam or kube2iam: service accounts of workloads, annotations of pod templates, and the
trust in the role with which the agent assumes others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from podid.domain.findings import Subject
from podid.domain.metadata_proxies import MetadataProxy, PodTemplate
from podid.domain.plan import Action, Plan
from podid.domain.snapshot import Missing, Snapshot, error_of, known_or
from podid.domain.text import short_list
from podid.domain.workloads import RESTARTABLE
from podid.facts.products import accounts
from podid.ops.change.kinds import POD_TEMPLATE, SERVICE_ACCOUNT
from podid.ops.migrate.candidates import MigrationCandidate

PATCHABLE = (*RESTARTABLE, "CronJob")
# the sections that contain the roles of the nodes
OF_NODES = ("nodes", "node_groups", "other_node_roles")


def with_own_accounts(plan: Plan, candidates: Iterable[MigrationCandidate], snapshot: Snapshot) -> Plan:
    """Return the plan with the service accounts that workloads get, first, and the changes of their pod templates,
    last."""
    created, templates = [], []
    for candidate in candidates:
        if not candidate.copy_of:
            continue
        if candidate.ref not in accounts(snapshot):
            state = SERVICE_ACCOUNT.state_of(candidate.ref, candidate.copy_of)
            created.append(SERVICE_ACCOUNT.action(None, state))
        for template in candidate.templates:
            before = POD_TEMPLATE.state_of(template.subject, account=template.workload.service_account)
            after = POD_TEMPLATE.state_of(template.subject, account=candidate.ref.name)
            templates.append(POD_TEMPLATE.action(before, after))
    return replace(plan, actions=(*created, *plan.actions, *templates))


def principals_of(proxy: MetadataProxy, snapshot: Snapshot) -> frozenset[str]:
    """Return the roles with which the agent assumes others: that of kiam's server, or those of the nodes."""
    if proxy.principal:
        return frozenset({proxy.principal})
    groups = {group.node_role_arn for group in known_or(snapshot.node_groups, ())}
    return frozenset({*groups, *known_or(snapshot.other_node_roles, {})} - {""})


def known_principals(proxy: MetadataProxy, snapshot: Snapshot) -> frozenset[str]:
    """Return the same roles. Raise the error of the read if those of the nodes could not be read."""
    for name in () if proxy.principal else OF_NODES:
        if isinstance(section := getattr(snapshot, name), Missing):
            raise error_of(section)
    return principals_of(proxy, snapshot)


def without_annotations(templates: Iterable[PodTemplate]) -> list[Action]:
    """Return the changes that remove the annotations from pod templates. A Job cannot be changed, and ends."""
    actions = []
    for template in templates:
        if template.annotations and template.workload.kind in PATCHABLE:
            before = POD_TEMPLATE.state_of(template.subject, annotations=template.annotations)
            actions.append(POD_TEMPLATE.action(before, POD_TEMPLATE.state_of(template.subject, annotations={})))
    return actions


def rolled_out(templates: Iterable[PodTemplate]) -> set[Subject]:
    """Return the workloads that replace their pods when podid removes the annotations. A CronJob creates its next pods
    at its next start."""
    rolling = (t.workload for t in templates if t.annotations and t.workload.kind in RESTARTABLE)
    return {workload.subject for workload in rolling if not (workload.on_delete or workload.paused)}


def owned_templates(templates: Iterable[PodTemplate]) -> list[PodTemplate]:
    """Return the pod templates whose annotations another tool would restore."""
    return [template for template in templates if template.annotations and template.owner]


def template_edit_words(templates: Sequence[PodTemplate]) -> str:
    """Return the edit to make in the tool that keeps the annotations."""
    names = short_list(dict.fromkeys(name for template in templates for name in template.annotations))
    where = {
        "Helm": "in the chart's values, such as podAnnotations",
        "Argo": "in the application's source repository",
        "Flux": "in its source repository",
        "Terraform": "in the pod template of its resource",
    }
    edits = (
        f"{t.owner} manages {t.subject}: remove {names} {where.get(t.owner.partition(' ')[0], 'in its manifest')}"
        for t in templates
    )
    return "; ".join(edits)


def template_patch(template: PodTemplate) -> Mapping[str, object]:
    """Return the patch that removes the annotations, as kubectl and Kustomize read it: a manifest of the whole workload
    would have the values of its environment variables."""
    workload = template.workload
    change = {"template": {"metadata": {"annotations": dict.fromkeys(sorted(template.annotations))}}}
    return {
        "apiVersion": "batch/v1" if workload.kind == "CronJob" else "apps/v1",
        "kind": workload.kind,
        "metadata": {"name": workload.name, "namespace": workload.namespace},
        "spec": {"jobTemplate": {"spec": change}} if workload.kind == "CronJob" else change,
    }
