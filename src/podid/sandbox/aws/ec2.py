"""EC2's share of the baseline, made when EC2 is first called: importing moto's EC2 takes half a second."""

from podid.sandbox.world import World


def seed(world: World) -> None:
    """The two nodes of the managed node group, with the instance profile that carries their role."""
    from moto.ec2.models import ec2_backends

    from podid.sandbox.baseline import NODE_INSTANCE_IDS, NODEGROUP

    for name in list(ec2_backends):
        for backend in list(ec2_backends[name].values()):
            backend.reset()
    backend = ec2_backends[world.account][world.region]
    profile = f"arn:{world.partition}:iam::{world.account}:instance-profile/demo-node-profile"
    tags = {
        "eks:cluster-name": world.cluster_name,
        "eks:nodegroup-name": NODEGROUP,
        f"kubernetes.io/cluster/{world.cluster_name}": "owned",
    }
    reservation = backend.run_instances(
        "ami-12c6146b",
        len(NODE_INSTANCE_IDS),
        None,
        ["default"],
        instance_type="m7g.large",
        is_instance_type_default=False,
        tags={"instance": tags},
        iam_instance_profile_arn=profile,
    )
    for instance, instance_id in zip(reservation.instances, NODE_INSTANCE_IDS, strict=True):
        instance.id = instance_id
