"""The webhook skips a container that defines these names: https://github.com/aws/amazon-eks-pod-identity-webhook."""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.domain.cluster import Container, Pod
from podid.facts.credentials import Own, no_endpoint, own_endpoint, wrong_audience


@rule(needs=sdk.NEEDS, wants=sdk.WANTS)
def injected_fields_hardcoded(check: Check, snapshot: Snapshot) -> Verdicts:
    return sdk.per_workload(check, snapshot, _own, "no container overrides the injected fields")


def _own(pod: Pod, container: Container) -> Own | None:
    """Return the endpoint; token-audience judges the token."""
    own = own_endpoint(pod, container)
    return (None if own == wrong_audience(container) else own) or no_endpoint(pod, container)
