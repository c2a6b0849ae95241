"""Every way of calling a command that the tests try: the one table to which a new command adds its lines.

A way is a command line, its initial world, and its exit code. These tests read the table:

- `test_every_command.py` runs STORY in every format, `test_documents.py` compares its documents with the schemas;
- `hostile/test_mutated.py` changes the answers to the requests of MUTATED;
- `hostile/test_ctrl_c.py` interrupts the lines of INTERRUPTED;
- `e2e/test_permissions_called.py` runs OWN with only the permissions that the command prints.
"""

from dataclasses import dataclass
from functools import cache

from harness import Answers
from podid.cli.tree import COMMANDS
from way_worlds import (
    EBS,
    ISSUER,
    SESSIONS,
    UNUSED_PROVIDER,
    UNUSED_ROLE,
    World,
    after,
    audited,
    chained,
    conditional,
    configured,
    crashing,
    every_kind,
    half_used,
    healthy,
    interruptible,
    lab,
    long_half_used,
    nothing,
    of_a_class,
    on_delete,
    owned_by_helm,
    self_managed,
    shared_role,
    story,
    tagged_target,
    trusting_two,
    under_cilium,
    ungrouped,
    unserved,
    untagged,
    untold,
    with_a_role_of_another_account,
    with_an_addon,
    with_attached,
    with_blue,
    with_blue_and_job,
    with_blue_narrow,
    with_blue_new,
    with_blue_other,
    with_blue_same,
    with_both,
    with_cart,
    with_chained_cart,
    with_cni_association,
    with_ebs_association,
    with_ebs_role,
    with_everything,
    with_idle_kiam,
    with_idle_kube2iam,
    with_irsa,
    with_irsa_and_no_agent,
    with_irsa_and_no_webhook,
    with_kube2iam,
    with_label,
    with_leftovers,
    with_missing_role,
    with_narrow_role,
    with_old_cni,
    with_open_identity,
    with_recommended_role,
    with_role,
    with_sessions,
    with_siblings,
    with_wide_role,
    without_account,
    without_agent,
    without_node_permission,
    without_quota,
)
from worlds import ACCOUNT, Site


@dataclass(frozen=True, slots=True)
class Way:
    """One way of calling a command.

    `permissions` are the permissions that it may use beside the default ones, by the beginnings of their reasons.
    `answers` are the user's answers at a terminal. A `rare` way uses no permission that another way does not use: only
    `make fuzz` runs it.
    """

    line: str
    world: World = nothing
    permissions: tuple[str, ...] = ()
    code: int = 0
    rare: bool = False
    answers: tuple[str | bool, ...] = ()

    @property
    def argv(self) -> list[str]:
        return self.line.split()

    @property
    def command(self) -> str:
        return _command(self.line)


@cache
def _command(line: str) -> str:
    return max((row.name for row in COMMANDS if f"{line} ".startswith(f"{row.name} ")), key=len)


def _script(world: World, text: str) -> tuple[Way, ...]:
    """Return one way for each line, which begins with the exit code."""
    lines = (line.split(" ", 1) for line in text.strip().replace("SESSION", SESSIONS[0]).splitlines())
    return tuple(Way(line, world, code=int(code)) for code, line in lines)


# one after another on one site
STORY = _script(
    story,
    """
0 whoami
3 agent status
3 agent nodes
3 doctor
0 doctor --fix --dry-run
0 install-agent --dry-run
0 install-agent
0 install-agent
0 install-agent --addon-version latest
6 install-agent --addon-version default
5 install-agent --addon-version v1.0.0
2 install-agent --config agent.probePort=x
0 install-agent --config agent.probePort=2704
0 agent versions
0 agent status
0 agent nodes
3 agent logs
5 agent logs --node nosuch
0 agent logs --raw
5 role show orders
0 role create orders --for shop/orders --policy-file dynamodb-read.json --dry-run
0 role create orders --for shop/orders --policy-file dynamodb-read.json
0 role create orders --for shop/orders --policy-file dynamodb-read.json
6 role create orders --for shop/orders --policy-file dynamodb-read.json --tag a=b
0 role create orders --for shop/orders --print terraform
0 associate shop/orders --role orders --print terraform
0 role attach orders --managed-policy AmazonS3ReadOnlyAccess --preset dynamodb-read,table=orders
0 role attach orders --managed-policy AmazonS3ReadOnlyAccess
2 role detach orders --managed-policy AmazonS3ReadOnlyAccess
0 role detach orders --managed-policy AmazonS3ReadOnlyAccess --yes
5 role detach orders --managed-policy AmazonS3ReadOnlyAccess --yes
0 role create gone --for shop/gone
2 role delete gone
0 role delete gone --yes --dry-run
0 role delete gone --yes --update-trust --dry-run
0 role delete gone --yes
5 role delete gone --yes
6 role delete demo-node-role --yes
0 role show orders
0 role show orders --all-clusters
0 role list
0 preset list
0 preset show s3-read,bucket=reports
5 preset show nosuch
0 role create reader --for shop/reader --preset s3-read,bucket=reports --preset vpc-cni
2 role create reader --for shop/reader --preset s3-read
0 role list --unused
0 role list --owners
0 show shop/orders
5 show shop/nosuch
5 status shop/orders
0 associate shop/orders --role orders --restart --dry-run
0 associate shop/orders --role orders --restart
0 associate shop/orders --role orders
0 associate shop/orders --role orders --wait verified
6 associate shop/orders --role storefront
0 associate shop/orders --tag a=b --replace
0 associate shop/orders --untag a --replace
2 associate shop/cart
8 associate shop/cart --role storefront --wait api --dry-run --cluster demo --cluster nosuch
0 associate -n shop --service-account o* --wait api --dry-run
2 associate -n shop --role storefront
5 associate shop/orders --role nosuch
0 associate shop/fresh --create-role --policy-file dynamodb-read.json --dry-run
0 show shop/orders
3 status
0 status shop/orders --require configured
0 export
0 export shop/orders --as terraform
2 export shop/orders -n web
5 export shop/nosuch
0 export --roles --as pulumi
0 convert -f cluster.json
0 validate identities.json
3 validate identities.json trust.json
2 validate nosuch.json
2 convert -f trust.json
2 convert
2 status --require best
5 status -n nosuch
0 list
0 list --dangling --columns status,exists
5 list -n nosuch
5 list --cluster nosuch
0 trust check trust.json
0 trust check --role orders
0 trust check --role orders --for shop/orders
0 trust add trust.json --cluster-arn CLUSTER --for shop/cart
0 trust add --role orders --for shop/cart --dry-run
2 trust add --role orders --for shop/cart --condition aws:SourceIp=10.0.0.1
0 trust add --role orders --for shop/cart --condition aws:SourceOrgID=o-1 --dry-run
0 trust add --role orders --for shop/cart
0 trust add --role orders --for shop/cart
2 trust remove --role orders --for shop/cart
0 trust remove --role orders --for shop/cart --yes
0 trust remove trust.json --cluster-arn CLUSTER --for shop/cart
6 trust remove trust.json --cluster-arn CLUSTER --for shop/orders
0 trust tighten trust.json --cluster-arn CLUSTER --for shop/orders
0 trust tighten --role orders --yes
0 can-i shop/orders dynamodb:GetItem
3 can-i shop/orders dynamodb:* s3:GetObject --resource arn:aws:dynamodb:us-west-2:111122223333:table/orders
3 can-i --role orders s3:GetObject sts:GetCallerIdentity
0 can-i --policy-file dynamodb-read.json dynamodb:Query
0 privileges shop/orders
0 privileges --role storefront
0 privileges --policy-file deploy.json
5 privileges shop/nosuch
2 privileges
0 who-can dynamodb:GetItem
0 who-can s3:* --resource arn:aws:s3:::* --all-clusters
5 who-can dynamodb:GetItem -n nosuch
8 who-can dynamodb:GetItem --cluster demo --cluster nosuch
2 who-can nosuch:*
5 can-i shop/nosuch s3:GetObject
2 can-i shop/orders
2 can-i s3:GetObject
2 can-i shop/orders nosuch:*
0 restart shop/orders
0 restart shop/orders --stale
0 restart shop/orders --evict
0 verify shop/orders --yes
2 exec shop/orders true
5 whoami --as shop/nosuch
2 whoami --as shop/orders
0 whoami --as shop/orders --yes
0 activity shop/orders
0 graph
0 right-size shop/orders
5 right-size shop/nosuch
0 unused
5 graph shop/nosuch
0 unused
2 unused --older-than 500d
5 unused shop/nosuch
0 verify -n shop --yes
5 verify -n nosuch --yes
0 verify shop/orders --yes --probe
5 verify shop/orders --yes --probe-node nosuch
3 verify shop/orders --yes --can s3:GetObject
2 verify shop/orders --yes --resource *
2 verify
2 verify shop/orders
0 trace SESSION
0 trace events.json
5 activity shop/nosuch
5 trace eks-demo-orders-123-4f0e4c1a-0000-4000-8000-00000000000a
3 doctor
0 doctor -n shop
0 doctor --all -n shop
0 doctor --list
2 bundle
0 bundle --yes
0 doctor --me --for associate
3 audit
0 audit shop/orders --all
0 audit --list
5 audit shop/nosuch
2 audit --check sdk-too-old
8 audit --cluster demo --cluster nosuch
3 doctor --all-clusters --all-regions
0 agent status --all-clusters
2 explain
0 explain --list
0 explain association-sa-not-found
5 explain nosuch
0 trust check trust.json --cluster-arn CLUSTER --for shop/orders
3 trust check trust.json --cluster-arn CLUSTER --for shop/orders --for shop/cart
0 history
0 history last
5 history nosuch
2 history 45
2 undo 45
2 undo last
5 copy --from-cluster demo --to-cluster nosuch
2 copy --from-cluster demo --to-cluster demo
2 move shop/orders shop/moved --update-trust
0 move shop/orders shop/moved --update-trust --yes --dry-run
0 disassociate shop/orders --delete-role --update-trust --yes --dry-run
2 disassociate shop/orders
0 decommission --cluster demo --update-trust --dry-run
0 disassociate shop/orders --yes --dry-run
0 disassociate shop/orders --yes
5 disassociate shop/orders --yes
0 disassociate shop/orders --yes --ignore-not-found
2 undo last
0 undo last --yes --dry-run
2 plan
2 plan -f nosuch.yaml
3 plan -f identities.json
3 plan -f identities.json --save saved.json --force
3 diff -f identities.json
2 reconcile
3 reconcile -f identities.json --once
0 reconcile -f identities.json --manifests --apply
2 apply
0 apply -f identities.json --dry-run
0 apply -f identities.json --wait api
0 apply -f identities.json
0 plan -f identities.json
6 apply --plan saved.json
2 forget
5 forget shop/nosuch
0 forget shop/declared --dry-run
0 forget -f identities.json
0 forget --role declared
0 migrate plan
0 migrate status
2 migrate apply -A
0 migrate apply -A --dry-run
0 migrate apply legacy/reports --yes
0 migrate status
3 migrate finish -A --yes
0 migrate finish -A --soak 0 --dry-run
0 migrate finish legacy/reports --soak 0 --yes
0 migrate cleanup
5 migrate cleanup arn:aws:iam::111122223333:oidc-provider/none --yes
2 migrate rollback legacy/reports
0 migrate rollback legacy/reports --dry-run
0 migrate rollback legacy/reports --yes
0 migrate rollback legacy/reports --yes
0 addon list
0 addon list --all
0 addon install adot --role adot-col-otlp-ingest=storefront --dry-run
0 addon install vpc-cni --addon-version v1.20.4-eksbuild.2
5 addon install vpc-cnii
0 addon associate --recommended --all --dry-run
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront --dry-run
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront
6 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role article-2023
5 addon associate nosuch sa --role storefront
2 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa
0 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes
0 uninstall-agent --dry-run
2 uninstall-agent
0 uninstall-agent --yes
0 uninstall-agent --yes
0 undo last --yes
0 undo last --yes
0 role create r --for shop/orders --policy-file s3.json --managed-policy AmazonS3ReadOnlyAccess --tag team=shop
0 role create r --for shop/orders --policy-file s3.json
0 role create r --for shop/orders --print terraform
0 role create r --for shop/orders --replace --tag team=web
0 role attach r --managed-policy AmazonSQSFullAccess
0 role detach r --managed-policy AmazonSQSFullAccess --yes
2 associate shop/orders --role r --restart --wait api
0 associate shop/orders --role r --restart
0 associate shop/orders --role r --target-role arn:aws:iam::111122223333:role/storefront --replace --wait api --dry-run
0 associate shop/pay --role article-2023 --update-trust --wait api
8 associate shop/pay --role storefront --replace --wait api --cluster demo --cluster nosuch
0 associate shop/pay --create-role --role pay --print terraform
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront --wait api
0 list --pods --columns status,role-exists,exists
0 role show r
0 verify shop/orders --yes
3 verify -A --yes
3 verify shop/orders --yes --probe --can s3:GetObject --can sts:GetCallerIdentity
3 doctor --all
0 bundle bundle.tar.gz --yes
0 doctor --me
0 explain trust-missing-tag-session
3 trust check any-pod.json
3 trust check any-pod.json any-pod.json
3 trust check any-pod.json --cluster-arn CLUSTER --for shop/orders
3 trust check any-pod.json --cluster-arn CLUSTER --for shop/orders --for shop/cart
0 trust add any-pod.json --cluster-arn CLUSTER --for shop/cart
0 trust add any-pod.json any-pod.json --cluster-arn CLUSTER --for shop/cart --in-place --dry-run
0 trust add --role r --for shop/cart
0 disassociate shop/orders --yes --wait api
0 disassociate shop/orders --yes --wait api --ignore-not-found
0 associate --show-permissions
0 config set timeout 10m
0 config get timeout
5 config get journal-dir
0 config list
0 config path
0 config unset timeout
0 version
0 completion show bash
0 completion install bash
0 completion install bash
0 completion uninstall bash
0 schema
3 sandbox status
0 sandbox stop
5 sandbox env
5 sandbox reset
2 sandbox break
0 sandbox break --list
5 sandbox break nosuch
0 sandbox break role-not-found
6 sandbox break role-not-found
0 sandbox heal role-not-found
5 sandbox heal role-not-found
""",
)
# each in the same world; these make every call that a command makes
CALLING = _script(
    lab,
    """
0 activity shop/orders
0 right-size shop/orders
0 doctor --logs
0 doctor --me
0 audit --secrets
0 audit --probe --yes --check imds-open-to-pods
0 verify shop/orders --yes --probe
3 reconcile -f identities.json --once
0 migrate apply legacy/reports --dry-run
0 migrate rollback shop/orders --dry-run
0 migrate cleanup
0 addon install adot --role adot-col-otlp-ingest=storefront --dry-run
0 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront --dry-run
0 restart shop/orders
0 associate payments/billing-worker --role billing-worker --wait api
0 associate payments/billing-worker --role billing-worker --timeout 20s
3 associate shop/orders --role storefront --replace --wait none
0 role create fresh --for shop/orders --managed-policy ReadOnlyAccess
0 role delete demo-extra --yes --adopt
0 undo last --yes --wait api
0 copy --from-cluster blue --to-cluster demo --dry-run
0 move shop/orders payments/billing-worker --update-trust --dry-run
""",
)
MUTATED = (
    *CALLING,
    *_script(
        lab,
        """
0 whoami
0 list
0 export
0 list --pods --columns status,exists,role-exists
0 status
0 status shop/orders
0 show shop/orders --cloudtrail
3 can-i shop/orders dynamodb:GetItem
0 who-can dynamodb:GetItem
0 privileges shop/orders
0 trace SESSION
0 unused
0 graph
0 exec shop/orders --yes -- true
0 whoami --as shop/orders --yes
0 doctor
0 doctor shop/orders
0 doctor shop/orders --verify --cloudtrail --yes
0 doctor shop/orders --probe --yes
0 bundle --yes --force
0 verify shop/orders --yes
0 agent status
0 agent nodes
0 agent versions
0 agent logs
0 uninstall-agent --dry-run
3 plan -f identities.json
3 diff -f identities.json
0 apply -f identities.json --dry-run
0 forget shop/orders --role shop-orders
0 forget -f identities.json --dry-run
0 migrate plan
0 migrate status
0 migrate finish -A --soak 0 --dry-run
0 addon list
0 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes --dry-run
0 decommission --cluster demo --dry-run
0 role list
0 role show shop-orders
0 install-agent
0 restart shop/orders --dry-run
0 disassociate shop/orders --yes --wait api
0 role attach storefront --managed-policy ReadOnlyAccess --adopt
0 role detach demo-extra --managed-policy ReadOnlyAccess --yes --adopt
0 trust add --role shop-orders --for shop/cart --dry-run
0 trust remove --role shop-orders --for shop/nobody --dry-run
0 trust tighten --role shop-orders --dry-run
""",
    ),
)

# each interrupted on a site of its own
INTERRUPTED = _script(
    interruptible,
    """
130 doctor
130 role show shop-orders
130 list
130 export
130 agent status
130 trust tighten --role shop-orders
130 bundle --yes
130 verify shop/orders --yes
130 list --columns namespace,role,status
130 doctor --logs --cloudtrail --verify --yes
130 status
130 show shop/orders
130 role list
130 can-i shop/orders dynamodb:GetItem
130 who-can dynamodb:GetItem
130 privileges shop/orders
130 trace SESSION
130 activity shop/orders
130 graph
130 right-size shop/orders
130 unused
130 exec shop/orders --yes -- true
130 whoami --as shop/orders --yes
130 restart shop/orders
130 agent nodes
130 agent logs
130 agent versions
130 whoami
130 addon list
130 addon install adot --recommended
130 addon associate aws-ebs-csi-driver ebs-csi-controller-sa --role storefront
130 install-agent
130 addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes
130 uninstall-agent --yes
130 doctor --me
130 audit --secrets
130 disassociate shop/orders --yes
130 decommission --cluster demo --yes
130 associate shop/orders --role storefront --replace
130 undo last --yes
130 move shop/orders shop/cart
130 role create fresh --for shop/orders
130 role delete storefront --yes
130 role attach storefront --managed-policy ReadOnlyAccess
130 trust add --role storefront --for shop/cart
130 role detach storefront --managed-policy ReadOnlyAccess
130 trust remove --role storefront --for shop/cart
130 copy --from-cluster demo --to-cluster blue
130 doctor --fix --yes
130 reconcile -f identities.json --once
130 plan -f identities.json
130 diff -f identities.json
130 apply -f identities.json
130 forget -f identities.json
130 migrate plan
130 migrate status
130 migrate apply legacy/reports --yes
130 migrate finish -A --soak 0 --yes
130 migrate rollback legacy/reports --yes
130 migrate cleanup
""",
)

PRUNING = ("--prune: reading", "--prune: deleting")
EFFECT = ("checking the result", "dry-run pods")
CREATING = (*EFFECT, "--create-service-account")
FROM_BLUE = "--from-cluster blue --to-cluster demo"
NOTHING_YET = ("nothing", "service-account")
ALL_OF_MOVE = (*EFFECT, "--restart", "--wait verified")
PROOF = ("redeeming",)
OWN_ACCOUNTS = "migrate apply -n apps --create-service-accounts"
MOVED = "migrate apply -n shop --yes"
ADDONS = ("add-ons: the features", "add-ons that")
DRIVER = "kube-system/ebs-csi-controller-sa"
APPLY_ADDON, FINISH_ADDON = f"migrate apply {DRIVER} --yes", f"migrate finish {DRIVER} --soak 0 --yes"
MOVED_APPS = after(f"{OWN_ACCOUNTS} --yes", start=with_kube2iam)
BASE_ROLE = "migrate apply -n shop --base-role b --accept target-role-trust-broken --yes"
FINISH_APPS = "migrate finish -n apps --soak 0 --yes"
ROLLBACK_APPS = "migrate rollback apps/reader apps/nightly --yes"
CREATED = ("associate shop/pay --role storefront --tag a=b --wait api",)
ROLE = "role create r --for shop/orders --policy-file POLICY --managed-policy AmazonS3ReadOnlyAccess --tag a=b"
SETTINGS = f"{ROLE} --replace --description new --tag x=y --boundary AmazonS3ReadOnlyAccess"


def settings_undone(site: Site) -> None:
    """Undo settings with an answer at a terminal, because restoring without the boundary requires one."""
    after(ROLE, SETTINGS)(site)
    site.podid.tty, site.podid.answers = True, Answers(True)
    after(*UNDONE, start=lambda _: None)(site)
    site.podid.tty = False


_SERVICES = ("S3", "SQS", "SNS", "DynamoDB", "EC2")
ELEVEN = [f"Amazon{name}{kind}Access" for name in _SERVICES for kind in ("Full", "ReadOnly")] + ["AmazonVPCFullAccess"]
ONE_TOO_MANY = "role create r --for shop/orders --policy-file POLICY " + " ".join(
    f"--managed-policy {n}" for n in ELEVEN
)
STOREFRONT = f"--target-role arn:aws:iam::{ACCOUNT}:role/storefront"
ADOPTED = "role create shop-orders --for shop/orders --policy-file POLICY --adopt --update-trust"
ATTACHED = "role attach r --managed-policy AmazonSQSFullAccess --policy-file POLICY --preset cluster-autoscaler"
DETACHED = "role detach r --managed-policy AmazonS3ReadOnlyAccess --inline-policy POLICY --yes"
DELETED = "role delete r --yes"
WITH_ROLE = "associate shop/orders --wait api --create-role " + ROLE.removeprefix("role create r --for shop/orders ")
WITH_ROLE_GONE = "disassociate shop/orders --delete-role --yes"
WITH_ROLE_CHANGED = f"{WITH_ROLE} --replace --description new --role-tag x=y --boundary AmazonS3ReadOnlyAccess"
WITH_TOO_MANY = ONE_TOO_MANY.replace("role create r --for shop/orders", "associate shop/orders --create-role")
WITH_ACCOUNT = "associate shop/new --role storefront --create-service-account --wait api"
UNDONE = ("undo last --yes",)
INSTALL_CNI = "addon install vpc-cni"
CART = "--role shop-orders --for shop/cart --yes"

ACTIONS_ON_RESOURCES = (
    ("s3:GetObject", "arn:aws:s3:::reports/x", "an S3"),
    ("kms:Decrypt", "arn:aws:kms:us-west-2:111122223333:key/1", "a KMS"),
    ("sts:AssumeRole", "arn:aws:iam::111122223333:role/shop-orders", "a role"),
    ("sqs:SendMessage", "arn:aws:sqs:us-west-2:111122223333:jobs", "an SQS"),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:us-west-2:111122223333:secret:db", "a secret"),
    ("lambda:InvokeFunction", "arn:aws:lambda:us-west-2:111122223333:function:jobs", "a Lambda"),
    ("dynamodb:PutItem", "arn:aws:dynamodb:us-west-2:111122223333:table/jobs", "a DynamoDB"),
)
# each on a site of its own
OWN = (
    Way("install-agent"),
    Way("install-agent --addon-version v0.0.1-eksbuild.1", code=5),
    Way("install-agent", healthy),
    Way("install-agent --addon-version latest", healthy, ("changing",), rare=True),
    Way("install-agent --addon-version latest --config agent.probePort=2704", healthy, ("changing", "checking a")),
    Way("install-agent", ungrouped),
    Way("install-agent --addon-version latest", untold, ("changing",)),
    Way("install-agent --fix-node-role", without_node_permission, ("--fix-node-role",)),
    Way("install-agent --timeout 5m", crashing, ("reading the log and events",), code=3, rare=True),
    Way("uninstall-agent --yes", healthy),
    Way("addon list"),
    Way("addon list", with_ebs_role),
    Way("addon list --all", nothing, ("--all",)),
    Way(f"{EBS} --role storefront --wait api"),
    Way(f"{EBS} --role storefront", healthy, EFFECT),
    Way(f"{EBS} --role storefront --replace --wait api", with_ebs_association, ("--replace",)),
    Way(f"{EBS} --role shop-orders --update-trust --wait api", with_narrow_role, ("--update-trust",)),
    Way("addon associate aws-ebs-csi-driver --recommended --wait api", nothing, ("--recommended",)),
    Way("addon associate --recommended --all --wait api", nothing, ("--recommended", "--all")),
    Way(
        "addon associate aws-ebs-csi-driver --recommended --wait api",
        without_quota,
        ("--recommended", "deleting a new role"),
        code=6,
    ),
    Way("addon install coredns --wait api"),
    Way("addon install aws-ebs-csi-driver --config controller.replicaCount=1 --wait api", with_an_addon, ("changing",)),
    Way("addon install adot --recommended --wait api", without_quota, ("--recommended", "deleting a new role"), code=6),
    Way(f"{INSTALL_CNI} --role aws-node=storefrunt --wait api", nothing, ("--role: ",), code=5),
    Way("addon install adot --recommended --wait api", nothing, ("--recommended",)),
    Way(f"{INSTALL_CNI} --role aws-node=storefront --wait api", nothing, ("--role: ",)),
    Way(
        f"{INSTALL_CNI} --addon-version latest --role aws-node=shop-orders --update-trust --wait api",
        with_old_cni,
        ("changing", "--role: ", "--role, --recommended", "--update-trust"),
    ),
    Way(
        f"{INSTALL_CNI} --role aws-node=storefront --replace --wait api",
        with_cni_association,
        ("--role: ", "--replace"),
    ),
    Way(f"{EBS} --recommended --wait api", with_recommended_role, ("--recommended",)),
    Way("addon disassociate aws-ebs-csi-driver ebs-csi-controller-sa --yes", with_ebs_role, EFFECT),
    Way("addon disassociate adot adot-col-otlp-ingest --yes --wait api", with_siblings),
    Way(ROLE),
    Way(ROLE, nothing, ("validating policies",)),
    Way(f"{ROLE} {STOREFRONT} --force", nothing, ("validating policies",), code=3),
    Way(f"{ROLE} {STOREFRONT} --replace --force", after(ROLE), ("--target-role: checking",), code=3),
    Way(f"{ROLE} {STOREFRONT} --update-trust", nothing, ("--target-role --update-trust",)),
    Way(
        f"{ROLE} {STOREFRONT} --no-session-tags",
        after(WITH_ROLE, start=nothing),
        ("--target-role --no-session-tags",),
        code=3,
    ),
    Way(ROLE, after(ROLE)),
    Way(ADOPTED, with_narrow_role),
    Way(SETTINGS, after(ROLE), ("--replace",)),
    Way(ONE_TOO_MANY, nothing, ("deleting a new role",), code=6),
    Way(ATTACHED, after("role create r --for shop/orders")),
    Way(ATTACHED, after("role create r --for shop/orders"), ("validating policies",), rare=True),
    Way(f"{ATTACHED} --replace", after(ROLE, ATTACHED), rare=True),
    Way("role attach s --managed-policy AmazonSQSFullAccess", after(ROLE), code=5),
    Way(DETACHED, after(ROLE)),
    Way("role detach s --inline-policy POLICY --yes", after(ROLE), code=5),
    Way(DELETED, after(ROLE)),
    Way(DELETED, after(ROLE)),
    Way(
        f"{DELETED} --update-trust",
        after(f"role create r --for shop/orders {STOREFRONT} --update-trust"),
        ("--update-trust",),
    ),
    Way("role delete s --yes", after(ROLE), code=5),
    Way("undo last --yes", after(ROLE, DETACHED), rare=True),
    Way("undo last --yes", after(ROLE, DELETED)),
    Way("associate shop/orders --role shop-orders --tag a=b --wait api", with_role),
    Way("associate shop/orders --role shop-order", with_role, code=5),
    Way("associate shop/orders --role shop-orders --update-trust --wait api", with_narrow_role),
    Way("associate shop/orders --role storefront --replace --wait ready", healthy, EFFECT, rare=True),
    Way("associate shop/orders --role shop-orders --restart", with_role, (*EFFECT, "--restart")),
    Way("associate shop/orders --role shop-orders --wait verified", chained, (*EFFECT, "--wait verified")),
    Way("install-agent --wait verified", chained, ("--wait verified",)),
    Way("associate shop/orders --role storefront --replace --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way("associate shop/orderz --role storefront", nothing, EFFECT),
    Way(
        "associate shop/pay --role orders-dynamodb --no-session-tags --wait api",
        nothing,
        ("--no-session-tags",),
        rare=True,
    ),
    Way("associate shop/pay --role storefront --no-session-tags --wait api", nothing, ("--no-session-tags",)),
    Way("associate shop/orders --role storefront --replace --tag x=y --wait api", healthy, rare=True),
    Way("associate -n shop --service-account o* -l app=orders --role storefront", with_label, EFFECT, rare=True),
    Way(
        "associate shop/orders --role storefront --wait api --replace --update-trust "
        f"--target-role arn:aws:iam::{ACCOUNT}:role/r",
        after(ROLE),
        ("--target-role --update-trust",),
    ),
    Way(WITH_ROLE, nothing, ("--create-role",), rare=True),
    Way(
        f"{WITH_ROLE} {STOREFRONT} --replace",
        after(WITH_ROLE, start=nothing),
        ("--create-role", "--target-role: checking"),
        code=3,
    ),
    Way(WITH_ROLE_CHANGED, after(WITH_ROLE, start=nothing), ("--create-role",)),
    Way(WITH_TOO_MANY, nothing, ("--create-role", "deleting a new role"), code=6, rare=True),
    Way(
        f"{WITH_TOO_MANY.replace('shop/orders', 'shop/new')} --create-service-account",
        nothing,
        ("--create-role", "deleting a new role", "--create-service-account", "deleting a new service account"),
        code=6,
    ),
    Way("associate shop/orders --no-target-role --untag x --replace --wait api", tagged_target, ("--untag",)),
    Way(
        "associate shop/new --role storefront --create-service-account", nothing, (*EFFECT, "--create-service"), code=3
    ),
    Way("disassociate shop/orders --yes --wait api", healthy, rare=True),
    Way(
        "decommission --cluster demo --yes",
        after(WITH_ROLE, start=trusting_two),
        ("reading the settings", "finding the CloudFormation"),
    ),
    Way("disassociate shop/orders --yes --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way(f"{WITH_ROLE_GONE} --wait api", after(WITH_ROLE, start=nothing), ("--delete-role",)),
    Way(
        f"{WITH_ROLE_GONE} --update-trust --wait api",
        after(f"{WITH_ROLE} {STOREFRONT} --update-trust", start=nothing),
        ("--delete-role", "--update-trust"),
    ),
    Way("copy --from-cluster blue --to-cluster demo", with_blue, EFFECT, rare=True),
    Way("copy --from-cluster blue --to-cluster demo --update-trust --wait api", with_blue_narrow),
    Way("copy --from-cluster blue --to-cluster demo --map-role storefront=storefrunt", with_blue, code=5),
    Way(f"copy {FROM_BLUE} --wait api --map-role storefront=shop-orders --replace", with_blue_other),
    Way("copy --from-cluster blue --to-cluster demo --create-service-account", with_blue_new, CREATING),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_new, EFFECT),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_and_job, EFFECT),
    Way("copy --from-cluster blue --to-cluster demo", with_blue_same, EFFECT),
    Way("move shop/orders shop/cart --yes", with_open_identity, EFFECT, rare=True),
    Way("move shop/cart shop/orders --yes", with_cart, EFFECT, rare=True),
    Way("move shop/orders shop/cart --yes --update-trust --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way("move shop/cart shop/orders --yes --wait verified --restart", with_chained_cart, ALL_OF_MOVE, code=0),
    Way("move shop/orders shop/cart --yes --update-trust --remove-trust --wait api", healthy, rare=True),
    Way("move shop/orders shop/cart --yes --update-trust --wait api", healthy, rare=True),
    Way("move shop/orders shop/cart --yes --replace --wait api", with_both),
    Way("move shop/orders --cluster blue --to-cluster demo --yes --wait api", with_blue),
    Way("move shop/order shop/cart --yes", healthy, code=5),
    Way("move shop/orders shop/orderz --yes", with_open_identity, EFFECT, rare=True),
    Way("move shop/orders shop/orderz --yes --create-service-account", with_open_identity, CREATING),
    Way("restart shop/orders --yes", every_kind, code=8),
    Way("restart shop/orders --yes --evict", on_delete, ("--evict",)),
    Way("restart -A --stale", healthy, ("--stale",)),
    Way("restart shop/orders", unserved, EFFECT, code=6),
    Way("restart shop/orders", without_agent, ("checking the result",), code=6),
    Way("restart shop/orders", healthy, ("checking the result",), rare=True),
    Way("associate legacy/reports --role storefront", healthy, ("checking the result",), rare=True),
    Way("disassociate shop/orders --yes", healthy, ("dry-run", "checking the result"), rare=True),
    Way("disassociate shop/new --delete-service-account --yes", after(WITH_ACCOUNT), (*EFFECT, "--delete-service")),
    Way("uninstall-agent --yes", healthy, ("checking the effect",)),
    Way("restart shop/orders --stale", healthy, ("--stale",), rare=True),
    Way("trust check --role shop-orders", healthy, ("--role",)),
    Way("trust check --role nosuch --for shop/orders", healthy, ("--role", "--for"), code=5),
    Way("trust add --role shop-orders --for shop/orders", untagged, ("--role", "reading whether")),
    Way("trust check --role shop-orders --for shop/orders", untagged, ("--role", "--for"), code=3),
    Way("trust add --role shop-orders --for shop/cart", healthy, ("--role", "reading whether")),
    Way(f"trust remove {CART}", after(f"trust add {CART}"), ("--role",)),
    Way("trust add --role nosuch --for shop/cart", healthy, ("--role", "reading whether"), code=5),
    Way(
        "trust remove --role shop-orders --for shop/orders --yes",
        after(f"trust add {CART}"),
        ("--role", "checking the effect"),
    ),
    Way(
        f"trust remove --role irsa-reports --issuer {ISSUER} --cluster demo --yes",
        after("trust add --role irsa-reports --for legacy/reports", start=nothing),
        ("--role", "--issuer"),
    ),
    Way("trust remove --role nosuch --for shop/cart", healthy, ("--role",), code=5),
    Way("trust tighten --role nosuch", healthy, ("--role",), code=5),
    Way("trust tighten --role shop-orders --yes", with_wide_role, ("--role",)),
    Way(
        "associate", healthy, (*EFFECT, "guided mode"), answers=("shop", "orders", "storefront", "nothing", "no", "do")
    ),
    Way("associate shop/orders --role r --cluster-tag a=b", healthy, ("--cluster-tag",), code=5),
    Way(
        "role create",
        healthy,
        ("guided mode",),
        answers=("shop", "orders", *NOTHING_YET, "demo-shop-orders", "nothing", "do"),
    ),
    Way(
        "disassociate --yes",
        healthy,
        ("reading the settings", "dry-run", "checking the result", "guided mode"),
        answers=("shop/orders", "no", "no"),
    ),
    Way("export", healthy),
    Way("export --roles", healthy, ("--roles",)),
    Way("export -n shpo", nothing, ("-n",), code=5),
    Way("list", healthy),
    Way("list --cluster-tag a=b", healthy, ("--cluster-tag",), code=5),
    Way("list -n shpo", nothing, ("-n",), code=5),
    Way("show shop/zzz", nothing, code=5),
    Way("status shop/zzz", nothing, code=5),
    Way("status payments/billing-worker", nothing, code=5),
    Way("verify -n shpo --yes", nothing, code=5),
    Way("verify shop/zzz --yes", nothing, code=5),
    Way("restart -n shpo", nothing, ("checking whether a name",), code=5),
    Way("restart shop/zzz", nothing, ("checking whether a name",), code=5),
    Way("disassociate shop/zzz --yes", nothing, ("checking whether a name",), code=5),
    Way("list --pods", healthy, ("--pods",)),
    Way("list --stale", healthy, ("--pods",), rare=True),
    Way("list --dangling", healthy, ("--dangling, column exists", "--dangling, column role-exists")),
    Way("list --columns role,exists", healthy, ("--dangling, column exists",), rare=True),
    Way("list --columns role-exists", healthy, ("--dangling, column role-exists",), rare=True),
    Way("list -n shop -o jsonl", healthy),
    Way("show shop/orders", healthy, rare=True),
    Way("show shop/orders", chained),
    Way("show shop/orders --cloudtrail", healthy, ("--cloudtrail",)),
    Way("show shop/orders", with_attached),
    Way("show shop/orders --unused", long_half_used, ("--unused",)),
    Way("show shop/order", healthy, code=5),
    Way("status", healthy),
    Way("status -n shop", healthy, rare=True),
    Way("status shop/orders", chained),
    *(
        Way(line, start, optional)
        for line, optional in (("show shop/orders", ()), ("status", ()), ("list --columns status", ("column status",)))
        for start in (under_cilium, configured, self_managed, untold)
    ),
    Way("show shop/orders", with_everything),
    Way("status shop/orders", with_everything, code=3),
    Way("list --columns status", with_everything, ("column status",)),
    Way("verify shop/orders --yes", healthy, PROOF, rare=True),
    Way("verify shop/orders --yes", healthy, code=9),
    Way("verify shop/orders --yes", chained, PROOF, rare=True),
    Way("verify shop/orders --yes --probe", chained, (*PROOF, "--probe")),
    Way("verify shop/orders --yes --probe", without_account, (*PROOF, "--probe"), code=3),
    Way("verify shop/orders --yes --can dynamodb:GetItem", chained, PROOF, code=3, rare=True),
    Way("verify shop/orders --yes --can s3:GetObject", conditional, (*PROOF, "--can: IAM", "--can: reading"), code=3),
    Way("verify shop/order --yes", healthy, code=5),
    Way("verify -A --yes", healthy, code=9),
    Way("doctor", healthy),
    Way("doctor", under_cilium),
    Way("doctor --me", healthy),
    Way("bundle --yes --force", under_cilium),
    Way("bundle --yes --force", configured),
    Way("bundle --yes --force", self_managed),
    Way("bundle --yes --force", untold),
    Way("doctor", configured),
    Way("doctor --logs", healthy, ("--logs",)),
    Way("doctor --cloudtrail", healthy, ("--cloudtrail",)),
    Way("doctor --verify --yes", healthy, ("--verify",)),
    Way("doctor shop/orders --probe --yes", healthy, ("--probe",)),
    Way("doctor", with_everything, code=3),
    Way("bundle --yes --force", with_everything),
    Way("doctor shop/orders", healthy, rare=True),
    Way("audit", audited),
    Way("audit --secrets", audited, ("--secrets",)),
    Way("audit --probe --yes --check imds-open-to-pods", audited, ("--probe",)),
    Way("audit", self_managed),
    Way("audit --all-clusters", healthy, ("--all-clusters",)),
    Way("list --all-regions", healthy, ("--all-clusters", "--all-regions"), rare=True),
    Way("doctor --all-regions --check agent-not-installed", healthy, ("--all-clusters", "--all-regions")),
    Way("doctor", self_managed),
    Way("doctor", untold),
    Way("agent status", healthy, rare=True),
    Way("agent status", self_managed),
    Way("agent status", untold),
    Way("agent status", of_a_class),
    Way("agent nodes", healthy),
    Way("agent versions", healthy),
    Way("agent logs", healthy),
    Way("agent logs --raw", healthy, rare=True),
    Way("role show shop-orders", healthy),
    Way("role show shop-order", healthy, code=5),
    Way("role show storefront", healthy),
    Way("role list", healthy),
    Way("role list", after("role create r --for shop/orders --preset s3-read,bucket=reports"), ("comparing",)),
    Way("role list --unused", healthy, rare=True),
    Way("role list --owners", healthy, ("--owners",)),
    Way("list --owner none", healthy, ("--owner",)),
    Way("whoami", healthy),
    Way(f"trace {SESSIONS[0]}", with_sessions, ("the node of",)),
    Way("whoami --as shop/orders --yes", healthy, ("--as", "obtaining")),
    Way("whoami --as shop/zzz --yes", healthy, ("--as", "checking whether a name"), code=5),
    Way("exec shop/orders --yes -- true", healthy, ("obtaining",)),
    Way("exec shop/zzz --yes -- true", healthy, ("checking whether a name",), code=5),
    Way("unused --older-than 1s", chained),
    Way("unused shop/orders", chained, ("NS/SA",)),
    Way("unused", shared_role, ("associations whose",)),
    Way("can-i shop/orders dynamodb:GetItem", healthy),
    Way("can-i shop/orders dynamodb:GetItem", with_everything, ("IAM's policy simulator",)),
    Way("can-i shop/orders dynamodb:GetItem", chained, ("IAM's policy simulator",), code=3),
    *(
        Way(f"can-i shop/orders {action} --resource {arn}", healthy, (f"--resource with {kind}",), code=3)
        for action, arn, kind in ACTIONS_ON_RESOURCES
    ),
    # the policy of a new topic has a condition on a key that is not known
    Way(
        "can-i shop/orders sns:Publish --resource arn:aws:sns:us-west-2:111122223333:jobs",
        healthy,
        ("--resource with an SNS",),
        code=9,
    ),
    Way("can-i pod/shop/nosuch dynamodb:GetItem", healthy, ("pod/NS/NAME",), code=5),
    Way("can-i --role nosuch dynamodb:GetItem", healthy, ("--role",), code=5),
    Way("privileges shop/orders", chained),
    Way("privileges pod/shop/nosuch", healthy, ("pod/NS/NAME",), code=5),
    Way("privileges shop/orders", long_half_used, ("unused privileges",)),
    Way("privileges --role nosuch", healthy, ("--role",), code=5),
    Way("privileges shop/zzz", healthy, ("checking whether a name",), code=5),
    Way("who-can dynamodb:GetItem", with_everything, ("the number of",)),
    Way("who-can iam:PassRole -n nosuch", healthy, ("the number of", "-n"), code=5),
    Way(
        "who-can sns:Publish --resource arn:aws:sns:us-west-2:111122223333:jobs",
        healthy,
        ("--resource with an SNS",),
        code=9,
    ),
    *(
        Way(f"who-can {action} --resource {arn}", healthy, (f"--resource with {kind}",))
        for action, arn, kind in ACTIONS_ON_RESOURCES
    ),
    Way("can-i shop/zzz dynamodb:GetItem", healthy, ("checking whether a name",), code=5),
    Way("right-size shop/orders", chained),
    Way("right-size shop/orders --apply --adopt --yes", long_half_used, ("--apply",)),
    Way(
        "right-size shop/orders --apply --adopt --yes --keep dynamodb:GetItem",
        long_half_used,
        ("--apply", "validating policies"),
    ),
    Way("right-size shop/orders --cloudtrail", half_used, ("--cloudtrail",)),
    Way("right-size shop/cart", with_missing_role, code=5),
    Way("right-size shop/zzz", chained, ("checking whether a name",), code=5),
    Way("graph", chained),
    Way("graph shop/orders", chained, ("NS/SA",)),
    Way("graph shop/zzz", chained, ("NS/SA",), code=5),
    Way("activity shop/orders", with_sessions),
    Way("activity shop/zzz", with_sessions, ("checking whether a name",), code=5),
    Way("plan -f identities.json", healthy, ("validating policies",), code=3),
    Way("plan -f identities.json", after("apply -f identities.json --wait api")),
    Way("plan -f pattern.json", healthy, ("patterns",), code=3),
    Way("plan -f missing.json", healthy, ("naming roles",), code=5),
    Way("plan -f tagged.json", healthy, ("clusters by tags",), code=5),
    Way("plan -f agent.json", healthy, ("agent: reading",), code=3),
    Way("plan -f empty.json --prune", after("apply -f identities.json --wait api"), ("--prune",), code=3),
    Way("diff -f identities.json", healthy, ("validating policies",), code=3),
    Way("diff -f identities.json", after("apply -f identities.json --wait api")),
    Way("diff -f pattern.json", healthy, ("patterns",), code=3),
    Way("diff -f missing.json", healthy, ("naming roles",), code=5),
    Way("diff -f tagged.json", healthy, ("clusters by tags",), code=5),
    Way("diff -f agent.json", healthy, ("agent: reading",), code=3),
    Way("diff -f empty.json --prune", after("apply -f identities.json --wait api"), ("--prune",), code=3),
    Way("forget shop/declared --role declared", after("apply -f identities.json --wait api"), ("--role",)),
    Way("forget -f identities.json", after("apply -f identities.json --wait api"), ("-f: the roles",)),
    Way("forget -f tagged.json", healthy, ("clusters by tags",), code=5),
    Way("forget --role nosuch", healthy, ("--role", "naming roles"), code=5),
    Way("forget shop/nosuch", healthy, ("naming service accounts",), code=5),
    Way("apply -f identities.json", healthy, ("validating policies", *EFFECT)),
    Way("apply -f changed.json --wait api", after("apply -f identities.json --wait api"), ("validating policies",)),
    Way("apply -f bounded.json --wait api", after("apply -f identities.json --wait api")),
    Way("apply -f pattern.json --wait api", healthy, ("patterns", "createServiceAccount")),
    Way("apply -f agent.json --wait api", nothing, ("agent: reading", "agent: changing")),
    Way("apply -f agent.json --wait api", healthy, ("agent: reading", "agent: changing")),
    Way("apply -f missing.json", healthy, ("naming roles",), code=5),
    Way("apply -f tagged.json", healthy, ("clusters by tags",), code=5),
    Way("apply -f target.json --update-trust --wait api", after(ROLE), ("--target-role --update-trust",)),
    Way("apply -f restart.json --adopt --restart", every_kind, (*EFFECT, "--restart"), code=8),
    Way("apply -f empty.json --prune --yes --wait api", after("apply -f identities.json --wait api"), PRUNING),
    Way("reconcile -f identities.json --once", healthy, code=3),
    Way("reconcile -f identities.json --once --lease shop", healthy, ("--lease",), code=3),
    Way("reconcile -f identities.json --once --apply", healthy, ("validating policies", "--apply")),
    Way("reconcile -f changed.json --once --apply", after("apply -f identities.json --wait api"), ("--apply",)),
    Way("reconcile -f bounded.json --once --apply", after("apply -f identities.json --wait api"), ("--apply",)),
    Way("reconcile -f pattern.json --once --apply", healthy, ("patterns", "createServiceAccount", "--apply")),
    Way("reconcile -f agent.json --once --apply", nothing, ("agent: reading", "agent: changing", "--apply")),
    Way("reconcile -f agent.json --once --apply", healthy, ("agent: reading", "agent: changing", "--apply")),
    Way("reconcile -f missing.json --once", healthy, ("naming roles",), code=5),
    Way("reconcile -f tagged.json --once", healthy, ("clusters by tags",), code=5),
    Way(
        "reconcile -f target.json --update-trust --once --apply",
        after(ROLE),
        ("--target-role --update-trust", "--apply"),
    ),
    Way(
        "reconcile -f empty.json --prune --yes --once --apply",
        after("apply -f identities.json --wait api"),
        (*PRUNING, "--apply"),
    ),
    Way("migrate plan", with_an_addon, ("add-ons: the features",)),
    Way("migrate status", with_an_addon, ("add-ons: the features",)),
    Way(APPLY_ADDON, with_an_addon, (*ADDONS, "dry-run pods", *PROOF, "--restart")),
    Way(FINISH_ADDON, after(APPLY_ADDON, start=with_an_addon), ("add-ons that",)),
    Way(
        f"migrate rollback {DRIVER} --yes",
        after(APPLY_ADDON, FINISH_ADDON, start=with_an_addon),
        ("add-ons that", "dry-run pods", "--restart"),
    ),
    Way("migrate apply -n shop --tag a=b --yes", with_irsa, ("dry-run pods", *PROOF, "--restart")),
    Way(
        "migrate apply -n shop --yes",
        with_irsa_and_no_webhook,
        ("rolling back failed", "dry-run pods", "--restart"),
        code=8,
    ),
    Way("migrate plan --cloudtrail", healthy, ("--cloudtrail: the SDKs",)),
    Way("migrate plan --install-agent", permissions=("--install-agent",)),
    Way("migrate status --cloudtrail", healthy, ("--cloudtrail: the SDKs",), rare=True),
    Way(
        "migrate apply -n shop --install-agent --yes",
        with_irsa_and_no_agent,
        ("--install-agent", "dry-run pods", *PROOF, "--restart"),
    ),
    Way(
        BASE_ROLE,
        with_a_role_of_another_account,
        ("--base-role", "validating policies", "dry-run pods", *PROOF, "--restart"),
    ),
    Way(
        "migrate rollback shop/cart --yes",
        after(BASE_ROLE, start=with_a_role_of_another_account),
        ("deleting base roles", "dry-run pods", "--restart"),
    ),
    Way("migrate plan -n apps", with_kube2iam, rare=True),
    Way("migrate plan -n apps --create-service-accounts", with_kube2iam, ("--create",)),
    Way(f"{OWN_ACCOUNTS} --yes", with_kube2iam, ("--create", "dry-run pods", *PROOF, "--restart")),
    Way("migrate finish -n shop --soak 0 --yes", after(MOVED, start=with_irsa), ("removing",)),
    Way(
        "migrate finish -n shop --soak 0 --yes --write-manifests . --force",
        after(MOVED, start=owned_by_helm),
        ("--write-manifests",),
        code=3,
    ),
    Way("undo last --yes", after(MOVED, start=with_irsa), (*EFFECT, "--restart")),
    Way(
        "migrate rollback shop/cart --yes",
        after(MOVED, "migrate finish -n shop --soak 0 --yes", start=with_irsa),
        ("dry-run pods", "restoring", "--restart"),
    ),
    Way(FINISH_APPS, MOVED_APPS, ("kiam",)),
    Way(
        ROLLBACK_APPS,
        after(FINISH_APPS, start=MOVED_APPS),
        ("kiam", "dry-run", "--restart", "service accounts that podid"),
    ),
    Way(ROLLBACK_APPS, MOVED_APPS, ("kiam", "dry-run", "--restart", "service accounts that podid")),
    Way("migrate cleanup", healthy, ("listing kiam",), rare=True),
    Way("migrate cleanup -c demo", with_kube2iam, ("listing kiam",)),
    Way("migrate cleanup daemonset/kube-system/kube2iam --yes", with_idle_kube2iam, ("listing kiam", "deleting kiam")),
    Way("migrate cleanup deployment/kube-system/kiam-server --yes", with_idle_kiam, ("listing kiam", "deleting kiam")),
    Way(f"migrate cleanup {UNUSED_PROVIDER} --yes", with_leftovers, ("deleting OIDC",)),
    Way(f"migrate cleanup {UNUSED_ROLE} --yes", with_leftovers, ("deleting roles",)),
    Way(
        "undo last --yes",
        after(f"{OWN_ACCOUNTS} --yes", start=with_kube2iam),
        (*EFFECT, "--restart", "undoing --create"),
    ),
    Way("undo last --yes", after(MOVED, "migrate finish -n shop --soak 0 --yes", start=with_irsa)),
    Way("undo last --yes", after(f"migrate cleanup {UNUSED_PROVIDER} --yes", start=with_leftovers)),
    Way("undo NEWEST --yes", after(f"migrate cleanup {UNUSED_PROVIDER} --yes", *UNDONE, start=with_leftovers)),
    Way("undo last --yes", after(*CREATED), rare=True),
    Way("undo NEWEST --yes", after(*CREATED, *UNDONE)),
    Way(
        "undo last --yes --wait verified",
        after("associate shop/orders --role storefront --replace --update-trust --wait api", start=chained),
        (*EFFECT, "--wait verified"),
    ),
    Way("undo last --yes", after("associate shop/orders --role storefront --replace --tag x=y --wait api")),
    Way(
        "undo last --yes --restart",
        after("associate shop/orders --role storefront --replace --wait api", start=every_kind),
        (*EFFECT, "--restart"),
        code=8,
    ),
    Way("undo last --yes", after("disassociate shop/orders --yes --wait api"), rare=True),
    Way(
        "undo NEWEST --yes",
        after("associate shop/orders --role storefront --wait api", *UNDONE, start=nothing),
        EFFECT,
        code=3,
    ),
    Way("undo last --yes", after(ROLE)),
    Way("undo NEWEST --yes", after(ROLE, *UNDONE), rare=True),
    Way("undo last --yes", after(ROLE, SETTINGS), answers=(True,)),
    Way("undo NEWEST --yes", settings_undone),
    Way("undo last --yes", after(ADOPTED, start=with_narrow_role)),
    Way("undo NEWEST --yes", after(ADOPTED, *UNDONE, start=with_narrow_role), rare=True),
    Way("undo last --yes", after("install-agent", start=nothing)),
    Way("undo last --yes", after(f"{EBS} --role storefront --wait api", start=nothing)),
    Way("undo last --yes", after("install-agent --addon-version latest")),
    Way("undo NEWEST --yes", after("install-agent", *UNDONE, start=nothing)),
    Way("undo last --yes", after(WITH_ACCOUNT), ("undoing --create",)),
    Way("undo NEWEST --yes", after(WITH_ACCOUNT, *UNDONE), ("undoing --create",)),
)

WAYS = (*STORY, *MUTATED, *INTERRUPTED, *OWN)
