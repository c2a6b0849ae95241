"""Associations from a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import Podid
from ops.association.worlds import ARN, TARGET, WAIT, roles, statuses
from ops.change.support import policy_file, writes
from podid.sandbox.baseline import add_association
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


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", ITEMS),
        ("b.json", {"items": ITEMS}),
        ("c.jsonl", "\n".join(map(json.dumps, ITEMS))),
        ("d.yaml", YAML),
        ("e.csv", CSV),
        ("f", YAML),
    ],
)
def test_a_file(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, name: str, content: object) -> None:
    """What an item leaves out, the options say."""
    command = ("associate", "--from-file", written(tmp_path, name, content), "--role", "orders-dynamodb", *WAIT)
    made = podid(*command, "--tag", "team=b", "--tag", "by=me", "-o", "json")
    assert made.code == 0, made
    assert roles(box) == {"shop/cart": "storefront", "pay/api": "storefront", "pay/jobs": "orders-dynamodb"}
    after = {item["target"]: item["after"] for item in made.json["actions"]}
    assert after["shop/cart"]["tags"] == {"team": "a", "by": "me"}
    assert after["pay/jobs"]["tags"] == {"team": "b", "by": "me"}
    assert (after["pay/api"]["targetRoleArn"], after["pay/jobs"]["disableSessionTags"]) == (TARGET, True)
    count = writes(box)
    assert (podid(*command, "-o", "json").code, writes(box)) == (0, count)


@pytest.mark.parametrize("output", ["json", "jsonl", "yaml", "csv"])
def test_what_list_prints_is_a_file(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, output: str) -> None:
    """From one cluster to another, and back to itself without a change."""
    for ref, more in {
        "shop/orders": ("orders-dynamodb", "--target-role", TARGET, "--tag", "a=b"),
        "shop/cart": ("storefront", "--no-session-tags"),
    }.items():
        assert podid("associate", ref, *WAIT, "--role", *more).code == 0
    addon = add_association(box.world, "kube-system", "ebs-csi-controller-sa", "storefront")
    box.world.put_association(
        box.world.clusters["demo"],
        type(addon)(**{**vars_of(addon), "owner_arn": "arn:aws:eks:us-west-2:111122223333:addon/demo/ebs/1"}),
    )
    listed = podid("list", "-o", output)
    assert listed.code == 0, listed
    file = written(tmp_path, f"all.{output}", listed.stdout)
    count = writes(box)
    same = podid("associate", "--from-file", file, *WAIT, "-o", "json")
    assert (same.code, writes(box)) == (0, count), same
    assert sorted(statuses(same)) == [
        ("kube-system/ebs-csi-controller-sa", "skipped"),
        ("shop/cart", "unchanged"),
        ("shop/orders", "unchanged"),
    ]


def vars_of(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


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


@pytest.mark.parametrize(("name", "content", "message"), WRONG, ids=[message[:40] for _, _, message in WRONG])
def test_a_file_that_is_wrong(
    box: Sandbox, podid: Podid, tmp_path: Path, name: str, content: object, message: str
) -> None:
    """File, line and key, whatever is wrong with it."""
    file = written(tmp_path, name, content)
    outcome = podid("associate", "--from-file", file, "--role", "r", "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0), outcome
    assert outcome.error["message"].startswith(f"{file}, line {message}")
    assert len(outcome.error["message"]) < 600


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], " is not a list of associations as podid list prints it"),
        ("[" * 100_000, " is nested too deeply"),
        ([[[[B]]]], " is not a list of associations"),
        ([{**B, "tags": [[[float("inf")]]]}], ", line 1: tags is Infinity"),
    ],
)
def test_a_file_that_is_no_list(box: Sandbox, podid: Podid, tmp_path: Path, content: object, message: str) -> None:
    file = written(tmp_path, "x.json", content)
    outcome = podid("associate", "--from-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0), outcome
    assert outcome.error["message"].startswith(f"{file}{message}")


ROWS = (
    {"namespace": "A", "serviceAccount": "b"},
    {"namespace": "a", "serviceAccount": "b", "role": "storefront"},
    {"namespace": "a", "serviceAccount": "B"},
    {"namespace": "a", "serviceAccount": "c", "role": "arn:aws:iam::1:role/x"},
    {"namespace": "a", "serviceAccount": "b"},
)


SAID = (
    "namespace: 'A' is not a namespace name",
    "serviceAccount: 'B' is not a service account name",
    "roleArn: 'arn:aws:iam::1:role/x' is not the ARN",
    "a/b appears twice, first in line",
)


@pytest.mark.parametrize(
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
def test_every_row_that_is_wrong_is_told_at_once(
    box: Sandbox, podid: Podid, tmp_path: Path, name: str, content: str, lines: tuple[int, ...]
) -> None:
    file = written(tmp_path, name, content)
    outcome = podid("associate", "--from-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, box.faults.calls.total()) == (2, "", 0)
    assert outcome.error["message"] == f"{file} has 4 rows that cannot be used"
    for told, line, what in zip(outcome.error["details"], lines, SAID, strict=True):
        assert told.startswith(f"line {line}: {what}")
    text = podid("associate", "--from-file", file)
    assert [f"  line {line}: " in text.stderr for line in lines] == [True] * 4


def test_of_very_many_rows_the_first_are_told(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    file = written(tmp_path, "x.jsonl", "\n".join(json.dumps({"namespace": "A"}) for _ in range(300)))
    told = podid("associate", "--from-file", file, "-o", "json").error["details"]
    assert (len(told), told[-1]) == (51, "and 250 more")


def test_roles_of_another_account_are_told_with_their_rows(box: Sandbox, podid: Podid, tmp_path: Path) -> None:
    """Which account the cluster is in, the file alone does not tell."""
    other = ARN.replace("111122223333", "444455556666")
    rows = [{"namespace": "a", "serviceAccount": name, "role": f"{other}{name}"} for name in ("b", "c")]
    file = written(tmp_path, "x.json", json.dumps([{**B, "role": f"{ARN}storefront"}, *rows[1:]], indent=1))
    outcome = podid("associate", "--from-file", file, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0)
    assert outcome.error["message"].startswith(f"{file}, line 7: roleArn: {other}c is in account 444455556666; ")
    both = podid("associate", "--from-file", written(tmp_path, "y.json", rows), "-o", "json")
    assert (both.code, len(both.error["details"])) == (2, 2)


def test_a_session_policy_of_a_file_may_be_an_object(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    policy = json.loads(Path(policy_file(tmp_path)).read_text())
    item = {"namespace": "shop", "serviceAccount": "orders", "role": "orders-dynamodb"}
    file = written(tmp_path, "x.json", [{**item, "policy": policy, "sessionTags": False}])
    made = podid("associate", "--from-file", file, *WAIT, "-o", "json")
    assert made.code == 0, made
    assert json.loads(made.json["actions"][0]["after"]["policy"]) == policy
    assert podid("associate", "--from-file", file, *WAIT, "-o", "json").json["actions"][0]["status"] == "unchanged"
