"""Callers that can create pods or tokens in a namespace get the role of every service account there.

Source: Kubernetes documentation, "Role Based Access Control Good Practices".
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from fnmatch import fnmatchcase

from podid.checks.base import Check, Known, Missing, Severity, Snapshot, Verdicts, known, known_or, rule, short_list
from podid.domain.exposure import ACT_AS, BY_GET, EXEC, TOKENS, IdentityGrant, NamedAbility, grants_of
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
    listed = (*known(snapshot.grants), *(grant for policy in known_or(policies, ()) for grant in grants_of(policy)))
    grants = [replace(grant, abilities=_abilities(snapshot, grant)) for grant in listed if not _expected(grant.subject)]
    for namespace, associations in sorted(by_namespace.items()):
        case = check.case(Subject("Namespace", namespace), chain_of(associations))
        accounts = {association.service_account for association in associations}
        # pods of the namespace have its roles already
        ways = [
            (grant, words)
            for grant in grants
            if _namespace_of(grant.subject) != namespace
            if (words := tuple(_words(snapshot, grant, namespace, accounts)))
        ]
        if not ways:
            yield case.ok(check.title)
            continue
        everybody = any((grant.subject.kind, grant.subject.name) in _EVERYBODY for grant, _ in ways)
        subjects = list(dict.fromkeys(_name(grant.subject) for grant, _ in ways))
        yield case.fail(
            f"{short_list(subjects, 3)} can get the roles of the service accounts in namespace {namespace}",
            *(
                f"{_name(grant.subject)} can {' and '.join(words)}: {grant.role} by {grant.binding}"
                for grant, words in ways
            ),
            severity=None if everybody else Severity.INFO,
        )


def _reaches(grant: IdentityGrant, namespace: str) -> bool:
    return fnmatchcase(namespace, grant.namespace or "*")


def _abilities(snapshot: Snapshot, grant: IdentityGrant) -> tuple[str, ...]:
    """Return the abilities that the version of the cluster has, each once."""
    closed = EXEC in grant.abilities or _get_ended(snapshot)
    return tuple(ability for ability in grant.abilities if not (closed and ability == BY_GET))


def _get_ended(snapshot: Snapshot) -> bool:
    cluster = snapshot.cluster
    version = minor_version(cluster.value.version) if isinstance(cluster, Known) else None
    return (version or (0, 0)) >= _GET_ENDS


def _words(snapshot: Snapshot, grant: IdentityGrant, namespace: str, accounts: Collection[str]) -> Iterator[str]:
    """Yield the abilities by which the subject gets the role of one of these service accounts of the namespace."""
    reaches = _reaches(grant, namespace)
    yield from grant.abilities if reaches else ()
    for item in grant.named:
        if item.ability != ACT_AS and not reaches:
            continue
        if item.ability == TOKENS:
            reached = [name for name in item.names if name in accounts]
            if reached:
                yield str(replace(item, names=tuple(reached)))
        elif item.ability == ACT_AS:
            others = (other for other in known(snapshot.grants) if _reaches(other, namespace))
            if any(_impersonates(item, grant.namespace, other.subject) for other in others):
                yield str(item)
        elif item.ability != BY_GET or not _get_ended(snapshot):
            yield str(item)


def _impersonates(item: NamedAbility, home: str, subject: Subject) -> bool:
    """Return whether the permission to impersonate, by a binding in namespace `home` or in all, is for the subject."""
    if item.resource == "serviceaccounts":
        of_namespace = subject.kind == "ServiceAccount" and home in ("", subject.namespace)
        return of_namespace and (not item.names or subject.name in item.names)
    if subject.kind == "ServiceAccount":
        return item.resource == "users" and f"{_AS_USER}{subject.namespace}:{subject.name}" in item.names
    return subject.kind == {"users": "User", "groups": "Group"}[item.resource] and subject.name in item.names


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
