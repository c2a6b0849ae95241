"""What cannot be carried out as written: an exit code, one sentence, and where there is a way out, how to take it."""

import os
import socket
from pathlib import Path

import pytest

from harness import Outcome, Podid
from ops.change.support import account_state, policy_file, runs, writes
from podid.sandbox.box import Sandbox

CLUSTER_ARN = "arn:aws:eks:us-west-2:111122223333:cluster/demo"
ROLE = ("--role", "storefront")
STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


def check(outcome: Outcome, code: int, message: str, hint: str = "") -> None:
    """The error document, one sentence long, and nothing on stdout."""
    assert (outcome.code, outcome.stdout) == (code, ""), outcome.stderr
    error = outcome.error
    assert message in error["message"]
    assert "\n" not in error["message"]
    assert "Traceback" not in outcome.stderr
    assert error["exitCode"] == code
    if hint:
        assert error["hint"] == hint


BAD_NAMES = {
    "orders": "'orders' is not a service account: specify NAMESPACE/NAME",
    "a/b/c": "'a/b/c' is not a service account",
    "/orders": "'/orders' is not a service account",
    "Shop/orders": "'Shop' is not a namespace name",
    "shop/Orders": "'Orders' is not a service account name",
    "-shop/orders": "Unknown option",
    "shop/or ders": "'or ders' is not a service account name",
    f"{'a' * 64}/orders": "at most 63 characters",
}


@pytest.mark.parametrize("name", BAD_NAMES)
@pytest.mark.parametrize("command", ["associate", "disassociate", "role create"])
def test_a_malformed_service_account(box: Sandbox, podid: Podid, journal: Path, command: str, name: str) -> None:
    argv = {
        "associate": ("associate", name, *ROLE),
        "disassociate": ("disassociate", name, "--yes"),
        "role create": ("role", "create", "r", f"--for={name}"),
    }[command]
    message = BAD_NAMES[name]
    if name.startswith("-") and command == "role create":
        message = "'-shop' is not a namespace name"
    check(podid(*argv, "-o", "json"), 2, message)
    assert box.faults.calls.total() == 0


ASSOCIATE = ("associate", "shop/orders")
CREATE = ("role", "create", "shop-orders", "--for", "shop/orders")
BAD_ARGUMENTS: tuple[tuple[tuple[str, ...], int, str, str], ...] = (
    ((*ASSOCIATE, "--role", "arn:aws:iam::1:role/x"), 2, "is not the ARN of an IAM role", ""),
    ((*ASSOCIATE, "--role", "arn:aws:s3:::bucket"), 2, "is not the ARN of an IAM role", ""),
    ((*ASSOCIATE, "--role", "arn:nonsense"), 2, "is not an ARN", ""),
    ((*ASSOCIATE, "--role", "two words"), 2, "is not an IAM role name", ""),
    (
        (*ASSOCIATE, "--role", "arn:aws:iam::444455556666:role/x"),
        2,
        "is in account 444455556666, the cluster is in 111122223333",
        "",
    ),
    (
        (*ASSOCIATE, "--role", "storefrnt"),
        5,
        "Role storefrnt does not exist; did you mean storefront?",
        "podid associate shop/orders --role storefront -o json",
    ),
    (
        (*ASSOCIATE, "--role", "arn:aws:iam::111122223333:role/billing-worker"),
        5,
        "billing-worker has the ARN arn:aws:iam::111122223333:role/apps/billing-worker",
        "",
    ),
    (
        (*ASSOCIATE, "--role", "article-2023"),
        6,
        "sts:TagSession",
        "podid associate shop/orders --role article-2023 -o json --update-trust",
    ),
    ((*ASSOCIATE, *ROLE, "--target-role", "x"), 2, "'x' is not an ARN", ""),
    ((*ASSOCIATE, *ROLE, "--scope", "galaxy"), 2, "--scope 'galaxy' is not one of", ""),
    ((*ASSOCIATE, *ROLE, "--tag", "novalue"), 2, "--tag 'novalue' is not KEY=VALUE", ""),
    ((*ASSOCIATE, *ROLE, "--tag", "aws:x=1"), 2, "no aws: prefix", ""),
    ((*ASSOCIATE, *ROLE, "--tag", "a=1", "--tag", "a=2"), 2, "--tag a is specified twice", ""),
    ((*ASSOCIATE, *ROLE, "--session-policy", "missing.json"), 2, "missing.json cannot be read", ""),
    ((*ASSOCIATE, *ROLE, "--wait", "forever"), 2, "--wait 'forever' is not one of", ""),
    ((*ASSOCIATE, *ROLE, "--timeout", "soon"), 2, "'soon' is not a duration", ""),
    ((*ASSOCIATE, *ROLE, "--cluster", "nope"), 5, "cluster nope does not exist in us-west-2", ""),
    ((*ASSOCIATE, *ROLE, "--cluster", "bad name"), 2, "is not an EKS cluster name", ""),
    ((*ASSOCIATE, *ROLE, "--region", "not a region"), 2, "region", ""),
    ((*ASSOCIATE, *ROLE, "--profile", "nope"), 2, "profile", ""),
    ((*ASSOCIATE, *ROLE, "--expect-account", "444455556666"), 6, "for account 111122223333, not for the expected", ""),
    ((*CREATE[:3],), 2, "Specify the service account: --for NAMESPACE/NAME", "podid role create --help"),
    ((*CREATE[:2], "bad/name", *CREATE[3:]), 2, "specify the name alone", ""),
    ((*CREATE, "--scope", "pod"), 2, "--scope 'pod' is not one of", ""),
    ((*CREATE, "--path", "teams"), 2, "must start and end with '/'", ""),
    ((*CREATE, "--path", "/aws-reserved/x/"), 2, "is reserved for AWS", ""),
    ((*CREATE, "--policy-file", "missing.json"), 2, "missing.json cannot be read: No such file", ""),
    ((*CREATE, "--managed-policy", "arn:aws:s3:::x"), 2, "is not the name or ARN of a managed policy", ""),
    ((*CREATE, "--managed-policy", "NoSuch"), 5, "arn:aws:iam::aws:policy/NoSuch does not exist", ""),
    ((*CREATE, "--tag", "=x"), 2, "is not KEY=VALUE", ""),
    (("install-agent", "--cluster", "nope"), 5, "cluster nope does not exist", ""),
    (("install-agent", "--addon-version", "v0.0.1-eksbuild.1"), 5, "v0.0.1-eksbuild.1 does not exist", ""),
    (("install-agent", "--config-file", "missing.json"), 2, "missing.json cannot be read", ""),
    (("disassociate", "shop/orders", "--cluster", "nope", "--yes"), 5, "cluster nope does not exist", ""),
    (("undo", "nothing", "--yes"), 5, "No run 'nothing' in the journal", "podid history"),
    (("undo", "last", "--yes"), 5, "The journal has no run that can be undone", ""),
    (("undo", "45", "--yes"), 2, "'45' is too short for a run id: specify at least 6 characters, or 'last'", ""),
)


@pytest.mark.parametrize(("argv", "code", "message", "hint"), BAD_ARGUMENTS, ids=lambda value: str(value)[-40:])
def test_bad_arguments(
    box: Sandbox, podid: Podid, journal: Path, argv: tuple[str, ...], code: int, message: str, hint: str
) -> None:
    check(podid(*argv, "-o", "json"), code, message, hint)
    assert writes(box) == 0
    assert not journal.exists()


POLICIES: tuple[tuple[object, str], ...] = (
    ("{", "is not JSON: Expecting property name"),
    ("", "line 1, column 1: this is not JSON: Expecting value"),
    ([], "not a policy document: it is not an object"),
    ({}, "Statement is missing or empty"),
    ({"Statement": []}, "Statement is missing or empty"),
    ({"Statement": "x"}, "Statement is missing or empty"),
    ({"Statement": ["x"]}, "Statement[0] is not an object"),
    ({"Statement": [{"Action": "*", "Resource": "*"}]}, "Statement[0].Effect must be Allow or Deny"),
    ({"Statement": [STATEMENT, {**STATEMENT, "Principal": "*"}]}, "Statement[1] has a Principal"),
    ({"Statement": {**STATEMENT, "NotAction": "x"}}, "Statement[0] requires either Action or NotAction"),
    ({"Statement": {"Effect": "Allow", "Action": "*"}}, "Statement[0] requires either Resource or NotResource"),
)


@pytest.mark.parametrize(("document", "message"), POLICIES, ids=[message for _, message in POLICIES])
def test_bad_policy_files(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path, document: object, message: str
) -> None:
    file = policy_file(tmp_path, document)
    check(podid(*CREATE, "--policy-file", file, "-o", "json"), 2, message)
    check(podid(*ASSOCIATE, *ROLE, "--session-policy", file, "-o", "json"), 2, message)
    assert box.faults.calls.total() == 0


def test_policy_files_that_clash_or_are_too_long(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    file = policy_file(tmp_path)
    (tmp_path / "more").mkdir()
    second = policy_file(tmp_path / "more")
    check(
        podid(*CREATE, "--policy-file", file, "--policy-file", second, "-o", "json"),
        2,
        "Two policy files would both become the inline policy read-table",
    )
    long = policy_file(tmp_path, {"Statement": [STATEMENT] * 60}, "long.json")
    check(podid(*ASSOCIATE, *ROLE, "--session-policy", long, "-o", "json"), 2, "EKS allows 2,048 in a session policy")
    check(
        podid(*ASSOCIATE, *ROLE, "--session-policy", file, "--session-tags", "-o", "json"),
        2,
        "EKS accepts no session policy with session tags",
    )
    assert box.faults.calls.total() == 0


def test_a_trust_that_would_not_fit(box: Sandbox, podid: Podid, journal: Path) -> None:
    many = tuple(part for number in range(9) for part in ("--for", f"namespace-{number}/service-account-{number}"))
    outcome = podid("role", "create", "shop-orders", *many, "-o", "json")
    check(outcome, 6, "IAM allows 2048")
    assert "wider scope" in outcome.error["advice"]
    assert writes(box) == 0


def test_expired_credentials(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.credentials.expire(box.admin_key.access_key_id)
    check(podid(*ASSOCIATE, *ROLE, "-o", "json"), 4, "the AWS credentials have expired")


def test_unknown_credentials(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.world.credentials.forget(box.admin_key.access_key_id)
    check(podid(*CREATE, "-o", "json"), 4, "does not recognize the AWS credentials")


def test_no_credentials(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    check(podid(*CREATE, "-o", "json"), 4, "no AWS credentials found")


def test_no_region(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    check(podid(*CREATE, "-o", "json"), 2, "region")


def test_nobody_listens(box: Sandbox, podid: Podid, journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        check(podid(*ASSOCIATE, *ROLE, "-o", "json"), 7, "cannot be reached")


def test_throttled_out_while_reading(box: Sandbox, podid: Podid, journal: Path) -> None:
    box.faults.throttle(0.001, 0.0, "iam", "GetRole")
    check(podid(*ASSOCIATE, *ROLE, "-o", "json"), 7, "IAM throttles requests")


def test_a_role_that_cannot_be_finished_is_taken_back(
    box: Sandbox, podid: Podid, journal: Path, tmp_path: Path
) -> None:
    before = account_state(box)
    box.world.credentials.deny("iam:AttachRolePolicy")
    more = ("--policy-file", policy_file(tmp_path), "--managed-policy", "AmazonS3ReadOnlyAccess")
    outcome = podid(*CREATE, *more, "--managed-policy", "AmazonS3FullAccess", "-o", "json")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert outcome.error["permission"] == "iam:AttachRolePolicy"
    assert outcome.error["advice"].endswith("Role shop-orders, which this command created, was deleted.")
    assert account_state(box) == before
    assert [item["status"] for item in runs(podid)] == ["done", "partial"]


def test_some_done_some_failed(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    """What cannot be taken back either is named, and the next run finishes it."""
    for permission in ("iam:AttachRolePolicy", "iam:DeleteRole"):
        box.world.credentials.deny(permission)
    more = ("--policy-file", policy_file(tmp_path), "--managed-policy", "AmazonS3ReadOnlyAccess")
    outcome = podid(*CREATE, *more, "--managed-policy", "AmazonS3FullAccess", "-o", "json")
    assert outcome.code == 8
    assert [item["status"] for item in outcome.json["actions"]] == ["done", "done", "failed", "blocked"]
    assert outcome.error["permission"] == "iam:AttachRolePolicy"
    box.world.credentials.allow_again()
    assert podid(*CREATE, *more, "--managed-policy", "AmazonS3FullAccess").code == 0
    role = account_state(box)["roles"]["shop-orders"]
    assert (list(role["inline"]), len(role["attached"])) == (["read-table"], 2)


ALLOW = '{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}'


def with_member(value: str) -> str:
    return f'{{"Statement": [{ALLOW}], "x": {value}}}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Effect": "Allow"}]}', "Effect: appears twice"),
        (with_member("NaN"), "NaN is not a JSON value"),
        (with_member('"\\ud800"'), "lone surrogate"),
        (with_member("1" + "0" * 400), "out of range"),
        (with_member("1" + "0" * 9999), "a number has 10,000 digits"),
        (with_member("[" * 5000 + "]" * 5000), "nested too deeply"),
        ('{"Statement": [', "line 1, column"),
        (" " * 1024 * 1024 + "{}", "larger than 1 MiB"),
    ],
)
def test_every_policy_is_read_strictly(box: Sandbox, podid: Podid, tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "policy.json"
    file.write_text(text)
    trust_check = ("trust", "check", str(file), "--for", "a/b", "--cluster-arn", CLUSTER_ARN)
    for argv in (
        (*CREATE, "--policy-file", str(file)),
        (*ASSOCIATE, *ROLE, "--session-policy", str(file)),
        trust_check,
    ):
        outcome = podid(*argv, "-o", "json")
        assert (outcome.code, outcome.stdout) == (2, ""), outcome
        assert why in outcome.error["message"], outcome.error
        assert str(file) in outcome.error["message"]


def test_a_bom_is_no_matter_and_a_pipe_is_refused(box: Sandbox, podid: Podid, tmp_path: Path, journal: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(f'\ufeff{{"Version": "2012-10-17", "Statement": {ALLOW}}}', encoding="utf-8")
    assert podid(*CREATE, "--policy-file", str(file), "--dry-run").code == 0
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check(podid(*CREATE, "--policy-file", str(pipe), "-o", "json"), 2, "not a regular file")


@pytest.mark.parametrize("argv", [CREATE, (*ASSOCIATE, *ROLE, "--update-trust")], ids=["create", "associate"])
@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("arn:aws:eks:*:*:cluster/demo", "is not the ARN of an EKS cluster"),
        (f"arn:aws:eks:us-west-2:{'?' * 12}:cluster/demo", "is not the ARN of an EKS cluster"),
        ("arn:aws:eks:us-west-2:111122223333:cluster/*", "is not the ARN of an EKS cluster"),
        ("arn:aws:eks:us-west-2:111122223333:cluster/demo/*", "is not the ARN of an EKS cluster"),
        ("arn:aws:eks:us-west-2:111122223333:cluster/demo\n", "is not the ARN of an EKS cluster"),
        ("arn:aws*:eks:us-west-2:111122223333:cluster/demo", "is not an ARN"),
        ("arn:aws:eks:us-west-2:999922223333:cluster/demo", "111122223333"),
        ("arn:aws-cn:eks:us-west-2:111122223333:cluster/demo", "aws-cn"),
    ],
)
def test_no_wildcard_and_no_other_account_gets_into_a_condition(
    box: Sandbox, podid: Podid, argv: tuple[str, ...], arn: str, why: str
) -> None:
    """In `ArnEquals` wildcards are live: a cluster is named strictly, and is the caller's own."""
    outcome = podid(*argv, "--cluster", arn, "-o", "json")
    assert (outcome.code, outcome.stdout, writes(box)) == (2, "", 0), outcome
    assert why in outcome.error["message"], outcome.error
