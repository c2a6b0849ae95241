"""Presets: valid policies that allow what their descriptions say, on the resources of their parameters."""

import json
import re
from typing import Any

import botocore.session
import pytest

from harness import table
from podid.domain.errors import InvalidInput, NotFound
from podid.ops.permissions.actions import action_table
from podid.ops.role.plan import merged
from podid.ops.role.policies import check_inline_size, check_policy_document
from podid.ops.role.presets import (
    PresetPermissions,
    fill,
    get_preset,
    list_presets,
    parse_choice,
    preset_difference,
    preset_names,
    preset_of,
)
from podid.sandbox.aws.policy import decide

AROUND = {
    "partition": "aws-cn",
    "region": "cn-north-1",
    "account": "111122223333",
    "cluster": "demo",
    "clusterArn": "arn:aws-cn:eks:cn-north-1:111122223333:cluster/demo",
}
VALUES = {
    "dynamodb-table": "orders",
    "s3-bucket": "reports",
    "s3-prefix": "daily/",
    "sqs-queue": "jobs.fifo",
    "sns-topic": "events",
    "secret": "shop/db",
    "ssm-path": "/shop/orders/",
    "kms-key": "12345678-1234-1234-1234-123456789012",
    "event-bus": "orders",
    "bedrock-model": "anthropic.claude-v2:1",
    "hosted-zone": "Z1234567890ABC",
    "log-group": "/aws/containerinsights/demo",
    "role-name": "KarpenterNodeRole-demo",
    "prometheus-workspace": "ws-12345678-1234-1234-1234-123456789012",
    "private-ca": "12345678-1234-1234-1234-123456789012",
    "target-group": "orders",
}
NAMES = preset_names()


def choice_of(name: str, *, optional: bool) -> str:
    parameters = [p for p in get_preset(name).parameters if optional or not p.optional]
    return ",".join([name, *(f"{p.name}={VALUES[p.form]}" for p in parameters)])


def filled(text: str) -> PresetPermissions:
    return fill(parse_choice(text), AROUND)


def allows(text: str, action: str, resource: str, **keys: str) -> bool:
    return decide(
        json.dumps(filled(text).document), action, resource, {key: (value,) for key, value in keys.items()}
    ).passes


@table("name", NAMES)
@table("optional", [False, True])
def test_presets_are_valid_policies(name: str, optional: bool) -> None:
    permissions = filled(choice_of(name, optional=optional))
    assert permissions.missing == frozenset()
    assert "{{" not in permissions.words
    assert permissions.document is not None or permissions.managed_policies
    if permissions.document is None:
        return
    check_policy_document(permissions.document, name)
    check_inline_size(name, {name: permissions.document})
    statements: Any = permissions.document["Statement"]
    sids = [statement["Sid"] for statement in statements]
    assert len(sids) == len(set(sids))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    assert len(permissions.name) <= 128


@table("name", NAMES)
def test_presets_have_sources(name: str) -> None:
    preset = get_preset(name)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", preset.checked)
    assert all(source.startswith("https://") for source in preset.sources)
    assert preset.sources
    # a version that exists, not 1.x
    assert not re.fullmatch(r"[\d.]+x", preset.version)
    assert {p.form for p in preset.parameters} <= set(VALUES), "a new form wants a line of VALUES"
    # nothing stands in the policy that nobody can give
    assert preset.placeholders <= {p.name for p in preset.parameters} | set(AROUND)
    assert preset.service_account == "" or preset.service_account.count("/") == 1


@table("preset", [p for p in list_presets() if p.area == "application"])
def test_a_preset_of_an_application_allows_only_its_parameters(preset: Any) -> None:
    permissions = filled(choice_of(preset.name, optional=True))
    assert permissions.document is not None
    statements: Any = permissions.document["Statement"]
    for statement in statements:
        assert statement["Resource"]
        for resource in statement["Resource"]:
            assert any(VALUES[p.form].strip("/") in resource for p in preset.parameters), resource
        assert not any("*" in action for action in statement["Action"])


WRITING = re.compile(r":(Create|Delete|Put|Update|Set|Modify|Terminate|Run|Attach|Tag|Add|Remove|Pass)")


@table("name", NAMES)
def test_writes_of_controllers_on_all_resources_have_a_condition(name: str) -> None:
    statements: Any = (filled(choice_of(name, optional=False)).document or {"Statement": []})["Statement"]
    unbound = [
        action
        for statement in statements
        if "*" in statement["Resource"] and "Condition" not in statement
        for action in statement["Action"]
        if WRITING.search(action)
    ]
    # AWS Shield knows no resource that could be named before it is made
    assert set(unbound) <= {"shield:CreateProtection", "shield:DeleteProtection"}


@table("name", NAMES)
def test_the_actions_of_a_preset_apply_to_its_resources(name: str) -> None:
    """An action without types of resources requires `*`: Service Authorization Reference."""
    statements: Any = (filled(choice_of(name, optional=True)).document or {"Statement": []})["Statement"]
    for statement in statements:
        resources = statement["Resource"]
        for known in filter(None, map(action_table().find, statement["Action"])):
            applied = known.types and any(action_table().applies(known, text) for text in resources)
            assert applied or "*" in resources, (known.name, resources)


ARN = "arn:aws-cn:%s:cn-north-1:111122223333:%s"
TABLE = ARN % ("dynamodb", "table/orders")
SECRET = ARN % ("secretsmanager", "secret:shop/db-AbCdEf")
SIMULATED = [
    ("dynamodb-read,table=orders", "dynamodb:GetItem", TABLE, True),
    ("dynamodb-read,table=orders", "dynamodb:Query", f"{TABLE}/index/by-day", True),
    ("dynamodb-read,table=orders", "dynamodb:PutItem", TABLE, False),
    ("dynamodb-read,table=orders", "dynamodb:GetItem", f"{TABLE}-old", False),
    ("dynamodb-read,table=orders,table=carts", "dynamodb:GetItem", ARN % ("dynamodb", "table/carts"), True),
    ("dynamodb-read,table=orders,account=444455556666", "dynamodb:GetItem", TABLE, False),
    ("dynamodb-readwrite,table=orders", "dynamodb:DeleteItem", TABLE, True),
    ("dynamodb-readwrite,table=orders", "dynamodb:DeleteTable", TABLE, False),
    ("s3-read,bucket=reports", "s3:GetObject", "arn:aws-cn:s3:::reports/a/b", True),
    ("s3-read,bucket=reports", "s3:ListBucket", "arn:aws-cn:s3:::reports", True),
    ("s3-read,bucket=reports", "s3:GetObject", "arn:aws-cn:s3:::reports-2/a", False),
    ("s3-read,bucket=reports,prefix=daily/", "s3:GetObject", "arn:aws-cn:s3:::reports/daily/a", True),
    ("s3-read,bucket=reports,prefix=daily/", "s3:GetObject", "arn:aws-cn:s3:::reports/weekly/a", False),
    ("s3-read,bucket=reports,prefix=daily/", "s3:ListBucket", "arn:aws-cn:s3:::reports", False),
    ("s3-readwrite,bucket=reports", "s3:PutObject", "arn:aws-cn:s3:::reports/a", True),
    ("s3-readwrite,bucket=reports", "s3:DeleteBucket", "arn:aws-cn:s3:::reports", False),
    ("sqs-consume,queue=jobs", "sqs:DeleteMessage", ARN % ("sqs", "jobs"), True),
    ("sqs-consume,queue=jobs", "sqs:SendMessage", ARN % ("sqs", "jobs"), False),
    ("sqs-send,queue=jobs", "sqs:SendMessage", ARN % ("sqs", "jobs"), True),
    (
        "secrets-read,secret=shop/db",
        "secretsmanager:GetSecretValue",
        ARN % ("secretsmanager", "secret:shop/db-AbCdEf"),
        True,
    ),
    (
        "secrets-read,secret=shop/db",
        "secretsmanager:GetSecretValue",
        ARN % ("secretsmanager", "secret:shop/db-2-AbCdEf"),
        False,
    ),
    ("ssm-parameters-read,path=/shop/", "ssm:GetParameter", ARN % ("ssm", "parameter/shop/a"), True),
    ("ssm-parameters-read,path=shop", "ssm:GetParameter", ARN % ("ssm", "parameter/shopping"), False),
    ("external-dns,zone=Z1", "route53:ChangeResourceRecordSets", "arn:aws-cn:route53:::hostedzone/Z1", True),
    ("external-dns,zone=Z1", "route53:ChangeResourceRecordSets", "arn:aws-cn:route53:::hostedzone/Z12", False),
    ("velero,bucket=backups", "ec2:DeleteSnapshot", "arn:aws-cn:ec2:cn-north-1::snapshot/snap-1", False),
]


@table(("text", "action", "resource", "allowed"), SIMULATED)
def test_a_preset_allows_what_its_description_says(text: str, action: str, resource: str, allowed: bool) -> None:
    assert allows(text, action, resource) is allowed


def test_tags_and_prefixes_are_conditions() -> None:
    group = ARN % ("autoscaling", "autoScalingGroup:1:autoScalingGroupName/a")
    tag = {"aws:resourcetag/k8s.io/cluster-autoscaler/demo": "owned"}
    assert allows("cluster-autoscaler", "autoscaling:SetDesiredCapacity", group, **tag)
    assert not allows("cluster-autoscaler", "autoscaling:SetDesiredCapacity", group)
    listed = "s3-read,bucket=reports,prefix=daily/"
    assert allows(listed, "s3:ListBucket", "arn:aws-cn:s3:::reports", **{"s3:prefix": "daily/x"})
    assert not allows(listed, "s3:ListBucket", "arn:aws-cn:s3:::reports", **{"s3:prefix": "weekly/"})


def test_descriptions_contain_the_values() -> None:
    permissions = filled("s3-read,bucket=a-1,bucket=b-2,prefix=daily/")
    assert permissions.sentence == (
        "may list and read objects of bucket a-1 and b-2, limited to keys that begin with daily/, nothing else"
    )
    assert permissions.name == "s3-read-a-1-b-2-daily"


@table(
    ("text", "why"),
    [
        ("s3-read", "requires bucket"),
        ("s3-read,bucket", "'bucket' is not KEY=VALUE"),
        ("s3-read,buckets=x", "unknown parameter buckets; did you mean bucket?"),
        ("s3-read,bucket=", "'' is not a bucket's name (parameter bucket)"),
        ("s3-read,bucket=*", "is not a bucket's name"),
        ("s3-read,bucket=${aws:username}", "is not a bucket's name"),
        ("dynamodb-read,table=orders*", "is not a table's name"),
        ("dynamodb-read,table={{account}}", "is not a table's name"),
        ("dynamodb-read,table=orders,region=*", "is not a region"),
        ("secrets-read,secret=a?", "is not a secret's name"),
        ("external-dns,zone=example.com", "is not a hosted zone's ID"),
        ("kms-decrypt,key=alias/x", "is not a key's ID"),
        ("bedrock-invoke,model=us.anthropic.claude-v4:0", "is not a foundation model's ID"),
        ("vpc-cni,bucket=x", "unknown parameter bucket"),
    ],
)
def test_values_that_are_not_accepted(text: str, why: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_choice(text)
    assert why in error.value.message
    assert error.value.advice.startswith(("Its parameters: ", "It has no parameters."))


def test_a_preset_that_does_not_exist() -> None:
    with pytest.raises(NotFound, match="did you mean dynamodb-read or dynamodb-readwrite"):
        parse_choice("dynamo")
    with pytest.raises(NotFound, match="did you mean s3-read"):
        parse_choice("s3-reed,bucket=x")


def test_two_policies_of_one_name() -> None:
    one = filled("s3-read,bucket=reports")
    assert list(merged({}, [one, filled("vpc-cni")])) == ["s3-read-reports"]
    with pytest.raises(InvalidInput, match="s3-read-reports"):
        merged({"s3-read-reports": {}}, [one])


# --- an application may do what its words say, and nothing else -----------------------------------------------------

KEY = ARN % ("kms", f"key/{VALUES['kms-key']}")
BUCKET, OBJECT = "arn:aws-cn:s3:::reports", "arn:aws-cn:s3:::reports/daily/a"
QUEUE, TOPIC, BUS = ARN % ("sqs", "jobs.fifo"), ARN % ("sns", "events.fifo"), ARN % ("events", "event-bus/orders")
READS = {"BatchGetItem", "DescribeTable", "GetItem", "Query", "Scan"}
MODEL = "arn:aws-cn:bedrock:cn-north-1::foundation-model/anthropic.claude-v2:1"
# by the resource: every action of the service's model that the words mean
WORDS: dict[str, dict[str, set[str]]] = {
    "dynamodb-read,table=orders": {TABLE: READS},
    "dynamodb-readwrite,table=orders": {
        TABLE: READS | {"BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem"},
    },
    "s3-read,bucket=reports": {BUCKET: {"ListBucket"}, OBJECT: {"GetObject"}},
    "s3-readwrite,bucket=reports": {BUCKET: {"ListBucket"}, OBJECT: {"GetObject", "PutObject", "DeleteObject"}},
    "sqs-send,queue=jobs.fifo": {QUEUE: {"SendMessage", "GetQueueUrl", "GetQueueAttributes"}},
    "sqs-consume,queue=jobs.fifo": {
        QUEUE: {"ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueUrl", "GetQueueAttributes"}
    },
    "sns-publish,topic=events.fifo": {TOPIC: {"Publish"}},
    "bedrock-invoke,model=anthropic.claude-v2:1": {MODEL: {"InvokeModel", "InvokeModelWithResponseStream"}},
    "secrets-read,secret=shop/db": {SECRET: {"GetSecretValue", "DescribeSecret"}},
    "ssm-parameters-read,path=/shop/": {
        ARN % ("ssm", "parameter/shop/a"): {"GetParameter", "GetParameters", "GetParametersByPath"}
    },
    "eventbridge-put,bus=orders": {BUS: {"PutEvents"}},
    f"kms-decrypt,key={VALUES['kms-key']}": {KEY: {"Decrypt", "DescribeKey"}},
}
# what the SDKs' own calls for these need
BELONGING = {"AbortMultipartUpload", "ListMultipartUploadParts", "ConditionCheckItem", "GetBucketLocation"}


def actions_of(service: str) -> set[str]:
    """Return the actions of a service: its operations, and the actions of S3 with other names."""
    models = ("bedrock", "bedrock-runtime") if service == "bedrock" else (service,)
    session = botocore.session.get_session()
    operations = {name for model in models for name in session.get_service_model(model).operation_names}
    return operations | {"ListBucket"} if service == "s3" else operations


def test_every_application_has_a_row() -> None:
    applications = {preset.name for preset in list_presets() if preset.area == "application"}
    assert {text.partition(",")[0] for text in WORDS} == applications, "each wants a line of WORDS"


@pytest.mark.parametrize("text", WORDS)
def test_no_other_action_is_allowed(text: str) -> None:
    for resource, actions in WORDS[text].items():
        service = resource.split(":")[2]
        allowed = {name for name in actions_of(service) if allows(text, f"{service}:{name}", resource)}
        assert allowed - BELONGING == actions, resource
        beside = f"{resource}x" if not resource.endswith("/a") else resource.replace("shop/a", "x")
        other = beside.replace("reports", "other")
        assert not any(allows(text, f"{service}:{name}", other) for name in actions_of(service))


ARN = "arn:aws-cn:%s:cn-north-1:111122223333:%s"
OTHERS = {
    **dict.fromkeys(VALUES, "other"),
    "sqs-queue": "other.fifo",
    "ssm-path": "web/cart",
    "kms-key": "87654321-1234-1234-1234-123456789012",
    "bedrock-model": "amazon.titan-text:1",
    "prometheus-workspace": "ws-87654321-1234-1234-1234-123456789012",
    "private-ca": "87654321-1234-1234-1234-123456789012",
    "hosted-zone": "/hostedzone/Z0987654321ABC",
}
WITH_POLICY = [name for name in NAMES if get_preset(name).statements]


def preset_differs(change: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the differences of the policy for one table after a replacement in its text."""
    document = json.loads(json.dumps(filled("dynamodb-read,table=orders").document).replace(*change))
    difference = preset_difference("dynamodb-read-orders", document)
    return (difference.more, difference.fewer) if difference is not None else ((), ())


def test_policies_that_differ_from_their_preset() -> None:
    for name in NAMES:
        for optional in (False, True):
            permissions = filled(choice_of(name, optional=optional))
            assert (preset_of(permissions.name) is not None) is (permissions.document is not None)
            if permissions.document is not None:
                assert preset_difference(permissions.name, permissions.document) is None, name
    permissions = filled("dynamodb-read,table=orders")
    assert permissions.document is not None
    old = json.loads(json.dumps(permissions.document).replace('"dynamodb:Scan"', '"dynamodb:ListStreams"'))
    difference = preset_difference(permissions.name, old)
    assert difference is not None
    assert (difference.preset, difference.more, difference.fewer) == (
        "dynamodb-read",
        ("dynamodb:Scan",),
        ("dynamodb:ListStreams",),
    )
    assert difference.sentence.endswith("which also has dynamodb:Scan and no longer has dynamodb:ListStreams")
    assert preset_differs(("table/orders/index/*", "table/*")) == (
        (ARN % ("dynamodb", "table/orders/index/*"),),
        (ARN % ("dynamodb", "table/*"),),
    )
    # other values, of another podid or by hand, are none of the preset's
    assert preset_differs(("orders", "carts")) == preset_differs(("111122223333", "444455556666")) == ((), ())
    # it only happens to be called so
    assert preset_difference("s3-read-mine", {"Statement": [{"Sid": "Mine", "Action": "s3:*"}]}) is None
    assert preset_difference("mine", old) is None


def older(document: Any) -> Any:
    """Return the policy of an older preset, with one more action."""
    changed = json.loads(json.dumps(document))
    changed["Statement"][0]["Action"] = [*changed["Statement"][0]["Action"], "sts:Old"]
    return changed


@table("name", WITH_POLICY)
@table("optional", [False, True])
def test_the_command_creates_the_current_policy(name: str, optional: bool) -> None:
    """The command has all values of the policy."""
    permissions = filled(choice_of(name, optional=optional))
    difference = preset_difference(permissions.name, older(permissions.document))
    assert difference is not None
    assert fill(parse_choice(difference.choice), AROUND) == permissions
    place = ("--cluster", "demo") if get_preset(name).of_cluster else ()
    assert difference.command("r") == (
        "podid",
        "role",
        "attach",
        "r",
        "--preset",
        difference.choice,
        "--replace",
        *place,
    )


@table("name", [name for name in WITH_POLICY if get_preset(name).parameters])
def test_several_values_and_another_region(name: str) -> None:
    preset = get_preset(name)
    pairs = [f"{p.name}={value}" for p in preset.parameters for value in (VALUES[p.form], OTHERS[p.form])]
    pairs += ["region=cn-northwest-1"] if any(p.name == "region" for p in preset.settable) else []
    permissions = fill(parse_choice(",".join((name, *pairs))), AROUND)
    difference = preset_difference(permissions.name, older(permissions.document))
    assert difference is not None
    assert fill(parse_choice(difference.choice), AROUND) == permissions


def test_values_that_are_not_certain_are_omitted() -> None:
    permissions = filled("dynamodb-read,table=orders")
    renamed = preset_difference("dynamodb-read-ours", older(permissions.document))
    assert renamed is not None
    assert (renamed.choice, renamed.command("r")) == ("", ("podid", "preset", "show", "dynamodb-read"))
