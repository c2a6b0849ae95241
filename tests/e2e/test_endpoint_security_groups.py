"""The security group of the VPC endpoint for EKS Auth."""

from worlds import Site


def test_the_doctor_reports_an_endpoint_that_nodes_cannot_connect_to(healthy: Site) -> None:
    ec2 = healthy.aws("ec2")
    vpc = healthy.box.world.clusters["demo"].body["resourcesVpcConfig"]["vpcId"]
    group = ec2.create_security_group(GroupName="endpoint", Description="of the endpoint", VpcId=vpc)["GroupId"]
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName="com.amazonaws.us-west-2.eks-auth",
        VpcEndpointType="Interface",
        PrivateDnsEnabled=True,
        SecurityGroupIds=[group],
    )
    closed = healthy("doctor", "-o", "json")
    (finding,) = closed.json["findings"]
    assert (closed.code, finding["id"], finding["severity"]) == (3, "eks-auth-unreachable", "error")
    assert finding["evidence"][0] == f"security groups of the endpoint: {group}"

    healthy.box.world.credentials.deny("ec2:DescribeSecurityGroups")
    unread = healthy("doctor", "-o", "json")
    assert [(item["id"], item["permission"]) for item in unread.json["unknowns"]] == [
        ("eks-auth-unreachable", "ec2:DescribeSecurityGroups")
    ]
    healthy.box.world.credentials.allow_again("ec2:DescribeSecurityGroups")

    source = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=source)
    opened = healthy("doctor", "-o", "json")
    assert (opened.code, opened.json["findings"]) == (0, [])
