"""Recent changes in podid's own journal, which EKS and IAM do not date."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from checks.builder import ACCOUNT, NOW, ROLE_ARN, TARGET_ARN, ago, association
from harness import table
from podid.domain.aws import Cluster
from podid.domain.evidence import NO_CHANGES, RecentChanges
from podid.ops.change.journal import Journal
from podid.ops.reading.witnesses import recent_changes
from worlds import ACCOUNT as SITES_ACCOUNT
from worlds import CLUSTER_ARN, Site

DEMO = Cluster(name="demo", arn=CLUSTER_ARN, version="1.33", status="ACTIVE")


def journal_of(site: Site) -> Journal:
    return Journal(site.directory / "state" / "podid" / "journal")


def seen(site: Site, cluster: Cluster = DEMO) -> RecentChanges:
    return recent_changes(journal_of(site), cluster, site.clock.datetime())


def test_changes_of_associations_that_keep_the_role(healthy: Site) -> None:
    def associate(*more: str) -> RecentChanges:
        healthy.must("associate", "shop/orders", "--replace", "--wait", "none", *more)
        return seen(healthy)

    assert seen(healthy) == RecentChanges(SITES_ACCOUNT)
    tagged = associate("--role", "shop-orders", "--tag", "team=blue").kept_role
    assert abs(tagged["shop/orders"] - healthy.clock.datetime()) < timedelta(seconds=2)
    for change in ((), ("--no-session-tags",)):
        assert associate("--role", "storefront", *change).kept_role == {}
    moved = seen(healthy).effective
    again = associate("--role", "storefront", "--tag", "team=red")
    assert (list(again.kept_role), again.effective) == (["shop/orders"], moved)
    assert seen(healthy, replace(DEMO, name="blue")) == RecentChanges(SITES_ACCOUNT)
    assert seen(healthy, replace(DEMO, arn=DEMO.arn.replace("west", "east"))) == RecentChanges(SITES_ACCOUNT)
    for more, kept in ((("--no-session-tags",), ["shop/orders"]), ((), [])):
        healthy.must("disassociate", "shop/orders", "--yes", "--wait", "none")
        assert seen(healthy).kept_role == {}
        assert list(associate("--role", "storefront", *more).kept_role) == kept
    healthy.wait(6 * 3600)
    assert seen(healthy) == RecentChanges(SITES_ACCOUNT)


def test_a_change_by_another_person_between_two_that_keep_the_role(healthy: Site) -> None:
    """EKS reports only the time of the last change."""
    line = ("associate", "shop/orders", "--replace", "--wait", "none")
    healthy.wait(7 * 3600)
    for tag in ("team=blue", "team=red"):
        healthy.must(*line, "--role", "shop-orders", "--tag", tag)
        healthy.wait(60)
    assert seen(healthy).effective == {}
    (item,) = healthy.aws("eks").list_pod_identity_associations(clusterName="demo")["associations"]
    role = f"arn:aws:iam::{SITES_ACCOUNT}:role/storefront"
    named = {"clusterName": "demo", "associationId": item["associationId"]}
    healthy.aws("eks").update_pod_identity_association(**named, roleArn=role)
    healthy.wait(60)
    for tag in ("team=green", "team=blue"):
        tagged = healthy.clock.datetime()
        healthy.must(*line, "--role", "storefront", "--tag", tag)
        (moment,) = seen(healthy).effective.values()
        assert (abs(moment - tagged) < timedelta(seconds=2)) is (tag == "team=green")
        healthy.wait(60)
    (status,) = healthy("status", "-o", "json").json["items"]
    assert (status["state"], status["id"]) == ("stale", "cached-credentials-after-change")


def test_changes_of_roles_in_the_last_minute(healthy: Site) -> None:
    healthy.must("role", "attach", "storefront", "--managed-policy", "ReadOnlyAccess", "--adopt")
    assert list(seen(healthy).roles) == ["storefront"]
    healthy.wait(61)
    assert seen(healthy).roles == {}


def test_a_journal_that_cannot_be_read(tmp_path: Path) -> None:
    assert recent_changes(None, DEMO, NOW) == NO_CHANGES
    assert recent_changes(Journal(tmp_path / "none"), DEMO, NOW) == RecentChanges(SITES_ACCOUNT)
    (tmp_path / "journal").mkdir(mode=0o700)
    (tmp_path / "journal" / "20991124T115900000Z-abcdef.jsonl").write_text("{}\n")
    assert recent_changes(Journal(tmp_path / "journal"), DEMO, NOW) == RecentChanges(SITES_ACCOUNT)


def test_the_doctor_does_not_need_a_journal(healthy: Site) -> None:
    outcome = healthy("doctor", env={"HOME": "nowhere"}, without=("XDG_STATE_HOME",))
    assert outcome.code == 0, outcome


@table(
    ("changes", "change", "said"),
    [
        (NO_CHANGES, {}, ""),
        (NO_CHANGES, {"modified_at": ago(seconds=5)}, "the association was changed 5 s ago"),
        (NO_CHANGES, {"modified_at": ago(seconds=21)}, ""),
        (NO_CHANGES, {"created_at": ago(seconds=20), "modified_at": None}, "the association was changed 20 s ago"),
        (RecentChanges(ACCOUNT, {"orders": ago(seconds=60)}), {}, "role orders was changed 60 s ago"),
        (RecentChanges(ACCOUNT, {"orders": ago(seconds=61)}), {}, ""),
        (RecentChanges("444455556666", {"orders": ago(seconds=6)}), {}, ""),
        (
            RecentChanges(ACCOUNT, {"reports": ago(seconds=6)}),
            {"target_role_arn": TARGET_ARN},
            "role reports was changed 6 s ago",
        ),
    ],
)
def test_changes_that_may_not_be_in_effect(changes: RecentChanges, change: dict[str, Any], said: str) -> None:
    assert ROLE_ARN.endswith("role/orders")
    assert changes.settling(association(**change), NOW) == said
