"""What AWS says of the policies that a plan would write, before it writes any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from podid.domain.errors import InvalidInput, PodidError
from podid.domain.permissions import PolicyFinding
from podid.domain.plan import Action, Plan
from podid.ops.change.kinds import ROLE_POLICY

if TYPE_CHECKING:
    from podid.aws.access_analyzer import AccessAnalyzer

_TOLD = ("SECURITY_WARNING", "WARNING")


def validated(plan: Plan, analyzer: AccessAnalyzer) -> Plan:
    """The plan with what IAM Access Analyzer warns of in the inline policies that it would write. Raises InvalidInput
    for what it calls an error. Where it cannot be asked, the plan says that the policies were checked here alone."""
    notes: list[str] = []
    for action in plan.actions:
        if action.kind != ROLE_POLICY.name or action.after is None:
            continue
        document = cast("Mapping[str, object]", action.after["policyDocument"])
        subject = ROLE_POLICY.subject(action)
        try:
            found = analyzer.validate_policy(document, subject)
        except PodidError as error:
            why = f"needs {error.permission}" if error.permission else error.what.partition(" (")[0]
            notes.append(
                "policies were checked here only, for JSON, structure and size: IAM Access Analyzer could not be asked "
                f"({why})"
            )
            break
        _check(found, action)
        notes += [f"{subject}: {_words(item)}" for item in found if item.kind in _TOLD]
    return plan.noting(tuple(dict.fromkeys(notes)))


def _check(found: tuple[PolicyFinding, ...], action: Action) -> None:
    errors = [item for item in found if item.kind == "ERROR"]
    if errors:
        raise InvalidInput(
            f"IAM Access Analyzer refuses policy {action.keys['policyName']}: {_words(errors[0])}",
            lines=tuple(_words(item) for item in errors[1:]),
            subject=action.keys["policyName"],
        )


def _words(item: PolicyFinding) -> str:
    place = f"{item.place}: " if item.place else ""
    return f"{place}{item.details.rstrip('.')} ({item.code})"
