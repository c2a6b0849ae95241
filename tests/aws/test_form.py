"""The form of an answer by the protocol of its service. tests/hostile/test_one_gate.py calls every operation."""

from contextlib import nullcontext
from typing import Any

import botocore.session
import pytest

from harness import table
from podid.aws.form import RawAnswer, check_form
from podid.domain.foreign import Malformed

NOT_JSON, NOT_XML = "it is not a JSON object", "it is not XML of this operation"
HTML = b"<html><body/></html>"
REQUEST = {"x-amzn-RequestId": "1"}


def operation(service: str, name: str) -> Any:
    return botocore.session.get_session().get_service_model(service).operation_model(name)


@table(
    ("service", "name", "body", "headers", "problem"),
    [
        ("eks", "ListClusters", b'{"clusters": []}', {}, ""),
        ("eks", "ListClusters", b" {} ", {}, ""),
        ("eks", "ListClusters", b"", REQUEST, NOT_JSON),
        ("eks", "ListClusters", b'{"clusters": [', REQUEST, NOT_JSON),
        ("eks", "ListClusters", b"[" * 100_000, REQUEST, NOT_JSON),
        ("eks", "ListClusters", b"\xff", REQUEST, NOT_JSON),
        ("cloudtrail", "LookupEvents", HTML, REQUEST, NOT_JSON),
        ("cloudtrail", "LookupEvents", b"[]", REQUEST, NOT_JSON),
        # EKS answers a change of tags with no member, and may answer with nothing
        ("eks", "TagResource", b"{}", {}, ""),
        ("eks", "TagResource", b"", REQUEST, ""),
        ("eks", "TagResource", b"", {}, NOT_JSON),
        ("eks", "TagResource", HTML, REQUEST, NOT_JSON),
        ("iam", "DeleteRole", b"<DeleteRoleResponse xmlns='x'><ResponseMetadata/></DeleteRoleResponse>", {}, ""),
        ("iam", "DeleteRole", b"<?xml version='1.0'?>\n<DeleteRoleResponse/>", {}, ""),
        ("iam", "DeleteRole", b"<i:DeleteRoleResponse xmlns:i='x'/>", {}, ""),
        ("iam", "DeleteRole", b"<TagRoleResponse/>", {}, NOT_XML),
        ("iam", "DeleteRole", HTML, REQUEST, NOT_XML),
        ("iam", "DeleteRole", b"", REQUEST, NOT_XML),
        ("ec2", "DescribeRegions", b"<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>", {}, ""),
        ("ec2", "DescribeRegions", b"<DescribeVpcsResponse/>", {}, NOT_XML),
        # the body is the bucket's policy
        ("s3", "GetBucketPolicy", HTML, {}, ""),
    ],
)
def test_form(service: str, name: str, body: bytes, headers: dict[str, str], problem: str) -> None:
    with pytest.raises(Malformed, match=f"^{problem}$") if problem else nullcontext():
        check_form(operation(service, name), RawAnswer(200, body, headers))


def test_other_texts_of_an_answer_are_not_in_the_message() -> None:
    with pytest.raises(Malformed) as caught:
        check_form(operation("iam", "DeleteRole"), RawAnswer(200, b"<secret/>"))
    assert "secret" not in str(caught.value)
