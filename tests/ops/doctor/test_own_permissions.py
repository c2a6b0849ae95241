"""The caller's own permissions: a missing one is named with its grant, and one that cannot be checked is unknown."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from cluster_api import Json
from harness import table
from permissions_support import allow, limited
from podid.commands.diagnosis.own_permissions import permissions_of_commands
from podid.domain.aws import Decision
from podid.domain.grouping import grouped
from podid.domain.permissions import AccessReview, CommandPermissions, KubePermission, Permissions
from podid.domain.plan import WhoAndWhere
from podid.ops.doctor.own_permissions import own_permissions
from podid.render.formats import to_json
from podid.render.permissions import manifests_of, own_permissions_view
from worlds import ACCOUNT, CLUSTER_ARN, Site

DOCTOR = permissions_of_commands(["doctor"])[1].always
ASSOCIATE = permissions_of_commands(["associate"])[1]
SIMULATE, GET_ROLE = "iam:SimulatePrincipalPolicy", "iam:GetRole"
_NUMBERS = itertools.count()
# no policy takes it away
ME = f"arn:aws:iam::{ACCOUNT}:user/me"
IAM = [action for action in DOCTOR.iam if action != "sts:GetCallerIdentity"]

WHERE = WhoAndWhere(
    caller_arn=ME, account=ACCOUNT, credentials_source="", region="us-west-2", region_source="", cluster="demo"
)


def caller(
    site: Site, directory: Path, permissions: Permissions, *more: Json, namespace: str = "", **how: Any
) -> dict[str, str]:
    """Return the environment of a caller with these permissions; those that change something only in the namespace."""
    policy = allow(*permissions.iam)
    policy["Statement"] += more
    name = f"caller-{next(_NUMBERS)}"
    manifests = manifests_of(permissions, name, namespace)
    return limited(site.box, directory, policy, manifests, name=name, **how)


def outcomes(report: Any) -> dict[str, list[str]]:
    """Return the permissions of each outcome, without those that the caller has."""
    rest = [item for item in report["permissions"] if item["outcome"] != "held"]
    return grouped((item["outcome"], item["permission"]) for item in rest)


def granted(report: Any) -> tuple[list[str], list[Any]]:
    statements = (report["missing"]["iamPolicy"] or {"Statement": []})["Statement"]
    return [action for statement in statements for action in statement["Action"]], report["missing"]["kubernetes"][
        "items"
    ]


def without(*left_out: str | KubePermission, permissions: Permissions = DOCTOR) -> Permissions:
    return Permissions(
        tuple(action for action in permissions.iam if action not in left_out),
        tuple(permission for permission in permissions.kubernetes if permission not in left_out),
    )


def test_the_printed_permissions_are_complete(shared: Site, tmp_path: Path) -> None:
    env = caller(shared, tmp_path, DOCTOR)
    outcome = shared("doctor", "--me", "-o", "json", env=env)
    assert (outcome.code, outcomes(outcome.json), granted(outcome.json)) == (0, {}, ([], []))
    text = shared("doctor", "--me", env=env)
    assert (text.code, text.stdout.splitlines()[1]) == (
        0,
        f"{len(outcome.json['permissions'])} permissions: none missing",
    )


class Simulator:
    """An IAM whose policies allow the caller everything but `missing`, with a decision for it."""

    def __init__(self, missing: str = "", **decision: Any) -> None:
        self.missing, self.decision = missing, {"decision": "implicitDeny", **decision}

    def simulate(self, principal: str, actions: list[str], resources: Any, *, context: Any) -> tuple[Decision, ...]:
        assert context["aws:PrincipalArn"] == principal
        (resource,) = resources
        return tuple(
            Decision(action=action, resource=resource, **({"decision": "allowed"} | denied))
            for action in actions
            for denied in (self.decision if action == self.missing else {},)
        )


def answered(iam: Simulator, missing: KubePermission | None = None) -> Any:
    """Return the report of a caller without one permission."""
    reader: Any = SimpleNamespace(may=lambda permission, namespace: AccessReview(permission != missing))
    needed = CommandPermissions(DOCTOR)
    own = own_permissions(cast("Any", iam), lambda: reader, WHERE, needed, commands=("doctor",))
    return json.loads(to_json(own_permissions_view(own).document)), own.exit_code


@table("action", [action for action in IAM if action != "sts:GetCallerIdentity"])
def test_a_missing_iam_action_is_named_with_its_grant(action: str) -> None:
    report, code = answered(Simulator(action))
    assert (code, outcomes(report), granted(report)) == (3, {"missing": [action]}, ([action], []))


@table("permission", DOCTOR.kubernetes)
def test_a_missing_kubernetes_permission_is_named_with_its_grant(permission: KubePermission) -> None:
    report, code = answered(Simulator(), permission)
    assert (code, outcomes(report)) == (3, {"missing": [str(permission)]})
    actions, (role,) = granted(report)
    assert actions == []
    assert role["rules"] == [
        {"apiGroups": [permission.group], "resources": [permission.resource], "verbs": [permission.verb]}
    ]
    # applied, it must not remove what the Role of --show-permissions grants
    assert role["metadata"]["name"] == "podid-doctor-missing"


@table(
    ("decision", "outcome"),
    [
        ({"decision": "explicitDeny"}, "denied"),
        ({"boundary_allows": False}, "denied"),
        ({"organization_allows": False}, "denied"),
        ({"missing_context_keys": ("aws:SourceIp",)}, "unknown"),
        ({"decision": "explicitDeny", "missing_context_keys": ("aws:SourceIp",)}, "unknown"),
        ({"decision": "allowed", "missing_context_keys": ("aws:SourceIp",)}, "held"),
    ],
)
def test_decisions_of_the_simulator(decision: dict[str, Any], outcome: str) -> None:
    report, _ = answered(Simulator(GET_ROLE, **decision))
    assert outcomes(report) == ({outcome: [GET_ROLE]} if outcome != "held" else {})
    assert granted(report) == ([], [])


def test_one_permission_less_in_aws_and_in_the_cluster(shared: Site, tmp_path: Path) -> None:
    """A denied action of IAM, and a verb that no Role grants, as AWS and Kubernetes answer."""
    permission = DOCTOR.kubernetes[-1]
    env = caller(shared, tmp_path, without(GET_ROLE, permission))
    outcome = shared("doctor", "--me", "-o", "json", env=env)
    assert (outcome.code, outcomes(outcome.json)) == (3, {"missing": [GET_ROLE, str(permission)]})


def test_the_printed_grant_is_complete(shared: Site, tmp_path: Path) -> None:
    few = Permissions(("eks:DescribeCluster", SIMULATE), DOCTOR.kubernetes[:1])
    report = shared("doctor", "--me", "-o", "json", env=caller(shared, tmp_path, few)).json
    actions, (role,) = granted(report)
    (tmp_path / "more").mkdir()
    more = Permissions(
        tuple(actions),
        tuple(KubePermission(r["apiGroups"][0], r["resources"][0], verb) for r in role["rules"] for verb in r["verbs"]),
    )
    assert shared("doctor", "--me", env=caller(shared, tmp_path / "more", few | more)).code == 0


def test_permissions_in_the_cluster_are_unknown_without_access(shared: Site, tmp_path: Path) -> None:
    env = caller(shared, tmp_path, without("eks:DescribeCluster"))
    outcome = shared("doctor", "--me", "-o", "json", env=env)
    by_outcome = outcomes(outcome.json)
    assert (outcome.code, by_outcome["missing"]) == (3, ["eks:DescribeCluster"])
    assert by_outcome["unknown"] == [str(permission) for permission in DOCTOR.kubernetes]
    assert {item["needs"] for item in outcome.json["permissions"] if item["outcome"] == "unknown"} == {
        "eks:DescribeCluster"
    }


def test_permissions_in_the_cluster_are_unknown_to_an_unknown_user(shared: Site, tmp_path: Path) -> None:
    outcome = shared("doctor", "--me", "-o", "json", env=caller(shared, tmp_path, DOCTOR, signs_in="not"))
    assert (outcome.code, outcomes(outcome.json)) == (
        9,
        {"unknown": [str(permission) for permission in DOCTOR.kubernetes]},
    )
    assert all(item["reason"] for item in outcome.json["permissions"] if item["outcome"] == "unknown")


def test_without_the_simulator_only_its_own_permission_is_known(shared: Site, tmp_path: Path) -> None:
    outcome = shared("doctor", "--me", "-o", "json", env=caller(shared, tmp_path, without(SIMULATE)))
    by_outcome = outcomes(outcome.json)
    assert (outcome.code, by_outcome["missing"]) == (3, [SIMULATE])
    assert by_outcome["unknown"] == [action for action in IAM if action != SIMULATE]
    assert granted(outcome.json)[0] == [SIMULATE]


def test_a_command_that_does_not_need_the_simulator_is_undetermined(shared: Site, tmp_path: Path) -> None:
    permissions = ASSOCIATE.always
    assert SIMULATE not in permissions.iam
    env = caller(shared, tmp_path, permissions)
    outcome = shared("doctor", "--me", "--for", "associate", "-o", "json", env=env)
    assert (outcome.code, set(outcomes(outcome.json))) == (9, {"unknown"})
    text = shared("doctor", "--me", "--for", "associate", env=env)
    assert "eks:DescribeCluster, eks:DescribePodIdentityAssociation, " in text.stdout
    assert (
        text.stdout.count(f"is not authorized to perform {SIMULATE}") == 1
    )  # that is why nothing is known, and is said once


def test_a_denied_permission_has_no_grant(shared: Site, tmp_path: Path) -> None:
    deny = {"Effect": "Deny", "Action": GET_ROLE, "Resource": "*"}
    outcome = shared("doctor", "--me", "-o", "json", env=caller(shared, tmp_path, DOCTOR, deny))
    assert (outcome.code, outcomes(outcome.json)) == (3, {"denied": [GET_ROLE]})
    assert granted(outcome.json) == ([], [])


def test_a_policy_for_one_cluster(shared: Site, tmp_path: Path) -> None:
    here = CLUSTER_ARN.rpartition(":")[0]
    own = ("cluster/demo", "addon/demo/*/*", "nodegroup/demo/*/*", "access-entry/demo/*")
    resources = [f"{here}:{name}" for name in (*own, "podidentityassociation/demo/*")]
    of_all = ("eks:ListClusters", "eks:DescribeAddonVersions")
    eks = [action for action in DOCTOR.iam if action.startswith("eks:") and action not in of_all]
    narrow = {"Effect": "Allow", "Action": eks, "Resource": resources}
    outcome = shared("doctor", "--me", "-o", "json", env=caller(shared, tmp_path, without(*eks), narrow))
    assert (outcome.code, outcomes(outcome.json)) == (0, {})


def test_a_permission_to_pass_roles_to_pods_only(shared: Site, tmp_path: Path) -> None:
    """What --show-permissions prints has the condition; no other action is undetermined for it."""
    permissions = without("iam:PassRole", "iam:ListRoles", permissions=ASSOCIATE.always) | Permissions((SIMULATE,))
    line = ("doctor", "--me", "--for", "associate", "-o", "json")
    for service, expected in (("pods.eks", ["iam:ListRoles"]), ("ec2", ["iam:ListRoles", "iam:PassRole"])):
        only = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
        statement = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": only}
        home = tmp_path / service
        home.mkdir()
        by_outcome = outcomes(shared(*line, env=caller(shared, home, permissions, statement)).json)
        assert by_outcome == {"missing": expected}


def test_permissions_in_one_namespace(shared: Site, tmp_path: Path) -> None:
    dry_run = next(item for item in ASSOCIATE.optional if item.reason.startswith("dry-run pods"))
    permissions = ASSOCIATE.always | dry_run.permissions | Permissions((SIMULATE,))
    env = caller(shared, tmp_path, permissions, namespace="shop")
    line = ("doctor", "--me", "--for", "associate", "-o", "json")

    def lacking(*more: str) -> Any:
        report = shared(*line, *more, env=env).json
        (way,) = [item for item in report["optional"] if item["for"] == dry_run.reason]
        return way["missing"]

    assert lacking("-n", "shop") is None
    assert [item["metadata"].get("namespace") for item in lacking("-n", "legacy")["kubernetes"]["items"]] == ["legacy"]
    assert lacking()["permission"] == "create pods"


def test_reads_with_a_namespace_are_checked_where_doctor_reads() -> None:
    """A caller with Roles in shop, kube-system and kube-node-lease lacks only the objects of the whole cluster."""
    reader: Any = SimpleNamespace(may=lambda permission, namespace: AccessReview(bool(namespace)))
    own = own_permissions(
        cast("Any", Simulator()),
        lambda: reader,
        WHERE,
        CommandPermissions(DOCTOR),
        commands=("doctor",),
        namespace="shop",
    )
    report = json.loads(to_json(own_permissions_view(own).document))
    cluster = ("namespaces", "nodes", "persistentvolumes", "csidrivers", "mutatingwebhookconfigurations")
    more = ("ec2nodeclasses", "ciliumclusterwidenetworkpolicies", "clusterissuers", "clustersecretstores")
    expected = {*cluster, *more, "clustertriggerauthentications"}
    assert {name.partition(" ")[2] for name in outcomes(report)["missing"]} == expected
    places = {item["permission"]: item["where"] for item in report["permissions"]}
    assert (places["list leases"], places["list events"]) == ("kube-node-lease", "kube-system")
    assert (places["get pods/log"], places["list serviceaccounts"]) == ("kube-system", "shop")


@table("lacking", ["shop", "kube-system"])
def test_the_pods_of_the_namespace_and_of_the_agent_are_checked(lacking: str) -> None:
    reader: Any = SimpleNamespace(may=lambda permission, namespace: AccessReview(namespace != lacking))
    needed = CommandPermissions(Permissions(kubernetes=(KubePermission("", "pods", "list"),)))
    own = own_permissions(
        cast("Any", Simulator()), lambda: reader, WHERE, needed, commands=("doctor",), namespace="shop"
    )
    assert [(item.outcome, item.where) for item in own.always] == [("missing", lacking)]


def test_the_role_of_a_session_is_simulated(shared: Site) -> None:
    iam, arn = shared.aws("iam"), f"arn:aws:iam::{ACCOUNT}:role/teams/ops/me"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="me", Path="/teams/ops/", AssumeRolePolicyDocument=trust)
    permissions = [action for action in IAM if action != "iam:ListRolePolicies"]
    iam.put_role_policy(RoleName="me", PolicyName="p", PolicyDocument=json.dumps(allow(*permissions)))
    key = shared.box.world.credentials.add_session(arn, "alice", role_id="AROAEXAMPLE", seconds=3600)
    env = {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_SESSION_TOKEN": key.session_token,
    }
    outcome = shared("doctor", "--me", "-o", "json", env=env)
    assert (outcome.code, outcome.json["principalArn"]) == (3, arn)
    assert outcomes(outcome.json) == {"missing": ["iam:ListRolePolicies"]}
    # without iam:GetRole its path is not known, and so nobody can be asked
    rest = [action for action in permissions if action != GET_ROLE]
    iam.put_role_policy(RoleName="me", PolicyName="p", PolicyDocument=json.dumps(allow(*rest)))
    outcome = shared("doctor", "--me", "-o", "json", env=env)
    assert (outcome.code, outcomes(outcome.json)) == (9, {"unknown": IAM})
    assert {item["needs"] for item in outcome.json["permissions"] if item["outcome"] == "unknown"} == {GET_ROLE}


def test_permissions_of_several_commands(shared: Site) -> None:
    outcome = shared("doctor", "--me", "--for", "role create", "--for", "podid agent status", "-o", "json")
    assert (outcome.code, outcome.json["commands"]) == (0, ["role create", "agent status"])
    names = {item["permission"] for item in outcome.json["permissions"]}
    both = permissions_of_commands(["role create"])[1].always | permissions_of_commands(["agent status"])[1].always
    assert names == {*both.iam, *map(str, both.kubernetes)}
