"""Every act that deletes or narrows, with every reading that shows who needs the resource: an act whose users could not
be read changes nothing, except with --accept-unread. A region that is not enabled has no users."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import Outcome, one_in
from hostile.front import Call, Genuine, in_front
from ops.change.support import account_state
from podid.sandbox.baseline import add_association, add_cluster
from podid.sandbox.credentials import read_signature
from podid.sandbox.http import Disconnect, HttpAnswer
from way_worlds import (
    UNUSED_PROVIDER,
    after,
    healthy,
    long_half_used,
    nothing,
    with_irsa,
    with_leftovers,
    with_wide_role,
    write_files,
)
from worlds import Site, whole_site

Reading = Callable[[Call], bool]
World = Callable[[Site], None]
ELSEWHERE = "eu-central-1"


def of_aws(operation: str, *, path: str = "", region: str = "") -> Reading:
    def matches(call: Call) -> bool:
        if call.service == "kubernetes" or call.operation != operation or path not in call.request.path:
            return False
        signature = read_signature(call.request) if region else None
        return signature is None or signature.region == region

    return matches


def of_kubernetes(resource: str) -> Reading:
    return lambda call: call.service == "kubernetes" and call.request.method == "GET" and resource in call.request.path


REGION = of_aws("ListClusters", region=ELSEWHERE)
READINGS: Mapping[str, Reading] = {
    "clusters of a region": REGION,
    "associations of a cluster": of_aws("ListPodIdentityAssociations", path="/blue/"),
    "an association": of_aws("DescribePodIdentityAssociation", path="/blue/"),
    "instance profiles": of_aws("ListInstanceProfilesForRole"),
    "associations of the cluster": of_aws("ListPodIdentityAssociations", path="/demo/"),
    "OIDC provider": of_aws("GetOpenIDConnectProvider"),
    "roles": of_aws("ListRoles"),
    "pods": of_kubernetes("/pods"),
    "service accounts": of_kubernetes("/serviceaccounts"),
    "DaemonSets": of_kubernetes("/daemonsets"),
}
# the associations in all clusters of all regions
USES = ("clusters of a region", "associations of a cluster", "an association")
OF_ROLE = (*USES, "instance profiles")


@dataclass(frozen=True)
class Act:
    """A command line with its world, and the readings on which it depends. Without `accepted`, no option accepts an
    unread part, since the plan itself requires it. `codes` are the exit codes of a refusal: not 9 if there is no result
    at all."""

    line: str
    world: World
    readings: tuple[str, ...]
    accepted: bool = True
    codes: tuple[int, ...] = (9,)


ROLE = "role create r --for shop/orders --policy-file POLICY --managed-policy AmazonS3ReadOnlyAccess"
ASSOCIATED = "associate shop/pay --role r --wait api"
WITH_ROLE = "associate shop/pay --create-role --role r --policy-file POLICY --wait api"
WITH_ACCOUNT = "associate shop/new --role storefront --create-service-account --wait api"
MOVED = "migrate apply shop/cart --yes"
PRUNED = "apply -f empty.json --prune --yes --wait api"


def wide(site: Site) -> None:
    healthy(site)
    site.must("trust", "add", "--role", "shop-orders", "--for", "shop/cart", "--scope", "account", "--yes")


def by_issuer(site: Site) -> None:
    after(MOVED, start=with_irsa)(site)


def pruning(site: Site) -> None:
    after("apply -f identities.json --wait api")(site)
    empty = json.loads(Path("identities.json").read_text()) | {"roles": [], "associations": []}
    Path("empty.json").write_text(json.dumps(empty))


ACTS: Mapping[str, Act] = {
    "role delete": Act("role delete r --yes", after(ROLE), OF_ROLE),
    "disassociate --delete-role": Act(
        "disassociate shop/pay --delete-role --yes --wait api", after(WITH_ROLE), OF_ROLE
    ),
    "disassociate --delete-service-account": Act(
        "disassociate shop/new --delete-service-account --yes --wait api", after(WITH_ACCOUNT), ("pods",)
    ),
    "decommission": Act("decommission --cluster demo --yes", after(WITH_ROLE), OF_ROLE),
    "trust tighten": Act("trust tighten --role shop-orders --yes", with_wide_role, USES),
    "trust remove": Act("trust remove --role shop-orders --for shop/cart --scope account --yes", wide, USES),
    "trust remove --issuer": Act(
        "trust remove --role shop-cart --issuer ISSUER --yes",
        by_issuer,
        ("OIDC provider", "service accounts", "pods"),
    ),
    "role detach": Act("role detach r --managed-policy AmazonS3ReadOnlyAccess --yes", after(ROLE), USES),
    "role attach": Act("role attach r --policy-file POLICY2 --replace --yes", after(ROLE), USES),
    "role create --boundary": Act(f"{ROLE} --replace --boundary AmazonS3ReadOnlyAccess", after(ROLE), USES),
    "move": Act(
        "move shop/orders payments/billing-worker --update-trust --remove-trust --replace --yes --wait api",
        healthy,
        ("associations of the cluster",),
        accepted=False,
        codes=(4, 7),
    ),
    "apply --prune": Act(PRUNED, pruning, OF_ROLE),
    "reconcile --apply": Act("reconcile -f empty.json --prune --apply --once --yes", pruning, OF_ROLE),
    "right-size": Act("right-size shop/orders --apply --adopt --yes", long_half_used, USES),
    "uninstall-agent": Act(
        "uninstall-agent --yes --wait none", healthy, ("associations of the cluster", "pods", "DaemonSets")
    ),
    "migrate finish": Act(
        "migrate finish shop/cart --soak 0 --yes",
        by_issuer,
        ("OIDC provider", "service accounts", "pods"),
        accepted=False,
    ),
    "migrate cleanup": Act(f"migrate cleanup {UNUSED_PROVIDER} --yes", with_leftovers, ("roles",), accepted=False),
    "migrate rollback": Act(
        "migrate rollback shop/cart --yes",
        by_issuer,
        ("associations of the cluster", "pods"),
        accepted=False,
        codes=(4, 7),
    ),
    "undo of migrate apply": Act(
        "undo last --yes",
        by_issuer,
        ("associations of the cluster", "pods"),
        accepted=False,
        codes=(4, 7),
    ),
    "undo of role create": Act("undo last --yes", after(ROLE), OF_ROLE),
    "undo of role attach": Act(
        "undo last --yes", after(ROLE, "role attach r --managed-policy AmazonSQSFullAccess"), USES
    ),
    "undo of associate --create-role": Act("undo last --yes --wait api", after(WITH_ROLE), OF_ROLE),
    "undo of --create-service-account": Act("undo last --yes --wait api", after(WITH_ACCOUNT), ("pods",)),
    "undo of trust add": Act(
        "undo last --yes",
        after("trust add --role shop-orders --for shop/cart"),
        ("associations of the cluster",),
    ),
    "undo of install-agent": Act(
        "undo last --yes --wait none",
        after("install-agent --wait none", start=nothing),
        ("associations of the cluster", "pods", "DaemonSets"),
    ),
}


def error(call: Call, status: int, code: str) -> HttpAnswer:
    if call.service == "kubernetes":
        reason = "Forbidden" if status == 403 else "InternalError"
        resource = call.request.path.rpartition("/")[2]
        message = (
            f'{resource} is forbidden: User "u" cannot list resource "{resource}" in API group "" at the cluster scope'
        )
        body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": status}
        body["message"] = message if status == 403 else "no"
        return HttpAnswer(status, {"Content-Type": "application/json"}, json.dumps(body).encode())
    if call.service in ("iam", "sts", "ec2"):
        text = f"<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        return HttpAnswer(status, {"Content-Type": "text/xml"}, text.encode())
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return HttpAnswer(status, headers, json.dumps({"__type": code, "message": "no"}).encode())


def silent(call: Call, genuine: Genuine) -> HttpAnswer:
    raise Disconnect


def half(call: Call, genuine: Genuine) -> HttpAnswer:
    """Answer the first page of a list, with more to follow, and fail the second. Fail what has no pages."""
    query = call.request.query
    if "nextToken" in query or "continue" in query or b"Marker" in call.request.body:
        return error(call, 500, "InternalFailure")
    answer = genuine()
    body = answer.body or b"".join(answer.chunks or ())
    if call.service == "eks" and call.operation.startswith("List"):
        return HttpAnswer(200, answer.headers, json.dumps(json.loads(body) | {"nextToken": "more"}).encode())
    if b"<IsTruncated>false</IsTruncated>" in body:
        more = b"<IsTruncated>true</IsTruncated><Marker>more</Marker>"
        return HttpAnswer(200, answer.headers, body.replace(b"<IsTruncated>false</IsTruncated>", more))
    document = json.loads(body) if call.service == "kubernetes" else {}
    if document.get("kind", "").endswith("List"):
        document["metadata"]["continue"] = "more"
        return HttpAnswer(200, answer.headers, json.dumps(document).encode())
    return error(call, 500, "InternalFailure")


FAILURES: Mapping[str, Callable[[Call, Genuine], HttpAnswer]] = {
    "denied": lambda call, _: error(call, 403, "AccessDeniedException"),
    "500": lambda call, _: error(call, 500, "InternalFailure"),
    "unreadable": lambda call, _: HttpAnswer(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>"),
    "no answer": silent,
    "half a page": half,
}


@contextmanager
def failing(site: Site, reading: Reading, failure: Callable[[Call, Genuine], HttpAnswer]) -> Iterator[list[Call]]:
    """Let the reading fail. Yield the calls that failed."""
    failed: list[Call] = []

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        if not reading(call):
            return genuine()
        failed.append(call)
        return failure(call, genuine)

    with in_front(site, front):
        yield failed


@contextmanager
def world_of(
    act: Act, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Site, Callable[..., Outcome]]]:
    """Start the world of the act, with another region and another cluster. Yield a function that runs the act."""
    monkeypatch.chdir(directory)
    write_files(directory)
    document = {"Statement": [{"Effect": "Allow", "Action": "dynamodb:Query", "Resource": "*"}]}
    Path("POLICY2").mkdir(exist_ok=True)
    policy = Path("POLICY2/POLICY")
    policy.write_text(json.dumps({"Version": "2012-10-17", **document}))
    (directory / "site").mkdir()
    with whole_site(directory / "site") as site:
        act.world(site)
        if "blue" not in site.box.world.clusters:
            add_cluster(site.box.world, "blue")
        add_association(site.box.world, "shop", "zoo", "storefront", cluster_name="blue")
        issuer = site.aws("eks").describe_cluster(name="demo")["cluster"]["identity"]["oidc"]["issuer"]
        line = act.line.replace("ISSUER", issuer).replace("POLICY2", str(policy)).split()
        yield site, lambda *more: site(*line, "--timeout", "20s", *more)


CASES = [(name, reading, failure) for name, act in ACTS.items() for reading in act.readings for failure in FAILURES]


@pytest.fixture(autouse=True)
def two_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the account have two regions. End calls that fail after a quarter of a second."""
    from podid.aws.session import AwsSession

    monkeypatch.setattr(AwsSession, "eks_regions", ("us-west-2", ELSEWHERE))
    monkeypatch.setitem(AwsSession.__init__.__kwdefaults__ or {}, "patience", 0.25)


@pytest.mark.parametrize(("name", "reading", "failure"), one_in(17, CASES))
def test_no_act_goes_on_where_its_users_could_not_be_read(
    name: str, reading: str, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act = ACTS[name]
    with world_of(act, tmp_path, monkeypatch) as (site, run):
        before = account_state(site.box)
        with failing(site, READINGS[reading], FAILURES[failure]) as failed:
            refused = run("-o", "json")
            assert failed, "the act does not depend on this reading"
            assert refused.code in act.codes, refused
            assert account_state(site.box) == before
            told = refused.stderr + refused.stdout
            if failure == "denied":
                assert any(word in told for word in ("eks:", "iam:", "list ", "get ")), refused
            if not act.accepted:
                return
            # each round of reconcile is a document
            assert "--accept-unread" in told or name.startswith("reconcile"), refused
            done = run("-o", "json", "--accept-unread")
        assert done.code == 0, done
        assert account_state(site.box) != before or "service-account" in name


@pytest.mark.parametrize("name", one_in(4, [name for name, act in ACTS.items() if USES[0] in act.readings]))
def test_no_act_is_refused_for_a_region_that_is_not_enabled(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        world_of(ACTS[name], tmp_path, monkeypatch) as (site, run),
        failing(site, REGION, lambda call, _: error(call, 403, "UnrecognizedClientException")) as failed,
    ):
        done = run()
        assert (done.code, bool(failed)) == (0, True), done
