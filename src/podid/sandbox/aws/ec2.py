"""EC2's share of the baseline, made when EC2 is first called: importing moto's EC2 takes half a second."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

from podid.sandbox.world import World

VPC_ID = "vpc-0a1b2c3d4e5f60001"
SUBNET_IDS = ("subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002", "subnet-0a1b2c3d4e5f60003")
CLUSTER_SECURITY_GROUP_ID = "sg-0a1b2c3d4e5f60001"
INSTANCE_IDS = ("i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "i-0a1b2c3d4e5f60003")
INSTANCE_TYPE = "m6i.large"
INSTANCE_PROFILE = "demo-node-profile"
NODEGROUP = "workers"


def seed(world: World) -> None:
    """The cluster's VPC with three subnets and its security group, and the three nodes with the node role's profile."""
    from moto.ec2.models import ec2_backends, instances, security_groups, subnets, vpcs

    for account in list(ec2_backends.values()):
        for backend in list(account.values()):
            backend.reset()
    backend = ec2_backends[world.account][world.region]
    with _ids(vpcs, "random_vpc_id", (VPC_ID,)):
        backend.create_vpc("10.0.0.0/16")
    with _ids(subnets, "random_subnet_id", SUBNET_IDS):
        for index, _ in enumerate(SUBNET_IDS):
            zone = f"{world.region}{'abc'[index]}"
            backend.create_subnet(VPC_ID, f"10.0.{index}.0/24", availability_zone=zone)
    with _ids(security_groups, "random_security_group_id", (CLUSTER_SECURITY_GROUP_ID,)):
        name = f"eks-cluster-sg-{world.cluster_name}"
        backend.create_security_group(name, "EKS created security group", vpc_id=VPC_ID)
    tags = {
        "eks:cluster-name": world.cluster_name,
        "eks:nodegroup-name": NODEGROUP,
        f"kubernetes.io/cluster/{world.cluster_name}": "owned",
    }
    with _ids(instances, "random_instance_id", INSTANCE_IDS):
        for index, subnet_id in enumerate(SUBNET_IDS):
            backend.run_instances(
                "ami-12c6146b",
                1,
                None,
                [],
                instance_type=INSTANCE_TYPE,
                is_instance_type_default=False,
                subnet_id=subnet_id,
                private_ip=f"10.0.{index}.{10 + index}",
                security_group_ids=[CLUSTER_SECURITY_GROUP_ID],
                tags={"instance": tags},
            )
    for instance_id in INSTANCE_IDS:
        backend.associate_iam_instance_profile(instance_id, INSTANCE_PROFILE)


@contextmanager
def _ids(module: ModuleType, generator: str, ids: Sequence[str]) -> Iterator[None]:
    """moto's random ids replaced by fixed ones, since DescribeCluster and the nodes name them too."""
    waiting = iter(ids)
    original = getattr(module, generator)
    setattr(module, generator, lambda: next(waiting))
    try:
        yield
    finally:
        setattr(module, generator, original)
