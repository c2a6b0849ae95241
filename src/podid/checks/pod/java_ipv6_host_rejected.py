"""https://github.com/aws/aws-sdk-java-v2/issues/7086: the SDK accepts the agent's IPv6 address only if IPv6 is
configured for the metadata service.
"""

import re

from podid.checks.base import Check, Severity, Snapshot, Verdicts, known, rule, short_list
from podid.domain.cluster import Container
from podid.domain.workloads import AGENT_ADDRESSES, INJECTED_ENV, served

MODE = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"
_IMAGES = frozenset(
    {
        *("java", "jdk", "jre", "openjdk", "temurin", "corretto", "amazoncorretto", "zulu"),
        *("tomcat", "jetty", "quarkus", "spring"),
    }
)


@rule(needs=("cluster", "associations", "pods"))
def java_ipv6_host_rejected(check: Check, snapshot: Snapshot) -> Verdicts:
    """Report a warning: podid cannot read the SDK in the image, nor its version."""
    ipv6 = known(snapshot.cluster).ip_family == "ipv6"
    for case, (_, _, pods) in check.of_workloads(snapshot):
        if not ipv6:
            yield case.ok("the cluster uses the agent's IPv4 address")
            continue
        java = {c.name: why for pod in pods for c in served(pod) if (why := _java(c))}
        if not java:
            yield case.ok("no container appears to run Java, or IPv6 is configured for it")
            continue
        yield case.fail(
            f"container {short_list(sorted(java))} runs Java, whose SDK may reject the agent's IPv6 address: {MODE} is "
            "not set",
            *(f"container {name}: {why}" for name, why in sorted(java.items())),
            severity=Severity.WARN,
        )


def _java(container: Container) -> str:
    """Return why it is a Java container with the IPv6 address and without the setting; empty for any other."""
    if MODE in container.env or container.env.get(INJECTED_ENV[0]) != AGENT_ADDRESSES[1]:
        return ""
    # without the registry's host
    image = re.sub(r"^[^/]*[.:][^/]*/", "", container.image.lower())
    if words := _IMAGES & set(re.split(r"[^a-z]+", image)):
        return f"image {container.image} ({sorted(words)[0]})"
    variables = sorted(name for name in container.env if name.startswith(("JAVA_", "JDK_JAVA_")))
    return f"variable {variables[0]}" if variables else ""
