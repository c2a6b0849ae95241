"""IAM's own rules, which moto does not have."""

import json
from typing import Any

import pytest

from podid.sandbox.box import Sandbox
from sandbox.aws_checks import ROLE, Connect, refusal

ROOT = {"AWS": "arn:aws:iam::111122223333:root"}


SID = "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*"


def document(principal: Any, action: str = "sts:AssumeRole", **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": action} | more
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_the_trust_quota_counts_without_white_space(iam: Any) -> None:
    short = document(ROOT, Condition={"StringEquals": {"aws:PrincipalTag/x": "y" * 1800}})
    iam.create_role(RoleName="long", AssumeRolePolicyDocument=json.dumps(json.loads(short), indent=100))
    too_long = document(ROOT, Condition={"StringEquals": {"aws:PrincipalTag/x": "y" * 2000}})
    expected = ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409)
    assert refusal(iam.create_role, RoleName="longer", AssumeRolePolicyDocument=too_long) == expected
    assert refusal(iam.update_assume_role_policy, RoleName="long", PolicyDocument=too_long) == expected


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        ("{", "This policy contains invalid Json"),
        (document({"AWS": f"{ROLE}nobody"}), f'Invalid principal in policy: "AWS":"{ROLE}nobody"'),
        (document({"AWS": "AROAEXAMPLE"}), 'Invalid principal in policy: "AWS":"AROAEXAMPLE"'),
        (document({"Service": "pods"}), 'Invalid principal in policy: "SERVICE":"pods"'),
        (document(ROOT, "s3:GetObject"), "AssumeRole policy may only specify STS AssumeRole actions."),
        (document(ROOT, Resource="*"), "Has prohibited field Resource"),
        (document(ROOT, Sid="a b"), SID),
    ],
)
def test_trust_policies_are_checked(iam: Any, trust: str, message: str) -> None:
    expected = ("MalformedPolicyDocument", message, 400)
    assert refusal(iam.create_role, RoleName="bad", AssumeRolePolicyDocument=trust) == expected


def test_a_deleted_principal_reads_back_by_id(iam: Any) -> None:
    gone = iam.create_role(RoleName="gone", AssumeRolePolicyDocument=document(ROOT))["Role"]
    iam.create_role(RoleName="kept", AssumeRolePolicyDocument=document({"AWS": gone["Arn"]}))
    iam.delete_role(RoleName="gone")
    iam.create_role(RoleName="gone", AssumeRolePolicyDocument=document(ROOT))
    read = iam.get_role(RoleName="kept")["Role"]["AssumeRolePolicyDocument"]
    assert read["Statement"][0]["Principal"] == {"AWS": gone["RoleId"]}
    assert gone["RoleId"].startswith("AROA")
    assert refusal(iam.update_assume_role_policy, RoleName="kept", PolicyDocument=json.dumps(read)) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{gone["RoleId"]}"',
        400,
    )


def test_iam_changes_the_form_of_principals(iam: Any) -> None:
    names = {"AWS": ["111122223333", f"{ROLE}storefront"], "Service": ["ec2.amazonaws.com"]}
    iam.create_role(RoleName="formed", AssumeRolePolicyDocument=document(names))
    read = iam.get_role(RoleName="formed")["Role"]["AssumeRolePolicyDocument"]
    shown = {"AWS": [f"{ROLE}storefront", ROOT["AWS"]], "Service": "ec2.amazonaws.com"}
    assert read["Statement"][0]["Principal"] == shown


def test_names_and_tag_keys_are_not_distinguished_by_case(iam: Any) -> None:
    iam.create_role(RoleName="Mixed", AssumeRolePolicyDocument=document(ROOT), Tags=[{"Key": "Team", "Value": "a"}])
    again = {"RoleName": "mixed", "AssumeRolePolicyDocument": document(ROOT)}
    assert refusal(iam.create_role, **again) == ("EntityAlreadyExists", "Role with name mixed already exists.", 409)
    iam.tag_role(RoleName="Mixed", Tags=[{"Key": "team", "Value": "b"}])
    assert iam.list_role_tags(RoleName="Mixed")["Tags"] == [{"Key": "team", "Value": "b"}]


@pytest.mark.parametrize(
    ("member", "value", "path"),
    [
        ("RoleName", "x" * 65, "roleName"),
        ("Description", "a \u2192 b", "description"),
        ("Tags", [{"Key": "a#b", "Value": ""}], "tags.1.member.key"),
    ],
)
def test_parameters_are_checked_by_the_model(iam: Any, member: str, value: object, path: str) -> None:
    params = {"RoleName": "valid", "AssumeRolePolicyDocument": document(ROOT), member: value}
    code, message, status = refusal(iam.create_role, **params)
    assert (code, f"at '{path}' failed to satisfy constraint" in message, status) == ("ValidationError", True, 400)


def test_what_is_not_there(iam: Any) -> None:
    boundary = {"RoleName": "storefront", "PermissionsBoundary": "arn:aws:iam::111122223333:policy/none"}
    message = f"Scope ARN: {boundary['PermissionsBoundary']} does not exist or is not attachable."
    assert refusal(iam.put_role_permissions_boundary, **boundary) == ("NoSuchEntity", message, 404)
    missing = "arn:aws:iam::aws:policy/Nothing"
    assert refusal(iam.get_role, RoleName="x") == ("NoSuchEntity", "The role with name x cannot be found.", 404)
    assert refusal(iam.get_role_policy, RoleName="storefront", PolicyName="p") == (
        "NoSuchEntity",
        "The role policy with name p cannot be found.",
        404,
    )
    assert refusal(iam.get_policy, PolicyArn=missing) == ("NoSuchEntity", f"Policy {missing} was not found.", 404)
    assert refusal(iam.attach_role_policy, RoleName="storefront", PolicyArn=missing) == (
        "NoSuchEntity",
        f"Policy {missing} does not exist or is not attachable.",
        404,
    )
    assert refusal(iam.get_instance_profile, InstanceProfileName="p") == (
        "NoSuchEntity",
        "Instance Profile p cannot be found.",
        404,
    )


def test_a_role_in_use_is_not_deleted(iam: Any) -> None:
    assert refusal(iam.delete_role, RoleName="demo-node-role")[0] == "DeleteConflict"


def test_simulation(iam: Any) -> None:
    def decisions(role: str, **more: Any) -> list[tuple[str, list[str]]]:
        found = iam.simulate_principal_policy(PolicySourceArn=f"{ROLE}{role}", **more)["EvaluationResults"]
        return [(item["EvalDecision"], item["MissingContextValues"]) for item in found]

    table = "arn:aws:dynamodb:us-west-2:111122223333:table/orders"
    action = ["dynamodb:GetItem"]
    assert decisions("orders-dynamodb", ActionNames=action, ResourceArns=[table, f"{table}2"]) == [
        ("allowed", []),
        ("implicitDeny", []),
    ]
    rules = [
        {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactor": "false"}}}
    ]
    iam.put_role_policy(
        RoleName="orders-dynamodb",
        PolicyName="mfa",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": rules}),
    )
    assert decisions("orders-dynamodb", ActionNames=action, ResourceArns=[table]) == [("allowed", ["aws:MultiFactor"])]
    entry = {"ContextKeyName": "aws:MultiFactor", "ContextKeyValues": ["false"], "ContextKeyType": "boolean"}
    assert decisions("orders-dynamodb", ActionNames=action, ResourceArns=[table], ContextEntries=[entry]) == [
        ("explicitDeny", [])
    ]
    assert refusal(iam.simulate_principal_policy, PolicySourceArn=f"{ROLE}nobody", ActionNames=action)[0] == (
        "NoSuchEntity"
    )


@pytest.mark.usefixtures("no_sandbox")
def test_other_partitions() -> None:
    import boto3

    with Sandbox(partition="aws-cn", region="cn-north-1") as box:
        env = box.env()
        session = boto3.session.Session(
            env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], region_name="cn-north-1"
        )
        roles = session.client("iam", endpoint_url=box.endpoint_url).list_roles()["Roles"]
        assert {role["Arn"].split(":role/")[0] for role in roles} == {"arn:aws-cn:iam::111122223333"}
        cluster = session.client("eks", endpoint_url=box.endpoint_url).describe_cluster(name="demo")["cluster"]
        assert cluster["arn"] == "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo"


def test_each_account_has_its_own_roles(box: Sandbox, connect: Connect) -> None:
    other = box.world.credentials.add_user("other", account="444455556666")
    assert connect("iam", key=other).list_roles()["Roles"] == []
    assert connect("sts", key=other).get_caller_identity()["Account"] == "444455556666"
