"""What AWS says of the policies that a plan would write, before it writes any."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from podid.domain.errors import InvalidInput, PodidError
from podid.domain.permissions import PolicyFinding
from podid.domain.plan import Action, Plan, document
from podid.ops.change.kinds import ASSOCIATION, ROLE_POLICY

if TYPE_CHECKING:
    from podid.aws.iam import AccessAnalyzer

_TOLD = ("SECURITY_WARNING", "WARNING")


def validated(plan: Plan, analyzer: AccessAnalyzer) -> Plan:
    """The plan with what IAM Access Analyzer warns of in the policies that it would write: a role's inline ones, and
    session policies, of which it judges as of those of a role. Raises InvalidInput for what it calls an error. Where it
    cannot be asked, the plan says that the policies were checked here alone."""
    notes: list[str] = []
    asked: list[Mapping[str, object]] = []
    for action in plan.actions:
        written = _written(action)
        if written is None or written[1] in asked:
            continue
        subject, document = written
        asked.append(document)
        try:
            found = analyzer.validate_policy(document, subject)
        except PodidError as error:
            why = f"needs {error.permission}" if error.permission else error.what.partition(" (")[0]
            notes.append(
                "policies were checked here only, for JSON, structure and size: IAM Access Analyzer could not be asked "
                f"({why})"
            )
            break
        _check(found, subject)
        notes += [f"{subject}: {_words(item)}" for item in found if item.kind in _TOLD]
    return plan.noting(tuple(dict.fromkeys(notes)))


def _written(action: Action) -> tuple[str, Mapping[str, object]] | None:
    """What the action would write for a policy, and how that is called; None where it writes none."""
    after, before = action.after or {}, action.before or {}
    if action.kind == ROLE_POLICY.name and after:
        return ROLE_POLICY.subject(action), document(after, "policyDocument")
    policy = after.get("policy") if action.kind == ASSOCIATION.name else None
    if not policy or policy == before.get("policy"):
        return None
    return f"session policy of {action.target}", cast("Mapping[str, object]", json.loads(str(policy)))


def _check(found: tuple[PolicyFinding, ...], subject: str) -> None:
    errors = [item for item in found if item.kind == "ERROR"]
    if errors:
        raise InvalidInput(
            f"IAM Access Analyzer refuses the {subject}: {_words(errors[0])}",
            lines=tuple(_words(item) for item in errors[1:]),
            subject=subject,
        )


def _words(item: PolicyFinding) -> str:
    place = f"{item.place}: " if item.place else ""
    return f"{place}{item.details.rstrip('.')} ({item.code})"
