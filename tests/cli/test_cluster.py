"""Ways to the cluster: kubeconfigs good, foreign and broken, none at all, and which cluster is meant."""

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_api import Json
from ops.change.support import writes
from podid.sandbox import baseline
from worlds import CLUSTER_ARN, Site

pytestmark = pytest.mark.encrypted

DIRECT = "endpoint of cluster demo, with a token signed by podid"


@pytest.fixture
def kubeconfig(shared: Site, tmp_path: Path) -> Callable[..., str]:
    """Writes a kubeconfig whose only context, `here`, is the current one; `change` is done to its cluster and user."""

    def write(change: Callable[[Json, Json], None] = lambda cluster, user: None) -> str:
        config = shared.kube.kubeconfig(shared.kube.admin_token)
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        change(cluster, user)
        config["contexts"] = [{"name": "here", "context": {"cluster": "there", "user": "me"}}]
        config["clusters"][0]["name"], config["users"][0]["name"] = "there", "me"
        config["current-context"] = "here"
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    return write


def how(site: Site, *more: str, without: tuple[str, ...] = (), **env: str) -> str:
    outcome = site("agent", "nodes", "-v", *more, env=env, without=without)
    assert outcome.code == 0, outcome
    (line,) = [line for line in outcome.stderr.splitlines() if "Kubernetes:" in line]
    return line.partition("Kubernetes: ")[2]


def test_no_kubeconfig(shared: Site) -> None:
    assert how(shared, without=("KUBECONFIG",)) == DIRECT


def test_a_context_whose_server_is_the_cluster(shared: Site, kubeconfig: Callable[..., str]) -> None:
    expected = "context here of the kubeconfig (its server is the cluster's)"
    assert how(shared, KUBECONFIG=kubeconfig()) == expected
    assert how(shared, "--context", "here", "--kubeconfig", kubeconfig(), without=("KUBECONFIG",)) == expected


def test_a_context_whose_authority_is_the_cluster(shared: Site, kubeconfig: Callable[..., str]) -> None:
    """Through a tunnel the address is another one; the certificate authority is not."""

    def tunnel(cluster: Json, _: Json) -> None:
        cluster["server"] = cluster["server"].replace("127.0.0.1", "localhost")

    access = how(shared, KUBECONFIG=kubeconfig(tunnel))
    assert access == "context here of the kubeconfig (its CA is the cluster's)"


def foreign(cluster: Json, _: Json) -> None:
    cluster["server"] = "https://127.0.0.1:1"
    del cluster["certificate-authority-data"]


def test_the_context_of_another_cluster_is_left_alone(shared: Site, kubeconfig: Callable[..., str]) -> None:
    assert how(shared, KUBECONFIG=kubeconfig(foreign)) == DIRECT


def test_asking_for_the_context_of_another_cluster_is_a_conflict(shared: Site, kubeconfig: Callable[..., str]) -> None:
    for argv in (("doctor",), ("verify", "shop/orders", "--yes"), ("restart", "shop/orders")):
        outcome = shared(*argv, "--context", "here", "-o", "json", env={"KUBECONFIG": kubeconfig(foreign)})
        assert (outcome.code, outcome.stdout, outcome.error["code"]) == (6, "", "Conflict")
        assert outcome.error["message"].startswith("context 'here' is not for cluster demo: ")


def test_a_context_that_does_not_exist(shared: Site, kubeconfig: Callable[..., str]) -> None:
    outcome = shared("doctor", "--context", "there", "-o", "json", env={"KUBECONFIG": kubeconfig()})
    assert (outcome.code, outcome.error["code"]) == (5, "NotFound")


@pytest.mark.parametrize(
    ("argv", "env", "code", "words"),
    [
        (("--context", "there"), {}, 5, "The kubeconfig has no context 'there'"),
        (("--kubeconfig", "/nowhere/at/all"), {}, 5, "/nowhere/at/all"),
        ((), {"PODID_TIMEOUT": "abc"}, 2, "'abc' is not a duration"),
    ],
)
def test_wrong_options_are_reported_by_commands_that_do_not_need_them(
    shared: Site, argv: tuple[str, ...], env: dict[str, str], code: int, words: str
) -> None:
    """`list` asks AWS alone, and yet nobody is to think that a slip was taken."""
    outcome = shared("list", *argv, env=env)
    assert (outcome.code, outcome.stdout) == (code, "")
    assert words in outcome.stderr


@pytest.mark.parametrize(
    ("variable", "value", "code"),
    [
        ("PODID_TIMEOUT", "abc", 2),
        ("PODID_OUTPUT", "xml", 2),
        ("PODID_EXPECT_ACCOUNT", "12", 2),
        ("PODID_EXPECT_ACCOUNT", "444455556666", 6),
        ("PODID_CLUSTER", "dmo", 5),
        ("PODID_CLUSTER", "a/b", 2),
        ("PODID_NAMESPACE", "nowhere", 5),
        ("PODID_CONTEXT", "there", 5),
        ("AWS_PROFILE", "nobody", 2),
    ],
)
def test_a_variable_with_a_wrong_value_is_named(shared: Site, variable: str, value: str, code: int) -> None:
    outcome = shared("list", env={variable: value})
    assert (outcome.code, outcome.stdout) == (code, ""), outcome
    assert variable in outcome.stderr
    assert value in outcome.stderr


def test_a_broken_kubeconfig_stops_only_commands_that_name_it(shared: Site, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("{not: [yaml")
    assert how(shared, KUBECONFIG=str(broken)) == DIRECT
    assert how(shared, KUBECONFIG=str(tmp_path / "nothing")) == DIRECT
    outcome = shared("doctor", "--kubeconfig", str(broken), "-o", "json")
    assert (outcome.code, outcome.error["code"], str(broken) in outcome.error["message"]) == (2, "InvalidInput", True)
    missing = shared("doctor", "--kubeconfig", str(tmp_path / "nothing"), "-o", "json")
    assert (missing.code, missing.stdout) == (5, ""), missing


@pytest.fixture
def failing_plugin(tmp_path: Path) -> str:
    path = tmp_path / "aws-login"
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.stderr.write('the SSO session has expired\\n')\nsys.exit(3)\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_exec_plugin_that_fails_is_named(shared: Site, kubeconfig: Callable[..., str], failing_plugin: str) -> None:
    def login(_: Json, user: Json) -> None:
        user.clear()
        user["exec"] = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": failing_plugin,
            "args": ["get-token"],
            "interactiveMode": "Never",
        }

    path = kubeconfig(login)
    for argv in (("agent", "nodes"), ("verify", "shop/orders", "--yes"), ("doctor", "--context", "here")):
        outcome = shared(*argv, "-o", "json", env={"KUBECONFIG": path})
        assert (outcome.code, outcome.stdout, outcome.error["code"]) == (4, "", "Credentials")
        assert failing_plugin in outcome.error["message"]
    doctor = shared("doctor", "-o", "json", env={"KUBECONFIG": path})
    assert (doctor.code, doctor.json["findings"]) == (9, [])
    assert any(
        item["id"] == "tool-k8s-rbac-denied" and failing_plugin in item["reason"] for item in doctor.json["unknowns"]
    )


def test_an_api_server_out_of_reach(shared: Site) -> None:
    port = int(shared.kube.endpoint.rsplit(":", 1)[-1])
    shared.half.kube.stop()
    try:
        report: Any = shared("doctor", "-o", "json")
        verify = shared("verify", "shop/orders", "--yes", "-o", "json")
    finally:
        shared.half.kube.start(port)
    assert (report.code, report.json["findings"]) == (9, [])
    values = {item["id"]: item["reason"] for item in report.json["unknowns"]}
    assert "private-endpoint-unreachable" in values
    assert "tool-k8s-rbac-denied" not in values
    assert (verify.code, verify.error["code"]) == (7, "Unavailable")


class TestWhichCluster:
    """--cluster, else the kube context's, else the only one; for several, and for changes, it has to be said."""

    def test_the_only_one_for_reads(self, shared: Site) -> None:
        outcome = shared("list", "-o", "json", without=("PODID_CLUSTER", "KUBECONFIG"))
        assert (outcome.code, len(outcome.json["items"])) == (0, 1)

    def test_a_change_requires_a_specified_cluster(self, shared: Site) -> None:
        argv = ("associate", "shop/orders", "--role", "shop-orders", "-o", "json")
        outcome = shared(*argv, without=("PODID_CLUSTER", "KUBECONFIG"), env={"CI": "true"})
        assert (outcome.code, outcome.error["message"]) == (2, "No cluster is specified; us-west-2 has demo")

    def test_the_context_by_its_name(self, shared: Site) -> None:
        outcome = shared("doctor", "-v", without=("PODID_CLUSTER",))
        assert outcome.code == 0
        assert f"cluster demo (kube context {CLUSTER_ARN})" in outcome.stderr
        assert shared.kube.kubeconfig("t")["current-context"] == CLUSTER_ARN

    def test_the_context_by_its_server(self, shared: Site, kubeconfig: Callable[..., str]) -> None:
        outcome = shared("doctor", "-v", without=("PODID_CLUSTER",), env={"KUBECONFIG": kubeconfig()})
        assert outcome.code == 0
        assert "cluster demo (kube context here, by its server or CA)" in outcome.stderr

    @pytest.mark.parametrize(
        "argv",
        [
            ("list",),
            ("show", "shop/orders"),
            ("doctor",),
            ("agent", "status"),
            ("associate", "shop/orders", "--role", "shop-orders"),
            ("disassociate", "shop/orders", "--yes"),
            ("restart", "-A"),
            ("verify", "shop/orders", "--yes"),
            ("install-agent",),
            ("role", "create", "new", "--for", "shop/orders"),
        ],
        ids=lambda argv: argv[0],
    )
    def test_the_arn_of_the_context_binds_region_and_account(
        self, shared: Site, kubeconfig: Callable[..., str], argv: tuple[str, ...]
    ) -> None:
        """A change must not land in a cluster of the same name somewhere else, nor may a read speak of it."""
        before = writes(shared.box)

        def named(arn: str) -> str:
            path = Path(kubeconfig(foreign))
            path.write_text(path.read_text().replace('"here"', json.dumps(arn)))
            return str(path)

        west, foreign_account = CLUSTER_ARN.replace("us-west-2", "eu-west-1"), CLUSTER_ARN.replace("1111", "9999")
        region = shared(*argv, "-o", "json", without=("PODID_CLUSTER",), env={"KUBECONFIG": named(west)})
        assert (region.code, region.stdout, region.error["code"]) == (2, "", "Usage"), region
        assert all(word in region.error["message"] for word in (west, "eu-west-1", "us-west-2")), region
        flag = shared(
            *argv, "--region", "us-west-2", "-o", "json", without=("PODID_CLUSTER",), env={"KUBECONFIG": named(west)}
        )
        assert (flag.code, "--region" in flag.error["message"]) == (2, True), flag
        account = shared(*argv, "-o", "json", without=("PODID_CLUSTER",), env={"KUBECONFIG": named(foreign_account)})
        assert (account.code, account.stdout, account.error["code"]) == (2, "", "Usage"), account
        assert all(word in account.error["message"] for word in ("999922223333", "111122223333")), account
        assert writes(shared.box) == before

    def test_an_arn_as_a_flag_binds_as_well(self, shared: Site) -> None:
        assert shared("list", "--cluster", CLUSTER_ARN).code == 0
        elsewhere = shared("list", "--cluster", CLUSTER_ARN.replace("us-west-2", "eu-west-1"), "-o", "json")
        assert (elsewhere.code, "AWS_REGION is us-west-2" in elsewhere.error["message"]) == (2, True), elsewhere
        for wrong in (CLUSTER_ARN.replace("111122223333", "*"), CLUSTER_ARN.replace("us-west-2", "*"), "arn:aws:eks"):
            assert shared("list", "--cluster", wrong).code == 2

    def test_where_the_name_of_a_missing_cluster_came_from(self, shared: Site) -> None:
        outcome = shared("list", "-o", "json", env={"PODID_CLUSTER": "prod"})
        assert outcome.code == 5
        assert outcome.error["advice"].endswith("The name comes from PODID_CLUSTER.")

    def test_a_specified_context_must_exist_for_every_command(self, shared: Site) -> None:
        for argv in (("list",), ("show", "shop/orders"), ("role", "show", "shop-orders")):
            assert shared(*argv, "--context", "nowhere").code == 5
            assert shared(*argv, "--kubeconfig", "/nowhere").code == 5

    def test_several_in_ci(self, shared: Site, kubeconfig: Callable[..., str]) -> None:
        world = shared.box.world
        with world.lock:
            baseline.add_cluster(world, "staging")
        try:
            outcome = shared("list", "-o", "json", without=("PODID_CLUSTER", "KUBECONFIG"), env={"CI": "true"})
            foreign_context = {"CI": "true", "KUBECONFIG": kubeconfig(foreign)}
            elsewhere = shared("list", "-o", "json", without=("PODID_CLUSTER",), env=foreign_context)
            named = shared("list", "--cluster", "staging", "-o", "json")
        finally:
            with world.lock:
                del world.clusters["staging"]
        for refused in (outcome, elsewhere):
            assert (refused.code, refused.stdout, refused.error["message"]) == (
                2,
                "",
                "No cluster is specified; us-west-2 has demo, staging",
            )
            assert refused.error["hint"] is None  # the wrong one could be pasted
            assert refused.error["advice"] == "Specify one with --cluster or PODID_CLUSTER."
        assert (named.code, named.json["items"]) == (0, [])

    def test_a_cluster_that_does_not_exist(self, shared: Site) -> None:
        outcome = shared("list", "--cluster", "dmeo", "-o", "json")
        assert (outcome.code, outcome.error["code"]) == (5, "NotFound")
