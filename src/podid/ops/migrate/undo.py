"""Undo the runs of a migration, so that no pod is without credentials."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

from podid.domain import trust
from podid.domain.errors import Conflict, Other
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, text, texts
from podid.domain.snapshot import Missing, error_of, known_or
from podid.domain.workloads import injected, live, opted_out, workload_subject
from podid.facts.products import accounts
from podid.ops.change.kinds import (
    ADDON_ASSOCIATIONS,
    ANNOTATIONS,
    ASSOCIATION,
    POD_TEMPLATE,
    ROLE_TRUST,
    SERVICE_ACCOUNT,
    kind_of,
)
from podid.ops.change.kinds.addon import irsa_role_of
from podid.ops.change.kinds.association import ref_of
from podid.ops.change.kinds.kubernetes import service_account_of
from podid.ops.change.kinds.trusts import trust_policy_of
from podid.ops.change.kinds.workloads import workload_of
from podid.ops.change.records import Run
from podid.ops.clients import Clients
from podid.ops.migrate.addons import created_by, listed
from podid.ops.migrate.metadata_proxies import read_proxies, uses_of
from podid.ops.migrate.rollback import Rollback
from podid.ops.reading.collect import ReadRequest, collect
from podid.ops.reading.scope import DoctorScope


def undo_of_migration(clients: Clients, place: Place, run: Run, plan: Plan, *, now: datetime) -> Rollback | None:
    """Return the undo of a run of `podid migrate apply` that created associations: in the order of a rollback. None for
    another run. Raise Conflict if pods would be without credentials."""
    commands = {*pairwise(run.command)}
    if ("migrate", "rollback") in commands or run.undoes:
        _check_unused(clients, plan)
    if ("migrate", "apply") not in commands:
        return None
    removed = [action for action in plan.actions if action.kind == ASSOCIATION.name and action.after is None]
    refs = {ref_of(action.keys) for action in removed} | {ref for action in plan.actions for ref in listed(action)}
    if not refs:
        return None
    annotated = _check_previous(clients, place, run, plan, refs, now=now)
    last = tuple(action for action in plan.actions if kind_of(action.kind).account_wide)
    first = replace(plan, actions=tuple(action for action in plan.actions if action not in last))
    after = Plan(header=plan.header, actions=last)
    return Rollback(refs=tuple(sorted(refs)), before=first, after=after, pods_left=True, annotated=annotated)


def _check_previous(
    clients: Clients, place: Place, run: Run, plan: Plan, refs: Collection[ServiceAccountRef], *, now: datetime
) -> Mapping[ServiceAccountRef, str]:
    """Return the roles in the annotations of IRSA. Raise Conflict for a service account that has neither the annotation
    nor a workload with one of kiam or kube2iam: its migration was finished, or another tool removed the annotation."""
    sections = ("service_accounts", "pods", "workloads", "daemon_sets")
    request = ReadRequest(checks=(), scope=DoctorScope.of(refs))
    snapshot = collect(clients, place, request, now=now, journal=None, again=sections)
    # running pods must be restarted: without them the undo must not begin
    for section in (snapshot.service_accounts, snapshot.pods):
        if isinstance(section, Missing):
            raise error_of(section)
    known = accounts(snapshot)
    annotated = {ref: known[ref].irsa_role_arn for ref in refs if ref in known and known[ref].irsa_role_arn}
    bare = sorted(ref for ref in refs if ref in known and ref not in annotated)
    if not bare:
        return annotated
    proxies = read_proxies(clients, place, snapshot)
    if isinstance(proxies, Missing):
        raise error_of(proxies)
    uses = uses_of(proxies.value, snapshot)
    default = uses.proxy.default_role if uses is not None else ""
    # pods without an annotation return to the default role
    by_default = {ref_of(a.keys) for a in plan.actions if default and default == text(a.before, "roleArn")}
    # workloads may have left a service account that the run created
    created = {step.action.target for step in run.changed if step.action.kind == SERVICE_ACCOUNT.name}
    used = {pod.ref for pod in known_or(snapshot.pods, ()) if live(pod)}
    used |= {workload.ref for workload in known_or(snapshot.workloads, ())}
    for ref in bare:
        returned = str(ref) in created and ref not in used
        if not returned and ref not in by_default and (uses is None or ref not in uses.uses):
            raise Conflict(
                f"Service account {ref} has no IRSA annotation, and its workloads have no annotation of kiam or "
                "kube2iam: new pods would get no credentials",
                hint=Other(("migrate", "rollback"), (str(ref),)),
                advice="podid migrate rollback, or the undo of podid migrate finish, restores the annotations.",
                subject=str(ref),
            )
    return annotated


def _check_unused(clients: Clients, plan: Plan) -> None:
    """Raise Conflict if the plan removes previous credentials that running pods use, such as the undo of a rollback."""
    if not any(map(_removes_previous, plan.actions)):
        return
    refs = set(_accounts_of(plan))
    subjects = {workload_of(a.keys) for a in plan.actions if a.kind == POD_TEMPLATE.name}
    for namespace in sorted({ref.namespace for ref in refs} | {subject.namespace for subject in subjects}):
        for pod in clients.kube.reader.list_pods(namespace):
            if pod.ref not in refs and workload_subject(pod) not in subjects:
                continue
            if live(pod) and not opted_out(pod) and not injected(pod):
                raise Conflict(
                    f"Pods of {pod.ref} use the previous credentials, which the undo would remove",
                    hint=Other(("migrate", "apply"), (str(pod.ref),)),
                    advice="podid migrate apply and finish migrate them again.",
                    subject=str(pod.ref),
                )


def _accounts_of(plan: Plan) -> Iterator[ServiceAccountRef]:
    """Yield the service accounts whose annotations change, or that get an association."""
    for action in plan.actions:
        yield from created_by(action)
        if action.kind == ANNOTATIONS.name:
            yield service_account_of(action.keys)


def _removes_previous(action: Action) -> bool:
    """Return whether the action removes an annotation, the IRSA role of an add-on, or a statement that allows an OIDC
    provider or a role."""
    before, after = action.before, action.after
    if before is None or after is None:
        return False
    if action.kind == ROLE_TRUST.name:
        policies = [trust.parse_policy(trust_policy_of(state)).statements for state in (before, after)]
        old, new = ([s.raw for s in policy if {"AWS", "Federated"} & dict(s.principals).keys()] for policy in policies)
        return any(statement not in new for statement in old)
    if action.kind == ADDON_ASSOCIATIONS.name:
        return bool(irsa_role_of(before)) and not irsa_role_of(after)
    return bool(texts(before, "annotations").keys() - texts(after, "annotations").keys())
