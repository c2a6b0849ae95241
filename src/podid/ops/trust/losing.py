"""Which associations an edit of their role's trust policy shuts out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from podid.domain import trust
from podid.domain.errors import PodidError
from podid.domain.model import Cluster, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import document
from podid.domain.words import short_list
from podid.ops.role.uses import Unread, Uses, evaluate_uses

if TYPE_CHECKING:
    from podid.aws.eks import Eks
    from podid.domain.plan import Plan


# of what is not known nobody can say that the edit takes it away
_IN, _OUT = trust.TrustVerdict.MATCH, trust.TrustVerdict.NO_MATCH


def shut_out_notes(
    eks: Eks, role: Role, plan: Plan, cluster: Cluster, refs: Sequence[ServiceAccountRef]
) -> tuple[str, ...]:
    """A sentence on the associations of the cluster that use the role, got in and no longer do. Looked at are those in
    the namespaces of `refs`; what cannot be read is said."""
    found: list[str] = []
    for action in plan.actions:
        after = replace(role, trust=document(action.after, "policyDocument"))
        for namespace in sorted({ref.namespace for ref in refs}):
            try:
                uses = Uses({cluster.arn: tuple(eks.list_associations(cluster.name, namespace))})
            except PodidError as error:
                return (f"not looked at: {Unread.of('associations that use the role', error)}",)
            before = {use.association.ref for use in evaluate_uses(role, uses) if use.evaluation.verdict is _IN}
            found += [
                str(use.association.ref)
                for use in evaluate_uses(after, uses)
                if use.evaluation.verdict is _OUT and use.association.ref in before
            ]
    if not found:
        return ()
    one = len(found) == 1
    return (
        f"{'the association of' if one else 'associations of'} {short_list(found)} in cluster {cluster.name} still "
        f"{'uses' if one else 'use'} the role: {'its' if one else 'their'} pods will get no credentials any more",
    )
