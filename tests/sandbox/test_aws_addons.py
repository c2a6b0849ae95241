"""The add-on operations behave as EKS does: states, schema, owned associations."""

import json
from typing import Any

import pytest

from podid.sandbox.box import Sandbox
from podid.sandbox.world import AddonFault
from sandbox.aws_checks import ROLE, associate, refusal

AGENT = {"clusterName": "demo", "addonName": "eks-pod-identity-agent"}
CSI = {"clusterName": "demo", "addonName": "aws-ebs-csi-driver"}
CSI_ACCOUNT = "ebs-csi-controller-sa"


def status(eks: Any, **named: str) -> str:
    found: str = eks.describe_addon(**named)["addon"]["status"]
    return found


def test_the_life_of_an_addon(box: Sandbox, eks: Any) -> None:
    box.world.delays.addon = 30
    assert refusal(eks.describe_addon, **AGENT) == (
        "ResourceNotFoundException",
        "No addon: eks-pod-identity-agent found in cluster: demo",
        404,
    )
    made = eks.create_addon(**AGENT)["addon"]
    assert (made["status"], made["addonVersion"]) == ("CREATING", "v1.3.10-eksbuild.2")
    assert refusal(eks.create_addon, **AGENT) == ("ResourceInUseException", "Addon already exists.", 409)
    assert refusal(eks.update_addon, **AGENT)[0] == "ResourceInUseException"
    box.world.clock.advance(31)
    assert status(eks, **AGENT) == "ACTIVE"
    change = eks.update_addon(**AGENT, addonVersion="v1.3.10-eksbuild.3")["update"]
    assert (change["status"], change["type"], status(eks, **AGENT)) == ("InProgress", "AddonUpdate", "UPDATING")
    box.world.clock.advance(31)
    done = eks.describe_update(name="demo", updateId=change["id"], addonName=AGENT["addonName"])["update"]
    assert (done["status"], done["errors"]) == ("Successful", [])
    assert eks.describe_addon(**AGENT)["addon"]["addonVersion"] == "v1.3.10-eksbuild.3"
    assert eks.delete_addon(**AGENT)["addon"]["status"] == "DELETING"
    box.world.clock.advance(31)
    assert eks.list_addons(clusterName="demo")["addons"] == ["aws-ebs-csi-driver"]
    assert box.world.agent_addon() is None


def test_preserve_leaves_the_agent_running(box: Sandbox, eks: Any) -> None:
    eks.create_addon(**AGENT, configurationValues='{"agent": {"additionalArgs": {"-b": "169.254.170.23"}}}')
    eks.describe_addon(**AGENT)
    eks.delete_addon(**AGENT, preserve=True)
    assert refusal(eks.describe_addon, **AGENT)[0] == "ResourceNotFoundException"
    left = box.world.agent_addon()
    assert left is not None
    assert left.configuration == {"agent": {"additionalArgs": {"-b": "169.254.170.23"}}}


def test_faults_show_as_issues(box: Sandbox, eks: Any) -> None:
    box.world.addon_faults["eks-pod-identity-agent"] = AddonFault("CREATE_FAILED", "AdmissionRequestDenied", "no")
    eks.create_addon(**AGENT)
    found = eks.describe_addon(**AGENT)["addon"]
    assert (found["status"], found["health"]) == (
        "CREATE_FAILED",
        {"issues": [{"code": "AdmissionRequestDenied", "message": "no", "resourceIds": []}]},
    )
    box.world.addon_faults["eks-pod-identity-agent"] = AddonFault("UPDATE_FAILED", "ConfigurationConflict", "held")
    change = eks.update_addon(**AGENT, resolveConflicts="NONE")["update"]
    eks.describe_addon(**AGENT)
    failed = eks.describe_update(name="demo", updateId=change["id"], addonName=AGENT["addonName"])["update"]
    assert (failed["status"], failed["errors"]) == (
        "Failed",
        [{"errorCode": "ConfigurationConflict", "errorMessage": "held", "resourceIds": []}],
    )


@pytest.mark.parametrize(
    ("values", "violation"),
    [
        (
            '{"colour": 1}',
            "$.colour: is not defined in the schema and the schema does not allow additional properties",
        ),
        ('{"agent": {"additionalArgs": {"-v": 5}}}', "$.agent.additionalArgs.-v: integer found, string expected"),
        ("agent: 3", "$.agent: integer found, object expected"),
        ("null", "$: null found, object expected"),
        ('{"agent": {"probePort": 70000}}', "$.agent.probePort: must have a maximum value of 65535"),
    ],
)
def test_configuration_is_held_against_the_schema(eks: Any, values: str, violation: str) -> None:
    assert refusal(eks.create_addon, **AGENT, configurationValues=values) == (
        "InvalidParameterException",
        "ConfigurationValue provided in request is not supported: Json schema validation failed with error: "
        f"[{violation}]",
        400,
    )


def test_versions(eks: Any) -> None:
    assert refusal(eks.create_addon, **AGENT, addonVersion="v9")[:2] == (
        "InvalidParameterException",
        "Addon version specified is not supported",
    )
    assert refusal(eks.create_addon, clusterName="demo", addonName="nothing")[:2] == (
        "InvalidParameterException",
        "Addon specified is not supported",
    )
    found = eks.describe_addon_versions(addonName="eks-pod-identity-agent", kubernetesVersion="1.35")["addons"]
    defaults = [
        version["addonVersion"]
        for version in found[0]["addonVersions"]
        if version["compatibilities"] == [{"clusterVersion": "1.35", "platformVersions": ["*"], "defaultVersion": True}]
    ]
    assert defaults == ["v1.3.10-eksbuild.2"]
    described = eks.describe_addon_configuration(addonName="aws-ebs-csi-driver", addonVersion="v1.54.0-eksbuild.1")
    assert described["podIdentityConfiguration"] == [
        {
            "serviceAccount": CSI_ACCOUNT,
            "recommendedManagedPolicies": ["arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"],
        }
    ]
    assert json.loads(described["configurationSchema"])["type"] == "object"


def test_owned_associations_are_replaced_as_a_whole(eks: Any) -> None:
    wanted = [{"serviceAccount": CSI_ACCOUNT, "roleArn": f"{ROLE}storefront"}]
    eks.update_addon(**CSI, podIdentityAssociations=wanted)
    addon = eks.describe_addon(**CSI)["addon"]
    listed = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    assert [item["associationArn"] for item in listed] == addon["podIdentityAssociations"]
    assert listed[0]["ownerArn"] == addon["addonArn"]
    wanted[0]["roleArn"] = f"{ROLE}orders-dynamodb"
    eks.update_addon(**CSI, podIdentityAssociations=wanted)
    eks.describe_addon(**CSI)
    changed = eks.describe_pod_identity_association(clusterName="demo", associationId=listed[0]["associationId"])
    assert changed["association"]["roleArn"] == f"{ROLE}orders-dynamodb"
    eks.update_addon(**CSI, addonVersion="v1.56.0-eksbuild.1")
    assert eks.describe_addon(**CSI)["addon"]["podIdentityAssociations"] == addon["podIdentityAssociations"]
    eks.update_addon(**CSI, podIdentityAssociations=[])
    assert eks.describe_addon(**CSI)["addon"]["podIdentityAssociations"] == []
    assert eks.list_pod_identity_associations(clusterName="demo")["associations"] == []


def test_an_addon_cannot_adopt(eks: Any) -> None:
    mine = associate(eks, "kube-system", CSI_ACCOUNT)
    wanted = [{"serviceAccount": CSI_ACCOUNT, "roleArn": f"{ROLE}storefront"}]
    assert refusal(eks.update_addon, **CSI, podIdentityAssociations=wanted) == (
        "ResourceInUseException",
        f"Association already exists: {mine['associationId']}",
        409,
    )
    wanted[0]["serviceAccount"] = "else"
    assert refusal(eks.update_addon, **CSI, podIdentityAssociations=wanted)[1] == (
        "Service account else in pod identity configuration is not supported for addon aws-ebs-csi-driver"
    )
    assert refusal(eks.create_addon, **AGENT, podIdentityAssociations=wanted)[1] == (
        "Pod Identity feature is not supported for addon version: v1.3.10-eksbuild.2"
    )


@pytest.mark.parametrize(("preserve", "left"), [(False, []), (True, [None])])
def test_deleting_an_addon_takes_its_associations(eks: Any, preserve: bool, left: list[None]) -> None:
    eks.update_addon(**CSI, podIdentityAssociations=[{"serviceAccount": CSI_ACCOUNT, "roleArn": f"{ROLE}storefront"}])
    eks.delete_addon(**CSI, preserve=preserve)
    listed = eks.list_pod_identity_associations(clusterName="demo")["associations"]
    assert [item.get("ownerArn") for item in listed] == left
