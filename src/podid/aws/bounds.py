"""Bounds on what AWS, or whoever answers in its place, sends."""

from collections.abc import Iterator
from typing import Any

import urllib3.exceptions
from botocore.awsrequest import AWSResponse
from botocore.exceptions import HTTPClientError

from podid.calls.http import limit_pools, read_whole

# a page of IAM's roles with the longest trust policies takes a third of it
LARGEST_ANSWER = 16 * 1024 * 1024


def limit_answers(client: Any) -> "Bounded":
    """No answer of this client is read any further than LARGEST_ANSWER; a larger one raises TooLarge; none
    lasts longer than its call. Returns its HTTP
    session."""
    endpoint = client._endpoint  # the only way to its HTTP session
    limit_pools(endpoint.http_session._pool_classes_by_scheme)  # of all its managers
    endpoint.http_session = Bounded(endpoint.http_session)
    return endpoint.http_session  # type: ignore[no-any-return]  # it is what was just put there


class Bounded:
    """botocore's HTTP session, but for how far it reads."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(self, request: Any) -> AWSResponse:
        request.stream_output = True
        response = self._session.send(request)
        try:
            body = read_whole(response.raw, LARGEST_ANSWER)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise HTTPClientError(error=error) from error
        return AWSResponse(response.url, response.status_code, response.headers, _Read(body))

    def close(self) -> None:
        self._session.close()


class _Read:
    """A body as botocore takes one."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._body
