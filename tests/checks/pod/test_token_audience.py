from dataclasses import replace

import pytest

from checks.builder import NO_PODS, healthy, pod
from checks.containers import token
from checks.grid import WORKLOAD, answers, only
from podid.domain.cluster import TOKEN, Mount, Pod
from podid.domain.names import PODS_PRINCIPAL


def with_token(audience: str) -> Pod:
    """The healthy pod, whose manifest mounts a token for the agent itself."""
    (container,) = pod().containers
    env = {**container.env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/own/token"}
    return pod(containers=(replace(container, env=env, mounts=(Mount("/own", TOKEN, audience),)),))


ID = "token-audience"
FAILS = healthy(pods=(with_token("sts.amazonaws.com"),))
UNKNOWN = NO_PODS
PASSES = healthy(pods=(with_token(PODS_PRINCIPAL),))
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Cluster prod")]


@pytest.mark.parametrize(
    ("audience", "expected", "words"),
    [
        ("sts.amazonaws.com", "fail", "audience sts.amazonaws.com"),
        ("", "fail", "audience of the API server"),
        ("pods.eks.amazonaws.com", "pass", ""),
    ],
)
def test_audiences_of_mounted_tokens(audience: str, expected: str, words: str) -> None:
    snapshot = healthy(pods=(pod(containers=(token(audience),)),))
    assert answers(ID, snapshot) == [(expected, "error", WORKLOAD)]
    assert words in only(ID, snapshot).message
    # it is one finding, and a correct token is none
    assert answers("injected-fields-hardcoded", snapshot) == [("pass", "error", WORKLOAD)]
