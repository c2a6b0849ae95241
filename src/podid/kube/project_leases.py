"""Leases of nodes and of processes as domain values. Pure functions, as in `podid.kube.project`."""

from datetime import datetime

from podid.domain.foreign import Object, inner, inner_or_empty, inners_or_none, instant_or_none, number_or, text_or
from podid.domain.lease import Lease
from podid.kube.project import name


def node_lease(item: Object) -> tuple[str, datetime | None, datetime | None]:
    """Return the node of the lease, and its last renewal by the kubelet's clock and by the API server's."""
    renewed = instant_or_none(inner_or_empty(item, "spec"), "renewTime")
    writes = inners_or_none(inner_or_empty(item, "metadata"), "managedFields")
    times = [instant_or_none(entry, "time") for entry in writes if _renews(entry)]
    return name(item), renewed, max((moment for moment in times if moment is not None), default=None)


def held_lease(item: Object) -> Lease:
    """Return a Lease as a value for candidates."""
    spec = inner_or_empty(item, "spec")
    return Lease(
        holder=text_or(spec, "holderIdentity"),
        renewed=text_or(spec, "renewTime"),
        seconds=number_or(spec, "leaseDurationSeconds"),
        version=text_or(inner(item, "metadata"), "resourceVersion"),
        transitions=number_or(spec, "leaseTransitions"),
    )


def _renews(entry: Object) -> bool:
    return "f:renewTime" in inner_or_empty(inner_or_empty(entry, "fieldsV1"), "f:spec")
