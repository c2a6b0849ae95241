"""Trust policies of declared roles."""

from cluster_api import Json
from ops.declare.worlds import LINK, ROLE, Filed
from worlds import trust_for


def test_a_service_account_that_left_the_file_leaves_the_trust_policy(filed: Filed) -> None:
    other = {**LINK, "serviceAccount": "shop/api"}
    filed.write(roles=[ROLE], associations=[LINK, other])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert len(role["trust"]["Statement"]) == 2
    foreign = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    filed.site.trust("web", {**role["trust"], "Statement": [*role["trust"]["Statement"], foreign]})
    filed.write(roles=[ROLE], associations=[LINK])
    filed.apply("--prune", "--yes")
    role = filed.role("web")
    assert role is not None
    accounts = [item.get("Condition", {}).get("StringEquals", {}) for item in role["trust"]["Statement"]]
    assert [item.get("aws:RequestTag/kubernetes-service-account") for item in accounts] == ["web", None]
    filed.settled("--prune")


def test_a_declared_trust_policy_stays_as_it_is(filed: Filed) -> None:
    document = {"Version": "2012-10-17", "Statement": [{**trust_for_web()["Statement"][0], "Sid": "Own"}]}
    filed.write(roles=[{"name": "web", "trust": document}], associations=[LINK])
    filed.apply()
    role = filed.role("web")
    assert role is not None
    assert role["trust"] == document
    filed.settled()


def trust_for_web() -> Json:
    from podid.domain.names import ServiceAccountRef

    return trust_for(ServiceAccountRef("shop", "web"))


def test_a_condition_that_cannot_match_has_its_line(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "conditions": ["aws:SourceIp=10.0.0.1"]}], associations=[LINK])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"{filed.path}:18:3: conditions: The condition can never match for shop/web: StringEquals" in outcome.stderr
