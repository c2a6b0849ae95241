"""The key that signs saved plans: never the value of an option, because the journal records command lines."""

from podid.cli.access import Access
from podid.domain.signature import PLAN_KEY, plan_key


def read_plan_key(access: Access, file: str) -> bytes | None:
    """Return the key in the file of --plan-key-file, or that of PODID_PLAN_KEY; None without either. Raise UsageError
    for an empty key."""
    if file:
        return plan_key(access.terminal.read_file(file), file)
    text = access.runtime.env.get(PLAN_KEY)
    return None if text is None else plan_key(text, PLAN_KEY)
