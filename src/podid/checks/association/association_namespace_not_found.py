from functools import cache, partial

from podid.checks.base import Check, Snapshot, Verdicts, known, rule
from podid.domain.text import Names
from podid.facts.index import ADDON_OWNED, LIKELY, podid_command, role_of


@rule(needs=("associations", "namespaces"))
def association_namespace_not_found(check: Check, snapshot: Snapshot) -> Verdicts:
    namespaces = known(snapshot.namespaces)
    similar = cache(partial(Names(namespaces).nearest, alike=LIKELY))
    for case, association in check.of_associations(snapshot):
        if association.namespace in namespaces:
            yield case.ok("the namespace exists")
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        else:
            near = similar(association.namespace)
            yield case.fail(
                f"namespace {association.namespace} of association {association.association_id} does not exist, so no "
                "pod uses the association",
                *((f"namespaces with a similar name: {', '.join(near)}",) if near else ()),
                f"if someone creates the namespace and the service account, its pods get {role_of(association)}",
                commands=(podid_command(snapshot, "disassociate", str(association.ref)),),
            )
