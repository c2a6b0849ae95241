"""Files of declarations: what is read, and how each mistake is reported."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import table
from ops.declare.broken import BROKEN, HEAD, LINK, ROLE, Broken
from podid.domain.declaration import Declaration, PolicySource
from podid.domain.errors import ExitCode, InvalidInput, NotFound, PodidError, UsageError
from podid.domain.names import ServiceAccountRef
from podid.domain.trust import ScopeKind
from podid.ops.declare.files import read_declarations, read_variables

Read = Callable[..., tuple[Declaration, ...]]
VARIABLES = {"TEAM": "shop", "TRICKY": "a: [b, *c]\nrole: x"}


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def reading(text: str = "", *paths: str) -> tuple[Declaration, ...]:
        if text:
            Path("x.yaml").write_text(text, encoding="utf-8", errors="surrogatepass")
        names = paths or ("x.yaml",)
        return read_declarations(names, VARIABLES, read_file=lambda name: Path(name).read_text(encoding="utf-8"))

    return reading


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_a_mistake_is_reported_with_its_place(read: Read, case: Broken) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(case.text)
    lines = [caught.value.message, *caught.value.lines]
    place = f"x.yaml:{case.line}:{case.column}: " + (f"{case.key}: " if case.key else "")
    assert any(line.startswith(place) and case.message in line for line in lines), lines


def test_at_least_sixty_broken_files_are_tried() -> None:
    assert len(BROKEN) >= 60


def test_all_mistakes_are_reported_together_in_the_order_of_the_file(read: Read) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(HEAD + "rolls: []\nassociations:\n- serviceAccount: orders\n  role: a b\n- {}\n")
    lines = [caught.value.message, *caught.value.lines]
    assert [line.split(": ")[0] for line in lines] == [
        *("x.yaml:4:1", "x.yaml:6:19", "x.yaml:7:9", "x.yaml:8:3", "x.yaml:8:3")
    ]


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
    assert [(item.source, item.name or item.choice) for item in role.policies] == [
        (PolicySource.FILE, "read"),
        (PolicySource.DOCUMENT, "more"),
        (PolicySource.MANAGED, "AmazonS3ReadOnlyAccess"),
        (PolicySource.PRESET, "dynamodb-read,table=a.b,table=c.d"),
    ]
    assert "arn:aws:s3:::shop/${aws:x}" in json.dumps(role.policies[1].document)
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


def test_a_value_of_a_variable_is_data(read: Read) -> None:
    (declaration,) = read(ROLE + "  description: ${TRICKY}\n")
    assert declaration.roles[0].description == VARIABLES["TRICKY"]


def test_the_environment_is_no_source_of_variables(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    with pytest.raises(InvalidInput, match="variable SECRET has no value"):
        read(ROLE + "  description: ${SECRET}\n")


def test_json_text_with_characters_beyond_the_first_plane(read: Read) -> None:
    text = (
        '{"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "a"}, "roles": [{"name": "r", "%s"}]}'
    )
    (declaration,) = read(text % '", "description": "\\ud83d\\ude00'.removeprefix('", "'))
    assert declaration.roles[0].description == "\U0001f600"
    with pytest.raises(InvalidInput, match=r"x.yaml:1:\d+: .*invalid Unicode character"):
        read(text % 'description": "\\ud83d')


# --- several files ----------------------------------------------------------------------------------------------------


def test_documents_files_and_directories(read: Read) -> None:
    Path("more").mkdir()
    for name in ("b.yml", "a.yaml", "c.json.txt"):
        Path(f"more/{name}").write_text(HEAD.replace("shop", name[0]))
    declarations = read(HEAD + "---\n---\n" + HEAD.replace("shop", "web"), "x.yaml", "more", "x.yaml")
    assert [item.name for item in declarations] == ["shop", "web", "a", "b"]
    assert str(declarations[1].at) == "x.yaml:6:1"


def test_two_documents_need_two_names(read: Read) -> None:
    with pytest.raises(InvalidInput, match=r"x.yaml:7:18: metadata.name: the name shop is already used at x.yaml:3:18"):
        read(HEAD + "---\n" + HEAD)


def test_a_directory_without_files_and_an_empty_file(read: Read) -> None:
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="a directory without files"):
        read("", "empty")
    with pytest.raises(InvalidInput, match="no document of kind PodIdentity"):
        read("# nothing\n")


def test_a_large_file_is_refused(read: Read) -> None:
    with pytest.raises(InvalidInput, match="larger than 1 MiB"):
        read(HEAD + "# " + "a" * 1024 * 1024)


# --- files that a file names ------------------------------------------------------------------------------------------


def test_a_policy_file_that_does_not_exist(read: Read) -> None:
    with pytest.raises(NotFound) as caught:
        read(ROLE + "  policies: [{file: no.json}]\n")
    assert caught.value.message == "x.yaml:6:21: roles[0].policies[0].file: file no.json does not exist"
    assert caught.value.exit_code is ExitCode.NOT_FOUND


def test_a_policy_file_is_found_beside_the_file_that_names_it(read: Read) -> None:
    Path("a").mkdir()
    Path("a/p.yaml").write_text("Statement: {Effect: Allow, Action: '*', Resource: '*'}")
    Path("a/x.yaml").write_text(ROLE + "  policies: [{file: p.yaml}]\n")
    (declaration,) = read("", "a/x.yaml")
    assert declaration.roles[0].policies[0].document == {
        "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}
    }


def test_a_mistake_in_a_policy_file_has_its_place_there(read: Read) -> None:
    Path("p.json").write_text('{"Statement": {\n  "Effect": "allow", "Action": "*", "Resource": "*"}}')
    with pytest.raises(
        InvalidInput, match=r"p.json:2:13: roles\[0\].policies\[0\].file: Statement\[0\].Effect must be"
    ):
        read(ROLE + "  policies: [{file: p.json}]\n")
    Path("p.json").write_text("")
    with pytest.raises(InvalidInput, match=r"x.yaml:6:21: .* p.json must have one policy document; it has 0"):
        read(ROLE + "  policies: [{file: p.json}]\n")


# --- variables --------------------------------------------------------------------------------------------------------


def variables(*texts: str, file: str = "") -> dict[str, str]:
    return read_variables(texts, ("v.yaml",) if file else (), read_file=lambda _: file)


def test_variables_of_options_and_files() -> None:
    assert variables("A=1=2", "B=", file="A: x\nC: 12\nD: true\nE: 'no'\n") == {
        "A": "1=2",
        "B": "",
        "C": "12",
        "D": "true",
        "E": "no",
    }


@table(
    ("texts", "file", "message"),
    [
        (("A",), "", "--var 'A' is not NAME=VALUE"),
        (("=a",), "", "--var is empty"),
        ((), "A: no\n", "v.yaml:1:4: A: must be text"),
        ((), "a-b: c\n", "v.yaml:1:6: a-b: is not the name of a variable"),
        ((), "- a\n", "v.yaml:1:1: must be an object"),
        ((), "A: [b]\n", "v.yaml:1:4: A: must be text, not a list"),
    ],
)
def test_variables_that_cannot_be_read(texts: tuple[str, ...], file: str, message: str) -> None:
    with pytest.raises(PodidError) as caught:
        variables(*texts, file=file)
    assert caught.value.message.startswith(message)
