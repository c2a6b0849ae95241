from checks.builder import ACCOUNT, DENIED, association, chained, healthy
from checks.grid import answers, only

ID = "cross-account-role-arn"
FAILS = healthy(associations=(association(role_arn="arn:aws:iam::999999999999:role/orders"),))
UNKNOWN = healthy(cluster=DENIED)
FINDINGS = [("fail", "error", "Role arn:aws:iam::999999999999:role/orders")]
UNKNOWNS = [("unknown", "error", "Cluster -")]


def test_a_target_role_may_be_in_another_account() -> None:
    assert [a[0] for a in answers(ID, chained())] == ["pass"]
    foreign = "arn:aws:iam::444455556666:role/orders"
    verdict = only(ID, healthy(associations=(association(role_arn=foreign),)))
    assert verdict.message == (
        f"the role is in account 444455556666, but EKS requires a role of the cluster's account {ACCOUNT}"
    )
