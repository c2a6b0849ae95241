"""Options and hints of `podid addon associate`."""

import pytest

from ops.addon.worlds import ADOT, EBS, EBS_ACCOUNT, LOGS, METRICS, SPACE, TRACES, arn, with_adot
from ops.change.support import writes
from worlds import Site


@pytest.fixture
def adot(account: Site) -> Site:
    return with_adot(account)


def test_a_service_account_has_no_namespace(adot: Site) -> None:
    count = writes(adot.box)
    refused = adot("addon", "associate", ADOT, f"{SPACE}/{METRICS}", "--role", "storefront", "-o", "json")
    assert (refused.code, writes(adot.box)) == (2, count), refused
    assert "without a namespace" in refused.error["message"]
    assert refused.error["hint"].split()[3:5] == [ADOT, METRICS]


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (("adto", LOGS), 5, "did you mean adot?"),
        ((ADOT, "adot-col-prom-metric"), 6, "addon-pod-identity-unsupported: "),
        ((ADOT, "Not_A_Name"), 2, "Not_A_Name"),
    ],
)
def test_names_that_do_not_exist(adot: Site, argv: tuple[str, ...], code: int, message: str) -> None:
    count = writes(adot.box)
    refused = adot("addon", "associate", *argv, "--role", "storefront", "-o", "json")
    assert (refused.code, writes(adot.box)) == (code, count)
    assert message in refused.error["message"]


def test_the_error_lists_the_service_accounts_of_the_add_on(adot: Site) -> None:
    refused = adot("addon", "associate", ADOT, "--role", "storefront", "-o", "json")
    assert (refused.code, refused.error["hint"]) == (2, None)
    assert all(name in refused.error["message"] for name in (METRICS, TRACES, LOGS))
    only = adot("addon", "associate", EBS, "--role", "storefront", "-o", "json").error["hint"]
    assert only == f"podid addon associate {EBS} --role storefront -o json {EBS_ACCOUNT}"


def test_the_hint_of_an_owned_association_is_this_command(adot: Site) -> None:
    refused = adot("associate", f"{SPACE}/{METRICS}", "--role", "orders-dynamodb", "--replace", "-o", "json")
    assert refused.code == 6
    assert f"podid addon associate {ADOT} {METRICS} --role {arn('orders-dynamodb')} --replace" in refused.error["hint"]
    refused = adot("disassociate", f"{SPACE}/{METRICS}", "--yes", "-o", "json")
    assert f"podid addon disassociate {ADOT} {METRICS}" in refused.error["hint"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--all", "--role", "storefront"), "--all requires --recommended, and no add-on"),
        ((EBS, "--all", "--recommended"), "--all requires --recommended, and no add-on"),
        (("--recommended",), "Specify the add-on, or all of them: --recommended --all"),
    ],
)
def test_options_that_cannot_be_used_together(account: Site, argv: tuple[str, ...], message: str) -> None:
    refused = account("addon", "associate", *argv)
    assert (refused.code, writes(account.box)) == (2, 0)
    assert message in refused.stderr
