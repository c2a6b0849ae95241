"""CloudFormation templates against their schemas, and scripts of the AWS CLI against botocore's service models, from
which the CLI derives its options."""

import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from podid.render.export import aws
from render.export import samples
from render.export.published import loaded, problems, published
from render.export.samples import FULL, INLINE, SAMPLE


def test_a_template_imports_live_resources() -> None:
    text = aws.write_cloudformation(SAMPLE).text
    (template,) = loaded(text)
    resources = template["Resources"]
    for name, resource in resources.items():
        assert re.fullmatch("[A-Za-z0-9]+", name)
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert problems("cloudformation", resource["Type"], resolved(resource["Properties"], resources)) == []
    lines = text[: text.index("AWSTemplateFormatVersion")].splitlines()
    comment = "\n".join(line.removeprefix("# ") for line in lines)
    identifiers = json.loads(comment[comment.index("[") : comment.rindex("]") + 1])
    assert [item["LogicalResourceId"] for item in identifiers] == list(resources)
    for item in identifiers:
        kind = item["ResourceType"]
        assert kind == resources[item["LogicalResourceId"]]["Type"]
        schema = published("cloudformation")["schemas"][kind]
        assert [f"/properties/{name}" for name in item["ResourceIdentifier"]] == schema["primaryIdentifier"]
        assert not [name for name in schema["readOnlyProperties"] if name in resources[item["LogicalResourceId"]]]
    assert {next(iter(item["ResourceIdentifier"].values())) for item in identifiers} == {
        *("a", "A-b", "legacy"),
        *(item.association_arn for item in samples.ASSOCIATIONS),
    }
    own = {item["LogicalResourceId"]: item["ResourceIdentifier"] for item in identifiers}
    (role,) = (name for name, key in own.items() if key == {"RoleName": "A-b"})
    properties = resources[role]["Properties"]
    assert properties["AssumeRolePolicyDocument"] == FULL.role.trust
    assert properties["Policies"][0] == {"PolicyName": "c", "PolicyDocument": INLINE}
    assert properties["Description"] == FULL.role.description
    assert {"Key": "team", "Value": "shop ü @ +1"} in properties["Tags"]
    arn = samples.ASSOCIATIONS[2].association_arn
    (pay,) = (resources[name]["Properties"] for name, key in own.items() if key == {"AssociationArn": arn})
    assert pay["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    assert json.loads(pay["Policy"]) == json.loads(samples.SESSION)
    assert pay["Tags"] == [{"Key": "no", "Value": "0123"}, {"Key": "q", "Value": samples.TAG}]


def resolved(properties: dict[str, Any], resources: dict[str, Any]) -> dict[str, Any]:
    """Return the properties with a text in place of each attribute of a role of the template."""
    created = dict(properties)
    for key, value in properties.items():
        if isinstance(value, dict) and value.keys() == {"Fn::GetAtt"}:
            name, attribute = value["Fn::GetAtt"]
            schema = published("cloudformation")["schemas"][resources[name]["Type"]]
            assert f"/properties/{attribute}" in schema["readOnlyProperties"]
            created[key] = "arn"
    return created


# a function of bash takes the place of the program: it prints its arguments, separated by NUL and ended by two
RECORDER = "aws() { printf '%s\\0' \"$@\"; printf '\\0'; }; sleep() { :; }\n"


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Run the script. Return its operations with their parameters as the AWS CLI reads its arguments, each valid for
    botocore."""
    ran = subprocess.run(["bash"], input=(RECORDER + text).encode(), capture_output=True, check=True)
    assert ran.stderr == b""
    session = botocore.session.get_session()
    created = []
    for words in (call.split("\0") for call in ran.stdout.decode().removesuffix("\0\0").split("\0\0")):
        service, command, *rest = words
        model = session.get_service_model(service)
        if command == "wait":
            waiters = session.get_waiter_model(service)
            waiter = next(name for name in waiters.waiter_names if xform_name(name, "-") == rest[0])
            command, rest = xform_name(waiters.get_waiter(waiter).operation, "-"), rest[1:]
        (operation,) = (name for name in model.operation_names if xform_name(name, "-") == command)
        shape = model.operation_model(operation).input_shape
        params = parameters(shape, rest)
        # the AWS CLI adds an idempotency token
        token = {name: "t" for name, member in shape.members.items() if member.metadata.get("idempotencyToken")}
        report = ParamValidator().validate({**token, **params}, shape)
        assert not report.has_errors(), report.generate_report()
        created.append((operation, params))
    return created


def parameters(shape: Any, words: list[str]) -> dict[str, Any]:
    members = {f"--{xform_name(name, '-')}": (name, member) for name, member in shape.members.items()}
    params: dict[str, Any] = {}
    rest = iter(words)
    for word in rest:
        option, _, joined = word.partition("=")
        if option == "--region":
            next(rest)
            continue
        if option == "--cli-input-json":
            params |= json.loads(next(rest))
            continue
        name, member = members[option]
        if member.type_name == "boolean":
            params[name] = True
            continue
        value = joined or next(rest)
        # argparse takes the next word for an option
        assert joined or not value.startswith("-")
        # the AWS CLI reads such a file, and version 1 such a page
        assert not value.startswith(("file://", "fileb://", "http://", "https://"))
        structure = member.type_name in ("list", "map", "structure")
        params[name] = json.loads(value) if structure else int(value) if member.type_name == "integer" else value
    return params


def test_the_script_creates_all_in_the_order_that_aws_requires() -> None:
    text = aws.write_aws_cli(SAMPLE).text
    created = calls(text)
    kinds = [operation for operation, _ in created if operation != "GetRole"]
    assert kinds.index("CreatePodIdentityAssociation") > max(
        number for number, kind in enumerate(kinds) if kind != "CreatePodIdentityAssociation"
    )
    assert kinds.count("CreateRole") == 3
    assert kinds.count("CreatePodIdentityAssociation") == 5
    roles = {params["RoleName"]: params for kind, params in created if kind == "CreateRole"}
    assert json.loads(roles["A-b"]["AssumeRolePolicyDocument"]) == FULL.role.trust
    assert roles["A-b"]["Description"] == FULL.role.description
    assert roles["A-b"]["Tags"] == [
        {"Key": "k.o/1", "Value": ""},
        {"Key": "team", "Value": "shop ü @ +1"},
    ]
    policies = [json.loads(params["PolicyDocument"]) for kind, params in created if kind == "PutRolePolicy"]
    assert policies == [INLINE, INLINE, samples.OTHER]
    pay = next(params for _, params in created if params.get("serviceAccount") == "pay")
    assert json.loads(pay["policy"]) == json.loads(samples.SESSION)
    assert (pay["disableSessionTags"], pay["tags"]) == (True, {"no": "0123", "q": samples.TAG})


def test_a_role_follows_those_that_its_trust_policy_names() -> None:
    base = replace(FULL, role=samples.role("base", samples.trust("shop/orders")))
    statement = {"Effect": "Allow", "Principal": {"AWS": [base.role.arn]}, "Action": "sts:AssumeRole"}
    target = replace(FULL, role=samples.role("a-target", {"Version": "2012-10-17", "Statement": [statement]}))
    created = calls(aws.write_aws_cli(replace(SAMPLE, roles=(target, base), associations=())).text)
    assert [params["RoleName"] for operation, params in created if operation == "CreateRole"] == ["base", "a-target"]


@pytest.mark.parametrize("description", ["-draft", "file:///etc/passwd", "fileb://x", "https://wiki/orders"])
def test_a_description_is_neither_an_option_nor_a_file(description: str) -> None:
    live = replace(FULL, role=replace(FULL.role, description=description))
    created = calls(aws.write_aws_cli(replace(SAMPLE, roles=(live,), associations=())).text)
    assert next(params for operation, params in created if operation == "CreateRole")["Description"] == description
