"""What is redacted, and what stays."""

from typing import Any

from checks.builder import association, chained, healthy
from podid.checks.all import ALL
from podid.domain.codec import to_plain
from podid.domain.model import described
from podid.domain.snapshot import Snapshot, known_or
from podid.ops.doctor.bundle import redact
from podid.ops.status.diagnose import diagnose


def verdicts(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    return [(item.check, item.outcome, item.severity) for item in diagnose(snapshot, checks=ALL).verdicts]


def test_every_check_finds_what_it_found_before() -> None:
    for snapshot in (healthy(), chained(), chained(association(external_id="x"))):
        assert verdicts(redact(snapshot).snapshot) == verdicts(snapshot)


def test_an_external_id_is_another_one_everywhere() -> None:
    # a name of the form itself, which a replacement in the text would break
    given = association(external_id="known", target_role_arn="arn:aws:iam::444455556666:role/other")
    redacted = redact(healthy(associations=(given,)))
    (found,) = described(known_or(redacted.snapshot.associations, ()))
    assert found.external_id == "external-id-1"
    assert (redacted.external_ids, "444455556666" in str(to_plain(redacted.snapshot))) == (1, False)
