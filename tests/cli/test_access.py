"""Access to AWS: the expected account, the sources of settings, no secrets."""

import os
from pathlib import Path

import pytest

from cli.lines import names
from harness import Podid
from podid.sandbox.box import Sandbox


@pytest.mark.parametrize(
    "line",
    [
        ("list",),
        ("role", "list"),
        ("role", "show", "storefront"),
        ("install-agent",),
        ("associate", "shop/new", "--role", "storefront"),
        ("disassociate", "shop/orders", "--yes"),
    ],
    ids=" ".join,
)
def test_expect_account(podid: Podid, two: Sandbox, line: tuple[str, ...]) -> None:
    before = names(podid)
    outcome = podid(*line, "--expect-account", "999999999999")
    assert (outcome.code, outcome.stdout) == (6, "")
    assert "The credentials are for account 111122223333, not for the expected account 999999999999" in outcome.stderr
    assert podid(*line, PODID_EXPECT_ACCOUNT="999999999999").code == 6
    assert names(podid) == before
    assert podid("list", "--expect-account", "111122223333").code == 0


def test_verbose_prints_the_sources_of_settings(podid: Podid) -> None:
    stderr = podid("list", "-v").stderr
    assert "  region us-west-2 (AWS_REGION)\n" in stderr
    assert "  cluster demo (PODID_CLUSTER)\n" in stderr
    assert "  cluster demo (--cluster)\n" in podid("list", "-v", "-c", "demo").stderr


def test_no_secret_is_printed(podid: Podid, box: Sandbox) -> None:
    outcome = podid("associate", "shop/orders", "--role", "storefront", "-v")
    for secret in (box.admin_key.secret_access_key, "Authorization", "X-Amz-Signature", "k8s-aws-v1."):
        assert secret not in outcome.stdout + outcome.stderr


def test_keys_in_variables_precede_a_profile_that_a_variable_names(
    podid: Podid, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(
        "[profile other]\naws_access_key_id = A\naws_secret_access_key = b\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "other")
    outcome = podid("whoami", "-o", "json", AWS_PROFILE="other")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert (outcome.json["profile"], outcome.json["credentialsSource"]) == (None, "env")
    assert podid("whoami", "--profile", "other", AWS_PROFILE="other").code == 4
