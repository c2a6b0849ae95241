"""What sandbox/aws/moto_backend.py takes from moto and moto does not promise. A red test here names what has moved."""

import importlib
import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest

from harness import table
from podid.sandbox.aws import moto_backend
from podid.sandbox.aws.moto_backend import IamStore
from podid.sandbox.contract import SandboxClock

ADVICE = f"moto {version('moto')} has changed what sandbox/aws/moto_backend.py uses; mend it there: "
# "module:name.attribute" -> the parameters that are given by name or by place
CALLED: dict[str, tuple[str, ...]] = {
    "moto.core.request:Request.from_values": ("args", "kwargs"),
    "moto.ec2.responses:EC2Response._dispatch": ("self", "request", "full_url", "headers"),
    "moto.iam.responses:IamResponse._dispatch": ("self", "request", "full_url", "headers"),
    "moto.iam.models:AWSManagedPolicy.from_data": ("name", "account_id", "region_name", "data"),
    "moto.iam.models:ManagedPolicy.attach_to": ("self", "obj"),
    "moto.iam.models:IAMBackend.get_roles": ("self",),
    "moto.iam.models:IAMBackend.get_groups_for_user": ("self", "user_name"),
    "moto.iam.models:IAMBackend.create_user": ("self", "region_name", "user_name", "path"),
    "moto.iam.models:IAMBackend.create_role": (
        *("self", "role_name", "assume_role_policy_document", "path", "permissions_boundary"),
        *("description", "tags", "max_session_duration"),
    ),
    "moto.iam.models:IAMBackend.create_instance_profile": ("self", "name", "path", "role_names"),
    "moto.iam.models:IAMBackend.add_role_to_instance_profile": ("self", "profile_name", "role_name"),
    "moto.iam.models:IAMBackend.reset": ("self",),
    "moto.ec2.models.vpcs:random_vpc_id": (),
    "moto.ec2.models.subnets:random_subnet_id": (),
    "moto.ec2.models.security_groups:random_security_group_id": (),
    "moto.ec2.models.instances:random_instance_id": (),
    "moto.ec2.models:EC2Backend.create_vpc": ("self", "cidr_block"),
    "moto.ec2.models:EC2Backend.create_subnet": ("self", "vpc_id", "cidr_block", "availability_zone"),
    "moto.ec2.models:EC2Backend.create_security_group": ("self", "name", "description", "vpc_id"),
    "moto.ec2.models:EC2Backend.create_internet_gateway": ("self",),
    "moto.ec2.models:EC2Backend.attach_internet_gateway": ("self", "internet_gateway_id", "vpc_id"),
    "moto.ec2.models:EC2Backend.describe_route_tables": ("self", "filters"),
    "moto.ec2.models:EC2Backend.create_route": ("self", "route_table_id", "destination_cidr_block", "gateway_id"),
    "moto.ec2.models:EC2Backend.run_instances": ("self", "image_id", "count", "user_data", "security_group_names"),
    "moto.ec2.models:EC2Backend.associate_iam_instance_profile": ("self", "instance_id"),
}


def found(name: str) -> Any:
    module, _, path = name.partition(":")
    try:
        value: Any = importlib.import_module(module)
        for step in path.split("."):
            value = getattr(value, step)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"{ADVICE}{name} is gone ({error})")
    return value


@table("name", CALLED)
def test_what_is_called(name: str) -> None:
    parameters = tuple(inspect.signature(found(name)).parameters)
    wanted = CALLED[name]
    missing = [parameter for parameter in wanted if parameter not in parameters]
    assert not missing, f"{ADVICE}{name}({', '.join(parameters)}) has no {', '.join(missing)}"


MADE: dict[str, Callable[[IamStore], Any]] = {
    "role": lambda iam: iam.make_role("999988887777", "canary", "{}", "/nest/", {"a": "b"}),
    "user": lambda iam: iam.make_user("999988887777", "us-west-2", "canary"),
    "policy": lambda iam: policy_of(iam),
    "key": lambda iam: MADE["user"](iam).create_access_key(prefix="AKIA"),
}
ATTRIBUTES = {
    "role": (
        *("arn", "id", "name", "path", "assume_role_policy_document", "tags", "policies", "managed_policies"),
        "permissions_boundary_arn",
    ),
    "user": ("arn", "id", "name", "tags", "policies", "managed_policies"),
    "policy": ("arn", "versions", "attachment_count"),
    "key": ("access_key_id", "secret_access_key", "status", "user_name"),
}


def policy_of(iam: IamStore) -> Any:
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.ensure_managed_policy("999988887777", arn)
    return iam.backend("999988887777").managed_policies[arn]


@pytest.fixture
def store() -> Any:
    made = IamStore(SandboxClock(), "aws")
    made.forget()
    yield made
    made.forget()


@pytest.mark.parametrize("kind", MADE)
def test_what_is_read(store: IamStore, kind: str) -> None:
    made = MADE[kind](store)
    missing = [name for name in ATTRIBUTES[kind] if not hasattr(made, name)]
    assert not missing, f"{ADVICE}a {kind} has no {', '.join(missing)}"


def test_the_backends_tables(store: IamStore) -> None:
    backend = store.backend("999988887777")
    for name in ("users", "roles", "access_keys", "managed_policies", "instance_profiles"):
        assert isinstance(getattr(backend, name, None), dict), f"{ADVICE}the IAM backend has no dict {name}"


def test_managed_policies_are_still_cut_from_the_text(store: IamStore) -> None:
    document = moto_backend._managed_policy_data("AmazonEKSWorkerNodePolicy")
    assert document is not None, f"{ADVICE}the text of AWS's managed policies is laid out in another way"
    assert {"Document", "Path"} <= set(document)
    assert [version.is_default for version in policy_of(store).versions] == [True]


def test_a_key_is_found_by_its_id(store: IamStore) -> None:
    user = MADE["user"](store)
    key = store.backend("999988887777").create_access_key("canary")
    credential = store.credential(key.access_key_id)
    assert credential is not None, f"{ADVICE}the IAM backend keeps its access keys elsewhere"
    assert (credential.arn, credential.secret_access_key) == (user.arn, key.secret_access_key)


def test_ec2_comes_without_images_whatever_the_environment(connect: Callable[..., Any]) -> None:
    """Reading moto's took a third of the time of every test that asked EC2 for something."""
    assert connect("ec2").describe_images()["Images"] == []
