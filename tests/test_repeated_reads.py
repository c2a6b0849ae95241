"""A repeated read has the result and the error of botocore's own call."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import auth
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from harness import table
from worlds import Site

READS = [
    ("iam", "get_role", {"RoleName": "storefront"}),
    ("iam", "get_role_policy", {"RoleName": "orders-dynamodb", "PolicyName": "orders-table"}),
    ("iam", "get_role", {"RoleName": "nosuch"}),
    ("eks", "describe_cluster", {"name": "demo"}),
    ("eks", "describe_addon", {"clusterName": "demo", "addonName": "nosuch"}),
    ("eks", "list_pod_identity_associations", {"clusterName": "nosuch"}),
    ("ec2", "describe_instances", {}),
    ("ec2", "describe_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
    ("sts", "get_caller_identity", {}),
    ("cloudformation", "describe_stacks", {"StackName": "nosuch"}),
]


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the operations whose requests botocore prepares from now on."""
    names: list[str] = []
    convert = BaseClient._convert_to_request_dict

    def converting(self: Any, **named: Any) -> Any:
        names.append(named["operation_model"].name)
        return convert(self, **named)

    monkeypatch.setattr(BaseClient, "_convert_to_request_dict", converting)
    return names


def read(site: Site, service: str, method: str, params: dict[str, Any]) -> Any:
    """Return the answer or the error, without the parts that differ from call to call."""
    try:
        answer = getattr(site.aws(service), method)(**params)
    except ClientError as error:
        answer = {**error.response, "error": (type(error).__name__, error.operation_name, str(error))}
    varying = ("RequestId", "HTTPHeaders")
    metadata = {name: value for name, value in answer["ResponseMetadata"].items() if name not in varying}
    return {**answer, "ResponseMetadata": metadata}


@table("service, method, params", READS)
def test_the_result_is_the_same(
    service: str, method: str, params: dict[str, Any], site: Site, prepared: list[str]
) -> None:
    own = read(site, service, method, params)
    prepared.clear()
    assert read(site, service, method, params) == own
    assert prepared == ([] if own["ResponseMetadata"]["HTTPStatusCode"] in (200, 404) else [own["error"][1]])


def test_a_handler_of_the_client_is_called(site: Site) -> None:
    seen: list[str] = []
    for _ in range(2):
        iam = site.aws("iam")
        iam.meta.events.register("before-call.iam.GetRole", lambda model, **_: seen.append(model.name))
        iam.get_role(RoleName="storefront")
    assert seen == ["GetRole", "GetRole"]


def test_another_server_gets_the_same_request_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[AWSPreparedRequest] = []

    def sending(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        sent.append(request)
        return AWSResponse(request.url, 200, {}, SimpleNamespace(stream=lambda: iter([b"{}"])))

    monkeypatch.setattr(URLLib3Session, "send", sending)
    monkeypatch.setattr(auth, "get_current_datetime", lambda: datetime(2026, 11, 1))
    eks = boto3.client(
        "eks",
        endpoint_url="http://127.0.0.1:1",
        region_name="us-west-2",
        aws_access_key_id="A",
        aws_secret_access_key="B",
    )
    for _ in range(2):
        eks.list_clusters()
    once, again = ({**request.headers, "amz-sdk-invocation-id": b""} for request in sent)
    # urllib3 sends both in the same way
    assert once == {name: value if isinstance(value, bytes) else value.encode() for name, value in again.items()}
