import re
from collections.abc import Iterable
from typing import NamedTuple

from podid.checks.base import Check, Severity, Subject, Verdict, Verdicts, count_of, rule, short_list
from podid.domain.cloudtrail import NodeTrail, OldCalls
from podid.domain.cluster import name_and_tag
from podid.domain.snapshot import NOT_READ, Missing, Section, Snapshot, known, known_or
from podid.domain.workloads import injected, live, opted_out, served
from podid.facts.index import index


class Old(NamedTuple):
    """`last` is the newest version known not to support Pod Identity; `name` is the end of the image's repository."""

    name: str
    last: tuple[int, ...]
    source: str


# Known images by name and tag. The AWS CLI's minimum is from
# https://docs.aws.amazon.com/eks/latest/userguide/pod-id-minimum-sdk.html; users reported the others.
OLD = (
    Old("aws-cli", (2, 14, 999), "the AWS CLI supports Pod Identity since 2.15.0"),
    Old("external-dns", (0, 14, 1), "kubernetes-sigs/external-dns#4353"),
    Old("external-secrets", (0, 9, 9), "external-secrets/external-secrets#2951"),
    Old("thanos", (0, 35, 999), "thanos-io/thanos#7335"),
    Old("s5cmd", (2, 3, 0), "peak/s5cmd#807"),
    Old("aws-ebs-csi-driver", (1, 25, 0), "kubernetes-sigs/aws-ebs-csi-driver#1870"),
    Old("aws-efs-csi-driver", (1, 7, 4), "kubernetes-sigs/aws-efs-csi-driver#1257"),
    Old("aws-fsx-csi-driver", (1, 1, 0), "kubernetes-sigs/aws-fsx-csi-driver#372"),
    Old("aws-load-balancer-controller", (2, 6, 999), "kubernetes-sigs/aws-load-balancer-controller#3503"),
    Old("yet-another-cloudwatch-exporter", (0, 55, 0), "prometheus-community/yet-another-cloudwatch-exporter#1243"),
)
_TAG = re.compile(r"v?(\d{1,6}(?:\.\d{1,6}){1,2})(?:[-+].*)?")


@rule(needs=("associations", "pods"), wants=("node_calls", "instances"))
def sdk_too_old(check: Check, snapshot: Snapshot) -> Verdicts:
    yield from _by_image(check, snapshot)
    calls = snapshot.node_calls
    if isinstance(calls, Missing):
        if calls != NOT_READ:
            yield check.of_everyone(snapshot).unknown(calls, severity=Severity.WARN)
        return
    for node, section in calls.value.items():
        yield _by_calls(check, snapshot, node, section)


def _by_image(check: Check, snapshot: Snapshot) -> Verdicts:
    for case, (_, _, pods) in check.of_workloads(snapshot):
        images = dict.fromkeys(c.image for pod in pods for c in served(pod))
        old_images = [(image, old) for image in images if (old := _old(image)) is not None]
        if not old_images:
            yield case.ok("none of its images is known to be too old; their contents were not checked")
            continue
        yield case.fail(
            f"the SDK in {short_list(image for image, _ in old_images)} is known not to support Pod Identity",
            *(f"{image}: {old.source}" for image, old in old_images),
            severity=Severity.WARN,
        )


def _by_calls(check: Check, snapshot: Snapshot, node: str, section: Section[NodeTrail]) -> Verdict:
    """Judge calls in CloudTrail, as a warning at most: CloudTrail names the node, not the pod."""
    accounts = tuple(sorted(_reaching(snapshot, node)))
    case = check.case(Subject("Node", node), accounts)
    if isinstance(section, Missing):
        return case.unknown(section, severity=Severity.WARN)
    trail = section.value
    calls = f"{count_of(trail.looked, 'call')} with its role since {trail.since:%Y-%m-%d %H:%M} UTC"
    if not accounts:
        return case.skip("the metadata service answers none of its pods with injected credentials")
    if not trail.old:
        return case.ok(f"{calls}, none of them by an SDK that is too old for Pod Identity")
    return case.fail(
        "an SDK that is too old for Pod Identity calls AWS with the role of this node, on which pods of "
        f"{short_list(accounts)} should use Pod Identity",
        *map(_calls_words, trail.old),
        "CloudTrail names the node, not the pod: it may be a pod of another service account",
        severity=Severity.WARN,
    )


def _calls_words(calls: OldCalls) -> str:
    sdk = calls.sdk
    often = f"{calls.call} {count_of(calls.count, 'time')}, last {calls.last:%Y-%m-%d %H:%M} UTC"
    return f"{sdk.name} {sdk.version} (Pod Identity requires {sdk.since} or later): {often}"


def _reaching(snapshot: Snapshot, node: str) -> Iterable[str]:
    """Return the service accounts with injected pods on the node that can also reach its metadata service. If it does
    not answer pods, only those on the host network."""
    instance = known_or(snapshot.instances, {}).get(node)
    beyond = instance is None or not instance.closed_to_pods
    associations = index(snapshot).associations
    return {
        str(pod.ref)
        for pod in known(snapshot.pods)
        if pod.node == node and pod.ref in associations and live(pod) and injected(pod) and not opted_out(pod)
        if beyond or pod.host_network
    }


def _old(image: str) -> Old | None:
    name, tag = name_and_tag(image)
    version = _TAG.fullmatch(tag)
    if version is None:
        return None
    # a tag such as 0.14 moves to the newest patch release
    parts = tuple(int(part) for part in (*version[1].split("."), "999"))[:3]
    if name == "aws-cli" and parts[0] == 1:
        first = OLD[0]._replace(source="version 1 of the AWS CLI supports Pod Identity since 1.30.0")
        return first if parts < (1, 30) else None
    return next((old for old in OLD if old.name == name and parts <= old.last), None)
