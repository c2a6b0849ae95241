from dataclasses import replace

from checks.builder import NO_PODS, cluster, healthy, pod, with_env
from checks.grid import answers, only
from harness import table
from podid.domain.snapshot import Known

ID = "java-ipv6-host-rejected"
FAILS = replace(
    with_env(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://[fd00:ec2::23]/v1/credentials", JAVA_HOME=""),
    cluster=Known(cluster(ip_family="ipv6")),
)
UNKNOWN = NO_PODS
FINDINGS = [("fail", "warn", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


IPV6 = "http://[fd00:ec2::23]/v1/credentials"


@table(
    ("image", "env", "expected"),
    [
        ("example/app:1", {"JAVA_TOOL_OPTIONS": ""}, "fail"),
        ("example/app:1", {"JDK_JAVA_OPTIONS": ""}, "fail"),
        ("docker.io/library/eclipse-temurin:21", {}, "fail"),
        ("registry.example.com:5000/temurin:21", {}, "fail"),
        ("example/app:21-jre", {}, "fail"),
        ("java.example.com/app:1", {}, "pass"),
        ("spring:5000/app:1", {}, "pass"),
        ("example/javascript-app:1", {}, "pass"),
        ("example/app:1", {}, "pass"),
        ("amazoncorretto:21", {"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": ""}, "pass"),
        ("openjdk:21", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}, "pass"),
    ],
)
def test_java_on_ipv6(image: str, env: dict[str, str], expected: str) -> None:
    (container,) = pod().containers
    values = {**container.env, "AWS_CONTAINER_CREDENTIALS_FULL_URI": IPV6, **env}
    pods = (pod(containers=(replace(container, image=image, env=values),)),)
    snapshot = healthy(cluster=cluster(ip_family="ipv6"), pods=pods)
    (answer,) = answers(ID, snapshot)
    assert answer[:2] == (expected, "warn" if expected == "fail" else "error")
    assert only(ID, healthy(pods=pods)).outcome.value == "pass"
