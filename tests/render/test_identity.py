"""Everything about one service account, as facts, as lines about its pods and as a document."""

from dataclasses import replace
from typing import Any, cast

from checks.builder import NOW, association, chained, healthy, pod
from ops.status.snapshots import DENIED
from podid.domain.cloudtrail import LastUse
from podid.domain.encoding import plain
from podid.domain.snapshot import Known, Missing, Snapshot
from podid.ops.association.identity import IdentityReading
from podid.ops.role.read import RoleReading
from podid.ops.status.diagnose import Diagnosis, diagnose
from podid.ops.status.facts import account_of, hop_of, pods_of, trust_of
from podid.render.identity import identity_view
from podid.render.view import Line
from worlds import ORDERS

from .identities import NONE, OLD


def reading(snapshot: Snapshot, **changes: Any) -> IdentityReading:
    diagnosis = Diagnosis(diagnose(snapshot), snapshot)
    (status,), (own,) = diagnosis.report.identities, cast("Any", snapshot.associations).value
    role = next(iter(cast("Any", snapshot.roles).value.values())).value
    base = IdentityReading(
        status,
        own,
        account_of(snapshot, ORDERS),
        pods_of(diagnosis, ORDERS),
        trust_of(snapshot, own),
        Known(RoleReading(role, (), {"p": {"Statement": []}}, ())),
        hop=hop_of(snapshot, own),
    )
    return replace(base, **changes)


def shown(reading: IdentityReading) -> list[str]:
    """Return the lines of a terminal without `-o wide`."""
    lines = identity_view(reading, NOW).lines
    return [
        line.text if isinstance(line, Line) else line
        for line in lines
        if not (isinstance(line, Line) and line.only == "full")
    ]


def fact(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if line.strip().startswith(f"{name} ")]
    return line.strip().removeprefix(name).strip()


def test_the_trust_policy_the_target_role_and_the_pods() -> None:
    lines = shown(reading(chained()))
    assert (
        fact(lines, "trust policy")
        == "allows the service account to assume the role (only shop/orders in cluster prod)"
    )
    assert fact(lines, "role chaining").startswith("allowed")
    assert "Deployment orders: 1 pod" in lines
    assert "  app: uses Pod Identity" in lines


def test_values_that_equal_the_usual_ones_are_omitted() -> None:
    lines = shown(reading(healthy()))
    assert not any("session tags" in line or "target role" in line for line in lines)
    off = reading(healthy(associations=(association(disable_session_tags=True, policy="{}"),)))
    assert fact(shown(off), "session tags") == "off"


def test_stale_pods_and_pods_with_other_credentials_are_named() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": ""}
    app = replace(pod().containers[0], env={**pod().containers[0].env, **keys})
    with_keys = replace(pod("keys"), containers=(app,))
    assert "  stale: old" in shown(reading(healthy(pods=(pod("new"), OLD))))
    lines = shown(reading(healthy(pods=(pod("new"), OLD, with_keys))))
    assert "  stale: old" not in lines  # a restart does not help while the template has keys
    (own,) = [line for line in lines if "of keys" in line]
    assert own.startswith("  app of keys: uses access keys of its own (AWS_ACCESS_KEY_ID")
    assert own.endswith("before Pod Identity")


def test_what_could_not_be_read_is_named_with_its_permission() -> None:
    blind = reading(healthy(pods=DENIED, service_accounts=DENIED), permissions=Missing("denied", "iam:GetRole"))
    lines = shown(blind)
    assert fact(lines, "in Kubernetes") == "not checked: needs list pods"
    assert "Pods not checked: needs list pods" in lines
    assert "permissions: not checked: needs iam:GetRole" in lines
    document = cast("dict[str, Any]", plain(identity_view(blind, NOW).document))
    assert (document["pods"], document["account"], document["permissions"]) == (None, None, None)
    assert [item["what"] for item in document["unknowns"]] == [
        "the policies of the role",
        "the service account",
        "the pods",
    ]


def test_the_last_use() -> None:
    never = reading(healthy(), last_use=Known(LastUse(None, NOW.replace(month=10))))
    assert fact(shown(never), "last use") == "none in CloudTrail in the last 31d"
    unread = reading(healthy(), last_use=Missing("denied", "cloudtrail:LookupEvents"))
    assert fact(shown(unread), "last use") == "not checked: needs cloudtrail:LookupEvents"


def test_without_an_association_it_is_a_status() -> None:
    none = Missing("there is no association")
    pods = pods_of(Diagnosis(diagnose(healthy()), healthy()), ORDERS)
    view = identity_view(IdentityReading(NONE, None, Known(None), pods, none, none), NOW)
    assert view.document["kind"] == "IdentityStatus"
    assert "Deployment orders: 1 pod" in view.lines
