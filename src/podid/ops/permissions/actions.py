"""Read the table of AWS's actions."""

from functools import cache
from pathlib import Path

from podid.domain.policy.actions import ActionTable

_FILE = Path(__file__).parent.parent.parent / "actions" / "actions.jsonl"


@cache
def action_table() -> ActionTable:
    return ActionTable.parse(_FILE.read_text(encoding="utf-8"))
