"""Access by an OIDC provider that is removed and restored, service account by service account."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from podid.domain import trust
from podid.domain.names import ServiceAccountRef

HOST = "oidc.eks.us-west-2.amazonaws.com/id/"
OWN = f"arn:aws:iam::111122223333:oidc-provider/{HOST}OWN"
OTHER = f"arn:aws:iam::111122223333:oidc-provider/{HOST}OTHER"
REFS = tuple(ServiceAccountRef(namespace, name) for namespace in ("shop", "web") for name in ("a", "b", "c"))
SUBJECTS = tuple(f"system:serviceaccount:{ref.namespace}:{ref.name}" for ref in REFS)
PATTERNS = ("system:serviceaccount:shop:*", "system:serviceaccount:*:a", "system:serviceaccount:*:*")


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    provider = draw(st.sampled_from([OWN, OWN, OWN, OTHER]))
    issuer = provider.partition(":oidc-provider/")[2]
    block: dict[str, Any] = {}
    if draw(st.booleans()):
        block["StringEquals"] = {f"{issuer}:aud": "sts.amazonaws.com"}
    form = draw(st.sampled_from(["one", "list", "list", "pattern", "none"]))
    if form == "one":
        block.setdefault("StringEquals", {})[f"{issuer}:sub"] = draw(st.sampled_from(SUBJECTS))
    elif form == "list":
        listed = draw(st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=5, unique=True))
        block.setdefault(draw(st.sampled_from(["StringEquals", "StringLike"])), {})[f"{issuer}:sub"] = listed
    elif form == "pattern":
        block.setdefault("StringLike", {})[f"{issuer}:sub"] = draw(st.sampled_from(PATTERNS))
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Federated": draw(st.sampled_from([provider, [provider]]))},
        "Action": draw(st.sampled_from(["sts:AssumeRoleWithWebIdentity", ["sts:AssumeRoleWithWebIdentity"]])),
    }
    return {**statement, "Condition": block} if block else statement


EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


@st.composite
def policies(draw: st.DrawFn) -> trust.Policy:
    raws = [*draw(st.lists(statements(), max_size=5)), *([EC2] if draw(st.booleans()) else [])]
    raws = draw(st.permutations(raws)) or [EC2]
    if draw(st.booleans()):
        raws = [{"Sid": f"S{number}", **raw} for number, raw in enumerate(raws)]
    return trust.parse_policy({"Version": "2012-10-17", "Statement": raws})


@given(policies(), st.permutations(REFS), st.permutations(REFS), st.integers(1, 6), st.booleans())
def test_a_removed_subject_is_restored(
    policy: trust.Policy, leaving: list[ServiceAccountRef], back: list[ServiceAccountRef], size: int, narrow: bool
) -> None:
    allowed = [ref for ref in leaving if trust.allows_by_issuer(policy, OWN, ref)]
    pods = trust.new_policy(trust.PodIdentity("arn:aws:eks:us-west-2:111122223333:cluster/demo", "shop", "a"))
    now = policy.with_statements([*(s.raw for s in policy.statements), *(s.raw for s in pods.statements)])
    for start in range(0, len(allowed), size):
        gone = allowed[start : start + size]
        staying = allowed[start + size :]
        now = trust.remove_subjects(now, issuer=OWN, leaving=gone, staying=staying, narrow=narrow).policy
        for ref in REFS:
            if ref in staying:
                assert trust.allows_by_issuer(now, OWN, ref)
    others = [s.raw for s in policy.statements if OWN not in str(s.raw)]
    assert [s.raw for s in now.statements if s.raw in others] == others
    for ref in (ref for ref in back if ref in allowed):
        now = trust.restore_subject(now, policy, issuer=OWN, ref=ref)
        assert trust.allows_by_issuer(now, OWN, ref)
    own = [s.raw for s in pods.statements]
    assert [s.raw for s in now.statements if s.raw not in own] == [s.raw for s in policy.statements]


def test_the_rest_of_a_list_is_not_taken_for_another_statement() -> None:
    key = f"{OWN.partition(':oidc-provider/')[2]}:sub"
    raws = [
        {
            "Effect": "Allow",
            "Principal": {"Federated": OWN},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {key: list(subjects)}},
        }
        for subjects in (SUBJECTS[:2], SUBJECTS[:1])
    ]
    policy = trust.parse_policy({"Version": "2012-10-17", "Statement": raws})
    for ref, other in (REFS[:2], REFS[1::-1]):
        removed = trust.remove_subjects(policy, issuer=OWN, leaving=[ref], staying=[other]).policy
        restored = trust.restore_subject(removed, policy, issuer=OWN, ref=ref)
        assert [statement.raw for statement in restored.statements] == raws
        moved = removed.with_statements(statement.raw for statement in removed.statements[::-1])
        restored = trust.restore_subject(moved, policy, issuer=OWN, ref=ref)
        assert sorted(map(str, (statement.raw for statement in restored.statements))) == sorted(map(str, raws))
