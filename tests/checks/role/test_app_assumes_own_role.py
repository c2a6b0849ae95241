"""The check app-assumes-own-role."""

from dataclasses import replace

from checks.builder import DENIED, ROLE_ARN, TARGET_ARN, healthy, pod
from checks.grid import answers, messages
from podid.domain.snapshot import Known, Snapshot


def flagged(flag: str) -> Snapshot:
    return healthy(pods=(pod(containers=(replace(pod().containers[0], flags=(flag,)),)),))


ID = "app-assumes-own-role"
FAILS = flagged(f"--aws-assume-role={ROLE_ARN}")
UNKNOWN = replace(flagged(f"--aws-assume-role={ROLE_ARN}"), roles=Known({ROLE_ARN: DENIED}))
PASSES = flagged(f"--aws-assume-role={TARGET_ARN}")


def test_finding_and_unknown() -> None:
    assert answers(ID, FAILS) == [("fail", "error", "Deployment shop/orders")]
    assert answers(ID, UNKNOWN) == [("unknown", "error", "Deployment shop/orders")]
    assert messages(ID, FAILS) == [
        "shop/orders is configured to assume arn:aws:iam::111122223333:role/orders, which its pods "
        "already have, and the trust policy of this role does not allow it to assume itself"
    ]
