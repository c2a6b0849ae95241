"""The forms for CloudFormation, eksctl, ACK, Crossplane, Pulumi and the AWS CLI, against the schemas of these tools
(`schemas/`), and against botocore's service models, from which the AWS CLI derives its options."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.validate import ParamValidator

from harness import table
from podid.ops.export.request import Form
from podid.render.export import aws, kubernetes, terraform
from podid.render.export.parts import comments
from podid.render.export.view import export_text
from render.export import samples
from render.export.published import FOLDER, problems, published
from render.export.samples import EMPTY, FULL, INLINE, PLAIN, SAMPLE

LABEL = re.compile("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def loaded(text: str) -> list[Any]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


@table("path", sorted(FOLDER.iterdir()))
def test_a_schema_states_its_source_and_refuses_what_it_does_not_know(path: Path) -> None:
    form = path.stem
    assert published(form).keys() == {"sources", "cut", "schemas"}
    for source in published(form)["sources"]:
        assert source.keys() == {"of", "source", "version", "date", "licence"}
        assert all(source.values())
    for name in published(form)["schemas"]:
        assert any("'serviceAcount' was unexpected" in text for text in problems(form, name, {"serviceAcount": "x"}))


# --- CloudFormation ---------------------------------------------------------------------------------------------------


def test_a_template_imports_what_is_live() -> None:
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
    made = dict(properties)
    for key, value in properties.items():
        if isinstance(value, dict) and value.keys() == {"Fn::GetAtt"}:
            name, attribute = value["Fn::GetAtt"]
            schema = published("cloudformation")["schemas"][resources[name]["Type"]]
            assert f"/properties/{attribute}" in schema["readOnlyProperties"]
            made[key] = "arn"
    return made


# --- eksctl -----------------------------------------------------------------------------------------------------------


def test_eksctl_gets_the_associations_and_a_note_for_each_role() -> None:
    written = kubernetes.write_eksctl(SAMPLE)
    (config,) = loaded(written.text)
    assert problems("eksctl", "ClusterConfig", config) == []
    assert config["metadata"] == {"name": "demo", "region": "us-west-2"}
    rows = config["iam"]["podIdentityAssociations"]
    assert [row["serviceAccountName"] for row in rows] == ["basket", "orders", "pay", "app.v1", "app-v1"]
    assert rows[2]["disableSessionTags"] is True
    assert rows[2]["tags"] == {"no": "0123", "q": samples.TAG}
    for row in rows:  # rules of eksctl's validation.go, which its schema omits
        assert {"namespace", "serviceAccountName", "roleARN"} <= row.keys()
        assert not row.keys() & {"permissionPolicy", "permissionPolicyARNs", "wellKnownPolicies"}
    (note,) = (note for note in written.notes if "A-b" in note)
    for part in ("path", "description", "session duration", "boundary", "inline policies c, c.", "tags", "trust"):
        assert part in note
    assert comments((f"note: {note}",)) in written.text


# --- controllers in Kubernetes ----------------------------------------------------------------------------------------


def objects(form: str, text: str) -> dict[tuple[str, str], dict[str, Any]]:
    made: dict[tuple[str, str], dict[str, Any]] = {}
    for item in loaded(text):
        kind, metadata = item["kind"], item["metadata"]
        assert problems(form, kind, item) == []
        assert LABEL.fullmatch(metadata["name"])
        assert all(isinstance(value, str) for value in metadata["annotations"].values())
        assert (kind, metadata["name"]) not in made
        made[kind, metadata["name"]] = item
    return made


def test_ack_adopts_what_is_live_and_never_deletes_it() -> None:
    made = objects("ack", kubernetes.write_ack(SAMPLE).text)
    for (kind, _), item in made.items():
        notes = {key.partition("/")[2]: value for key, value in item["metadata"]["annotations"].items()}
        assert (notes["adoption-policy"], notes["deletion-policy"]) == ("adopt-or-create", "retain")
        fields = json.loads(notes["adoption-fields"])
        if kind == "Role":
            assert fields == {"name": item["spec"]["name"]}
        else:
            assert fields["clusterName"] == item["spec"]["clusterName"] == "demo"
            assert fields["associationID"].startswith("a-")
            assert notes["region"] == "us-west-2"
    role = made["Role", "a-b"]["spec"]
    assert (role["name"], role["path"], role["description"]) == ("A-b", "/team/shop/", FULL.role.description)
    assert json.loads(role["inlinePolicies"]["c"]) == INLINE
    assert {name for kind, name in made if kind != "Role"} == {
        *("shop-basket", "shop-orders", "shop-pay", "old-app-v1", "old-app-v1-2")
    }


def test_crossplane_gets_external_names_and_a_note_for_a_session_policy() -> None:
    written = kubernetes.write_crossplane(SAMPLE)
    made = objects("crossplane", written.text)
    external = {}
    for (kind, name), item in made.items():
        assert "Delete" not in item["spec"]["managementPolicies"]
        assert "*" not in item["spec"]["managementPolicies"]
        external[kind, name] = item["metadata"]["annotations"]["crossplane.io/external-name"]
    assert external["Role", "a-b"] == "A-b"
    assert external["RolePolicy", "a-b-c"] == "b-c"
    assert external["RolePolicy", "a-b-c-2"] == "c"
    assert external["RolePolicyAttachment", "a-amazons3readonlyaccess"] == f"a/{samples.MANAGED}"
    assert external["PodIdentityAssociation", "shop-pay"] == "a-00000000000000003"
    assert json.loads(made["Role", "a"]["spec"]["forProvider"]["assumeRolePolicy"]) == PLAIN.role.trust
    (note,) = (note for note in written.notes if "session policy" in note)
    assert note.startswith("shop/pay: ")
    assert "s3:GetObject" in note
    assert comments((f"note: {note}",)) in written.text


# --- Pulumi -----------------------------------------------------------------------------------------------------------


def test_pulumi_gets_an_identifier_for_each_part() -> None:
    written = terraform.write_pulumi(SAMPLE)
    whole = json.loads(written.text)
    assert problems("pulumi", "ImportFile", whole) == []
    assert len({(item["type"], item["name"]) for item in whole["resources"]}) == len(whole["resources"]) == 12
    assert written.notes == SAMPLE.notes  # JSON has no comments


# --- AWS CLI ----------------------------------------------------------------------------------------------------------


# a function of bash takes the place of the program: it prints its arguments, separated by NUL and ended by two
RECORDER = "aws() { printf '%s\\0' \"$@\"; printf '\\0'; }; sleep() { :; }\n"


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Run the script. Return its operations with their parameters as the AWS CLI reads its arguments, each valid for
    botocore."""
    ran = subprocess.run(["bash"], input=(RECORDER + text).encode(), capture_output=True, check=True)
    assert ran.stderr == b""
    session = botocore.session.get_session()
    made = []
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
        made.append((operation, params))
    return made


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
    made = calls(text)
    kinds = [operation for operation, _ in made if operation != "GetRole"]
    assert kinds.index("CreatePodIdentityAssociation") > max(
        number for number, kind in enumerate(kinds) if kind != "CreatePodIdentityAssociation"
    )
    assert kinds.count("CreateRole") == 3
    assert kinds.count("CreatePodIdentityAssociation") == 5
    roles = {params["RoleName"]: params for kind, params in made if kind == "CreateRole"}
    assert json.loads(roles["A-b"]["AssumeRolePolicyDocument"]) == FULL.role.trust
    assert roles["A-b"]["Description"] == FULL.role.description
    assert roles["A-b"]["Tags"] == [
        {"Key": "k.o/1", "Value": ""},
        {"Key": "team", "Value": "shop ü @ +1"},
    ]
    policies = [json.loads(params["PolicyDocument"]) for kind, params in made if kind == "PutRolePolicy"]
    assert policies == [INLINE, INLINE, samples.OTHER]
    pay = next(params for _, params in made if params.get("serviceAccount") == "pay")
    assert json.loads(pay["policy"]) == json.loads(samples.SESSION)
    assert (pay["disableSessionTags"], pay["tags"]) == (True, {"no": "0123", "q": samples.TAG})


@pytest.mark.parametrize("description", ["-draft", "file:///etc/passwd", "fileb://x", "https://wiki/orders"])
def test_a_description_is_neither_an_option_nor_a_file(description: str) -> None:
    live = replace(FULL, role=replace(FULL.role, description=description))
    made = calls(aws.write_aws_cli(replace(SAMPLE, roles=(live,), associations=())).text)
    assert next(params for operation, params in made if operation == "CreateRole")["Description"] == description


# --- all --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "aws-cli"])
def test_notes_are_comments_too(form: Form) -> None:
    written = export_text(form, SAMPLE)
    assert samples.NOTES[0] in written.notes
    for note in written.notes:
        assert comments((f"note: {note}",)) in written.text


@pytest.mark.parametrize("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi"])
def test_nothing_to_export_is_still_a_file(form: Form) -> None:
    assert isinstance(loaded(export_text(form, EMPTY).text), list)


@table("form", ["cloudformation", "eksctl", "ack", "crossplane", "pulumi", "aws-cli"])
def test_no_form_has_marks_of_podid_ids_or_commands_of_ci_runners(form: Form) -> None:
    text = export_text(form, SAMPLE).text
    for mark in ("&id001", "*id001", "podid:owner", "managed-by", "aws:a", "AROAX", "##["):
        assert mark not in text
