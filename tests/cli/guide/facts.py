"""Facts about a cluster, and scripted answers to the questions of a guided run."""

from typing import Any

from podid.cli.guide import associate
from podid.cli.guide.questions import Account, Answers, Facts, Prompt, walk
from podid.domain.aws import AssociationSummary, Cluster, Role
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known
from worlds import CLUSTER_ARN

ANY_POD_TRUST = {
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:*"}]
}


EC2_TRUST = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:*"}]}


def role(name: str, trust: Any) -> Role:
    return Role(name=name, arn=f"arn:aws:iam::111122223333:role/{name}", path="/", role_id="AROA", trust=trust)


def account(name: str, pods: int = 0, *, associated: bool = False, owner: str | None = None) -> Account:
    ref = ServiceAccountRef("shop", name)
    arn = "arn:aws:eks:us-west-2:111122223333:podidentityassociation/demo/a-1"
    association = AssociationSummary(
        cluster_name="demo",
        namespace="shop",
        service_account=name,
        association_id="a-1",
        association_arn=arn,
        owner_arn=owner,
    )
    return Account(ref, {f"Deployment {name}": pods} if pods else {}, association if associated else None)


CART_TRUST = {
    "Statement": [
        {
            **ANY_POD_TRUST["Statement"][0],
            "Condition": {"StringEquals": {"aws:RequestTag/kubernetes-service-account": "cart"}},
        }
    ]
}

FACTS = Facts(
    cluster=Cluster(name="demo", arn=CLUSTER_ARN, version="1.35", status="ACTIVE", platform_version="eks.1"),
    region="us-west-2",
    accounts=Known(
        (
            account("cart", 3, associated=True),
            account("default"),
            account("idle"),
            account("orders", 2),
            account("owned", 1, associated=True, owner="arn:aws:eks:us-west-2:111122223333:addon/demo/x/1"),
        )
    ),
    roles=Known((role("ec2", EC2_TRUST), role("narrow", CART_TRUST), role("wide", ANY_POD_TRUST))),
)


class Scripted:
    """Answer by key; with `back`, go back once after each answer and repeat it."""

    def __init__(self, answers: Answers, *, back: bool = False) -> None:
        self.answers, self.back = answers, back
        self.questions: dict[str, Prompt] = {}
        self._gone_back: set[str] = set()

    def __call__(self, question: Prompt, back: bool) -> str | None:
        if self.back and back and question.key not in self._gone_back:
            self._gone_back.add(question.key)
            return None
        self.questions[question.key] = question
        answer = self.answers[question.key]
        assert not question.options or answer in {option.value for option in question.options}
        assert question.options or question.check(answer) == ""
        return answer


NEW_ROLE = {
    "namespace": "shop",
    "account": "orders",
    "role": "new",
    "settings.0": "nothing",
    "restart": "yes",
    "go": "do",
}

DYNAMODB_PRESET = {
    "permissions": "preset",
    "preset": "dynamodb-read",
    "parameter.table": "orders",
    "more.0": "nothing",
    "another": "no",
}

SQS_PRESET = {
    "another": "yes",
    "1.preset": "sqs-send",
    "1.parameter.queue": "out",
    "1.more.0": "nothing",
    "1.another": "no",
}

TARGET_ROLE, OTHER_ACCOUNT_ROLE = (
    f"arn:aws:iam::{account}:role/reports" for account in ("111122223333", "444455556666")
)

WITH_TARGET_ROLE = {"settings.0": "target", "target": TARGET_ROLE, "settings.1": "nothing"}

DEFAULT_NAME = {"scope": "service-account", "name": "demo-shop-orders"}


def questions_of(answers: Answers, facts: Facts = FACTS) -> dict[str, Prompt]:
    scripted = Scripted(answers)
    walk(associate.associate, lambda _: facts, scripted)
    return scripted.questions
