"""Shared parts of the AWS tests: errors as (code, message, status), and answers compared with the service model."""

import json
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

Connect = Callable[..., Any]
ROLE = "arn:aws:iam::111122223333:role/"


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, str, int]:
    """Return code, message and HTTP status of the error that the call must raise."""
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def associate(eks: Any, namespace: str, service_account: str, role: str = "orders-dynamodb", **more: Any) -> Any:
    answer = eks.create_pod_identity_association(
        clusterName="demo", namespace=namespace, serviceAccount=service_account, roleArn=ROLE + role, **more
    )
    return answer["association"]


class ModelWatch:
    """Collects, for each answer of a client, members that the model lacks, and required ones that are missing."""

    def __init__(self, client: Any) -> None:
        self.problems: list[str] = []
        self.seen: set[str] = set()
        self._client = client
        client.meta.events.register("response-received", self._received)

    def _received(self, response_dict: dict[str, Any], event_name: str, **_: Any) -> None:
        operation = self._client.meta.service_model.operation_model(event_name.rsplit(".", 1)[-1])
        self.seen.add(operation.name)
        if response_dict["status_code"] >= 300 or operation.output_shape is None:
            return
        body = response_dict["body"]
        if self._client.meta.service_model.metadata["protocol"] in ("rest-json", "json"):
            self._json(operation.output_shape, json.loads(body), operation.name)
            return
        root = ElementTree.fromstring(body)
        wrapper = operation.output_shape.serialization.get("resultWrapper")
        element = next((child for child in root if _tag(child) == wrapper), None) if wrapper else root
        if element is not None:
            self._xml(operation.output_shape, element, operation.name)

    def _json(self, shape: Shape, value: Any, path: str) -> None:
        if isinstance(shape, StructureShape):
            known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
            self.problems += [f"{path}.{name} unknown" for name in value if name not in known]
            self.problems += [f"{path}.{name} missing" for name in shape.required_members if name not in value]
            for name, item in value.items():
                if name in known:
                    self._json(known[name], item, f"{path}.{name}")
        elif isinstance(shape, ListShape):
            for item in value:
                self._json(shape.member, item, f"{path}[]")
        elif isinstance(shape, MapShape):
            for item in value.values():
                self._json(shape.value, item, f"{path}{{}}")
        elif shape.type_name == "timestamp" and not isinstance(value, int | float):
            self.problems.append(f"{path} is no timestamp: {value!r}")

    def _xml(self, shape: Shape, element: ElementTree.Element, path: str) -> None:
        if isinstance(shape, StructureShape):
            known = {member.serialization.get("name", name): member for name, member in shape.members.items()}
            tags = [_tag(child) for child in element]
            # part of every EC2 answer, and not in the models
            self.problems += [f"{path}.{tag} unknown" for tag in tags if tag not in known and tag != "requestId"]
            required = [shape.members[name].serialization.get("name", name) for name in shape.required_members]
            self.problems += [f"{path}.{name} missing" for name in required if name not in tags]
            for child in element:
                if _tag(child) in known:
                    self._xml(known[_tag(child)], child, f"{path}.{_tag(child)}")
        elif isinstance(shape, ListShape):
            for child in element:
                self._xml(shape.member, child, f"{path}[]")


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
