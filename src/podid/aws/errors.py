"""What only AWS's gateways raise, beside `podid.domain.errors`."""

from podid.domain.errors import Conflict, LostAnswer, NotFound, PodidError, Unavailable


class ServerFailed(Unavailable):
    """The service answered with a 5xx: a read may be tried again, a write may or may not have been carried out."""


class ConnectionLost(Unavailable):
    """The request was sent and no whole answer came back."""


class Unreachable(Unavailable):
    """No connection could be made, so the service never saw the request."""


class ConcurrentModification(Conflict):
    """IAM was changing the same object for somebody else: read again, then write again."""

    code = "ConcurrentModification"


class ClusterNotFound(NotFound):
    """The cluster that a call named is what does not exist, not the thing inside it."""


def lost_answer(error: PodidError) -> LostAnswer:
    """What a write raises when `error` says that its answer did not arrive."""
    return LostAnswer(
        f"the change may or may not have been made: {error.what}",
        subject=error.subject,
        request_id=error.request_id,
        advice="Run the same command again: it looks first and changes only what is missing.",
    )
