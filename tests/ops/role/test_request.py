"""Options of commands that create roles and change their permissions."""

import pytest

from harness import table
from podid.domain.errors import InvalidInput
from podid.domain.trust import ScopeKind
from podid.ops.role.request import (
    PermissionOptions,
    RoleRequest,
    check_description,
    check_path,
    check_session_seconds,
    role_arn,
    role_tags,
)


@table(("text", "seconds"), [("1h", 3600), ("60m", 3600), ("12h", 43200), ("90m", 5400)])
def test_session_durations(text: str, seconds: int) -> None:
    assert check_session_seconds(text, "--max-session-duration") == seconds


@table("text", ["30m", "3599s", "13h", "x", ""])
def test_durations_that_iam_does_not_allow(text: str) -> None:
    with pytest.raises(InvalidInput):
        check_session_seconds(text, "--max-session-duration")


@table(
    "path",
    [
        "shop/",
        "/shop",
        "shop",
        "",
        "/aws-service-role/x/",
        "/aws-reserved/sso/",
        f"/{'x' * 511}/",
        "/my team/",
        "/é/",
        "//",
    ],
)
def test_paths_that_iam_does_not_allow(path: str) -> None:
    with pytest.raises(InvalidInput, match=r"^--path "):
        check_path(path, "--path")


def test_paths_descriptions_and_arns() -> None:
    assert check_path("/") == "/"
    assert check_path("/team/shop/") == "/team/shop/"
    assert check_description("x" * 1000) == "x" * 1000
    with pytest.raises(InvalidInput, match="has 1001 characters; IAM allows 1,000"):
        check_description("x" * 1001)
    assert check_description("Zürich:\n½") == "Zürich:\n½"
    with pytest.raises(InvalidInput, match="has the character '—'"):
        check_description("Orders — prod")
    assert role_arn("arn:aws:iam::111122223333:role/team/r") == "arn:aws:iam::111122223333:role/team/r"
    with pytest.raises(InvalidInput):
        role_arn("arn:aws:iam::111122223333:user/r")


def test_iam_does_not_accept_every_tag() -> None:
    assert role_tags(["Team=a b", "é:x=_./=+-@"]) == {"Team": "a b", "é:x": "_./=+-@"}
    with pytest.raises(InvalidInput, match="--tag has the character '#'; IAM allows letters"):
        role_tags(["a=#1"])
    with pytest.raises(InvalidInput, match="IAM does not distinguish tag keys by case"):
        role_tags(["Team=a", "team=b"])


def test_permissions_are_repeated_as_options() -> None:
    files = ("a.json", "b.json")
    options = PermissionOptions(presets=("s3-read,bucket=b",), policy_files=files, managed_policies=("M",))
    assert options.as_typed == (
        *("--preset", "s3-read,bucket=b", "--managed-policy", "M"),
        *("--policy-file", "a.json", "--policy-file", "b.json"),
    )


def test_policies_for_target_roles_are_recorded() -> None:
    request = RoleRequest(scope="namespace", policies={"read": {"Statement": []}})
    chained = request.chaining({"assume-reports": {"Statement": []}})
    assert (request.reach, chained.reach) == (ScopeKind.NAMESPACE, ScopeKind.NAMESPACE)
    assert list(chained.policies) == ["read", "assume-reports"]
    assert (request.chaining_policies, chained.chaining_policies) == (frozenset(), frozenset({"assume-reports"}))
