"""What the owners of target roles must add to their trust policies."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from podid.domain.plan import TargetTrustChange
from podid.domain.trust import TrustVerdict
from podid.ops.change.external_ids import awaited_in
from podid.ops.role.target import owed_words
from podid.render.view import Line

if TYPE_CHECKING:
    from podid.render.documents import changes as documents


def owed_bodies(owed: Sequence[TargetTrustChange]) -> list[documents.TargetRoleBody]:
    return [
        {
            "roleArn": item.target_role_arn,
            "serviceAccounts": item.service_accounts,
            "verdict": TrustVerdict.NO_MATCH if item.refused else TrustVerdict.UNKNOWN,
            "addToTrustPolicy": item.statements,
            "externalIdOf": sorted(map(str, awaited_in(item.statements))),
            "command": item.command or None,
        }
        for item in owed
    ]


def owed_lines(owed: Sequence[TargetTrustChange]) -> list[str | Line]:
    """They are part of the result: without them the chain does not hold."""
    lines: list[str | Line] = []
    for item in owed:
        lines.append(Line(owed_words(item), "bad" if item.refused else "warn"))
        lines += [f"  {shlex.join(item.command)}"] if item.command else []
    return lines
