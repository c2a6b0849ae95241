"""Add-ons over HTTP with unmodified boto3."""

from collections import Counter

import pytest

from aws.samples import AGENT, ROLE, token
from podid.aws.session import AwsSession
from podid.domain.aws import AddonVersion
from podid.domain.errors import (
    AlreadyExists,
    Conflict,
    NotFound,
)
from podid.domain.names import ServiceAccountRef
from podid.sandbox.box import Sandbox


def test_addon_versions_are_newest_first(session: AwsSession) -> None:
    versions = session.eks.list_addon_versions(AGENT, "1.35")
    keys = [tuple(int(p) for p in v.version[1:].replace("-eksbuild.", ".").split(".")) for v in versions]
    assert keys == sorted(keys, reverse=True)
    assert len(versions) > 1
    assert Counter(v.default for v in versions)[True] == 1
    assert all(isinstance(v, AddonVersion) and v.compute_types for v in versions)
    assert session.eks.list_addon_versions("no-such-addon", "1.35") == ()


def test_the_life_of_an_addon(box: Sandbox, session: AwsSession) -> None:
    eks = session.eks
    assert eks.find_addon("demo", AGENT) is None
    with pytest.raises(NotFound, match=f"add-on {AGENT} of cluster demo does not exist"):
        eks.delete_addon("demo", AGENT)
    box.world.delays.addon = 2.0
    values = '{"podLabels":{"a":"b"}}'
    old = eks.list_addon_versions(AGENT, "1.35")[1].version
    created = eks.create_addon("demo", AGENT, {"addonVersion": old, "configurationValues": values}, token=token())
    assert (created.name, created.status, created.version) == (AGENT, "CREATING", old)
    with pytest.raises(AlreadyExists):
        eks.create_addon("demo", AGENT, token=token())
    box.world.clock.advance(60)
    installed = eks.find_addon("demo", AGENT)
    assert installed is not None
    assert (installed.status, installed.configuration_values) == ("ACTIVE", values)
    new = eks.list_addon_versions(AGENT, "1.35")[0].version
    settings = {"addonVersion": new, "resolveConflicts": "PRESERVE"}
    update_id = eks.update_addon("demo", AGENT, settings, irsa_role_arn="", token=token())
    assert eks.get_update("demo", update_id, addon=AGENT).status == "InProgress"
    with pytest.raises(Conflict):
        eks.update_addon("demo", AGENT, {"addonVersion": new}, irsa_role_arn="", token=token())
    box.world.clock.advance(60)
    assert eks.get_update("demo", update_id, addon=AGENT).status == "Successful"
    assert [(a.name, a.version) for a in eks.list_addons("demo") if a.name == AGENT] == [(AGENT, new)]
    assert eks.delete_addon("demo", AGENT, preserve=True).status == "DELETING"
    box.world.clock.advance(60)
    assert eks.find_addon("demo", AGENT) is None


def test_associations_that_an_addon_owns(box: Sandbox, session: AwsSession) -> None:
    requested = [{"serviceAccount": "ebs-csi-controller-sa", "roleArn": ROLE}]
    session.eks._api.write(
        "UpdateAddon",
        {"clusterName": "demo", "addonName": "aws-ebs-csi-driver", "podIdentityAssociations": requested},
        "the add-on",
    )
    box.world.clock.advance(60)
    owned = session.eks.find_association("demo", ServiceAccountRef("kube-system", "ebs-csi-controller-sa"))
    addon = session.eks.find_addon("demo", "aws-ebs-csi-driver")
    assert owned is not None
    assert addon is not None
    assert (owned.owner_arn, owned.role_arn) == (addon.arn, ROLE)
    assert addon.association_arns == (owned.association_arn,)
