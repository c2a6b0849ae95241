"""The forms for CloudFormation, eksctl, ACK, Crossplane, Pulumi and the AWS CLI, against the properties that each
publishes. The tables state which properties exist, and of which type:

* CloudFormation: resource schemas AWS::IAM::Role and AWS::EKS::PodIdentityAssociation, 2026-10-20
* eksctl: `eksctl utils schema`, definition PodIdentityAssociation, and the rules of its validation, 2026-08-21
* ACK: CRDs of eks-controller (2026-08-20) and iam-controller (2026-08-17)
* Crossplane: CRDs of provider-upjet-aws, 2026-08-05, whose Role and PodIdentityAssociation are of cluster scope
* Pulumi: `pulumi import --file`, and the import sections of @pulumi/aws 7.48.0
* AWS CLI: botocore's service models, from which it derives its options
"""

import json
import re
import subprocess
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from jsonschema import Draft202012Validator

from podid.render.export import ack, aws_cli, cloudformation, crossplane, eksctl, pulumi
from podid.render.export.parts import comments
from render.export import samples
from render.export.samples import EMPTY, FULL, INLINE, PLAIN, SAMPLE

TEXT, FLAG, NUMBER = {"type": "string"}, {"type": "boolean"}, {"type": "integer"}
TEXTS: dict[str, Any] = {"type": "array", "items": TEXT}
PAIRS = {"type": "object", "additionalProperties": TEXT}
ANY = {"type": "object"}
LABEL = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"}


def of(required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


def holds(schema: dict[str, Any], value: Any) -> None:
    errors = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(value)]
    assert errors == []


def loaded(text: str) -> list[Any]:
    return [document for document in yaml.safe_load_all(text) if document is not None]


# --- CloudFormation ---------------------------------------------------------------------------------------------------

TAGS = {"type": "array", "items": of("Key Value", Key=TEXT, Value=TEXT)}
TEXT_OR_ARN = {"anyOf": [TEXT, of("Fn::GetAtt", **{"Fn::GetAtt": TEXTS})]}
CLOUDFORMATION = {
    "AWS::IAM::Role": of(
        "AssumeRolePolicyDocument",
        AssumeRolePolicyDocument=ANY,
        Description={"type": "string", "maxLength": 1000},
        ManagedPolicyArns=TEXTS,
        MaxSessionDuration=NUMBER,
        Path=TEXT,
        PermissionsBoundary=TEXT,
        Policies={"type": "array", "items": of("PolicyDocument PolicyName", PolicyName=TEXT, PolicyDocument=ANY)},
        RoleName=TEXT,
        Tags=TAGS,
    ),
    "AWS::EKS::PodIdentityAssociation": of(
        "ClusterName Namespace RoleArn ServiceAccount",
        ClusterName=TEXT,
        Namespace=TEXT,
        ServiceAccount=TEXT,
        RoleArn=TEXT_OR_ARN,
        TargetRoleArn=TEXT_OR_ARN,
        DisableSessionTags=FLAG,
        Policy=TEXT,
        Tags=TAGS,
    ),
}


def test_a_template_imports_what_is_live() -> None:
    text = cloudformation.write(SAMPLE).text
    (template,) = loaded(text)
    resources = template["Resources"]
    for name, resource in resources.items():
        assert re.fullmatch("[A-Za-z0-9]+", name)
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
        holds(CLOUDFORMATION[resource["Type"]], resource["Properties"])
    lines = text[: text.index("AWSTemplateFormatVersion")].splitlines()
    comment = "\n".join(line.removeprefix("# ") for line in lines)
    identifiers = json.loads(comment[comment.index("[") : comment.rindex("]") + 1])
    assert [item["LogicalResourceId"] for item in identifiers] == list(resources)
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
    assert {"Key": "team", "Value": "shop ${x} %{y}"} in properties["Tags"]
    arn = samples.ASSOCIATIONS[2].association_arn
    (pay,) = (resources[name]["Properties"] for name, key in own.items() if key == {"AssociationArn": arn})
    assert pay["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
    assert json.loads(pay["Policy"]) == json.loads(samples.SESSION)
    assert pay["Tags"] == [{"Key": "no", "Value": "0123"}]


# --- eksctl -----------------------------------------------------------------------------------------------------------

ROW = of(
    "namespace serviceAccountName roleARN",
    namespace=TEXT,
    serviceAccountName=TEXT,
    roleARN=TEXT,
    targetRoleARN=TEXT,
    disableSessionTags=FLAG,
    policy=TEXT,
    tags=PAIRS,
)
CLUSTER_CONFIG = of(
    "apiVersion kind metadata iam",
    apiVersion={"const": "eksctl.io/v1alpha5"},
    kind={"const": "ClusterConfig"},
    metadata=of("name region", name=TEXT, region=TEXT),
    iam=of("podIdentityAssociations", podIdentityAssociations={"type": "array", "items": ROW}),
)


def test_eksctl_gets_the_associations_and_a_note_for_each_role() -> None:
    written = eksctl.write(SAMPLE)
    (config,) = loaded(written.text)
    holds(CLUSTER_CONFIG, config)
    assert config["metadata"] == {"name": "demo", "region": "us-west-2"}
    rows = config["iam"]["podIdentityAssociations"]
    assert [row["serviceAccountName"] for row in rows] == ["basket", "orders", "pay", "app.v1", "app-v1"]
    assert rows[2]["disableSessionTags"] is True
    assert rows[2]["tags"] == {"no": "0123"}
    (note,) = (note for note in written.notes if "A-b" in note)
    for part in ("path", "description", "session duration", "boundary", "inline policies c, c.", "tags", "trust"):
        assert part in note
    assert comments((f"note: {note}",)) in written.text


# --- controllers in Kubernetes ----------------------------------------------------------------------------------------

ACK = {
    "Role": of(
        "name assumeRolePolicyDocument",
        name=TEXT,
        path=TEXT,
        description=TEXT,
        maxSessionDuration=NUMBER,
        permissionsBoundary=TEXT,
        assumeRolePolicyDocument=TEXT,
        inlinePolicies=PAIRS,
        policies=TEXTS,
        tags={"type": "array", "items": of("key value", key=TEXT, value=TEXT)},
    ),
    "PodIdentityAssociation": of(
        "namespace serviceAccount",
        clusterName=TEXT,
        namespace=TEXT,
        serviceAccount=TEXT,
        roleARN=TEXT,
        targetRoleARN=TEXT,
        disableSessionTags=FLAG,
        policy=TEXT,
        tags=PAIRS,
    ),
}


def objects(text: str, names: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    made: dict[tuple[str, str], dict[str, Any]] = {}
    for item in loaded(text):
        kind, metadata = item["kind"], item["metadata"]
        assert kind in names
        holds(of("name annotations", name=LABEL, annotations=PAIRS), metadata)
        assert (kind, metadata["name"]) not in made
        made[kind, metadata["name"]] = item
    return made


def test_ack_adopts_what_is_live_and_never_deletes_it() -> None:
    made = objects(ack.write(SAMPLE).text, ACK)
    for (kind, _), item in made.items():
        holds(ACK[kind], item["spec"])
        service = "iam" if kind == "Role" else "eks"
        assert item["apiVersion"] == f"{service}.services.k8s.aws/v1alpha1"
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


CROSSPLANE = {
    "Role": of(
        "assumeRolePolicy",
        assumeRolePolicy=TEXT,
        description=TEXT,
        maxSessionDuration={"type": "number"},
        path=TEXT,
        permissionsBoundary=TEXT,
        tags=PAIRS,
    ),
    "RolePolicy": of("role policy", role=TEXT, policy=TEXT),
    "RolePolicyAttachment": of("role policyArn", role=TEXT, policyArn=TEXT),
    "PodIdentityAssociation": of(
        "region clusterName namespace serviceAccount roleArn",
        region=TEXT,
        clusterName=TEXT,
        namespace=TEXT,
        serviceAccount=TEXT,
        roleArn=TEXT,
        targetRoleArn=TEXT,
        disableSessionTags=FLAG,
        tags=PAIRS,
    ),
}


def test_crossplane_gets_external_names_and_a_note_for_a_session_policy() -> None:
    written = crossplane.write(SAMPLE)
    made = objects(written.text, CROSSPLANE)
    external = {}
    for (kind, name), item in made.items():
        holds(CROSSPLANE[kind], item["spec"]["forProvider"])
        assert "Delete" not in item["spec"]["managementPolicies"]
        assert "*" not in item["spec"]["managementPolicies"]
        service = "eks" if kind == "PodIdentityAssociation" else "iam"
        assert item["apiVersion"] == f"{service}.aws.upbound.io/v1beta1"
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

PULUMI = {
    "aws:iam/role:Role": r"[\w+=,.@-]+",
    "aws:iam/rolePolicy:RolePolicy": r"[\w+=,.@-]+:[\w+=,.@-]+",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": r"[\w+=,.@-]+/arn:aws:iam::(aws|\d{12}):policy/\S+",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": r"[\w-]+,a-[a-z0-9]{17}",
}


def test_pulumi_gets_an_identifier_for_each_part() -> None:
    written = pulumi.write(SAMPLE)
    whole = json.loads(written.text)
    holds(
        of("resources", resources={"type": "array", "items": of("type name id", type=TEXT, name=TEXT, id=TEXT)}), whole
    )
    for item in whole["resources"]:
        assert re.fullmatch(PULUMI[item["type"]], item["id"])
    assert len({(item["type"], item["name"]) for item in whole["resources"]}) == len(whole["resources"]) == 12
    assert written.notes == SAMPLE.notes  # JSON has no comments


# --- AWS CLI ----------------------------------------------------------------------------------------------------------


def calls(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The operations of a script with their parameters, as the AWS CLI reads its arguments."""
    session = botocore.session.get_session()
    made = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.startswith("aws "):
            continue
        words = shell_words(line)
        service, command = words[1:3]
        if command == "wait":
            continue
        model = session.get_service_model(service)
        (operation,) = (name for name in model.operation_names if xform_name(name, "-") == command)
        shape = model.operation_model(operation).input_shape
        members = {f"--{xform_name(name, '-')}": (name, member) for name, member in shape.members.items()}
        params: dict[str, Any] = {}
        rest = words[3:]
        while rest:
            option = rest.pop(0)
            if option == "--region":
                rest.pop(0)
                continue
            name, member = members[option]
            if member.type_name == "boolean":
                params[name] = True
                continue
            value: Any = rest.pop(0)
            params[name] = json.loads(value) if member.type_name in ("list", "map") else value
            params[name] = int(value) if member.type_name == "integer" else params[name]
        # an idempotency token, which the AWS CLI adds
        assert set(shape.required_members) <= params.keys() | {"clientRequestToken"}
        made.append((operation, params))
    return made


def shell_words(line: str) -> list[str]:
    ran = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    return ran.stdout.decode().split("\0")[:-1]


def test_the_script_creates_all_in_the_order_that_aws_requires() -> None:
    text = aws_cli.write(SAMPLE).text
    subprocess.run(["bash", "-n"], input=text.encode(), check=True)
    made = calls(text)
    kinds = [operation for operation, _ in made]
    assert kinds.index("CreatePodIdentityAssociation") > max(
        number for number, kind in enumerate(kinds) if kind != "CreatePodIdentityAssociation"
    )
    assert kinds.count("CreateRole") == 3
    assert kinds.count("CreatePodIdentityAssociation") == 5
    roles = {params["RoleName"]: params for kind, params in made if kind == "CreateRole"}
    assert json.loads(roles["A-b"]["AssumeRolePolicyDocument"]) == FULL.role.trust
    assert roles["A-b"]["Description"] == FULL.role.description
    assert roles["A-b"]["Tags"] == [
        {"Key": "k.o/1", "Value": "'single' \"double\""},
        {"Key": "team", "Value": "shop ${x} %{y}"},
    ]
    policies = [json.loads(params["PolicyDocument"]) for kind, params in made if kind == "PutRolePolicy"]
    assert policies == [INLINE, INLINE, samples.OTHER]
    pay = next(params for _, params in made if params.get("serviceAccount") == "pay")
    assert json.loads(pay["policy"]) == json.loads(samples.SESSION)
    assert (pay["disableSessionTags"], pay["tags"]) == (True, {"no": "0123"})


# --- all --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [cloudformation, eksctl, ack, crossplane, aws_cli], ids=lambda form: form.__name__)
def test_notes_are_comments_too(form: Any) -> None:
    written = form.write(SAMPLE)
    assert samples.NOTES[0] in written.notes
    for note in written.notes:
        assert comments((f"note: {note}",)) in written.text


@pytest.mark.parametrize("form", [cloudformation, eksctl, ack, crossplane, pulumi], ids=lambda form: form.__name__)
def test_nothing_to_export_is_still_a_file(form: Any) -> None:
    assert isinstance(loaded(form.write(EMPTY).text), list)


@pytest.mark.parametrize(
    "form", [cloudformation, eksctl, ack, crossplane, pulumi, aws_cli], ids=lambda form: form.__name__
)
def test_no_form_has_marks_of_podid_ids_or_commands_of_ci_runners(form: Any) -> None:
    text = form.write(SAMPLE).text
    for mark in ("&id001", "*id001", "podid:owner", "managed-by", "aws:a", "AROAX", "##["):
        assert mark not in text
