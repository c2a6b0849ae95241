"""Options, questions and clusters of `podid associate`."""

from pathlib import Path
from typing import Any

import pytest

from harness import Answers, Podid
from ops.association.worlds import TARGET, WAIT, roles, statuses
from ops.change.support import writes
from podid.sandbox.baseline import add_cluster
from podid.sandbox.box import Sandbox
from worlds import Site


@pytest.mark.parametrize("which", [("-n", "shop", "--service-account", "o*"), ("-A", "--selector", "app=orders")])
def test_a_terminal_confirms_the_selected_service_accounts(site: Site, which: tuple[str, ...]) -> None:
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


def test_a_pattern_without_wildcards_is_one_service_account(box: Sandbox, podid: Podid, journal: Path) -> None:
    """The service account need not exist, and the cluster is not read."""
    created = podid(
        "associate", "-n", "shop", "--service-account", "orders", "--role", "storefront", *WAIT, "-o", "json"
    )
    assert (created.code, statuses(created)) == (0, [("shop/orders", "done")])


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
def test_incomplete_selections_are_refused(box: Sandbox, podid: Podid, line: str, message: str) -> None:
    outcome = podid("associate", "--role", "storefront", *line.split(), "-o", "json")
    assert (outcome.code, writes(box)) == (2, 0), outcome
    assert outcome.error["message"].startswith(message)


def test_several_clusters(box: Sandbox, podid: Podid, journal: Path, tmp_path: Path) -> None:
    add_cluster(box.world, "blue")
    command = ("associate", "shop/orders", "--create-role", "--role", "r", "--update-trust", *WAIT)
    both = ("--cluster", "demo", "--cluster", "blue")
    planned = podid(*command, *both, "--dry-run", "-o", "json")
    assert planned.code == 0, planned
    assert [(item["kind"], item["cluster"]) for item in planned.json["items"]] == [("Plan", "demo"), ("Plan", "blue")]
    created = podid(*command, *both, "-o", "json")
    assert created.code == 0, created
    assert [(item["cluster"], statuses_of(item)) for item in created.json["items"]] == [
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


ASSOCIATE = ("associate", "shop/orders", "--wait", "none")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--target-role", TARGET, "--no-target-role"), "--target-role and --no-target-role cannot be used together"),
        (("--tag", "a=b", "--untag", "a"), "--tag and --untag cannot be used together for key a"),
        (("--untag", "aws:x"), "--untag 'aws:x' is not a tag key"),
        (("--untag", "="), "--untag '=' is not a tag key"),
    ],
)
def test_settings_that_contradict_are_refused(box: Sandbox, podid: Podid, more: tuple[str, ...], message: str) -> None:
    outcome = podid(*ASSOCIATE, "--role", "storefront", *more, "-o", "json")
    assert (outcome.code, writes(box)) == (2, 0)
    assert outcome.error["message"].startswith(message)


def test_the_short_form_of_from_file(account: Site) -> None:
    account.must("associate", "shop/orders", "--role", "storefront", "--wait", "none")
    file = account.directory / "associations.json"
    file.write_text(account.must("list", "-o", "json").stdout)
    assert "unchanged" in account.must("associate", "-f", str(file), "--wait", "none").stdout
