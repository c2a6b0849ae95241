"""CloudTrail's data about a migration: SDKs that are too old, and the stage `proven`."""

import pytest

from irsa import PROVIDER, REPORTS, Irsa
from podid.ops.migrate import trail as migration_trail
from podid.sandbox.aws import trail
from worlds import ACCOUNT

ROLE = f"arn:aws:iam::{ACCOUNT}:role/irsa-reports"
OLD = "Boto3/1.28.0 md/Botocore#1.31.0 ua/2.0 os/linux#5.10 lang/python#3.11.4"
NEW = "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux#6.1 lang/python#3.12.4"


def exchanged(irsa: Irsa, agent: str, *, provider: str = PROVIDER, ref: str = REPORTS, hours: float = 1) -> None:
    """A pod has exchanged its token so many hours ago."""
    world, subject = irsa.site.box.world, f"system:serviceaccount:{ref.replace('/', ':')}"
    trail.exchanged(world, ROLE, provider, subject, "botocore-session-1", agent)
    irsa.site.clock.advance(hours * 3600)


def test_an_old_sdk_blocks(irsa: Irsa) -> None:
    exchanged(irsa, OLD)
    assert irsa.blockers(REPORTS) == []
    (blocker,) = irsa.items("--cloudtrail")[REPORTS]["blockers"]
    assert (blocker["id"], "boto3 1.28.0" in blocker["message"]) == ("sdk-too-old", True)
    assert "Pod Identity requires 1.34.41 or later" in blocker["evidence"][0]
    assert irsa.site("migrate", "apply", REPORTS, "--cloudtrail", "--yes").code == 6
    irsa.site.must("migrate", "apply", REPORTS, "--cloudtrail", "--accept", "sdk-too-old", "--yes")


def test_exchanges_that_do_not_block(irsa: Irsa) -> None:
    exchanged(irsa, OLD, hours=30)
    exchanged(irsa, NEW)
    exchanged(irsa, "curl/8.0")
    exchanged(irsa, OLD, ref="legacy/other")
    exchanged(irsa, OLD, provider=PROVIDER.replace("EXAMPLED", "OTHERD"))
    item = irsa.items("--cloudtrail")[REPORTS]
    assert (item["blockers"], item["unknown"]) == ([], [])


def test_exchanges_that_are_not_read_are_unknown(irsa: Irsa, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged(irsa, OLD)
    exchanged(irsa, NEW, ref="shop/busy")
    exchanged(irsa, NEW, ref="shop/busy")
    monkeypatch.setattr(migration_trail, "MOST_EVENTS", 2)
    item = irsa.items("--cloudtrail")[REPORTS]
    assert (item["blockers"], len(item["unknown"])) == ([], 1)
    assert item["unknown"][0].startswith("sessions in CloudTrail before ")
    assert irsa.site("migrate", "apply", REPORTS, "--cloudtrail", "--strict", "--yes").code == 6


def test_without_the_permission_it_is_unknown(irsa: Irsa) -> None:
    irsa.site.box.world.credentials.deny("cloudtrail:LookupEvents")
    item = irsa.items("--cloudtrail")[REPORTS]
    assert (item["blockers"], item["unknown"]) == ([], ["sessions in CloudTrail (needs cloudtrail:LookupEvents)"])
    outcome = irsa.site("migrate", "apply", REPORTS, "--cloudtrail", "--strict", "--yes")
    assert (outcome.code, "cloudtrail:LookupEvents" in outcome.stderr) == (6, True), outcome


def test_a_stage_is_proven_when_every_pod_has_had_a_session(irsa: Irsa) -> None:
    irsa.site.must("migrate", "apply", REPORTS, "--until", "moved", "--yes")

    def stage() -> str:
        items = irsa.site.must("migrate", "status", "--cloudtrail", "-o", "json").json["items"]
        return str(items[0]["stage"])

    assert stage() == "moved"
    irsa.site.must("verify", REPORTS, "--yes")
    irsa.site.wait(1200)  # CloudTrail is late
    assert (stage(), irsa.stages()[REPORTS]) == ("proven", "moved")
    result = irsa.site.must("migrate", "status", "--cloudtrail", "-o", "json").json
    assert result["next"] == [["podid", "migrate", "finish", "-A"]]
    irsa.site.cluster.delete(f"/api/v1/namespaces/legacy/pods/{irsa.site.cluster.pod_names('legacy')[0]}")
    irsa.site.wait(60)
    assert stage() == "moved"
