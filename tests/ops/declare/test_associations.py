"""Declared associations that exist already, and associations of others."""

import json

from ops.declare.worlds import ARN, LINK, ROLE, Filed, denying
from worlds import ACCOUNT


def test_an_association_with_the_same_settings_needs_no_mark(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(associations=[{"serviceAccount": "shop/web", "role": "storefront"}])
    assert filed.plan()["unchanged"] == 1
    assert "nothing to change" in filed.apply().stdout
    assert filed.associations()["shop/web"]["tags"] == {}
    filed.apply("--adopt")
    assert filed.associations()["shop/web"]["tags"] == {"podid:owner": "shop"}
    filed.settled()


def test_a_role_cannot_be_its_own_target_role(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[{**LINK, "targetRole": f"{ARN}web"}])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert ":22:15: targetRole: is the role of the association itself: omit it" in outcome.stderr


def test_an_association_with_other_settings_is_a_conflict(filed: Filed) -> None:
    filed.site.associate("shop", "web", "storefront")
    filed.write(
        associations=[
            {"serviceAccount": "shop/web", "role": "storefront", "sessionTags": False},
            {"serviceAccount": "shop/api", "role": "storefront"},
        ]
    )
    before = filed.state()
    document = filed.plan(code=6)
    assert document["conflicts"] == [
        {
            "kind": "association",
            "target": "shop/web",
            "at": f"{filed.path}:6:3",
            "owner": None,
            "message": "The association shop/web exists with other settings, and no file owns it",
            "lines": ["session tags: on -> off"],
        }
    ]
    assert [item["target"] for item in document["created"]] == ["shop/api"]
    outcome = filed.apply(code=6)
    assert "--adopt" in outcome.stderr
    assert filed.state() == before
    filed.apply("--adopt")
    assert filed.associations()["shop/web"]["untagged"] is True
    filed.settled()


def test_a_role_outside_the_files_gets_statements_for_pods_with_and_without_session_tags(filed: Filed) -> None:
    trusting = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusting]})
    filed.site.aws("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument=document)
    untagged = {"serviceAccount": "shop/api", "role": "theirs", "sessionTags": False}
    filed.write(associations=[untagged, {"serviceAccount": "shop/web", "role": "theirs"}])
    filed.apply("--update-trust")
    statements = (filed.role("theirs") or {})["trust"]["Statement"]
    accounts = [item.get("Condition", {}).get("StringEquals", {}) for item in statements]
    assert [item.get("aws:RequestTag/kubernetes-service-account") for item in accounts] == [None, "web", None]
    filed.settled("--update-trust")


def test_an_unreadable_association_of_others_blocks_nothing(filed: Filed) -> None:
    other = filed.site.associate("other", "one", "storefront")
    filed.site.associate("other", "two", "storefront")
    filed.write(roles=[ROLE], associations=[LINK])
    env = denying(
        filed,
        "eks:DescribePodIdentityAssociation",
        f"arn:aws:eks:us-west-2:{ACCOUNT}:podidentityassociation/demo/{other}",
    )
    outcome = filed.site("apply", "-f", str(filed.path), "--wait", "none", env=env)
    assert (outcome.code, "association of other/one could not be read" in outcome.stderr) == (9, True), outcome
    assert set(filed.associations()) == {"other/one", "other/two", "shop/web"}


def test_an_association_of_an_addon_that_differs_is_a_conflict(filed: Filed) -> None:
    row = {"serviceAccount": "ebs-csi-controller-sa", "roleArn": f"{ARN}storefront"}
    filed.site.aws("eks").update_addon(
        clusterName="demo", addonName="aws-ebs-csi-driver", podIdentityAssociations=[row]
    )
    account = "kube-system/ebs-csi-controller-sa"
    filed.write(associations=[{"serviceAccount": account, "role": "storefront"}])
    assert filed.plan()["unchanged"] == 1
    filed.write(associations=[{"serviceAccount": account, "role": "storefront", "tags": {"team": "a"}}])
    (conflict,) = filed.plan("--adopt", "--take-over", code=6)["conflicts"]
    assert conflict["message"].startswith(f"The add-on aws-ebs-csi-driver owns the association of {account}, which")
    outcome = filed.apply("--adopt", code=6)
    assert "podid addon associate aws-ebs-csi-driver ebs-csi-controller-sa" in outcome.stderr


def test_the_files_have_no_option_for_a_target_role_of_another_account(filed: Filed) -> None:
    filed.write(roles=[ROLE], associations=[{**LINK, "targetRole": "arn:aws:iam::999922223333:role/far"}])
    assert [note for note in filed.plan(code=3)["notes"] if "999922223333" in note] == [
        "target role arn:aws:iam::999922223333:role/far was not checked: it is in account 999922223333"
    ]


def test_the_arn_of_a_declared_role_is_the_declared_one(filed: Filed) -> None:
    filed.write(roles=[{**ROLE, "path": "/team/"}], associations=[{**LINK, "role": f"{ARN}team/web"}])
    assert filed.plan(code=3)["conflicts"] == []
    filed.write(roles=[ROLE], associations=[{**LINK, "role": f"{ARN}team/web"}])
    outcome = filed("plan")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert f"role: {ARN}team/web is not the ARN of the declared role, {ARN}web" in outcome.stderr
