"""What podid says of names that do not exist: what was likely meant, and never a command that makes a slip true."""

import json

import pytest

from harness import table
from podid.sandbox.baseline import add_cluster
from worlds import ORDERS, Site, trust_for

NONE = "has no association in cluster demo"


@table("command", ["list", "list -o jsonl", "verify --yes", "restart", "doctor"])
def test_a_namespace_that_does_not_exist(site: Site, command: str) -> None:
    outcome = site(*command.split(), "-n", "shpo")
    assert (outcome.code, outcome.stdout) == (5, "")
    assert "Namespace shpo does not exist; did you mean shop?" in outcome.stderr
    assert f"podid {command.removesuffix(' --yes')} -n shop" in outcome.stderr


def test_a_namespace_that_only_an_association_names(site: Site) -> None:
    site.associate("gone", "orders")
    assert "gone\torders" in site.must("list", "-n", "gone").stdout
    filtered = site.must("list", "-n", "gone", "--stale")
    assert filtered.stderr == "no pod identity association in namespace gone of cluster demo matches --stale\n"


def test_a_namespace_that_cannot_be_checked(site: Site) -> None:
    outcome = site("list", "-n", "shpo", env=site.user("blind", []))
    assert (outcome.code, outcome.stderr) == (0, "no pod identity associations in namespace shpo of cluster demo\n")


def test_an_empty_list_names_the_filters(site: Site) -> None:
    site.associate("shop", "orders")
    for form in ("table", "wide"):
        empty = site.must("list", "--role", "nosuch", "--tag", "team=a b", "-o", form)
        note = "no pod identity association in cluster demo matches --role nosuch --tag 'team=a b'\n"
        assert (empty.stdout, empty.stderr) == ("", note)


@table("form", ["table", "jsonl"])
def test_a_region_without_a_cluster(site: Site, form: str) -> None:
    line = ("list", "--all-clusters", "--region", "eu-west-1", "-o", form)
    empty = site(*line, without=("PODID_CLUSTER", "KUBECONFIG"))
    assert (empty.code, empty.stdout) == (5, "")
    assert "No EKS cluster found in eu-west-1" in empty.stderr


@table("command", ["show", "status", "doctor"])
def test_a_service_account_that_does_not_exist_has_no_status(site: Site, command: str) -> None:
    for name, said in (
        ("shop/orderz", "Service account shop/orderz does not exist; did you mean orders?"),
        ("shop/zzzzzz", "Service account shop/zzzzzz does not exist."),
        ("shpo/orders", "Namespace shpo does not exist; did you mean shop?"),
    ):
        outcome = site(command, name)
        assert (outcome.code, outcome.stdout) == (5, "")
        assert said in outcome.stderr
        assert "podid associate" not in outcome.stderr
        assert name == "shop/zzzzzz" or f"Try:   podid {command} shop/orders\n" in outcome.stderr


@table("command", ["verify --yes", "restart", "disassociate --yes", "move --yes"])
def test_a_service_account_that_does_not_exist_is_not_to_be_associated(site: Site, command: str) -> None:
    other = ("shop/cart",) if command.startswith("move") else ()
    for name, said in (
        ("shop/orderz", f"shop/orderz {NONE}, and no such service account exists; did you mean shop/orders?"),
        ("shop/zzzzzz", f"shop/zzzzzz {NONE}, and no such service account exists."),
    ):
        said = f"Service account {name} does not exist" if command.startswith("verify") else said
        outcome = site(*command.split(), name, *other)
        assert outcome.code == 5
        assert said in outcome.stderr
        assert "podid associate" not in outcome.stderr


def test_a_service_account_that_exists(site: Site) -> None:
    assert "podid associate shop/orders gives it a role" in site("status", "shop/orders").stderr
    assert "podid associate" not in site("disassociate", "shop/orders", "--yes").stderr
    blind = site("status", "shop/orders", env=site.user("blind", []))
    assert (blind.code, blind.stderr) == (5, f"Error: shop/orders {NONE}.\nTry:   podid list\n")


def test_a_mistyped_name_and_similar_ones(site: Site) -> None:
    """Whether the service account exists is not known: then nothing is to be made for it either."""
    site.associate("shop", "orders")
    blind = site("show", "shop/orderz", env=site.user("blind", []))
    assert blind.code == 9
    assert blind.stdout.splitlines()[:2] == [
        "- shop/orderz  no association",
        "  - associations with a similar name: shop/orders",
    ]
    assert "Fix" not in blind.stdout


def test_the_nearest_name_of_a_deletion(site: Site) -> None:
    site.associate("shop", "orders")
    refused = site("disassociate", "shop/order", "--yes", "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, "podid disassociate shop/orders -o json")
    refused = site("role", "delete", "storefrontt", "--yes", "-o", "json")
    assert (refused.code, refused.error["hint"]) == (5, "podid role delete storefront -o json")
    policy = ("role", "detach", "storefront", "--adopt", "--yes", "-o", "json", "--managed-policy")
    refused = site(*policy, "AmazonS3ReadOnlyAcces")
    assert refused.error["hint"].endswith("--managed-policy AmazonS3ReadOnlyAccess")
    refused = site(*policy, "AmazonSQSFullAccess")
    assert refused.error["hint"].endswith("--managed-policy AmazonSQSFullAccess --ignore-not-found")
    refused = site("role", "delete", "zzz", "--yes", "-o", "json")
    assert refused.error["hint"] == "podid role delete zzz --yes -o json --ignore-not-found"


def test_a_selector_in_a_namespace_that_does_not_exist(site: Site) -> None:
    refused = site("associate", "--role", "storefront", "-n", "shpo", "--selector", "app=orders", "-o", "json")
    assert (refused.code, refused.error["message"]) == (5, "Namespace shpo does not exist; did you mean shop?")


def test_without_the_permission_to_list_clusters_one_can_be_named(site: Site) -> None:
    site.aws("iam").create_user(UserName="new")
    key = site.aws("iam").create_access_key(UserName="new")["AccessKey"]
    env = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    denied = site("list", "-o", "json", env=env, without=("PODID_CLUSTER", "KUBECONFIG"))
    assert (denied.code, denied.error["permission"]) == (4, "eks:ListClusters")
    assert "Or specify the cluster with --cluster" in denied.error["advice"]


def test_no_unused_role(site: Site) -> None:
    for role in ("storefront", "orders-dynamodb", "billing-worker"):
        site.aws("iam").update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust_for(ORDERS)))
        site.aws("eks").create_pod_identity_association(
            clusterName="demo",
            namespace="shop",
            serviceAccount=role,
            roleArn=site.aws("iam").get_role(RoleName=role)["Role"]["Arn"],
        )
    empty = site("role", "list", "--unused")
    assert "no unused role that pods can assume\n" in empty.stderr


def test_no_trust_policy_is_changed_for_a_mistyped_name(site: Site) -> None:
    """Nor is one closed to a service account that is still to be made."""
    site.aws("iam").create_role(RoleName="own", AssumeRolePolicyDocument=json.dumps(trust_for(ORDERS)))
    slip = site("associate", "shop/orderz", "--role", "own")
    assert (slip.code, slip.stdout) == (6, "")
    assert "Service account shop/orderz does not exist; did you mean shop/orders? If you create it later" in slip.stderr
    assert "Try:   podid associate shop/orders --role own\n" in slip.stderr
    other = site("associate", "shop/zzzzzz", "--role", "own")
    assert "Try:   podid associate shop/zzzzzz --role own --update-trust\n" in other.stderr
    blind = site("associate", "shop/orderz", "--role", "own", env=site.user("blind", []))
    assert "Try:   podid associate shop/orderz --role own --update-trust\n" in blind.stderr


MISSING = "service account shop/orderz does not exist; did you mean shop/orders?"
OPENING = {
    "associate": "associate shop/orderz --role storefront --wait none",
    "associate --create-role": "associate shop/orderz --create-role --role r --wait none",
    "role create": "role create r --for shop/orderz",
    "role create, no name": "role create --for shop/orderz",
    "move": "move shop/orders shop/orderz --yes --update-trust --wait none",
}


@pytest.mark.parametrize("line", OPENING.values(), ids=OPENING)
def test_a_trusted_service_account_that_does_not_exist(healthy: Site, line: str) -> None:
    planned, done = healthy(*line.split(), "--dry-run", "-o", "json"), healthy(*line.split(), "-o", "json")
    for outcome in (planned, done):
        assert (outcome.code, MISSING in outcome.json["notes"]) == (0, True), outcome


@table("scope", ["namespace", "cluster", "account"])
def test_a_wider_trust_names_no_service_account(healthy: Site, scope: str) -> None:
    made = healthy("role", "create", scope, "--for", "shop/nosuch", "--scope", scope, "-o", "json")
    assert (made.code, "does not exist" in str(made.json["notes"])) == (0, False)


def test_a_role_is_created_without_access_to_the_cluster(account: Site) -> None:
    made = account("role", "create", "r", "--for", "shop/nosuch", "-o", "json")
    assert (made.code, made.json["notes"]) == (0, [])


NO_ROLE = "arn:aws:iam::111122223333:role/nosuch"


@table(
    "line",
    [
        *(f"{command} shop/zzzzzz" for command in ("verify --yes", "show", "status", "doctor", "audit", "restart")),
        *(f"{command} shop/zzzzzz" for command in ("disassociate --yes", "can-i", "privileges", "activity", "unused")),
        *(f"{command} shop/zzzzzz" for command in ("graph", "export", "migrate plan", "migrate status")),
        *(f"{command} -n zzzzzz" for command in ("verify --yes", "status", "doctor", "audit", "restart", "list")),
        *(f"doctor {kind}/shop/zzzzzz" for kind in ("pod", "deploy", "sts", "ds", "job", "cronjob")),
        *(f"role {verb} zzzzzz --yes" for verb in ("delete", "detach --managed-policy X")),
        *("role show zzzzzz", "trust check --role zzzzzz", "trust tighten --role zzzzzz"),
        "associate shop/cart --role zzzzzz",
        f"associate shop/cart --role storefront --target-role {NO_ROLE} --update-trust",
        "agent logs --node zzzzzz",
    ],
)
def test_every_unknown_name_has_a_next_command(site: Site, line: str) -> None:
    words = [*line.split(), *(["s3:GetObject"] if line.startswith("can-i") else [])]
    error = site(*words, "-o", "json").error
    assert (error["exitCode"], bool(error["hint"])) == (5, True), (line, error)
    assert not {word for word in error["hint"].split() if word.isupper()}, (line, error["hint"])


@table(
    "line",
    [
        *("list", "show shop/orders", "status", "verify -A --yes", "doctor", "audit", "agent status", "addon list"),
        *(
            "install-agent",
            "uninstall-agent --yes",
            "associate shop/cart --role storefront",
            "export",
            "graph",
            "unused",
        ),
        *("disassociate shop/orders --yes", "decommission --yes", "migrate plan", "who-can s3:GetObject"),
    ],
)
def test_the_nearest_cluster(site: Site, line: str) -> None:
    error = site(*line.split(), "--cluster", "demp", "-o", "json").error
    hint = f"podid {line.removesuffix(' --yes')} --cluster demo -o json"
    assert (error["exitCode"], error["hint"]) == (5, hint), line


def test_the_nearest_of_two_clusters(site: Site) -> None:
    """The command that podid suggests never copies a cluster to itself."""
    add_cluster(site.box.world, "blue")
    for line, hint in (
        ("copy --from-cluster demp --to-cluster blue", "podid copy --from-cluster demo --to-cluster blue"),
        ("copy --from-cluster demo --to-cluster blu", "podid copy --from-cluster demo --to-cluster blue"),
        ("copy --from-cluster demp --to-cluster demo", None),
        ("copy --from-cluster demo --to-cluster demp", None),
        ("move shop/orders --to-cluster blu --yes", "podid move shop/orders --to-cluster blue"),
        ("move shop/orders --to-cluster demp --yes", None),
    ):
        error = site(*line.split(), "-o", "json").error
        assert (error["exitCode"], error["hint"]) == (5, hint and f"{hint} -o json"), line


def test_a_namespace_without_associations_to_copy(site: Site) -> None:
    add_cluster(site.box.world, "blue")
    site.associate("shop", "orders")
    error = site("copy", "--from-cluster", "demo", "--to-cluster", "blue", "-n", "shpo", "-o", "json").error
    assert error["message"] == "Cluster demo has no associations to copy in namespace shpo; did you mean shop?"
    assert error["hint"] == "podid copy --from-cluster demo --to-cluster blue -n shop -o json"


def test_what_trace_does_not_find(site: Site) -> None:
    account = site("trace", "shop/orders", "-o", "json").error
    assert (account["exitCode"], account["hint"]) == (2, "podid activity shop/orders")
    assert site("trace", "events/one.json", "-o", "json").error["hint"] is None
    session = site("trace", "eks-demp-orders-4f0e4c1a-0000-4000-8000-000000000000", "-o", "json").error
    assert session["exitCode"] == 5
    assert "is not that of a session in a cluster of us-west-2: demo" in session["advice"]
