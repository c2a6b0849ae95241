"""What another tool owns is changed only with --take-over, by every command that changes; the plan names the tool."""

import json
from collections.abc import Callable
from itertools import cycle, product

import pytest

from harness import Outcome
from ops.change.support import account_state, writes
from podid.ops.association.files import read_items
from worlds import ACCOUNT, ORDERS, Site, trust_for

STACK = {"aws:cloudformation:stack-name": "shop", "aws:cloudformation:logical-id": "Thing"}
TAGS: dict[str, dict[str, str]] = {
    "CloudFormation stack shop": STACK,
    "AWS CDK stack shop": {**STACK, "aws-cdk:id": "Shop"},
    "eksctl for cluster demo": {"alpha.eksctl.io/cluster-name": "demo"},
    "AWS Controllers for Kubernetes team": {
        "services.k8s.aws/controller-version": "eks-1.9",
        "services.k8s.aws/namespace": "team",
    },
    "Crossplane orders": {"crossplane-kind": "podidentityassociation.eks.aws.upbound.io", "crossplane-name": "orders"},
    "probably Terraform": {"ManagedBy": "terraform"},
    "probably Pulumi stack prod": {"pulumi:stack": "prod"},
}
# the resource that the command changes, and the command
COMMANDS: dict[str, tuple[str, str]] = {
    "associate": ("association shop/orders", "associate shop/orders --role storefront --replace --wait api"),
    "associate --tag": ("association shop/orders", "associate shop/orders --tag team=x --replace --wait api"),
    "associate --update-trust": (
        "role shop-orders",
        "associate shop/web --role shop-orders --update-trust --wait api",
    ),
    "disassociate": ("association shop/orders", "disassociate shop/orders --yes --wait api"),
    "disassociate --delete-role": ("role made", "disassociate shop/web --delete-role --yes --wait api"),
    "move": ("association shop/orders", "move shop/orders shop/web --update-trust --yes --wait api"),
    "role create": ("role shop-orders", "role create shop-orders --for shop/web --adopt --update-trust"),
    "role attach": ("role storefront", "role attach storefront --managed-policy AmazonSQSReadOnlyAccess --adopt"),
    "role detach": ("role shop-orders", "role detach shop-orders --inline-policy dynamodb-read --adopt --yes"),
    "role delete": ("role orders-dynamodb", "role delete orders-dynamodb --adopt --yes"),
    "trust add": ("role shop-orders", "trust add --role shop-orders --for shop/web"),
    "trust remove": ("role shop-orders", "trust remove --role shop-orders --for shop/web --yes"),
    "trust tighten": ("role shop-orders", "trust tighten --role shop-orders --yes"),
    "addon install": ("add-on vpc-cni", "addon install vpc-cni --addon-version v1.21.1-eksbuild.3 --wait api"),
    "install-agent": (
        "add-on eks-pod-identity-agent",
        "install-agent --addon-version latest --config agent.probePort=2704 --wait api",
    ),
    "uninstall-agent": ("add-on eks-pod-identity-agent", "uninstall-agent --yes"),
}


def mark(site: Site, subject: str, tags: dict[str, str]) -> Callable[[], None]:
    """Put the tool's tags onto the resource, as only the tool itself can. Return what removes them."""
    kind, _, name = subject.partition(" ")
    if kind == "role":
        role = site.box.iam.backend(ACCOUNT).get_role(name)
        former = role.tags
        role.tags = [*former, *({"Key": key, "Value": value} for key, value in tags.items())]
        return lambda: setattr(role, "tags", former)
    cluster, all_tags = site.box.world.clusters["demo"], site.box.world.tags
    arns = {f"{item.namespace}/{item.service_account}": item.arn for item in cluster.associations.values()}
    arn = cluster.addons[name].arn if kind == "add-on" else arns[name]
    own = all_tags.get(arn, {})
    all_tags[arn] = {**own, **tags}
    return lambda: all_tags.__setitem__(arn, own)


def prepare(site: Site, command: str, subject: str) -> None:
    if command == "trust remove":
        site.must("trust", "add", "--role", "shop-orders", "--for", "shop/web")
    elif command == "trust tighten":
        wide = trust_for(ORDERS)
        del wide["Statement"][0]["Condition"]
        site.trust("shop-orders", wide)
    elif subject == "add-on vpc-cni":
        site.aws("eks").create_addon(clusterName="demo", addonName="vpc-cni", addonVersion="v1.20.4-eksbuild.2")
        site.wait(30)
    elif subject == "role made":
        site.must(
            "associate", "shop/web", "--create-role", "--role", "made", "--preset", "sqs-send,queue=q", "--wait", "api"
        )


def belongs(owner: str) -> str:
    name = owner.removeprefix("probably ")
    return f"belongs to {name}" if name == owner else f"probably belongs to {name}"


# each command with one tool: tests/domain/test_owners.py recognizes every tool by its tags
PAIRS = list(zip(COMMANDS, cycle(TAGS), strict=False))
OTHER_PAIRS = [pytest.param(*pair, marks=pytest.mark.rare) for pair in product(COMMANDS, TAGS) if pair not in PAIRS]


@pytest.mark.parametrize(("command", "owner"), [*PAIRS, *OTHER_PAIRS])
def test_a_resource_of_another_tool_is_changed_only_with_take_over(healthy: Site, command: str, owner: str) -> None:
    subject, line = COMMANDS[command]
    argv = tuple(line.split())
    prepare(healthy, command, subject)
    mark(healthy, subject, TAGS[owner])
    before, calls = account_state(healthy.box), writes(healthy.box)
    # dry runs with the first tool only: in `make fuzz` each command has it
    dry_runs = [("--dry-run",)] if owner == next(iter(TAGS)) else []
    for flags in ((), *dry_runs):
        outcome = healthy(*argv, *flags, "-o", "json")
        assert (outcome.code, outcome.stdout) == (6, ""), outcome
        error = outcome.error
        assert error["hint"] == " ".join(("podid", *argv, *flags, "-o", "json", "--take-over"))
        assert error["message"].startswith(f"{subject[0].upper()}{subject[1:]} {belongs(owner)} (tag ")
        assert "changes by others" in error["message"]
        assert error["subject"] == subject
        assert (account_state(healthy.box), writes(healthy.box)) == (before, calls)
    for flags in (*dry_runs, ()):
        assert account_state(healthy.box) == before
        plan = healthy.must(*argv, "--take-over", *flags, "-o", "json").json
        assert [note for note in plan["notes"] if note.startswith(f"{subject} {belongs(owner)} (tag ")], plan["notes"]
        assert plan["actions"]
    assert account_state(healthy.box) != before


def changes(site: Site, line: str, *flags: str) -> Outcome:
    return site(*line.split(), *flags, "-o", "json")


@pytest.mark.parametrize("command", ["addon associate", "addon disassociate"])
def test_the_associations_of_an_add_on_that_another_tool_owns(healthy: Site, command: str) -> None:
    name, account = "aws-ebs-csi-driver", "ebs-csi-controller-sa"
    line = f"addon associate {name} {account} --role storefront --wait api"
    if command == "addon disassociate":
        healthy.must(*line.split())
        line = f"addon disassociate {name} {account} --yes"
    mark(healthy, f"add-on {name}", STACK)
    before = account_state(healthy.box)
    outcome = changes(healthy, line)
    assert (outcome.code, outcome.error["subject"]) == (6, f"associations of add-on {name}")
    assert account_state(healthy.box) == before
    assert changes(healthy, line, "--take-over").code == 0
    assert account_state(healthy.box) != before


def test_the_undo_of_a_take_over_needs_no_other(healthy: Site) -> None:
    mark(healthy, "association shop/orders", STACK)
    before = account_state(healthy.box)
    line = "associate shop/orders --role storefront --replace --wait api"
    assert changes(healthy, line, "--take-over").code == 0
    again = changes(healthy, line)  # nothing is left to change: nothing to refuse
    assert (again.code, [item["status"] for item in again.json["actions"]]) == (0, ["unchanged"])
    healthy.must("undo", "last", "--yes")
    assert account_state(healthy.box) == before


def test_the_undo_of_a_run_on_a_resource_that_another_tool_owns_since(healthy: Site) -> None:
    line = "associate shop/orders --role storefront --replace --wait api"
    assert changes(healthy, line).code == 0
    # what a tool adopts it marks without a change of the rest
    arn = next(iter(healthy.box.world.clusters["demo"].associations.values())).arn
    own = dict(healthy.box.world.tags.get(arn, {}))
    mark(healthy, "association shop/orders", STACK)
    outcome = changes(healthy, "undo last --yes")
    assert outcome.code == 6, outcome
    healthy.box.world.tags[arn] = own
    assert changes(healthy, "undo last --yes").code == 0


def test_a_deleted_association_comes_back_without_the_tags_that_only_its_tool_can_set(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--tag", "team=shop", "--replace", "--wait", "api")
    mark(healthy, "association shop/orders", STACK)
    assert changes(healthy, "disassociate shop/orders --yes --wait api", "--take-over").code == 0
    healthy.must("undo", "last", "--yes")
    (item,) = healthy.must("list", "-o", "json").json["items"]
    assert (item["tags"], item["owner"]) == ({"team": "shop"}, None)


def test_a_copy_does_not_have_the_marks_of_the_original(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--tag", "team=shop", "--replace", "--wait", "api")
    mark(healthy, "association shop/orders", {**STACK, **TAGS["Crossplane orders"]})
    outcome = changes(healthy, "move shop/orders shop/web --update-trust --yes --wait api", "--take-over")
    assert outcome.code == 0, outcome
    (item,) = healthy.must("list", "-o", "json").json["items"]
    assert (item["serviceAccount"], item["tags"], item["owner"]) == ("web", {"team": "shop"}, None)


def test_each_owned_resource_is_named_once(healthy: Site) -> None:
    """A role has one owner, whatever parts of it change; an association beside it another."""
    mark(healthy, "association shop/orders", STACK)
    mark(healthy, "role orders-dynamodb", TAGS["probably Terraform"])
    narrow = trust_for(ORDERS)
    narrow["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"] = "other"
    healthy.trust("orders-dynamodb", narrow)
    line = "associate shop/orders --role orders-dynamodb --replace --update-trust --wait api"
    outcome = healthy(*line.split())
    assert outcome.code == 6
    error, *lines = outcome.stderr.splitlines()
    assert error.startswith("Error: Role orders-dynamodb probably belongs to Terraform (tag ManagedBy=terraform); ")
    assert [line for line in lines if "association shop/orders belongs to CloudFormation stack shop" in line]
    assert "--take-over" in outcome.stderr


def test_without_permission_to_read_the_owner_nothing_is_changed(healthy: Site) -> None:
    before = account_state(healthy.box)
    mark(healthy, "role shop-orders", STACK)
    healthy.box.world.credentials.deny("iam:GetRole")
    outcome = changes(healthy, "role detach shop-orders --inline-policy dynamodb-read --adopt --yes")
    assert (outcome.code, outcome.error["permission"]) == (4, "iam:GetRole"), outcome
    assert account_state(healthy.box)["associations"] == before["associations"]
    assert account_state(healthy.box)["roles"]["shop-orders"]["inline"] == before["roles"]["shop-orders"]["inline"]


def test_migration_of_a_role_that_another_tool_owns(healthy: Site) -> None:
    unmark = mark(healthy, "role irsa-reports", TAGS["probably Terraform"])
    for verb in ("apply", "rollback"):
        before = account_state(healthy.box)
        outcome = changes(healthy, f"migrate {verb} legacy/reports --yes")
        assert (outcome.code, outcome.error["subject"]) == (6, "role irsa-reports"), outcome
        assert account_state(healthy.box) == before
        assert changes(healthy, f"migrate {verb} legacy/reports --yes", "--take-over").code == 0
        assert account_state(healthy.box) != before
    unmark()


def test_the_list_of_an_owned_association_is_a_file_for_another_cluster(healthy: Site) -> None:
    healthy.must("associate", "shop/orders", "--tag", "team=shop", "--replace", "--wait", "api")
    mark(healthy, "association shop/orders", STACK)
    for form in ("json", "jsonl", "yaml", "csv"):
        text = healthy.must("list", "-o", form).stdout
        assert "CloudFormation" in text
        (item,) = read_items(text, f"list.{form}")
        assert (str(item.ref), item.owner) == ("shop/orders", "")
        assert item.settings.tags == {"team": "shop"}


def test_an_owner_is_a_filter_and_a_column(healthy: Site) -> None:
    healthy.associate("shop", "web")
    mark(healthy, "association shop/orders", STACK)
    for name in ("cloudformation", "CloudFormation", "shop", "stack shop"):
        (item,) = healthy.must("list", "--owner", name, "-o", "json").json["items"]
        assert item["serviceAccount"] == "orders"
        assert item["owner"] == {
            "tool": "CloudFormation",
            "detail": "stack shop",
            "tag": "aws:cloudformation:stack-name",
            "evidence": "tag aws:cloudformation:stack-name=shop",
            "certain": True,
        }
    (item,) = healthy.must("list", "--owner", "none", "-o", "json").json["items"]
    assert (item["serviceAccount"], item["owner"]) == ("web", None)
    assert healthy.must("list", "--owner", "terraform", "-o", "json").json["items"] == []
    table = healthy.must("list", "--columns", "service-account,owner", "--sort-by", "-owner").stdout
    assert table.splitlines() == ["orders\tCloudFormation stack shop", "web\t-"]
    shown = healthy("show", "shop/orders")
    assert "owner" in shown.stdout
    assert "the next update of the stack may revert changes by others" in shown.stdout
    mark(healthy, "role shop-orders", TAGS["eksctl for cluster demo"])
    shown = healthy("role", "show", "shop-orders")
    assert "eksctl for cluster demo (tag alpha.eksctl.io/cluster-name=demo)" in shown.stdout
    (role,) = [r for r in healthy.must("role", "list", "-o", "json").json["items"] if r["roleName"] == "shop-orders"]
    assert role["owner"]["tool"] == "eksctl"


ACK = "/apis/eks.services.k8s.aws/v1alpha1/namespaces/shop/podidentityassociations"
ACK_ROLES = "/apis/iam.services.k8s.aws/v1alpha1/namespaces/shop/roles"


def with_custom_resources(site: Site) -> None:
    """Objects of ACK whose controllers are configured to set no tags."""
    for group in ("eks.services.k8s.aws", "iam.services.k8s.aws"):
        site.kube.install(group)
    cluster = site.box.world.clusters["demo"]
    association = next(iter(cluster.associations.values()))
    role = {"ackResourceMetadata": {"arn": f"arn:aws:iam::{ACCOUNT}:role/shop-orders"}}
    for path, name, status in ((ACK, "orders", {"associationID": association.id}), (ACK_ROLES, "shop-orders", role)):
        site.cluster.post(path, {"metadata": {"name": name}, "spec": {}})
        site.cluster.merge(f"{path}/{name}/status", {"status": status})


def test_a_custom_resource_of_the_cluster_owns_as_well(healthy: Site) -> None:
    with_custom_resources(healthy)
    owner = "AWS Controllers for Kubernetes shop/orders"
    shown = healthy.must("show", "shop/orders", "-o", "json").json["owner"]
    assert (shown["tool"], shown["detail"], shown["tag"]) == ("AWS Controllers for Kubernetes", "shop/orders", None)
    assert shown["evidence"] == "PodIdentityAssociation shop/orders of eks.services.k8s.aws in the cluster"
    before = account_state(healthy.box)
    line = "associate shop/orders --role storefront --replace --wait api"
    outcome = changes(healthy, line)
    assert (outcome.code, owner in outcome.error["message"]) == (6, True), outcome
    outcome = changes(healthy, "associate shop/web --role shop-orders --update-trust --wait api")
    assert (outcome.code, outcome.error["subject"]) == (6, "role shop-orders"), outcome
    assert account_state(healthy.box) == before
    done = changes(healthy, line, "--take-over")
    assert done.code == 0, done
    assert account_state(healthy.box) != before


def test_a_stack_owns_a_role_that_cloudformation_does_not_tag(healthy: Site) -> None:
    healthy.box.world.stacks["shop"] = ("other", "storefront")
    before = account_state(healthy.box)
    line = "role attach storefront --managed-policy AmazonSQSFullAccess --adopt"
    outcome = changes(healthy, line)
    assert (outcome.code, outcome.error["subject"]) == (6, "role storefront"), outcome
    assert "CloudFormation stack shop (a resource of stack shop)" in outcome.error["message"]
    assert account_state(healthy.box) == before
    file = healthy.directory / "front.json"
    head = {"apiVersion": "podid/v1", "kind": "PodIdentity", "metadata": {"name": "front"}}
    roles = [{"name": "storefront", "description": "new", "subjects": ["shop/web"]}]
    file.write_text(json.dumps({**head, "roles": roles}))
    (conflict,) = healthy("plan", "-f", str(file), "--adopt", "-o", "json").json["conflicts"]
    assert (conflict["target"], conflict["owner"]) == ("storefront", "CloudFormation stack shop")
    healthy.box.world.credentials.deny("cloudformation:DescribeStackResources")
    done = changes(healthy, line)
    assert done.code == 0, done
    assert "whether another tool owns role storefront was not checked" in str(done.json["notes"])


def test_custom_resources_that_cannot_be_read_are_reported(healthy: Site) -> None:
    with_custom_resources(healthy)
    rules = [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["get", "list", "create", "patch"]}]
    env = healthy.user("limited", rules)
    line = "associate shop/orders --role storefront --replace --wait api --dry-run -o json"
    outcome = healthy(*line.split(), env=env)
    assert outcome.code == 0, outcome
    assert [note for note in outcome.json["notes"] if "custom resources" in note], outcome.json["notes"]
    assert healthy("show", "shop/orders", "-o", "json", env=env).json["owner"] is None
