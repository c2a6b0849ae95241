"""What people see, whole: golden files of the main views on terminals of 60, 80 and 120 columns and in a pipe.

`pytest --update-golden tests/render/test_golden.py` writes them anew; the difference is to be read like any other.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from harness import GOLDEN, Golden
from worlds import Site, whole_site

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
COMMANDS: dict[str, tuple[str, ...]] = {
    "list": ("list",),
    "show": ("show", "shop/orders"),
    "status": ("status",),
    "status-chained": ("status", "shop/checkout-and-fulfilment"),
    "list-status": ("list", "--columns", "namespace,service-account,role,status"),
    "show-chained": ("show", "shop/checkout-and-fulfilment"),
    "doctor": ("doctor",),
    "doctor-healthy": ("doctor", "shop/orders"),
    "plan-associate": (
        "associate",
        "payments/billing-worker",
        "--role",
        "billing-worker",
        "--restart",
        "--dry-run",
    ),
    "plan-replace": ("associate", "shop/orders", "--role", "storefront", "--replace", "--dry-run"),
    "agent-nodes": ("agent", "nodes"),
    "role-list": ("role", "list"),
    "history": ("history",),
    "verify": ("verify", "shop/orders", "--yes"),
    "plan-role": ("role", "create", "cart", "--for", "shop/cart", "--policy-file", "dynamodb-read.json", "--dry-run"),
}
WIDTHS = {"60": 60, "80": 80, "120": 120, "pipe": 0}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Healthy but for the samples' mistyped association; a second identity with everything that an association has."""
    with whole_site(tmp_path_factory.mktemp("site"), START.timestamp()) as site:
        site.with_agent().with_identity().with_samples()
        site.cluster.make_account("shop", "checkout-and-fulfilment")
        site.aws("eks").create_pod_identity_association(
            clusterName="demo",
            namespace="shop",
            serviceAccount="checkout-and-fulfilment",
            roleArn="arn:aws:iam::111122223333:role/storefront",
            targetRoleArn="arn:aws:iam::444455556666:role/checkout",
            tags={"team": "shop"},
        )
        assert site("role", "create", "reports", "--for", "legacy/reports").code == 0
        assert site("undo", "last", "--yes").code == 0
        site.wait(3600)
        yield site


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", COMMANDS)
def test_the_output_is_unchanged(
    shown: Site, golden: Golden, monkeypatch: pytest.MonkeyPatch, name: str, width: str
) -> None:
    site, argv = shown, COMMANDS[name]
    site.policy_file()
    monkeypatch.chdir(site.directory)
    monkeypatch.setattr(site.podid, "tty", WIDTHS[width] > 0)
    monkeypatch.setattr(site.podid, "width", WIDTHS[width] or 200)
    golden(f"{name}-{width}", argv, site(*argv, env={"NO_COLOR": "1"}))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_nothing_is_cut_by_the_terminal(width: int) -> None:
    """What is longer than the terminal is one name, or JSON that is there to be copied."""
    for path in GOLDEN.glob(f"*-{width}.txt"):
        shown = path.read_text(encoding="utf-8").partition("--- stdout\n")[2].partition("\n--- stderr")[0]
        for line in shown.splitlines():
            words = re.sub(r"'[^']*'", "quoted", line).split()
            assert len(line) <= width or len(words) == 1 or line.lstrip().startswith(('"', "--policy-document ")), line


def test_every_file_is_of_a_command() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == {f"{name}-{width}.txt" for name in COMMANDS for width in WIDTHS}
