"""Callers that can create pods or tokens in a namespace get the role of every service account there.

Source: Kubernetes documentation, "Role Based Access Control Good Practices".
"""

from dataclasses import replace
from fnmatch import fnmatchcase

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdicts, known, known_or, rule, short_list
from podid.domain.exposure import BY_GET, EXEC, IdentityGrant, grants_of
from podid.domain.findings import Subject
from podid.domain.grouping import grouped
from podid.domain.versions import minor_version
from podid.facts.index import chain_of

# all users, all service accounts, or requests without credentials
_EVERYBODY = {
    *(("Group", name) for name in ("system:authenticated", "system:unauthenticated", "system:serviceaccounts")),
    ("User", "system:anonymous"),
}
# the version since which get requests no longer run commands in pods
_GET_ENDS = (1, 35)
# the group of all service accounts of one namespace, with the namespace's name
_OF_NAMESPACE = "system:serviceaccounts:"
# a service account as a user, with its namespace and its name
_AS_USER = "system:serviceaccount:"
# beginnings of the names of the control plane, the nodes and EKS, and of the administrators' group that authorization
# does not limit
_SYSTEM = ("system:masters", "system:node", "system:kube-", "system:controller:", "eks:")


@rule(needs=("associations", "grants"), wants=("cluster", "access_policies"))
def identity_open_to_others(check: Check, snapshot: Snapshot) -> Verdicts:
    by_namespace = grouped((association.namespace, association) for association in known(snapshot.associations))
    policies = snapshot.access_policies
    if isinstance(policies, Missing):
        yield check.of_cluster(snapshot).unknown(policies, f"access entries were not checked: {policies.reason}")
    by_policy = (grant for policy in known_or(policies, ()) for grant in grants_of(policy))
    grants = [
        replace(grant, abilities=abilities)
        for grant in (*known(snapshot.grants), *by_policy)
        if not _expected(grant.subject) and (abilities := _abilities(snapshot, grant))
    ]
    for namespace, associations in sorted(by_namespace.items()):
        case = check.case(Subject("Namespace", namespace), chain_of(associations))
        # pods of the namespace have its roles already
        matching = [
            grant
            for grant in grants
            if fnmatchcase(namespace, grant.namespace or "*") and _namespace_of(grant.subject) != namespace
        ]
        if not matching:
            yield case.ok(check.title)
            continue
        everybody = any((grant.subject.kind, grant.subject.name) in _EVERYBODY for grant in matching)
        subjects = list(dict.fromkeys(_name(grant.subject) for grant in matching))
        yield case.fail(
            f"{short_list(subjects, 3)} can get the roles of the service accounts in namespace {namespace}",
            *(
                f"{_name(grant.subject)} can {' and '.join(grant.abilities)}: {grant.role} by {grant.binding}"
                for grant in matching
            ),
            severity=None if everybody else Severity.INFO,
        )


def _abilities(snapshot: Snapshot, grant: IdentityGrant) -> tuple[str, ...]:
    """Return the abilities that the version of the cluster has, each once."""
    cluster = snapshot.cluster
    version = minor_version(cluster.value.version) if isinstance(cluster, Known) else None
    closed = EXEC in grant.abilities or (version or (0, 0)) >= _GET_ENDS
    return tuple(ability for ability in grant.abilities if not (closed and ability == BY_GET))


def _expected(subject: Subject) -> bool:
    if namespace := _namespace_of(subject):
        return namespace == "kube-system"
    return subject.name.startswith(_SYSTEM)


def _namespace_of(subject: Subject) -> str:
    """Return the namespace of a service account, which a binding may name as a user, or of the group of all service
    accounts of a namespace; empty for other subjects."""
    if subject.kind == "Group" and subject.name.startswith(_OF_NAMESPACE):
        return subject.name.removeprefix(_OF_NAMESPACE)
    if subject.kind == "User" and subject.name.startswith(_AS_USER):
        return subject.name.removeprefix(_AS_USER).partition(":")[0]
    return subject.namespace if subject.kind == "ServiceAccount" else ""


def _name(subject: Subject) -> str:
    kind = {"ServiceAccount": "service account", "User": "user", "Group": "group"}.get(subject.kind, subject.kind)
    return f"{kind} {subject.namespace}/{subject.name}" if subject.namespace else f"{kind} {subject.name}"
