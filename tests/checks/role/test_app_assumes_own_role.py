from dataclasses import replace

from checks.builder import DENIED, ROLE_ARN, TARGET_ARN, association, healthy, pod, role
from checks.grid import answers
from harness import table
from podid.domain.snapshot import Known, Snapshot


def flagged(flag: str) -> Snapshot:
    return healthy(pods=(pod(containers=(replace(pod().containers[0], flags=(flag,)),)),))


ID = "app-assumes-own-role"
FAILS = flagged(f"--aws-assume-role={ROLE_ARN}")
UNKNOWN = replace(flagged(f"--aws-assume-role={ROLE_ARN}"), roles=Known({ROLE_ARN: DENIED}))
PASSES = flagged(f"--aws-assume-role={TARGET_ARN}")
FINDINGS = [("fail", "error", "Deployment shop/orders")]
UNKNOWNS = [("unknown", "error", "Deployment shop/orders")]
MESSAGES = [
    "shop/orders is configured to assume arn:aws:iam::111122223333:role/orders, which its pods "
    "already have, and the trust policy of this role does not allow it to assume itself"
]


@table(
    ("flag", "expected"),
    [
        # the pods have the target role, not the association's role
        (ROLE_ARN, "pass"),
        (TARGET_ARN, "fail"),
        ("reports", "fail"),
    ],
)
def test_the_own_role_of_pods_with_a_target_role_is_the_target_role(flag: str, expected: str) -> None:
    snapshot = replace(
        flagged(f"--aws-assume-role={flag}"),
        associations=Known((association(target_role_arn=TARGET_ARN),)),
        target_roles=Known({TARGET_ARN: Known(role(TARGET_ARN))}),
    )
    assert answers(ID, snapshot) == [(expected, "error", "Deployment shop/orders")]


def test_a_target_role_that_could_not_be_read() -> None:
    snapshot = replace(
        flagged(f"--aws-assume-role={TARGET_ARN}"),
        associations=Known((association(target_role_arn=TARGET_ARN),)),
        target_roles=Known({TARGET_ARN: DENIED}),
    )
    assert answers(ID, snapshot) == [("unknown", "error", "Deployment shop/orders")]
