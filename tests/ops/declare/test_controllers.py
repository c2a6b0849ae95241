"""Custom resources of ACK and Crossplane, read as declarations. Their forms are those of the projects' samples."""

from dataclasses import replace

import pytest

from ops.declare.worlds import Read, refused
from podid.domain.declaration import DeclaredAssociation
from podid.ops.declare.export import declared
from podid.render.export import kubernetes
from render.export.samples import SAMPLE


def without_session_policies(items: tuple[DeclaredAssociation, ...]) -> list[DeclaredAssociation]:
    return [replace(item, session_policy="") for item in items]


def test_an_export_for_ack_is_read_back(read_foreign: Read) -> None:
    (item,) = read_foreign(kubernetes.write_ack(SAMPLE).text)
    live = declared(SAMPLE)
    assert item.name == "demo-shop"
    assert item.associations == live.associations
    documents = {role.role.name: role.role.trust for role in SAMPLE.roles}
    for role, other in zip(item.roles, live.roles, strict=True):
        assert role.trust == documents[role.name]
        assert replace(role, trust=None) == replace(other, trust=None)


def test_an_export_for_crossplane_is_read_back(read_foreign: Read) -> None:
    (item,) = read_foreign(kubernetes.write_crossplane(SAMPLE).text)
    live = declared(SAMPLE)
    assert list(item.associations) == without_session_policies(live.associations)
    for role, other in zip(item.roles, live.roles, strict=True):
        assert replace(role, trust=None) == replace(other, trust=None)


ACK = """\
apiVersion: iam.services.k8s.aws/v1alpha1
kind: Role
metadata: {name: my-role, namespace: ack-system}
spec:
  name: shop-role
  path: /team/
  assumeRolePolicyDocument: >
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession"]}]}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: PodIdentityAssociation
metadata: {name: shop, namespace: ack-system}
spec:
  clusterRef: {from: {name: my-cluster}}
  namespace: shop
  serviceAccount: web
  roleRef: {from: {name: REFERENCE}}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: Cluster
metadata: {name: my-cluster}
spec: {name: blue}
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: Addon
metadata: {name: cni}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: shop}
"""


def test_references_within_a_file_are_resolved(read_foreign: Read) -> None:
    (item,) = read_foreign(ACK.replace("REFERENCE", "my-role"))
    assert [cluster.name for cluster in item.clusters] == ["blue"]
    assert [(role.name, role.path) for role in item.roles] == [("shop-role", "/team/")]
    assert item.associations[0].role == "shop-role"
    assert any("Addon cni" in note for note in item.notes)
    assert any("ServiceAccount web" in note for note in item.notes)


def test_other_references_are_refused_with_their_place(read_foreign: Read) -> None:
    lines = refused(read_foreign, ACK.replace("REFERENCE", "elsewhere"))
    assert any(line.startswith("shop.yaml:18:12: roleRef: is a reference that only the cluster") for line in lines)


CROSSPLANE = """\
apiVersion: v1
kind: List
items:
- apiVersion: eks.aws.m.upbound.io/v1beta1
  kind: PodIdentityAssociation
  metadata: {name: web, namespace: platform}
  spec:
    forProvider:
      region: us-west-2
      clusterNameRef: {name: blue}
      namespace: shop
      serviceAccount: web
      roleArnRef: {name: my-role}
- apiVersion: iam.aws.m.upbound.io/v1beta1
  kind: Role
  metadata: {name: my-role, annotations: {crossplane.io/external-name: shop-role}}
  spec:
    forProvider:
      assumeRolePolicy: '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}}'
      managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
- apiVersion: iam.aws.m.upbound.io/v1beta1
  kind: RolePolicy
  metadata: {name: p}
  spec:
    forProvider:
      roleRef: {name: my-role}
      policy: '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
"""


def test_objects_of_a_list_are_read(read_foreign: Read) -> None:
    (item,) = read_foreign(CROSSPLANE)
    (role,) = item.roles
    assert (role.name, [*map(str, role.policies)]) == (
        *("shop-role", ["managed arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "p"]),
    )
    assert ([cluster.name for cluster in item.clusters], item.associations[0].role) == (["blue"], "shop-role")


# the shape of the examples of provider-upjet-aws: labels and selectors instead of names
SELECTED = """\
apiVersion: eks.aws.upbound.io/v1beta1
kind: PodIdentityAssociation
metadata: {name: web}
spec:
  forProvider:
    clusterNameSelector: {matchLabels: {example: web}}
    namespace: shop
    region: us-west-1
    roleArnSelector: {matchLabels: {example: web}}
    serviceAccount: web
---
apiVersion: eks.aws.upbound.io/v1beta1
kind: Cluster
metadata: {name: blue, labels: {example: web}}
spec: {forProvider: {region: us-west-1}}
---
apiVersion: iam.aws.upbound.io/v1beta1
kind: Role
metadata: {name: web-role, labels: {example: web, more: x}}
spec: {forProvider: {assumeRolePolicy: '{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}}'}}
---
apiVersion: iam.aws.upbound.io/v1beta1
kind: RolePolicyAttachment
metadata: {name: read}
spec:
  forProvider:
    policyArn: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess
    roleSelector: {matchLabels: {example: web}}
---
apiVersion: iam.aws.upbound.io/v1beta1
kind: RolePolicy
metadata: {name: foreign}
spec: {forProvider: {role: elsewhere, policy: '{}'}}
---
apiVersion: eks.aws.upbound.io/v1beta1
kind: Addon
metadata: {name: cni}
spec:
  forProvider: {addonName: vpc-cni, podIdentityAssociation: [{serviceAccount: aws-node}]}
"""


def test_selectors_within_a_file_are_resolved(read_foreign: Read) -> None:
    (item,) = read_foreign(SELECTED)
    (role,) = item.roles
    assert [cluster.name for cluster in item.clusters] == ["blue"]
    assert (role.name, [*map(str, role.policies)]) == (
        *("web-role", ["managed arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]),
    )
    assert item.associations[0].role == "web-role"
    assert item.notes == (
        "omitted: aws-node of add-on vpc-cni, which owns these associations: podid addon associate vpc-cni",
        "omitted: RolePolicy foreign of role elsewhere, which the file does not declare",
        "podid does not use the region in the file: us-west-1",
    )


@pytest.mark.parametrize(
    ("former", "other", "message"),
    [
        (
            "kind: Cluster",
            "kind: VPC",
            "clusterNameSelector: is a reference that only the cluster can resolve: specify",
        ),
        (
            "labels: {example: web, more: x}",
            "labels: {example: y}",
            "roleArnSelector: is a reference that only the cluster can resolve: specify roleArn",
        ),
        ("policyArn: arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "policyArnRef: {name: p}", "policyArnRef: is a"),
        ("roleSelector: {matchLabels: {example: web}}", "region: x", "RolePolicyAttachment read: role: is required"),
        (
            "{matchLabels: {example: web}}\n    serviceAccount",
            "{}\n    serviceAccount",
            "roleArnSelector: is a reference",
        ),
    ],
)
def test_selectors_without_an_object_are_refused_with_their_place(
    read_foreign: Read, former: str, other: str, message: str
) -> None:
    text = SELECTED.replace(former, other)
    lines = refused(read_foreign, text)
    (line,) = (line for line in lines if message in line)
    assert "is required" not in "".join(one for one in lines if one != line)
    place, column = map(int, line.split(":")[1:3])
    shown = text.splitlines()[place - 1][column - 1 :]
    assert shown.startswith(("{", "matchLabels", "apiVersion")), shown


def test_objects_of_the_same_name_in_two_groups_are_distinct(read_foreign: Read) -> None:
    other = ACK.replace("REFERENCE", "my-role").replace("serviceAccount: web", "serviceAccount: other")
    (item,) = read_foreign(f"{SELECTED.replace('web-role', 'my-role')}---\n{other}")
    assert [role.name for role in item.roles] == ["my-role", "shop-role"]
    assert [(row.name, row.role) for row in item.associations] == [("web", "my-role"), ("other", "shop-role")]


ADOPTED = """\
apiVersion: iam.services.k8s.aws/v1alpha1
kind: Role
metadata:
  name: my-role
  annotations:
    services.k8s.aws/adoption-policy: adopt
    services.k8s.aws/adoption-fields: '{"name": "storefront"}'
---
apiVersion: eks.services.k8s.aws/v1alpha1
kind: PodIdentityAssociation
metadata: {name: web, annotations: {services.k8s.aws/region: eu-west-1}}
spec:
  clusterName: blue
  namespace: shop
  serviceAccount: web
  roleRef: {from: {name: my-role}}
"""


def test_an_object_that_adopts_a_role_only_names_it(read_foreign: Read) -> None:
    (item,) = read_foreign(ADOPTED)
    assert (item.roles, item.associations[0].role) == ((), "storefront")
    assert item.notes == (
        "omitted: Role my-role, because it only adopts or observes an existing resource",
        "podid does not use the region in the file: eu-west-1",
    )
    observed = SELECTED.replace("{forProvider: {assumeRolePolicy", "{managementPolicies: [Observe], forProvider: {x")
    (item,) = read_foreign(observed)
    assert (item.roles, item.associations[0].role) == ((), "web-role")
