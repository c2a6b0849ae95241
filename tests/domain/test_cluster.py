"""Facts of objects of the cluster: mounts, requirements of nodes, nodes that run the agent, and leases."""

from dataclasses import replace

from domain.values import container, node
from harness import table
from podid.domain.cluster import Mount, Requirement, ServiceAccount, Taint, name_and_tag

LABELS = {"zone": "a", "cpu": "8"}


@table(
    ("operator", "key", "values", "met"),
    [
        ("In", "zone", ("a", "b"), True),
        ("In", "zone", ("b",), False),
        ("In", "none", ("a",), False),
        ("NotIn", "zone", ("a",), False),
        ("NotIn", "none", ("a",), True),
        ("Exists", "zone", (), True),
        ("Exists", "none", (), False),
        ("DoesNotExist", "none", (), True),
        ("DoesNotExist", "zone", (), False),
        ("Gt", "cpu", ("4",), True),
        ("Gt", "cpu", ("8",), False),
        ("Lt", "cpu", ("16",), True),
        ("Lt", "zone", ("16",), False),
        ("Gt", "none", ("1",), False),
        ("Gt", "cpu", (), False),
        ("Near", "zone", ("a",), None),
    ],
)
def test_a_requirement_of_labels(operator: str, key: str, values: tuple[str, ...], met: bool | None) -> None:
    assert Requirement(key, operator, values).met_by(LABELS) is met


def test_a_requirement_of_the_name_of_a_node() -> None:
    requirement = Requirement("metadata.name", "In", ("node-1",), of_name=True)
    assert requirement.met_by({"metadata.name": "other"}, "node-1") is True
    assert requirement.met_by({"metadata.name": "node-1"}, "node-2") is False


@table(
    ("file", "covered"),
    [("/data", True), ("/data/a/b", True), ("/database", False), ("/", False), ("", False)],
)
def test_a_mount_covers_the_files_below_its_path(file: str, covered: bool) -> None:
    assert Mount("/data", "secret").covers(file) is covered


@table(
    ("image", "name", "tag"),
    [
        ("pause", "pause", ""),
        ("registry:5000/team/app:v1", "app", "v1"),
        ("registry/app@sha256:0a", "app", ""),
        ("registry/app:v1@sha256:0a", "app", "v1"),
    ],
)
def test_name_and_tag_of_an_image(image: str, name: str, tag: str) -> None:
    assert name_and_tag(image) == (name, tag)


@table(
    ("changes", "runs"),
    [
        ({}, True),
        ({"arch": "arm64"}, True),
        ({"os": "windows"}, False),
        ({"arch": "s390x"}, False),
        ({"compute_type": "fargate"}, False),
        ({"compute_type": "auto"}, False),
        ({"compute_type": "hybrid"}, False),
    ],
)
def test_nodes_that_run_the_agent(changes: dict[str, str], runs: bool) -> None:
    assert node(**changes).runs_agent is runs


def test_the_instance_of_a_node() -> None:
    assert node(provider_id="aws:///eu-west-1a/i-0a1b").instance_id == "i-0a1b"
    assert node(provider_id="eks-hybrid:///eu-west-1/demo/mi-0a1b").instance_id == ""


def test_an_empty_variable_is_not_set() -> None:
    item = container(env={"AWS_REGION": "", "AWS_PROFILE": ""}, blank=("AWS_PROFILE",))
    assert [item.sets(name) for name in ("AWS_REGION", "AWS_PROFILE", "HOME")] == [True, False, False]


def test_annotations_of_irsa() -> None:
    annotations = {"eks.amazonaws.com/role-arn": "arn", "eks.amazonaws.com/audience": "x", "team": "shop"}
    account = ServiceAccount(namespace="shop", name="orders", annotations=annotations)
    assert account.irsa_role_arn == "arn"
    assert account.irsa_annotations == {key: annotations[key] for key in list(annotations)[:2]}
    assert replace(account, annotations={}).irsa_role_arn == ""


def test_a_taint_in_words() -> None:
    assert str(Taint("dedicated", "gpu", "NoSchedule")) == "dedicated=gpu:NoSchedule"
    assert str(Taint("dedicated", effect="NoExecute")) == "dedicated:NoExecute"
