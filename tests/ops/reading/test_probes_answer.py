"""The meaning of a probe's output."""

import json

from harness import table
from podid.domain.aws import Association
from podid.domain.evidence import Probed
from podid.ops.reading.probes import judge

ROLE = "arn:aws:iam::111122223333:role/apps/orders"
ASSOCIATION = Association(
    cluster_name="demo",
    namespace="shop",
    service_account="orders",
    association_id="a-1",
    association_arn="",
    role_arn=ROLE,
)
BLANK = Probed(job="shop/podid-probe-1", node="n")
GOT, STOPPED, UNKNOWN = "got", "stopped", "unknown"
METADATA = "Error when retrieving credentials from container-role: Error retrieving metadata: "
REFUSED = f"{METADATA}Received non 200 response 400 from container metadata: [x]: "
TIMEOUT = (
    f"{METADATA}Received error when attempting to retrieve container metadata: Connect timeout on endpoint URL: "
    '"http://[fd00:ec2::23]/v1/credentials"'
)


def who(role: str) -> str:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/eks-demo-x"
    return json.dumps({"UserId": "AROA:eks-demo-x", "Account": "111122223333", "Arn": arn}, indent=4)


@table(
    ("text", "code", "expected"),
    [
        (who("orders"), 0, (GOT, "", 0)),
        (who("node-role"), 0, (STOPPED, "", 1)),
        ("", 0, (UNKNOWN, "", 0)),
        ("[]", 0, (UNKNOWN, "", 0)),
        (json.dumps({"Arn": 7}), 0, (UNKNOWN, "", 0)),
        (json.dumps({"Arn": "no arn"}), 0, (UNKNOWN, "", 0)),
        ("[" * 100_000, 0, (UNKNOWN, "", 0)),
        (TIMEOUT, 255, (STOPPED, "", 5)),
        (
            f"{REFUSED}(ResourceNotFoundException): No association found",
            255,
            (STOPPED, "association-missing", 1),
        ),
        # the agent runs with another --cluster-name
        (
            f"{REFUSED}(ResourceNotFoundException): No cluster found for name: demo., fault: client",
            255,
            (STOPPED, "self-managed-cluster-name-wrong", 6),
        ),
        (
            f"{REFUSED}(AccessDeniedException): Unauthorized Exception! EKS does not have permissions to assume the "
            "associated role., fault: client",
            255,
            (STOPPED, "", 9),
        ),
        (f"{REFUSED}something that nobody has seen", 255, (STOPPED, "", 8)),
        ('Connect timeout on endpoint URL: "https://sts.us-west-2.amazonaws.com/"', 255, (UNKNOWN, "", 0)),
        (
            'Unable to locate credentials. You can configure credentials by running "aws configure".',
            253,
            (UNKNOWN, "", 0),
        ),
        ("exec: aws: not found", 127, (UNKNOWN, "", 0)),
        ("", 137, (UNKNOWN, "", 0)),
    ],
)
def test_each_answer(text: str, code: int, expected: tuple[str, str, int]) -> None:
    met = judge(ASSOCIATION, text, code, BLANK)
    state = UNKNOWN if met.missing is not None else STOPPED if met.link else GOT
    assert (state, met.id, met.link) == expected
    reason = met.missing.reason if met.missing is not None else met.message
    assert bool(reason) is (state != GOT)
    assert len(reason) < 700
    assert (met.job, met.node) == (BLANK.job, BLANK.node)


def test_the_denying_policy_at_the_end_of_the_answer() -> None:
    node = f"arn:aws:sts::111122223333:assumed-role/eksctl-production-nodegroup-ng-{'x' * 30}/i-0123456789abcdef0"
    met = judge(
        ASSOCIATION,
        f"{REFUSED}(AccessDeniedException): User: {node} is not authorized to perform: "
        "eks-auth:AssumeRoleForPodIdentity on resource: arn:aws:eks:us-west-2:111122223333:cluster/production with an "
        "explicit deny in a service control policy, fault: client",
        255,
        BLANK,
    )
    assert met.id == "scp-denies-eks-auth"


def test_the_identity_of_the_credentials() -> None:
    met = judge(ASSOCIATION, who("orders"), 0, BLANK)
    assert met.redeemed is not None
    assert (met.redeemed.role_arn, met.redeemed.session_name) == (ROLE, "eks-demo-x")
    other = judge(ASSOCIATION, who("node-role"), 0, BLANK)
    assert other.redeemed is not None
    assert other.redeemed.role_arn == "arn:aws:iam::111122223333:role/node-role"
