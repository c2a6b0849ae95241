"""Every operation podid uses, called with real boto3; the answers on the wire are held against botocore's model."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from podid.sandbox.aws import eks_addons, eks_associations, eks_clusters
from podid.sandbox.box import Sandbox
from podid.sandbox.contract import TokenClaims
from podid.sandbox.faults import TrailRate
from sandbox.aws_checks import ROLE, Connect, ModelWatch, associate, refusal

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "pods.eks.amazonaws.com"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
        }
    ],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


class OneToken:
    """A Kubernetes half that knows one token."""

    endpoint_url = "https://127.0.0.1:6443"
    ca_pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"

    def review_token(self, token: str, audience: str) -> TokenClaims:
        assert (token, audience) == ("a.b.c", "pods.eks.amazonaws.com")
        return TokenClaims("shop", "orders", "orders-7d4b9c6f5-x2x9z", "3f1f0f53-8b0e-4b52-a6f8-0f4f6f0e2f7d")


def test_eks(box: Sandbox, eks: Any) -> None:
    watch = ModelWatch(eks)
    eks.list_clusters()
    eks.describe_cluster(name="demo")
    eks.list_nodegroups(clusterName="demo")
    eks.describe_nodegroup(clusterName="demo", nodegroupName="workers")
    eks.list_fargate_profiles(clusterName="demo")
    box.world.clusters["demo"].fargate_profiles["batch"] = {
        "fargateProfileName": "batch",
        "fargateProfileArn": box.world.arn("fargateprofile/demo/batch/1"),
        "clusterName": "demo",
        "podExecutionRoleArn": f"{ROLE}fargate",
        "subnets": [],
        "selectors": [{"namespace": "batch"}],
        "status": "ACTIVE",
    }
    eks.describe_fargate_profile(clusterName="demo", fargateProfileName="batch")
    entries = eks.list_access_entries(clusterName="demo")["accessEntries"]
    eks.describe_access_entry(clusterName="demo", principalArn=entries[0])
    eks.create_access_entry(clusterName="demo", principalArn=f"{ROLE}storefront", kubernetesGroups=["readers"])
    entry = {"clusterName": "demo", "principalArn": f"{ROLE}storefront"}
    policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSEditPolicy"
    eks.associate_access_policy(**entry, policyArn=policy, accessScope={"type": "namespace", "namespaces": ["shop"]})
    eks.list_associated_access_policies(**entry)
    eks.disassociate_access_policy(**entry, policyArn=policy)
    eks.delete_access_entry(**entry)
    eks.list_insights(clusterName="demo")
    eks.describe_addon_versions(addonName="eks-pod-identity-agent", kubernetesVersion="1.35")
    version = eks.describe_addon_versions()["addons"][0]["addonVersions"][0]["addonVersion"]
    eks.describe_addon_configuration(addonName="eks-pod-identity-agent", addonVersion=version)
    eks.create_addon(clusterName="demo", addonName="eks-pod-identity-agent", tags={"team": "shop"})
    eks.describe_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    change = eks.update_addon(
        clusterName="demo", addonName="eks-pod-identity-agent", configurationValues='{"agent":{}}'
    )["update"]
    eks.describe_update(name="demo", updateId=change["id"], addonName="eks-pod-identity-agent")
    eks.list_addons(clusterName="demo")
    eks.delete_addon(clusterName="demo", addonName="eks-pod-identity-agent")
    made = associate(
        eks,
        "shop",
        "orders",
        tags={"team": "shop"},
        disableSessionTags=True,
        targetRoleArn=f"{ROLE}storefront",
        policy=json.dumps(POLICY),
    )
    named = {"clusterName": "demo", "associationId": made["associationId"]}
    eks.update_pod_identity_association(**named, roleArn=f"{ROLE}storefront")
    eks.describe_pod_identity_association(**named)
    eks.list_pod_identity_associations(clusterName="demo")
    eks.tag_resource(resourceArn=made["associationArn"], tags={"owner": "payments"})
    eks.untag_resource(resourceArn=made["associationArn"], tagKeys=["team"])
    assert eks.list_tags_for_resource(resourceArn=made["associationArn"])["tags"] == {"owner": "payments"}
    eks.delete_pod_identity_association(**named)
    assert watch.problems == []
    handled = {*eks_clusters.HANDLERS, *eks_associations.HANDLERS, *eks_addons.HANDLERS}
    assert watch.seen == handled - {"DescribeInsight"}


def test_eks_auth_and_sts(box: Sandbox, connect: Connect) -> None:
    associate(connect("eks"), "shop", "orders")
    box.world.attach_kubernetes(OneToken())
    auth, sts = connect("eks-auth"), connect("sts")
    watches = [ModelWatch(auth), ModelWatch(sts)]
    answer = auth.assume_role_for_pod_identity(clusterName="demo", token="a.b.c")
    key = box.world.credentials.find(answer["credentials"]["accessKeyId"])
    assert key is not None
    pod = connect("sts", key=key)
    watches.append(ModelWatch(pod))
    assert pod.get_caller_identity()["Arn"] == answer["assumedRoleUser"]["arn"]
    sts.get_caller_identity()
    box.iam.backend("111122223333").get_role("storefront").assume_role_policy_document = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                    "Action": ["sts:AssumeRole"],
                }
            ],
        }
    )
    session = sts.assume_role(RoleArn=f"{ROLE}storefront", RoleSessionName="me")
    assert session["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/storefront/me"
    assert [watch.problems for watch in watches] == [[], [], []]


def test_access_analyzer(connect: Connect) -> None:
    analyzer = connect("accessanalyzer")
    watch = ModelWatch(analyzer)

    def codes(*actions: str, **more: Any) -> list[tuple[str, str]]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        found = analyzer.validate_policy(policyDocument=document, policyType="IDENTITY_POLICY")["findings"]
        return [(item["findingType"], item["issueCode"]) for item in found]

    assert codes("iam:GetRole", "eks:List*", "sts:TagSession", "anything:Goes") == []
    assert codes("iam:GetRolle", "eks:Lisst*") == [("ERROR", "INVALID_ACTION")] * 2
    assert codes("iam:PassRole") == [("SECURITY_WARNING", "PASS_ROLE_WITH_STAR_IN_RESOURCE")]
    assert codes("iam:PassRole", Resource="arn:aws:iam::111122223333:role/x") == []
    assert watch.problems == []


def test_cloudtrail(box: Sandbox, connect: Connect) -> None:
    trail = connect("cloudtrail")
    watch = ModelWatch(trail)
    box.world.attach_kubernetes(OneToken())
    auth = connect("eks-auth")
    with suppress(ClientError):
        auth.assume_role_for_pod_identity(clusterName="demo", token="a.b.c")
    by_name = [{"AttributeKey": "EventName", "AttributeValue": "AssumeRoleForPodIdentity"}]
    (event,) = trail.lookup_events(LookupAttributes=by_name)["Events"]
    assert event["Resources"] == [{"ResourceType": "AWS::EKS::Cluster", "ResourceName": "demo"}]
    more = {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)}
    box.world.trail_rate = TrailRate()
    assert refusal(trail.lookup_events, **more)[0] == "InvalidTimeRangeException"
    assert refusal(trail.lookup_events, LookupAttributes=by_name * 2)[0] == "InvalidLookupAttributesException"
    assert watch.problems == []


def test_iam(iam: Any) -> None:
    watch = ModelWatch(iam)
    role = {"RoleName": "reader"}
    read_only = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    created = iam.create_role(
        **role, AssumeRolePolicyDocument=json.dumps(TRUST), Path="/apps/", Tags=[{"Key": "podid", "Value": "1"}]
    )["Role"]
    assert created["Arn"] == f"{ROLE}apps/reader"
    assert iam.get_role(**role)["Role"]["AssumeRolePolicyDocument"] == TRUST
    assert "reader" in {
        item["RoleName"] for page in iam.get_paginator("list_roles").paginate() for item in page["Roles"]
    }
    iam.tag_role(**role, Tags=[{"Key": "team", "Value": "shop"}])
    iam.put_role_policy(**role, PolicyName="read", PolicyDocument=json.dumps(POLICY))
    assert iam.get_role_policy(**role, PolicyName="read")["PolicyDocument"] == POLICY
    assert iam.list_role_policies(**role)["PolicyNames"] == ["read"]
    iam.attach_role_policy(**role, PolicyArn=read_only)
    assert iam.list_attached_role_policies(**role)["AttachedPolicies"] == [
        {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": read_only}
    ]
    version = iam.get_policy(PolicyArn=read_only)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=read_only, VersionId=version)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Effect"] == "Allow"
    iam.update_assume_role_policy(**role, PolicyDocument=json.dumps(TRUST))
    evaluated = iam.simulate_principal_policy(
        PolicySourceArn=created["Arn"], ActionNames=["s3:GetObject", "s3:PutObject"], ResourceArns=["arn:aws:s3:::b/k"]
    )["EvaluationResults"]
    assert [(item["EvalActionName"], item["EvalDecision"]) for item in evaluated] == [
        ("s3:GetObject", "allowed"),
        ("s3:PutObject", "implicitDeny"),
    ]
    job = iam.generate_service_last_accessed_details(Arn=created["Arn"], Granularity="ACTION_LEVEL")["JobId"]
    iam.get_service_last_accessed_details(JobId=job)
    profile = iam.get_instance_profile(InstanceProfileName="demo-node-profile")["InstanceProfile"]
    assert [item["RoleName"] for item in profile["Roles"]] == ["demo-node-role"]
    iam.list_instance_profiles_for_role(RoleName="demo-node-role")
    iam.delete_role_policy(**role, PolicyName="read")
    iam.detach_role_policy(**role, PolicyArn=read_only)
    iam.delete_role(**role)
    assert watch.problems == []
    assert len(watch.seen) == 20


def test_ec2(connect: Connect) -> None:
    ec2 = connect("ec2")
    watch = ModelWatch(ec2)
    cluster = connect("eks").describe_cluster(name="demo")["cluster"]["resourcesVpcConfig"]
    found = [item for page in ec2.describe_instances()["Reservations"] for item in page["Instances"]]
    assert [(item["InstanceId"], item["PrivateIpAddress"], item["SubnetId"]) for item in found] == [
        (f"i-0a1b2c3d4e5f6000{number + 1}", f"10.0.{number}.{10 + number}", cluster["subnetIds"][number])
        for number in range(3)
    ]
    assert {item["IamInstanceProfile"]["Arn"] for item in found} == {
        "arn:aws:iam::111122223333:instance-profile/demo-node-profile"
    }
    assert "us-west-2" in {region["RegionName"] for region in ec2.describe_regions()["Regions"]}
    assert len(ec2.describe_subnets(SubnetIds=cluster["subnetIds"])["Subnets"]) == 3
    assert len(ec2.describe_security_groups(GroupIds=[cluster["clusterSecurityGroupId"]])["SecurityGroups"]) == 1
    assert ec2.describe_vpc_endpoints()["VpcEndpoints"] == []
    ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [cluster["vpcId"]]}])
    assert watch.seen == {
        "DescribeInstances",
        "DescribeRegions",
        "DescribeSubnets",
        "DescribeSecurityGroups",
        "DescribeVpcEndpoints",
        "DescribeRouteTables",
    }
    assert watch.problems == []
