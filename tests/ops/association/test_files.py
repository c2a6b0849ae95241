"""Associations from a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import Podid, table
from ops.association.worlds import ARN, TARGET, WAIT, owned_by_an_addon, roles, statuses
from ops.change.support import policy_file, writes
from podid.domain.errors import InvalidInput
from podid.domain.names import ServiceAccountRef
from podid.ops.association.files import FileItem, check_accounts, read_items
from podid.ops.association.request import Settings
from podid.sandbox.box import Sandbox


def written(tmp_path: Path, name: str, content: object) -> str:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


ITEMS: Sequence[dict[str, Any]] = (
    {"namespace": "shop", "serviceAccount": "cart", "role": "storefront", "tags": {"team": "a"}},
    {"namespace": "pay", "serviceAccount": "api", "roleArn": f"{ARN}storefront", "targetRoleArn": TARGET},
    {"namespace": "pay", "serviceAccount": "jobs", "disableSessionTags": True},
)


YAML = """
associations:
- {namespace: shop, serviceAccount: cart, role: storefront, tags: {team: a}}
- namespace: pay
  serviceAccount: api
  roleArn: arn:aws:iam::111122223333:role/storefront
  targetRole: arn:aws:iam::444455556666:role/reports
- namespace: pay
  serviceAccount: jobs
  sessionTags: off
"""


CSV = f"""namespace,service_account,role,target_role,session_tags,tags
shop,cart,storefront,,,team=a
pay,api,{ARN}storefront,{TARGET},,
pay,jobs,,,off,
"""


EXPECTED = (
    FileItem(ServiceAccountRef("shop", "cart"), "storefront", Settings(tags={"team": "a"})),
    FileItem(ServiceAccountRef("pay", "api"), f"{ARN}storefront", Settings(target_role_arn=TARGET)),
    FileItem(ServiceAccountRef("pay", "jobs"), settings=Settings(disable_session_tags=True)),
)


@table(
    ("name", "content"),
    [
        ("a.json", json.dumps(ITEMS)),
        ("b.json", json.dumps({"items": ITEMS})),
        ("c.jsonl", "\n".join(map(json.dumps, ITEMS))),
        ("d.yaml", YAML),
        ("e.csv", CSV),
        ("f", YAML),
        ("stdin", CSV),
    ],
)
def test_every_format_has_the_same_associations(name: str, content: str) -> None:
    assert read_items(content, name) == EXPECTED


def test_options_apply_to_items_without_a_value(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    command = ("associate", "--from-file", written(tmp_path, "a.json", ITEMS), "--role", "orders-dynamodb", *WAIT)
    outcome = podid(*command, "--tag", "team=b", "--tag", "by=me", "-o", "json")
    assert outcome.code == 0, outcome
    assert roles(box) == {"shop/cart": "storefront", "pay/api": "storefront", "pay/jobs": "orders-dynamodb"}
    after = {item["target"]: item["after"] for item in outcome.json["actions"]}
    assert after["shop/cart"]["tags"] == {"team": "a", "by": "me"}
    assert after["pay/jobs"]["tags"] == {"team": "b", "by": "me"}
    assert (after["pay/api"]["targetRoleArn"], after["pay/jobs"]["disableSessionTags"]) == (TARGET, True)
    count = writes(box)
    assert (podid(*command, "-o", "json").code, writes(box)) == (0, count)


def test_the_output_of_list_is_a_file(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    for ref, more in {
        "shop/orders": ("orders-dynamodb", "--target-role", TARGET, "--tag", "a=b"),
        "shop/cart": ("storefront", "--no-session-tags"),
    }.items():
        assert podid("associate", ref, *WAIT, "--role", *more).code == 0
    owned_by_an_addon(box, "storefront")
    count = writes(box)
    for output in ("json", "jsonl", "yaml", "csv"):
        listed = podid("list", "-o", output)
        assert listed.code == 0, listed
        file = written(tmp_path, f"all.{output}", listed.stdout)
        same = podid("associate", "--from-file", file, *WAIT, "-o", "json")
        assert (same.code, writes(box)) == (0, count), same
        assert sorted(statuses(same)) == [
            ("kube-system/ebs-csi-controller-sa", "skipped"),
            ("shop/cart", "unchanged"),
            ("shop/orders", "unchanged"),
        ]


B = {"namespace": "a", "serviceAccount": "b"}


# file name, text, what is said after "line "
WRONG: tuple[tuple[str, object, str], ...] = (
    ("x", [{**B, "rolle": "x"}], "1: rolle: not a member of an association; did you mean role"),
    ("x", [{"namespace": "a"}], "1: serviceAccount: missing"),
    ("x", [{**B, "serviceAccount": True}], "1: serviceAccount: True is not text"),
    ("x", [{**B, "namespace": "A"}], "1: namespace: 'A' is not a namespace name"),
    ("x", [{**B, "namespace": " "}], "1: namespace: ' ' is not a namespace name"),
    ("x", [{**B, "namespace": "a/b"}], "1: namespace: 'a/b' is not a namespace name"),
    ("x", [{**B, "serviceAccount": "B_"}], "1: serviceAccount: 'B_' is not a service account name"),
    ("x", [{**B, "serviceAccount": "b" * 200_000}], "1: serviceAccount: 'bbb"),
    ("x", [{**B, "role": "x:y"}], "1: roleArn: 'x:y' is not an IAM role name"),
    ("x", [{**B, "roleArn": "arn:aws:iam::1:role/x"}], "1: roleArn: 'arn:aws:iam::1:role/x' is not the ARN of an IAM"),
    ("x", [{**B, "targetRole": "x"}], "1: targetRoleArn: 'x' is not an ARN"),
    ("x", [{**B, "tags": {"a": 1}}], "1: tags: not an object with text values"),
    ("x", [{**B, "sessionTags": 1}], "1: sessionTags: 1 is neither on nor off"),
    ("x", [{**B, "policy": "{"}], "1: policy: line 1, column 2: this is not JSON"),
    ("x", [{**B, "policy": {"Statement": []}}], "1: policy is not a policy document: Statement is missing"),
    ("x", [B, B], "1: a/b appears twice, first in line 1"),
    ("x", "- namespace: no\n  serviceAccount: b\n", "1: namespace: False is not text"),
    ("x", '[{"namespace": "a",\n"namespace": "b"}]', "1: namespace appears twice"),
    ("x", "- namespace: a\n  serviceAccount: b\n  namespace: c\n", "3: namespace appears twice"),
    ("x", [{**B, "role": "x", "roleArn": "y"}], "1: roleArn: roleArn is already specified"),
    ("x", '[\n{"namespace": ' + "1" * 5000 + "}]", "2: namespace is a number of 5,000 digits"),
    ("x", "- namespace: " + "1" * 5000, "1: namespace is a number of 5,000 digits"),
    ("x", '[{"namespace": NaN}]', "1: namespace is NaN, which is not a value"),
    ("x", '[{"namespace": "\\ud800"}]', "1: namespace contains half of a character"),
    ("x", "a: &x [1]\nb: *x\n", "1: YAML aliases are not supported"),
    ("x", "- namespace: a\n  1: b\n", "2: 1 cannot be a key"),
    ("x", "{", "2: this is neither JSON nor YAML"),
    ("x.jsonl", f"{json.dumps(B)}\n{{", "2: this is not JSON: Expecting property name"),
    ("x", f"{json.dumps(B)}\n{{", "2: this is not JSON: Expecting property name"),
    ("x", f'{json.dumps(B)}\n\n{{"namespace": {"1" * 5000}}}', "3: namespace is a number of 5,000 digits"),
    ("x.csv", "namespace,service_account\na,b,c\n", "2: 3 cells instead of 2 as in the header"),
    ("x.csv", f"namespace,service_account\na,{'b' * 200_000}\n", "2: this is not CSV: field larger than field limit"),
    ("x.csv", 'namespace,service_account\na,"b\n', "2: this is not CSV: unexpected end of data"),
    ("x.csv", "namespace,service_account,service account\n", "1: column serviceAccount appears twice"),
    ("x.csv", "namespace,service_account,role,role_arn,roleArn\n", "1: column roleArn appears twice"),
    ("x.csv", 'namespace,service_account,tags\na,b,"x=1\ny"\nA,b,\n', "4: namespace: 'A' is not a namespace name"),
    ("x.csv", "namespace,service_account,session_policy\na,b,yes\n", "2: policy: CSV cannot contain session policies"),
)


@table(("name", "content", "message"), WRONG)
def test_the_error_names_line_and_key(name: str, content: object, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_items(content if isinstance(content, str) else json.dumps(content), name)
    assert refused.value.message.startswith(f"{name}, line {message}")
    assert len(refused.value.message) < 600


@table(
    ("content", "message"),
    [
        ([1], " is not a list of associations as podid list prints it"),
        ("[" * 100_000, " is nested too deeply"),
        ([[[[B]]]], " is not a list of associations"),
        ([{**B, "tags": [[[float("inf")]]]}], ", line 1: tags is Infinity"),
    ],
)
def test_a_file_without_a_list(content: object, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_items(content if isinstance(content, str) else json.dumps(content), "x.json")
    assert refused.value.message.startswith(f"x.json{message}")


ROWS = (
    {"namespace": "A", "serviceAccount": "b"},
    {"namespace": "a", "serviceAccount": "b", "role": "storefront"},
    {"namespace": "a", "serviceAccount": "B"},
    {"namespace": "a", "serviceAccount": "c", "role": "arn:aws:iam::1:role/x"},
    {"namespace": "a", "serviceAccount": "b"},
)


MISTAKES = (
    "namespace: 'A' is not a namespace name",
    "serviceAccount: 'B' is not a service account name",
    "roleArn: 'arn:aws:iam::1:role/x' is not the ARN",
    "a/b appears twice, first in line",
)


@table(
    ("name", "content", "lines"),
    [
        ("x.json", json.dumps(ROWS, indent=1), (2, 11, 15, 20)),
        ("x.jsonl", "\n".join(map(json.dumps, ROWS)), (1, 3, 4, 5)),
        ("x.yaml", "".join(f"- {json.dumps(row)}\n" for row in ROWS), (1, 3, 4, 5)),
        (
            "x.csv",
            "namespace,service_account,role\n"
            + "".join(f"{row['namespace']},{row['serviceAccount']},{row.get('role', '')}\n" for row in ROWS),
            (2, 4, 5, 6),
        ),
    ],
)
def test_every_wrong_row_is_reported(name: str, content: str, lines: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInput, match="has 4 rows that cannot be used") as refused:
        read_items(content, name)
    assert len(refused.value.lines) == len(lines)
    for detail, line, mistake in zip(refused.value.lines, lines, MISTAKES, strict=True):
        assert detail.startswith(f"line {line}: {mistake}")


def test_of_very_many_wrong_rows_the_first_are_reported() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_items("\n".join(json.dumps({"namespace": "A"}) for _ in range(300)), "x.jsonl")
    assert (len(refused.value.lines), refused.value.lines[-1]) == (51, "and 250 more")


def test_a_wrong_file_changes_nothing(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    file = written(tmp_path, "x.json", json.dumps(ROWS, indent=1))
    outcome = podid("associate", "--from-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, box.faults.calls.total()) == (2, "", 0)
    assert outcome.error["message"] == f"{file} has 4 rows that cannot be used"
    assert len(outcome.error["details"]) == 4
    text = podid("associate", "--from-file", file).stderr
    assert [f"  line {line}: " in text for line in (2, 11, 15, 20)] == [True] * 4


def test_roles_of_another_account_are_reported_with_their_rows(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    """The file does not contain the account of the cluster."""
    other = ARN.replace("111122223333", "444455556666")
    rows = [{"namespace": "a", "serviceAccount": name, "role": f"{other}{name}"} for name in ("b", "c")]
    file = written(tmp_path, "x.json", json.dumps([{**B, "role": f"{ARN}storefront"}, *rows[1:]], indent=1))
    outcome = podid("associate", "--from-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert outcome.error["message"].startswith(f"{file}, line 7: roleArn: {other}c is in account 444455556666; ")
    with pytest.raises(InvalidInput) as refused:
        check_accounts(read_items(json.dumps(rows), "y.json"), "111122223333", "y.json")
    assert len(refused.value.lines) == 2


def test_a_session_policy_of_a_file_may_be_an_object(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    policy = json.loads(Path(policy_file(tmp_path)).read_text())
    item = {"namespace": "shop", "serviceAccount": "orders", "role": "orders-dynamodb"}
    file = written(tmp_path, "x.json", [{**item, "policy": policy, "sessionTags": False}])
    outcome = podid("associate", "--from-file", file, *WAIT, "-o", "json")
    assert outcome.code == 0, outcome
    assert json.loads(outcome.json["actions"][0]["after"]["policy"]) == policy
    assert podid("associate", "--from-file", file, *WAIT, "-o", "json").json["actions"][0]["status"] == "unchanged"
