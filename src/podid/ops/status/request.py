"""What is asked for of a status, as options of the commands that show one."""

from collections.abc import Sequence

from podid.domain.errors import Again, InvalidInput
from podid.domain.option import switch
from podid.domain.status import IdentityState

ALLOW_UNKNOWN = switch("Exit 0, not 9, if something could not be checked.")


def read_state(text: str, allowed: Sequence[IdentityState]) -> IdentityState:
    """What --require names. Raises InvalidInput for a state that the command cannot show."""
    if text not in tuple(allowed):
        words = ", ".join(allowed)
        raise InvalidInput(f"--require {text!r} is not one of: {words}", hint=Again(swap=(text, allowed[-1])))
    return IdentityState(text)
