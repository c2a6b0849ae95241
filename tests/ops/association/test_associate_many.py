"""`associate` for many service accounts: from a file, by pattern, in several clusters, each failing by itself."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness import Answers, Outcome, Podid
from ops.change.support import account_state, policy_file, writes
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.box import Sandbox
from podid.sandbox.http import HttpAnswer, HttpRequest
from podid.sandbox.world import Limits
from worlds import Site

WAIT = ("--wait", "none")
ARN = "arn:aws:iam::111122223333:role/"
TARGET = "arn:aws:iam::444455556666:role/reports"


def roles(box: Sandbox, cluster: str = "demo") -> dict[str, str]:
    return {
        f"{item.namespace}/{item.service_account}": item.role_arn.rpartition("/")[2]
        for item in box.world.clusters[cluster].associations.values()
    }


def statuses(outcome: Outcome) -> list[tuple[str, str]]:
    return [(item["target"], item["status"]) for item in outcome.json["actions"]]


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


def test_one_that_fails_stops_none_of_the_others(box: Sandbox, podid: Podid, journal: Path) -> None:
    """And a rerun does what is left."""
    box.world.limits = Limits(associations_per_cluster=1)
    add_association(box.world, "shop", "cart", "orders-dynamodb")
    command = ("associate", "shop/new", "shop/cart", "shop/orders", "--role", "storefront", "--replace", *WAIT)
    partly = podid(*command, "-o", "json")
    assert partly.code == 8, partly
    assert statuses(partly) == [("shop/new", "failed"), ("shop/cart", "done"), ("shop/orders", "failed")]
    assert partly.error["code"] == "LimitExceeded"
    box.world.limits = Limits()
    rest = podid(*command, "-o", "json")
    assert rest.code == 0, rest
    assert statuses(rest) == [("shop/new", "done"), ("shop/orders", "done"), ("shop/cart", "unchanged")]


def test_many_are_carried_out_at_once_and_one_that_fails_stops_none(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.limits.associations_per_cluster = 30
    names = [f"shop/n{number:02}" for number in range(31)]
    assert box._server is not None
    answer, at_once = box._server.application, [0, 0]

    def counting(request: HttpRequest) -> HttpAnswer:
        if request.method != "POST":
            return answer(request)
        at_once[0] += 1
        at_once[1] = max(at_once)
        time.sleep(0.02)
        try:
            return answer(request)
        finally:
            at_once[0] -= 1

    box._server.application = counting
    try:
        outcome = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    finally:
        box._server.application = answer
    assert at_once[1] >= 4  # as many as the machine gets round to, and not one after another
    assert outcome.code == 8, outcome
    found = statuses(outcome)
    assert [target for target, _ in found] == names
    assert [status for _, status in found].count("done") == 30
    (run,) = podid("history", "-o", "json").json["items"]
    assert [action["status"] for action in run["actions"]] == [status for _, status in found]
    box.world.limits.associations_per_cluster = 31
    again = podid("associate", *names, "--role", "orders-dynamodb", *WAIT, "-o", "json")
    assert (again.code, [status for _, status in statuses(again)].count("done")) == (0, 1)


def test_an_undo_stops_at_the_first_failure(box: Sandbox, podid: Podid, journal: Path) -> None:
    """There each step rests on the one before: a role is not deleted while its association is there."""
    made = podid("associate", "shop/orders", "--create-role", "--role", "r", *WAIT, "-o", "json")
    assert made.code == 0, made
    box.world.credentials.deny("eks:DeletePodIdentityAssociation")
    undone = podid("undo", "last", "--yes", *WAIT, "-o", "json")
    assert undone.code == 4, undone
    assert roles(box) == {"shop/orders": "r"}
    assert box.iam.role(f"{ARN}r", as_of=box.world.clock.now()) is not None


def test_what_no_try_can_help_is_not_tried(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.fail("eks", "CreatePodIdentityAssociation")
    outcome = podid("associate", "a/b", "c/d", "e/f", "--role", "storefront", *WAIT, "-o", "json")
    assert outcome.code == 7, outcome
    assert [call for call in box.faults.calls if "Create" in str(call)] != []


def test_the_quota_is_warned_of(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podid.ops.association.read.ASSOCIATION_QUOTA", 5)
    monkeypatch.setattr("podid.ops.association.read.NEAR_ASSOCIATION_QUOTA", 4)
    command = ("associate", "--role", "storefront", *WAIT, "--dry-run", "-o", "json")
    assert podid(*command, *(f"a/b{n}" for n in range(3))).json["notes"] == []
    at_80 = podid(*command, *(f"a/b{n}" for n in range(4))).json["notes"]
    near = podid(*command, *(f"a/b{n}" for n in range(5))).json["notes"]
    over = podid(*command, *(f"a/b{n}" for n in range(6))).json["notes"]
    assert at_80 == ["cluster demo would have 4 associations, 80 % of the 5 that EKS allows"]
    assert near == ["cluster demo would have 5 associations, 100 % of the 5 that EKS allows"]
    assert over == ["cluster demo would have 6 associations, more than the 5 that EKS allows"]


# --- by pattern ---------------------------------------------------------------------------------------------------


def test_patterns_and_labels_stand_for_what_the_cluster_has(site: Site) -> None:
    for namespace in ("team-a", "team-b", "other"):
        site.cluster.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
        for name in ("app", "job"):
            body = {"metadata": {"name": name, "labels": {"tier": name}}}
            site.cluster.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", body)
    command = ("associate", "--role", "storefront", "--wait", "api", "-o", "json")
    planned = site.must(*command, "-n", "team-*", "--service-account", "app", "--dry-run")
    assert [item["target"] for item in planned.json["actions"]] == ["team-a/app", "team-b/app"]
    assert roles(site.box) == {}
    made = site.must(*command, "-n", "team-*", "--service-account", "app")
    assert statuses(made) == [("team-a/app", "done"), ("team-b/app", "done")]
    labelled = site.must(*command, "-A", "--selector", "tier in (job)")
    assert [target for target, _ in statuses(labelled)] == ["other/job", "team-a/job", "team-b/job"]
    told = site("associate", "--role", "storefront", "--wait", "api", "-n", "other", "--service-account", "a*")
    assert "other/a* matches other/app\n" in told.stderr
    none = site(*command, "-n", "team-*", "--service-account", "ap")
    assert (none.code, none.error["message"]) == (
        5,
        "The cluster has no service account team-*/ap; did you mean app?",
    )
    none = site(*command, "-A", "--selector", "tier=nosuch")
    assert (none.code, none.error["message"]) == (5, "The cluster has no service account */* with labels tier=nosuch")


@pytest.mark.parametrize("which", [("-n", "shop", "--service-account", "o*"), ("-A", "--selector", "app=orders")])
def test_what_a_selection_stands_for_is_asked_at_a_terminal(site: Site, which: tuple[str, ...]) -> None:
    site.cluster.merge("/api/v1/namespaces/shop/serviceaccounts/orders", {"metadata": {"labels": {"app": "orders"}}})
    command = ("associate", *which, "--role", "storefront", "--wait", "api")
    site.podid.tty, site.podid.answers = True, (answers := Answers(False, True))
    refused = site(*command)
    assert (refused.code, roles(site.box)) == (2, {})
    assert "matches shop/orders" in refused.stderr
    assert site(*command, "--dry-run").code == 0
    assert site(*command).code == 0
    assert roles(site.box) == {"shop/orders": "storefront"}
    assert site(*command).code == 0
    assert answers.questions == ["Associate 1 service account?"] * 2
    assert site(*command, "--tag", "a=b", "--replace", "--yes").code == 0


@pytest.mark.parametrize("selector", [",", "a,,b", "a=b,", "!", "!,a", "=", "a b", "a notin", "()"])
def test_a_selector_that_is_none(site: Site, selector: str) -> None:
    """It must not stand for everything, and it is the line that is wrong."""
    refused = site("associate", "-A", "--selector", selector, "--role", "storefront", "-o", "json")
    assert (refused.code, refused.stdout, roles(site.box)) == (2, "", {})
    assert refused.error["message"].startswith(f"--selector {selector!r} is not valid: the API server of cluster demo")


def test_names_without_a_sign_are_one_service_account(box: Sandbox, podid: Podid, journal: Path) -> None:
    """As other programs spell it; the cluster need not know it yet, nor be reached."""
    made = podid("associate", "-n", "shop", "--service-account", "orders", "--role", "storefront", *WAIT, "-o", "json")
    assert (made.code, statuses(made)) == (0, [("shop/orders", "done")])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "Specify service accounts as NAMESPACE/NAME"),
        ("-n shop", "Specify the service accounts: --service-account"),
        ("--service-account app", "Specify the namespaces: -n NAME"),
        ("--selector a=b", "Specify the namespaces: -n NAME"),
        ("shop/orders -c a -c b --context x", "--context selects one cluster"),
    ],
)
def test_halves(box: Sandbox, podid: Podid, line: str, message: str) -> None:
    outcome = podid("associate", "--role", "storefront", *line.split(), "-o", "json")
    assert (outcome.code, writes(box)) == (2, 0), outcome
    assert outcome.error["message"].startswith(message)


# --- several clusters ---------------------------------------------------------------------------------------------


def test_several_clusters(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    add_cluster(box.world, "blue")
    command = ("associate", "shop/orders", "--create-role", "--role", "r", "--update-trust", *WAIT)
    both = ("--cluster", "demo", "--cluster", "blue")
    planned = podid(*command, *both, "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    assert [(item["kind"], item["cluster"]) for item in planned.json["items"]] == [("Plan", "demo"), ("Plan", "blue")]
    made = podid(*command, *both, "-o", "json")
    assert made.code == 0, made
    assert [(item["cluster"], statuses_of(item)) for item in made.json["items"]] == [
        ("demo", ["done", "done"]),
        ("blue", ["done", "done", "unchanged"]),
    ]
    assert roles(box, "demo") == roles(box, "blue") == {"shop/orders": "r"}
    text = podid(*command, *both)
    assert text.stdout.splitlines()[0] == "cluster demo:"
    assert "cluster blue:" in text.stdout.splitlines()

    partly = podid(*command, *both, "--cluster", "nosuch", "--tag", "a=b", "--replace", "-o", "json")
    assert partly.code == 8, partly
    assert [item["cluster"] for item in partly.json["items"]] == ["demo", "blue"]
    (failure,) = partly.json["failures"]
    assert (failure["cluster"], failure["code"], failure["exitCode"]) == ("nosuch", "NotFound", 5)
    nothing = podid(*command, "--cluster", "no", "--cluster", "nosuch", "-o", "json")
    assert (nothing.code, nothing.stdout) == (5, "")
    one = podid(*command, "--cluster", "blue", "--cluster", "blue", "-o", "json")
    assert (one.code, one.json["kind"]) == (0, "Result")


def statuses_of(item: dict[str, Any]) -> list[str]:
    return [action["status"] for action in item["actions"]]


def test_reads_refuse_a_second_cluster(box: Sandbox, podid: Podid) -> None:
    before = account_state(box)
    outcome = podid("show", "shop/orders", "--cluster", "demo", "--cluster", "blue")
    assert outcome.code == 2
    assert account_state(box) == before


def test_a_session_policy_of_a_file_may_be_an_object(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    policy = json.loads(Path(policy_file(tmp_path)).read_text())
    item = {"namespace": "shop", "serviceAccount": "orders", "role": "orders-dynamodb"}
    file = written(tmp_path, "x.json", [{**item, "policy": policy, "sessionTags": False}])
    made = podid("associate", "--from-file", file, *WAIT, "-o", "json")
    assert made.code == 0, made
    assert json.loads(made.json["actions"][0]["after"]["policy"]) == policy
    assert podid("associate", "--from-file", file, *WAIT, "-o", "json").json["actions"][0]["status"] == "unchanged"


def test_clusters_by_their_tags(box: Sandbox, podid: Podid, journal: Path) -> None:
    for name, tags in (("blue", {"env": "prod", "team": "a"}), ("green", {"env": "prod"}), ("grey", {"env": "dev"})):
        box.world.tags[add_cluster(box.world, name).arn] = tags
    command = ("associate", "shop/orders", "--create-role", "--role", "r", "--update-trust", *WAIT)
    for argv, message in (
        (("--cluster-tag", "env=prod", "--cluster", "demo"), "--cluster and --cluster-tag cannot be used together"),
        (("--cluster-tag", "env"), "--cluster-tag 'env' is not KEY=VALUE"),
        (("--cluster-tag", "env=test"), "No cluster in us-west-2 has the tag env=test"),
    ):
        outcome = podid(*command, *argv)
        assert message in outcome.stderr, outcome
    assert writes(box) == 0
    asked = Podid(env=podid.env, clock=podid.clock, tty=True, answers=(answers := Answers(False)))
    outcome = asked(*command, "--cluster-tag", "env=prod")
    assert "matches blue, green" in outcome.stderr
    assert answers.questions == ["Continue in these 2 clusters?"]
    assert (outcome.code, writes(box)) == (2, 0)
    outcome = podid(*command, "--cluster-tag", "env=prod", "-o", "json")
    assert outcome.code == 0, outcome
    assert [item["cluster"] for item in outcome.json["items"]] == ["blue", "green"]
    assert [roles(box, name) for name in ("blue", "green", "grey")] == [{"shop/orders": "r"}] * 2 + [{}]
    assert (
        podid(*command, "--cluster-tag", "env=prod", "--cluster-tag", "team=a", "-o", "json").json["kind"] == "Result"
    )
    listed = podid("list", "--cluster-tag", "env=prod", "-o", "name")
    assert (listed.code, listed.stdout.splitlines()) == (0, ["blue/shop/orders", "green/shop/orders"])
    assert podid("list", "--cluster-tag", "env=test").code == 5
