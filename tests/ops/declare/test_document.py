"""Documents of declarations: their members, and how each mistake is reported."""

import json
from pathlib import Path

import pytest

from ops.declare.broken import BROKEN, HEAD, LINK, ROLE, Broken
from ops.declare.worlds import Read
from podid.domain.declaration import InlinePolicy, PolicyFile, PolicyReference, PresetPolicy
from podid.domain.errors import ExitCode, InvalidInput, NotFound
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import ScopeKind


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_reported_with_its_place(read: Read, case: Broken) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(case.text)
    lines = [caught.value.message, *caught.value.lines]
    place = f"x.yaml:{case.line}:{case.column}: " + (f"{case.key}: " if case.key else "")
    assert any(line.startswith(place) and case.message in line for line in lines), lines


def test_at_least_sixty_broken_files_are_tried() -> None:
    assert len(BROKEN) >= 60


def test_a_complete_file(read: Read) -> None:
    Path("read.json").write_text('{"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}')
    (declaration,) = read(
        HEAD
        + """
owner: {key: "shop:owner"}
clusters: [blue, "arn:aws:eks:eu-west-1:111122223333:cluster/green", {tags: {env: prod}}]
agent: {version: latest, configuration: {a: 1, b: [true, null, 1.5]}}
allowedRoles: ["arn:aws:iam::*:role/shop-*"]
guard:
  allowedRoles: ["shop-*"]
  allowedScopes: [service-account]
  requiredBoundary: limits
  requiredTags: {team: "*"}
  defaultAccounts: false
roles:
- name: orders
  path: /shop/
  scope: namespace
  subjects: [shop/orders]
  conditions: ["aws:SourceOrgID=o-1"]
  boundary: limits
  maxSessionDuration: 2h
  description: for ${TEAM}, $${TEAM} and ${aws:username}
  tags: {team: "${TEAM}"}
  policies:
  - file: read.json
  - {name: more, document: {Statement: {Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::${TEAM}/${aws:x}"}}}
  - managed: AmazonS3ReadOnlyAccess
  - {preset: dynamodb-read, parameters: {table: [a.b, c.d]}}
associations:
- serviceAccount: shop/orders
  role: orders
  targetRole: arn:aws:iam::111122223333:role/t
  sessionTags: false
  sessionPolicy: {Statement: [{Effect: Allow, Action: "*", Resource: "*"}]}
  tags: {a: b}
  createServiceAccount: true
- serviceAccount: "shop-*/*"
  selector: app=web
  role: arn:aws:iam::111122223333:role/web
"""
    )
    (role,), (one, several) = declaration.roles, declaration.associations
    assert (declaration.name, declaration.owner_tag) == ("shop", {"shop:owner": "shop"})
    assert [str(item) for item in declaration.clusters] == [
        *("blue", "arn:aws:eks:eu-west-1:111122223333:cluster/green", "env=prod")
    ]
    assert declaration.agent is not None
    assert declaration.agent.configuration == {"a": 1, "b": [True, None, 1.5]}
    assert declaration.guard is not None
    assert declaration.guard.default_accounts is False
    assert (role.scope, role.subjects) == (ScopeKind.NAMESPACE, (ServiceAccountRef("shop", "orders"),))
    assert (role.max_session_seconds, role.tags) == (7200, {"team": "shop"})
    assert role.description == "for shop, ${TEAM} and ${aws:username}"
    assert [(type(item), str(item)) for item in role.policies] == [
        (PolicyFile, "read"),
        (InlinePolicy, "more"),
        (PolicyReference, "managed AmazonS3ReadOnlyAccess"),
        (PresetPolicy, "preset dynamodb-read,table=a.b,table=c.d"),
    ]
    assert "arn:aws:s3:::shop/${aws:x}" in repr(role.policies[1])
    assert (one.ref, several.ref) == (ServiceAccountRef("shop", "orders"), None)
    assert json.loads(one.session_policy)["Statement"][0]["Action"] == "*"
    assert str(one.place("role")) == "x.yaml:32:9"


def test_the_same_file_in_json(read: Read) -> None:
    (yaml,) = read(LINK + "  tags: {a: '1'}\n")
    text = json.dumps(
        {
            "apiVersion": "podid/v1",
            "kind": "PodIdentity",
            "metadata": {"name": "shop"},
            "associations": [{"serviceAccount": "shop/orders", "role": "orders", "tags": {"a": "1"}}],
        },
        indent="\t",
    )
    (from_json,) = read(text)
    assert from_json == yaml
    assert str(from_json.associations[0].at) == "x.yaml:8:3"


def test_a_policy_file_that_does_not_exist(read: Read) -> None:
    with pytest.raises(NotFound) as caught:
        read(ROLE + "  policies: [{file: no.json}]\n")
    assert caught.value.message == "x.yaml:6:21: roles[0].policies[0].file: file no.json does not exist"
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def test_a_policy_file_is_beside_the_file_that_names_it(read: Read) -> None:
    Path("a").mkdir()
    Path("a/p.yaml").write_text("Statement: {Effect: Allow, Action: '*', Resource: '*'}")
    Path("a/x.yaml").write_text(ROLE + "  policies: [{file: p.yaml}]\n")
    (declaration,) = read("", "a/x.yaml")
    document = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    assert declaration.roles[0].policies == (PolicyFile(file="p.yaml", name="p.yaml", document=document),)


def test_a_mistake_in_a_policy_file_has_its_place_there(read: Read) -> None:
    Path("p.json").write_text('{"Statement": {\n  "Effect": "allow", "Action": "*", "Resource": "*"}}')
    with pytest.raises(
        InvalidInput, match=r"p.json:2:13: roles\[0\].policies\[0\].file: Statement\[0\].Effect must be"
    ):
        read(ROLE + "  policies: [{file: p.json}]\n")
    Path("p.json").write_text("")
    with pytest.raises(InvalidInput, match=r"x.yaml:6:21: .* p.json must have one policy document; it has 0"):
        read(ROLE + "  policies: [{file: p.json}]\n")
