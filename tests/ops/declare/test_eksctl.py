"""ClusterConfigs of eksctl, read as declarations. Their forms are those of eksctl's user guide."""

import json
from dataclasses import replace

import pytest

from ops.declare.worlds import READER, Read, refused
from podid.domain.declaration import InlinePolicy
from podid.ops.declare.export import declared
from podid.render.export import kubernetes
from render.export.samples import ASSOCIATIONS, SAMPLE
from worlds import ACCOUNT

CONFIG = """\
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata:
  name: blue
  region: us-west-2
managedNodeGroups:
- name: nodes
addons:
- name: eks-pod-identity-agent
- name: vpc-cni
  podIdentityAssociations:
  - serviceAccountName: aws-node
    namespace: kube-system
    permissionPolicyARNs: ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]
iam:
  podIdentityAssociations:
"""


ROWS = f"""\
  - namespace: shop
    serviceAccountName: reader
    roleARN: {READER}
    targetRoleARN: arn:aws:iam::444455556666:role/ledger
  - namespace: shop
    serviceAccountName: cache
    roleName: shop-cache
    permissionPolicyARNs: ["arn:aws:iam::{ACCOUNT}:policy/p-1"]
    permissionsBoundaryARN: arn:aws:iam::{ACCOUNT}:policy/limit
    wellKnownPolicies:
      autoScaler: true
      certManager: true
      ebsCSIController: true
      imageBuilder: true
      efsCSIController: false
    tags:
      team: "shop"
  - namespace: shop
    serviceAccountName: web
    createServiceAccount: true
    disableSessionTags: true
    policy: '{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":"s3:*","Resource":"*"}}]}}'
    permissionPolicyName: web
    permissionPolicy:
      Version: "2012-10-17"
      Statement: [{{Effect: Allow, Action: ["s3:GetObject"], Resource: "arn:aws:s3:::b/${{x}}"}}]
"""


def test_a_cluster_config(read_foreign: Read) -> None:
    (item,) = read_foreign(CONFIG + ROWS)
    assert (item.name, [cluster.name for cluster in item.clusters]) == ("blue-shop", ["blue"])
    assert [(role.name, role.boundary) for role in item.roles] == [
        ("shop-cache", f"arn:aws:iam::{ACCOUNT}:policy/limit"),
        ("blue-shop-web", ""),
    ]
    cache, web = item.roles
    assert cache.tags == {"team": "shop"}
    assert list(map(str, cache.policies)) == [
        f"managed arn:aws:iam::{ACCOUNT}:policy/p-1",
        "preset cluster-autoscaler",
        "cert-manager",
        "preset ebs-csi",
        "managed AmazonEC2ContainerRegistryPowerUser",
    ]
    assert isinstance(cache.policies[2], InlinePolicy)
    assert "hostedzone/*" in repr(cache.policies[2])
    assert "{{" not in repr(cache.policies[2])
    (policy,) = web.policies
    assert (str(policy), repr(policy).count("${x}")) == ("web", 1)  # no variable of podid
    reader, second, third = item.associations
    assert (reader.service_account, reader.role, reader.target_role) == (
        *("shop/reader", READER, "arn:aws:iam::444455556666:role/ledger"),
    )
    assert (second.role, second.tags) == ("shop-cache", {"team": "shop"})
    assert (third.role, third.session_tags, third.create_service_account) == ("blue-shop-web", False, True)
    assert json.loads(third.session_policy)["Statement"][0]["Effect"] == "Deny"
    notes = "\n".join(item.notes)
    assert "omitted: aws-node of add-on vpc-cni" in notes
    assert "role shop-cache: certManager of eksctl allows every zone" in notes
    assert "role blue-shop-web: eksctl generates another name" in notes


def test_other_parts_of_a_cluster_config_are_notes(read_foreign: Read) -> None:
    addon = "- name: adot\n  useDefaultPodIdentityAssociations: true\n- name: vpc-cni\n"
    accounts = "iam:\n  serviceAccounts:\n  - metadata: {name: s3, namespace: backup}\n"
    config = CONFIG.replace("- name: vpc-cni\n", addon).replace("iam:\n", accounts)
    config += ROWS + "addonsConfig: {autoApplyPodIdentityAssociations: true}\n"
    (item,) = read_foreign(config)
    assert [note for note in item.notes if not note.startswith("role ")] == [
        "omitted: recommended roles of add-on adot: podid addon associate adot --recommended",
        "omitted: aws-node of add-on vpc-cni, which owns these associations: podid addon associate vpc-cni",
        "omitted: recommended roles of add-ons: podid addon associate --recommended --all",
        "omitted: IAM roles for service accounts (IRSA) of backup/s3: podid migrate plan",
        "podid does not use the region in the file: us-west-2",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("serviceAccountName: a", "shop.yaml:17:5: associations[0].serviceAccount: is required"),
        ("namespace: shop, roleName: r", "associations[0].serviceAccount: is required"),
        ("namespace: shop, serviceAccountName: a", "requires roleARN, permissionPolicy,"),
        (
            f"namespace: shop, serviceAccountName: a, roleArn: {READER}",
            "roleArn: is not a known key of eksctl; did you",
        ),
        (
            f"namespace: shop, serviceAccountName: a, roleARN: {READER}, permissionPolicyARNs: []",
            "permissionPolicyARNs: cannot be used together with roleARN",
        ),
        (
            "namespace: shop, serviceAccountName: a, wellKnownPolicies: {autoScalar: true}",
            "wellKnownPolicies.autoScalar: is not a policy of eksctl; did you mean autoScaler?",
        ),
        ("namespace: shop, serviceAccountName: a, wellKnownPolicies: {autoScaler: yes}", "must be true or false"),
        (f"namespace: shop, serviceAccountName: A, roleARN: {READER}", "is not a service account name"),
        (f"namespace: shop, serviceAccountName: a, roleARN: {READER}, policy: '{{}}'", "sessionPolicy"),
    ],
)
def test_a_mistake_in_a_cluster_config_has_its_place(read_foreign: Read, row: str, message: str) -> None:
    lines = refused(read_foreign, f"{CONFIG}  - {{{row}}}\n")
    assert all(line.startswith("shop.yaml:17:") for line in lines)
    assert any(message in line for line in lines), lines


def test_a_cluster_config_needs_its_cluster(read_foreign: Read) -> None:
    (line,) = refused(read_foreign, CONFIG.replace("  name: blue\n", "") + ROWS)
    assert line == "shop.yaml:1:1: metadata.name: is required"


def test_an_export_for_eksctl_is_read_back(read_foreign: Read) -> None:
    (item,) = read_foreign(kubernetes.write_eksctl(SAMPLE).text)
    arns = {association.ref: association.role_arn for association in ASSOCIATIONS}
    assert [replace(row, role="") for row in item.associations] == [
        replace(row, role="") for row in declared(SAMPLE).associations
    ]
    assert [row.role for row in item.associations] == [arns[row.ref] for row in item.associations if row.ref]
