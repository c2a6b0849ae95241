"""An answer with the ARN of another account, region, partition or object: nothing is planned by it, nor written."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from harness import one_in
from podid.sandbox.http import HttpAnswer
from worlds import ACCOUNT, Site

from .front import Call, Genuine, in_front

ELSEWHERE: dict[str, Callable[[str], str]] = {
    "account": lambda arn: arn.replace(ACCOUNT, "999988887777"),
    "region": lambda arn: arn.replace("us-west-2", "eu-west-1"),
    "partition": lambda arn: arn.replace("arn:aws:", "arn:aws-cn:"),
    "service": lambda arn: arn.replace(":eks:", ":s3:").replace(":iam:", ":s3:"),
    "name": lambda arn: f"{arn}x",
    "wildcard": lambda arn: f"{arn[:-1]}*",
}
# answer -> the member that is the ARN, and what writes by it
ANSWERS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "DescribeCluster": (
        ("cluster", "arn"),
        (
            "trust add --role storefront --for shop/cart --dry-run",
            "trust add trust.json --in-place --for shop/cart",
            "associate shop/cart --role storefront --update-trust --create-service-account --dry-run",
            "role create fresh --for shop/orders --dry-run",
            "move shop/orders shop/cart --update-trust --create-service-account --dry-run",
            "trust tighten trust.json --in-place --for shop/orders",
            "trust remove --role shop-orders --for shop/orders --dry-run",
            "install-agent --dry-run",
            "restart shop/orders --dry-run",
            "disassociate shop/orders --dry-run",
        ),
    ),
    "DescribePodIdentityAssociation": (
        ("association", "associationArn"),
        (
            "associate shop/orders --role shop-orders --tag a=b --replace --dry-run",
            "disassociate shop/orders --dry-run",
            "copy --from-cluster demo --to-cluster blue --dry-run",
            "move shop/orders shop/cart --create-service-account --dry-run",
        ),
    ),
    "GetRole": (
        ("Arn",),
        (
            "associate shop/cart --role storefront --create-service-account --dry-run",
            "associate shop/orders --role storefront --replace --dry-run",
            "trust add --role storefront --for shop/cart --dry-run",
            "role attach storefront --managed-policy ReadOnlyAccess --adopt --dry-run",
        ),
    ),
}
CASES = [
    (operation, kind, way)
    for operation, (_, ways) in ANSWERS.items()
    for kind in ELSEWHERE
    for way in ways
    # a role has no region
    if (operation, kind) != ("GetRole", "region")
]


def changed(answer: HttpAnswer, path: tuple[str, ...], change: Callable[[str], str]) -> HttpAnswer:
    if answer.body.startswith(b"<"):
        root = ET.fromstring(answer.body)
        for element in root.iter():
            if element.tag.rpartition("}")[2] == path[-1]:
                element.text = change(element.text or "")
        return HttpAnswer(answer.status, answer.headers, ET.tostring(root))
    document = json.loads(answer.body)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = change(holder[path[-1]])
    return HttpAnswer(answer.status, answer.headers, json.dumps(document).encode())


@pytest.mark.parametrize(("operation", "kind", "way"), one_in(5, CASES))
def test_nothing_is_done_by_it(
    healthy: Site, monkeypatch: pytest.MonkeyPatch, operation: str, kind: str, way: str
) -> None:
    from podid.sandbox.baseline import add_cluster

    add_cluster(healthy.box.world, "blue")
    monkeypatch.chdir(healthy.directory)
    trust = healthy.aws("iam").get_role(RoleName="storefront")["Role"]["AssumeRolePolicyDocument"]
    file = healthy.directory / "trust.json"
    file.write_text(json.dumps(trust))
    (path, _), wrong = ANSWERS[operation], ""

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        nonlocal wrong
        answer = genuine()
        if call.operation != operation or answer.status != 200:
            return answer
        # one answer is wrong: of a copy both clusters are asked for
        found = changed(answer, path, ELSEWHERE[kind])
        wrong = found.body.decode()
        return found

    with in_front(healthy, front):
        outcome = healthy(*way.split())
    assert wrong
    assert (outcome.code, outcome.stdout) == (7, ""), outcome
    assert f"{operation} " in outcome.stderr
    assert "cannot be read: its " in outcome.stderr
    assert json.loads(file.read_text()) == trust


def test_an_account_that_was_not_known_at_first_is_checked_before_a_change(healthy: Site) -> None:
    """Reads do not ask whose the credentials are."""

    def front(call: Call, genuine: Genuine) -> HttpAnswer:
        answer = genuine()
        ours = call.operation != "DescribeCluster"
        return answer if ours else changed(answer, ("cluster", "arn"), ELSEWHERE["account"])

    with in_front(healthy, front):
        assert healthy("list").code == 0
        refused = healthy("associate", "shop/orders", "--role", "storefront", "--replace", "--update-trust")
    assert (refused.code, refused.stdout) == (7, ""), refused
