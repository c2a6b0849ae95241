from functools import cache, partial

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, known_or, rule
from podid.domain.aws import Association
from podid.domain.names import ServiceAccountRef
from podid.domain.text import Names, meant
from podid.facts.index import (
    ADDON_OWNED,
    LIKELY,
    disassociate,
    fresh,
    index,
    podid_command,
    role_of,
    used_without_role,
)


@rule(needs=("associations", "namespaces"), wants=("service_accounts", "pods"))
def association_namespace_not_found(check: Check, snapshot: Snapshot) -> Verdicts:
    namespaces = known(snapshot.namespaces)
    lacking = {account.ref for account in known_or(snapshot.service_accounts, ())} - index(snapshot).associations.keys()
    similar = cache(partial(Names(namespaces).nearest, alike=LIKELY))
    for case, association in check.of_associations(snapshot):
        if association.namespace in namespaces:
            yield case.ok("the namespace exists")
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        else:
            # EKS accepts names in upper case; Kubernetes does not
            same = association.namespace.lower()
            near = [same] if same in namespaces else similar(association.namespace)
            ref = association.ref
            intended = [ServiceAccountRef(name, ref.name) for name in near]
            # namespace and name in the wrong order, or a namespace with another name
            intended += [ServiceAccountRef(ref.name, ref.namespace), *used_without_role(snapshot).get(ref.name, [])]
            likely = [str(item) for item in intended if item in lacking][:1]
            yield case.fail(
                f"namespace {association.namespace} of association {association.association_id} does not exist or is "
                f"being deleted, so no new pod uses the association{meant(likely)}",
                *((f"namespaces with a similar name: {', '.join(near)}",) if near else ()),
                ref.refused
                or f"if someone creates the namespace and the service account, its pods get {role_of(association)}",
                severity=Severity.INFO if not near and not likely and fresh(snapshot, association) else None,
                commands=(
                    *(
                        podid_command(snapshot, "associate", name, "--role", association.role_arn)
                        for name in likely
                        if isinstance(association, Association)
                    ),
                    # the pods of a namespace that is being deleted can still run
                    *(() if index(snapshot).pods.get(ref) else (disassociate(snapshot, association),)),
                ),
            )
