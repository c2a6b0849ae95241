"""Errors of AWS and podid's errors for them: helpers of the tests of the error table."""

import botocore.exceptions as sdk

from podid.aws.errors import Origin, translate
from podid.domain.errors import PodidError

ORIGIN = Origin("dev", "eu-west-1")
SSO = Origin("dev", "eu-west-1", sso=True)
ME = "arn:aws:sts::111122223333:assumed-role/dev/me"


def answer(code: str, text: str, status: int = 400) -> sdk.ClientError:
    return sdk.ClientError(
        {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"RequestId": "r-1", "HTTPStatusCode": status}},
        "Operation",
    )


def error_of(
    code: str,
    text: str,
    *,
    service: str = "eks",
    operation: str = "DescribeCluster",
    subject: str = "",
    status: int = 400,
    origin: Origin = ORIGIN,
) -> PodidError:
    error = translate(answer(code, text, status), service=service, operation=operation, subject=subject, origin=origin)
    assert error.request_id == "r-1"
    return error


def shown(error: PodidError) -> tuple[type[PodidError], str, tuple[str, ...], str]:
    assert isinstance(error.hint, tuple)
    return type(error), error.message, error.hint, error.advice
