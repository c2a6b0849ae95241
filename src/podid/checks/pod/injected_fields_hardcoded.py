"""The webhook skips a container that defines these names: https://github.com/aws/amazon-eks-pod-identity-webhook."""

from podid.checks.base import Check, Snapshot, Verdicts, rule
from podid.checks.shared import sdk
from podid.facts.credentials import own_endpoint


@rule(needs=sdk.NEEDS)
def injected_fields_hardcoded(check: Check, snapshot: Snapshot) -> Verdicts:
    return sdk.per_workload(check, snapshot, own_endpoint, "no container overrides the injected fields")
