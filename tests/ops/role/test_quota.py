"""Trust policies of more than 2,048 characters, in an account whose quota was increased."""

import json
from collections.abc import Callable

import pytest

from podid.domain import trust
from podid.domain.errors import AccessDenied, Conflict
from podid.domain.iam import TRUST_POLICY_QUOTA
from podid.domain.names import ServiceAccountRef
from podid.ops.role.quota import TrustQuota
from worlds import ACCOUNT, CLUSTER_ARN, Site, target_arn, target_trust, trust_for

ROLE, MORE = "storefront", ServiceAccountRef("shop", "orders")
NAME = "AssumeRolePolicySizeQuota"


def with_statements(number: int) -> trust.Policy:
    policy = trust.new_policy(trust.PodIdentity(CLUSTER_ARN, "shop", "service-0"))
    for n in range(1, number):
        policy = trust.add(policy, trust.PodIdentity(CLUSTER_ARN, "shop", f"service-{n}")).policy
    return policy


FITS, LONG = with_statements(5), with_statements(6)


def test_the_quota_is_read_once_and_only_for_a_long_policy() -> None:
    assert trust.policy_size(FITS) <= TRUST_POLICY_QUOTA < trust.policy_size(LONG)
    reads: list[int] = []

    def read() -> dict[str, int]:
        reads.append(1)
        return {NAME: 4096}

    quota = TrustQuota(read)
    quota.check(FITS, ROLE)
    quota.check(LONG, ROLE, current=LONG)
    assert reads == []
    quota.check(LONG, ROLE)
    assert (quota.allows(LONG), reads) == (True, [1])


def denied() -> dict[str, int]:
    raise AccessDenied("denied", permission="iam:GetAccountSummary")


@pytest.mark.parametrize(
    ("read", "most", "lines"),
    [
        (lambda: {NAME: 2050}, 2050, ()),
        (dict, 2048, ()),
        (
            denied,
            2048,
            (
                "2048 is IAM's default; the quota of the account could not be read: "
                "denied (needs iam:GetAccountSummary)",
            ),
        ),
    ],
    ids=["raised", "not reported", "denied"],
)
def test_a_policy_that_is_too_long(read: Callable[[], dict[str, int]], most: int, lines: tuple[str, ...]) -> None:
    with pytest.raises(Conflict, match=f"characters; IAM allows {most}$") as refused:
        TrustQuota(read).check(LONG, ROLE)
    assert refused.value.lines[1:] == lines


# --- every command that writes a trust policy -------------------------------------------------------------------------


def of_file(account: Site) -> tuple[str, ...]:
    path = account.directory / "identities.yaml"
    role = {"name": "declared", "subjects": [f"shop/service-{n}" for n in range(6)]}
    document = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "shop"}, "roles": [role]}
    path.write_text(json.dumps(document))
    return ("apply", "-f", str(path), "--wait", "none")


def of_target_role(account: Site) -> tuple[str, ...]:
    """The session tags of five service accounts are in the trust policy of the target role, and a sixth joins them."""
    base = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
    names = [f"service-account-with-a-long-name-{n}" for n in range(3)]
    pods = [trust.PodIdentity(CLUSTER_ARN, "shop", name) for name in names]
    statements = [
        raw
        for pod in pods
        for raw in trust.target_policy(trust.TargetHop(base, pod, "x" * 90, role_tags=None))["Statement"]  # type: ignore[attr-defined]
    ]
    document = target_trust()
    document["Statement"] = [{"Sid": "x" * 300, **statements[0]}, *statements[1:]]
    account.box.iam.make_role(ACCOUNT, "reports-reader", json.dumps(document))
    return ("associate", str(MORE), "--role", ROLE, "--target-role", target_arn(), "--update-trust", "--wait", "none")


def of_role(*words: str) -> Callable[[Site], tuple[str, ...]]:
    def line(account: Site) -> tuple[str, ...]:
        account.trust(ROLE, {**FITS.document})
        return words

    return line


def of_users(account: Site) -> tuple[str, ...]:
    for number in range(6):
        account.associate("shop", f"service-{number}")
    return ("trust", "tighten", "--role", ROLE, "--yes")


NEW = tuple(word for number in range(6) for word in ("--for", f"shop/service-{number}"))
COMMANDS: dict[str, Callable[[Site], tuple[str, ...]]] = {
    "role create": lambda _: ("role", "create", "new", *NEW),
    "role create --adopt": of_role("role", "create", ROLE, "--for", str(MORE), "--update-trust", "--adopt"),
    "trust add": of_role("trust", "add", "--role", ROLE, "--for", str(MORE)),
    "trust tighten": of_users,
    "associate": of_role("associate", str(MORE), "--role", ROLE, "--update-trust", "--wait", "none"),
    "associate --target-role": of_target_role,
    "apply": of_file,
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_refuses_only_what_the_quota_of_the_account_forbids(account: Site, name: str) -> None:
    line = COMMANDS[name](account)
    refused = account(*line)
    assert (refused.code, "characters; IAM allows 2048" in refused.stderr) == (6, True), refused
    account.box.world.credentials.deny("iam:GetAccountSummary")
    unknown = account(*line)
    assert (unknown.code, "2048 is IAM's default" in unknown.stderr) == (6, True), unknown
    assert "iam:GetAccountSummary" in unknown.stderr
    account.box.world.credentials.allow_again("iam:GetAccountSummary")
    account.box.iam.raise_trust_quota(ACCOUNT, 4096)
    written = account(*line)
    assert written.code == 0, written
    longest = max(len(role.assume_role_policy_document) for role in account.box.iam.backend(ACCOUNT).roles.values())
    assert longest > TRUST_POLICY_QUOTA


def test_a_file_becomes_longer_with_a_warning(account: Site) -> None:
    path = account.directory / "trust.json"
    path.write_text(FITS.to_json())
    line = ("trust", "add", str(path), "--for", str(MORE), "--cluster-arn", CLUSTER_ARN)
    printed = account(*line)
    assert (printed.code, "2048 by default" in printed.stderr) == (0, True), printed
    assert trust.policy_size(trust.parse_policy(printed.stdout)) > TRUST_POLICY_QUOTA
    written = account(*line, "--in-place")
    assert (written.code, "2048 by default" in written.stdout + written.stderr) == (0, True), written


def test_a_short_policy_needs_no_quota(account: Site) -> None:
    account.trust(ROLE, trust_for(ServiceAccountRef("shop", "cart")))
    account.must("trust", "add", "--role", ROLE, "--for", str(MORE))
    assert ("iam", "GetAccountSummary") not in account.box.faults.calls


def test_an_account_with_a_raised_quota_can_shorten_its_trust_policies_without_the_permission(account: Site) -> None:
    account.box.iam.raise_trust_quota(ACCOUNT, 4096)
    account.trust(ROLE, {**with_statements(8).document})
    account.box.world.credentials.deny("iam:GetAccountSummary")
    account.must("trust", "remove", "--role", ROLE, "--for", "shop/service-0", "--yes")
