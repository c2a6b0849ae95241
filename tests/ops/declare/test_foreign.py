"""Files of other programs, read as declarations. Their forms are those of public examples of eksctl's user guide and of
the samples of ACK and Crossplane."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from podid.domain.declaration import Declaration, DeclaredAssociation, PolicySource
from podid.domain.errors import InvalidInput
from podid.ops.declare.files import read_declarations
from podid.ops.export.live import declared
from podid.render.declaration import declaration_text
from podid.render.export import kubernetes
from render.export.samples import ASSOCIATIONS, SAMPLE

Read = Callable[..., tuple[Declaration, ...]]
ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.chdir(tmp_path)

    def reading(text: str, name: str = "shop.yaml") -> tuple[Declaration, ...]:
        Path(name).write_text(text, encoding="utf-8")
        made = read_declarations((name,), {"x": "replaced"}, read_file=lambda file: Path(file).read_text("utf-8"))
        for number, item in enumerate(made):  # what convert prints is the same
            Path(f"own-{number}.yaml").write_text(declaration_text(item), encoding="utf-8")
            own = read_declarations((f"own-{number}.yaml",), {}, read_file=lambda file: Path(file).read_text("utf-8"))
            assert own == (item,)
        return made

    return reading


def refused(read: Read, text: str, name: str = "shop.yaml") -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        read(text, name)
    return [caught.value.message, *caught.value.lines]


# --- eksctl -----------------------------------------------------------------------------------------------------------

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
    roleARN: {ROLE}
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


def test_a_cluster_config(read: Read) -> None:
    (item,) = read(CONFIG + ROWS)
    assert (item.name, [cluster.name for cluster in item.clusters]) == ("blue-shop", ["blue"])
    assert [(role.name, role.boundary) for role in item.roles] == [
        ("shop-cache", f"arn:aws:iam::{ACCOUNT}:policy/limit"),
        ("blue-shop-web", ""),
    ]
    cache, web = item.roles
    assert cache.tags == {"team": "shop"}
    assert [(policy.source, policy.value or policy.name) for policy in cache.policies] == [
        (PolicySource.MANAGED, f"arn:aws:iam::{ACCOUNT}:policy/p-1"),
        (PolicySource.PRESET, "cluster-autoscaler"),
        (PolicySource.DOCUMENT, "cert-manager"),
        (PolicySource.PRESET, "ebs-csi"),
        (PolicySource.MANAGED, "AmazonEC2ContainerRegistryPowerUser"),
    ]
    assert "hostedzone/*" in json.dumps(cache.policies[2].document)
    assert "{{" not in json.dumps(cache.policies[2].document)
    (policy,) = web.policies
    assert (policy.name, json.dumps(policy.document).count("${x}")) == ("web", 1)  # no variable of podid
    reader, second, third = item.associations
    assert (reader.service_account, reader.role, reader.target_role) == (
        *("shop/reader", ROLE, "arn:aws:iam::444455556666:role/ledger"),
    )
    assert (second.role, second.tags) == ("shop-cache", {"team": "shop"})
    assert (third.role, third.session_tags, third.create_service_account) == ("blue-shop-web", False, True)
    assert json.loads(third.session_policy)["Statement"][0]["Effect"] == "Deny"
    notes = "\n".join(item.notes)
    assert "omitted: aws-node of add-on vpc-cni" in notes
    assert "role shop-cache: certManager of eksctl allows every zone" in notes
    assert "role blue-shop-web: eksctl generates another name" in notes


def test_what_a_cluster_config_says_beside_its_rows_is_a_note(read: Read) -> None:
    addon = "- name: adot\n  useDefaultPodIdentityAssociations: true\n- name: vpc-cni\n"
    accounts = "iam:\n  serviceAccounts:\n  - metadata: {name: s3, namespace: backup}\n"
    config = CONFIG.replace("- name: vpc-cni\n", addon).replace("iam:\n", accounts)
    config += ROWS + "addonsConfig: {autoApplyPodIdentityAssociations: true}\n"
    (item,) = read(config)
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
        (f"namespace: shop, serviceAccountName: a, roleArn: {ROLE}", "roleArn: is not a known key of eksctl; did you"),
        (
            f"namespace: shop, serviceAccountName: a, roleARN: {ROLE}, permissionPolicyARNs: []",
            "permissionPolicyARNs: cannot be used together with roleARN",
        ),
        (
            "namespace: shop, serviceAccountName: a, wellKnownPolicies: {autoScalar: true}",
            "wellKnownPolicies.autoScalar: is not a policy of eksctl; did you mean autoScaler?",
        ),
        ("namespace: shop, serviceAccountName: a, wellKnownPolicies: {autoScaler: yes}", "must be true or false"),
        (f"namespace: shop, serviceAccountName: A, roleARN: {ROLE}", "is not a service account name"),
        (f"namespace: shop, serviceAccountName: a, roleARN: {ROLE}, policy: '{{}}'", "sessionPolicy"),
    ],
)
def test_a_mistake_in_a_cluster_config_has_its_place(read: Read, row: str, message: str) -> None:
    lines = refused(read, f"{CONFIG}  - {{{row}}}\n")
    assert all(line.startswith("shop.yaml:17:") for line in lines)
    assert any(message in line for line in lines), lines


def test_a_cluster_config_needs_its_cluster(read: Read) -> None:
    (line,) = refused(read, CONFIG.replace("  name: blue\n", "") + ROWS)
    assert line == "shop.yaml:1:1: metadata.name: is required"


# --- what podid exports -----------------------------------------------------------------------------------------------


def without_session_policies(items: tuple[DeclaredAssociation, ...]) -> list[DeclaredAssociation]:
    return [replace(item, session_policy="") for item in items]


def test_what_is_exported_for_ack_is_read_back(read: Read) -> None:
    (item,) = read(kubernetes.write_ack(SAMPLE).text)
    live = declared(SAMPLE)
    assert item.name == "demo-shop"
    assert item.associations == live.associations
    documents = {role.role.name: role.role.trust for role in SAMPLE.roles}
    for role, other in zip(item.roles, live.roles, strict=True):
        assert role.trust == documents[role.name]
        assert replace(role, trust=None) == replace(other, trust=None)


def test_what_is_exported_for_crossplane_is_read_back(read: Read) -> None:
    (item,) = read(kubernetes.write_crossplane(SAMPLE).text)
    live = declared(SAMPLE)
    assert list(item.associations) == without_session_policies(live.associations)
    for role, other in zip(item.roles, live.roles, strict=True):
        assert replace(role, trust=None) == replace(other, trust=None)


def test_what_is_exported_for_eksctl_is_read_back(read: Read) -> None:
    (item,) = read(kubernetes.write_eksctl(SAMPLE).text)
    arns = {association.ref: association.role_arn for association in ASSOCIATIONS}
    assert [replace(row, role="") for row in item.associations] == [
        replace(row, role="") for row in declared(SAMPLE).associations
    ]
    assert [row.role for row in item.associations] == [arns[row.ref] for row in item.associations if row.ref]


# --- references of controllers ----------------------------------------------------------------------------------------

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


def test_references_within_a_file_are_resolved(read: Read) -> None:
    (item,) = read(ACK.replace("REFERENCE", "my-role"))
    assert [cluster.name for cluster in item.clusters] == ["blue"]
    assert [(role.name, role.path) for role in item.roles] == [("shop-role", "/team/")]
    assert item.associations[0].role == "shop-role"
    assert any("Addon cni" in note for note in item.notes)
    assert any("ServiceAccount web" in note for note in item.notes)


def test_other_references_are_refused_with_their_place(read: Read) -> None:
    lines = refused(read, ACK.replace("REFERENCE", "elsewhere"))
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
      assumeRolePolicy: '{"Version": "2012-10-17", "Statement": []}'
      managedPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
- apiVersion: iam.aws.m.upbound.io/v1beta1
  kind: RolePolicy
  metadata: {name: p}
  spec:
    forProvider:
      roleRef: {name: my-role}
      policy: '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
"""


def test_objects_of_a_list_are_read(read: Read) -> None:
    (item,) = read(CROSSPLANE)
    (role,) = item.roles
    assert (role.name, [policy.name or policy.value for policy in role.policies]) == (
        *("shop-role", ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "p"]),
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
spec: {forProvider: {assumeRolePolicy: '{"Version": "2012-10-17", "Statement": []}'}}
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


def test_selectors_within_a_file_are_resolved(read: Read) -> None:
    (item,) = read(SELECTED)
    (role,) = item.roles
    assert [cluster.name for cluster in item.clusters] == ["blue"]
    assert (role.name, [policy.value for policy in role.policies]) == (
        *("web-role", ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]),
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
    read: Read, former: str, other: str, message: str
) -> None:
    text = SELECTED.replace(former, other)
    lines = refused(read, text)
    (line,) = (line for line in lines if message in line)
    assert "is required" not in "".join(one for one in lines if one != line)
    place, column = map(int, line.split(":")[1:3])
    shown = text.splitlines()[place - 1][column - 1 :]
    assert shown.startswith(("{", "matchLabels", "apiVersion")), shown


def test_objects_of_the_same_name_in_two_groups_are_distinct(read: Read) -> None:
    other = ACK.replace("REFERENCE", "my-role").replace("serviceAccount: web", "serviceAccount: other")
    (item,) = read(f"{SELECTED.replace('web-role', 'my-role')}---\n{other}")
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


def test_an_object_that_adopts_a_role_only_names_it(read: Read) -> None:
    (item,) = read(ADOPTED)
    assert (item.roles, item.associations[0].role) == ((), "storefront")
    assert item.notes == (
        "omitted: Role my-role, because it only adopts or observes an existing resource",
        "podid does not use the region in the file: eu-west-1",
    )
    observed = SELECTED.replace("{forProvider: {assumeRolePolicy", "{managementPolicies: [Observe], forProvider: {x")
    (item,) = read(observed)
    assert (item.roles, item.associations[0].role) == ((), "web-role")


# --- answers of the API and lists -------------------------------------------------------------------------------------

ROW = {
    "clusterName": "blue",
    "namespace": "shop",
    "serviceAccount": "web",
    "roleArn": ROLE,
    "associationArn": "arn:x",
    "associationId": "a-1",
    "tags": {"team": "shop", "aws:x": "y"},
    "disableSessionTags": False,
    "createdAt": 1.5,
}


def test_answers_of_the_api(read: Read) -> None:
    (item,) = read(json.dumps({"association": ROW}), "web.json")
    assert (item.name, item.clusters[0].name) == ("blue-web", "blue")
    (row,) = item.associations
    assert (row.service_account, row.role, row.session_tags, row.tags) == ("shop/web", ROLE, True, {"team": "shop"})
    green = {**ROW, "clusterName": "green"}
    owned = {**ROW, "serviceAccount": "ebs", "ownerArn": "arn:aws:eks:us-west-2:1:addon/blue/aws-ebs-csi-driver/1"}
    first, second = read(json.dumps({"associations": [ROW, green, owned]}), "all.json")
    assert ([first.name, second.name], len(first.associations)) == (["blue-all", "green-all"], 1)
    assert first.notes == ("omitted: shop/ebs, because the add-on aws-ebs-csi-driver owns the association",)


def test_a_list_without_roles_is_refused(read: Read) -> None:
    row = {key: value for key, value in ROW.items() if key in ("clusterName", "namespace", "serviceAccount")}
    lines = refused(read, json.dumps({"associations": [row]}), "list.json")
    assert any("list-pod-identity-associations returns no roles" in line for line in lines)


def test_csv_and_lists_of_podid(read: Read) -> None:
    csv = f"namespace,service_account,role,target_role,session_tags,tags\nshop,web,{ROLE},,off,team=shop;a=b\n"
    (item,) = read(csv, "shop.csv")
    (row,) = item.associations
    assert (item.name, item.clusters, row.service_account, row.session_tags) == ("shop", (), "shop/web", False)
    assert row.tags == {"team": "shop", "a": "b"}
    listed = {"apiVersion": "podid/v1", "kind": "AssociationList", "items": [{**ROW, "createdAt": "2026-01-01"}]}
    assert read(json.dumps(listed), "list.json")[0].associations[0].service_account == "shop/web"
    with pytest.raises(InvalidInput, match=r"shop\.csv, line 2: .*role"):
        read("namespace,service_account,role\nshop,web,a b\n", "shop.csv")


def test_own_files_beside_foreign_ones_stay_as_they_are(read: Read) -> None:
    head = "apiVersion: podid/v1\nkind: PodIdentity\nmetadata: {name: a}\n"
    own = f"{head}associations:\n- serviceAccount: a/b\n  role: ${{x}}\n"
    assert read(own)[0].associations[0].role == "replaced"
    assert "kind" in refused(read, "kind: Other\napiVersion: v1\n")[0]
