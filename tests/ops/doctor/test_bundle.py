"""The redacted values of a bundle."""

import json
from dataclasses import replace
from typing import Any

from checks.builder import association, chained, healthy, pod, role
from podid.checks.all import ALL
from podid.domain.aws import described
from podid.domain.codec import to_plain
from podid.domain.evidence import RecentChanges
from podid.domain.network import Egress, VpcEndpoint
from podid.domain.snapshot import SERVICES, Known, Snapshot, known, known_or
from podid.ops.doctor.bundle import CONTENTS, OF_AUDIT, OMITTED, contents, redact
from podid.ops.status.diagnose import diagnose


def verdicts(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    return [(item.check, item.outcome, item.severity) for item in diagnose(snapshot, checks=ALL).verdicts]


def test_checks_give_the_same_verdicts_after_redaction() -> None:
    for snapshot in (healthy(), chained(), chained(association(external_id="x"))):
        assert verdicts(redact(snapshot).snapshot) == verdicts(snapshot)


def test_an_external_id_has_the_same_replacement_everywhere() -> None:
    # a name of the form itself, which a replacement in the text would break
    original = association(external_id="known", target_role_arn="arn:aws:iam::444455556666:role/other")
    redacted = redact(healthy(associations=(original,)))
    (changed,) = described(known_or(redacted.snapshot.associations, ()))
    assert changed.external_id == "external-id-1"
    assert (redacted.external_ids, "444455556666" in str(to_plain(redacted.snapshot))) == (1, False)


def test_accounts_outside_of_arns_are_replaced() -> None:
    """A registry's, a principal's and a condition's, and one in a policy that is text."""
    accounts = ["444455556666", "555566667777", "666677778888", "777788889999"]
    registry, principal, source, other = accounts
    app = replace(pod().containers[0], image=f"{registry}.dkr.ecr.eu-west-1.amazonaws.com/app:202601021504")
    condition = {"StringEquals": {"aws:SourceAccount": [source]}}
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", "Condition": condition}
    trusting = role(document={"Statement": [statement]})
    endpoint = VpcEndpoint(
        endpoint_id="vpce-1",
        service="eks-auth",
        state="available",
        policy=json.dumps({"Principal": {"AWS": other}}),
    )
    snapshot = healthy(
        pods=(replace(pod(), containers=(app,)),),
        roles={trusting.arn: Known(trusting)},
        egress=Egress((), (endpoint,)),
    )
    text = str(to_plain(redact(snapshot).snapshot))
    assert [account for account in accounts if account in text] == []
    assert ":202601021504" in text  # a tag of 12 digits


def test_every_section_has_a_kind_of_contents() -> None:
    named = {section for sections in CONTENTS.values() for section in sections}
    assert named | {*OMITTED, *OF_AUDIT} == set(SERVICES)
    assert set(contents(healthy())) < set(CONTENTS)
    assert contents(healthy(agent_logs={})) == contents(healthy())


def test_only_tags_that_a_trust_policy_names_stay() -> None:
    condition = {"StringEquals": {"aws:PrincipalTag/team": "shop", "iam:ResourceTag/Stage": "x"}}
    statement = {"Effect": "Allow", "Principal": {"Service": "x"}, "Action": "sts:AssumeRole", "Condition": condition}
    tags = {"team": "shop", "stage": "x", "secret": "s"}
    original = replace(role(document={"Statement": [statement]}), tags=tags, description="d")
    snapshot = healthy(roles={original.arn: Known(original)})
    (section,) = known(redact(snapshot).snapshot.roles).values()
    assert isinstance(section, Known)
    assert section.value is not None
    assert (section.value.tags, section.value.description) == ({"team": "shop", "stage": "x"}, "")


def test_settings_of_deleted_associations_are_omitted() -> None:
    changes = RecentChanges("111122223333", deleted={"shop/orders": {"policy": "SECRET"}})
    assert "SECRET" not in str(to_plain(redact(healthy(changes=changes)).snapshot))
