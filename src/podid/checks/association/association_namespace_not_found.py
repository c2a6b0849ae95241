from collections.abc import Iterable
from functools import cache, partial

from podid.checks.base import Check
from podid.checks.shared.facts import ADDON_OWNED, LIKELY, association_subject, podid_command
from podid.checks.shared.roles import given
from podid.domain.findings import Verdict
from podid.domain.snapshot import Snapshot, known
from podid.domain.text import Names


def rule(check: Check, snapshot: Snapshot) -> Iterable[Verdict]:
    namespaces = known(snapshot.namespaces)
    similar = cache(partial(Names(namespaces).nearest, alike=LIKELY))
    for association in known(snapshot.associations):
        case = check.case(association_subject(association), (str(association.ref),))
        if association.namespace in namespaces:
            yield case.ok("the namespace exists")
        elif association.owner_arn:
            yield case.skip(ADDON_OWNED)
        else:
            near = similar(association.namespace)
            yield case.fail(
                f"association {association.association_id} names the namespace {association.namespace!r}, "
                "which does not exist",
                evidence=(
                    *((f"namespaces with a similar name: {', '.join(near)}",) if near else ()),
                    f"whoever creates this namespace and service account is given {given(association)}",
                ),
                commands=(podid_command(snapshot, "disassociate", str(association.ref)),),
            )


CHECK = Check.of("association-namespace-not-found", rule, needs=("associations", "namespaces"))
