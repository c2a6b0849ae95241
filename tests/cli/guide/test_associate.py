"""Guided mode of associate, role create, disassociate and commands about one identity: the command lines of the
answers, the plan in words, and the offered associations."""

import shlex
from dataclasses import replace

import pytest

from cli.guide.facts import (
    DEFAULT_NAME,
    DYNAMODB_PRESET,
    FACTS,
    NEW_ROLE,
    OTHER_ACCOUNT_ROLE,
    SQS_PRESET,
    TARGET_ROLE,
    WITH_TARGET_ROLE,
    Scripted,
    account,
)
from harness import table
from podid.cli.guide import associate
from podid.cli.guide.questions import NO, YES, Answers, Facts, Flow, walk
from podid.domain.errors import NotFound
from podid.domain.snapshot import Known


@table(
    ("answers", "words"),
    [
        (
            NEW_ROLE | DYNAMODB_PRESET | DEFAULT_NAME,
            "shop/orders --create-role --preset dynamodb-read,table=orders --restart",
        ),
        (
            NEW_ROLE
            | DYNAMODB_PRESET
            | DEFAULT_NAME
            | {"more.0": "key", "parameter.key": f"mrk-{'0' * 32}", "more.1": "nothing"},
            f"shop/orders --create-role --preset dynamodb-read,table=orders,key=mrk-{'0' * 32} --restart",
        ),
        (
            NEW_ROLE
            | {"permissions": "managed", "managed": "AmazonS3ReadOnlyAccess", "scope": "namespace"}
            # typed, as another name than the usual one
            | {"name": "…", "name-typed": "shop", "restart": "no"},
            "shop/orders --create-role --role shop --managed-policy AmazonS3ReadOnlyAccess --scope namespace",
        ),
        (NEW_ROLE | DEFAULT_NAME | {"permissions": "nothing", "restart": "no"}, "shop/orders --create-role"),
        (
            NEW_ROLE | DYNAMODB_PRESET | SQS_PRESET | DEFAULT_NAME | {"restart": "no"},
            "shop/orders --create-role --preset dynamodb-read,table=orders --preset sqs-send,queue=out",
        ),
        (
            NEW_ROLE | WITH_TARGET_ROLE | {"role": "wide", "account": "idle", "target-trust": "yes"},
            f"shop/idle --role wide --target-role {TARGET_ROLE} --update-trust",
        ),
        (
            NEW_ROLE | WITH_TARGET_ROLE | {"role": "wide", "account": "idle", "target-trust": "no"},
            f"shop/idle --role wide --target-role {TARGET_ROLE}",
        ),
        (
            NEW_ROLE
            | {"role": "wide", "account": "idle", "settings.0": "policy", "session-policy": __file__}
            | {"settings.1": "target", "target": OTHER_ACCOUNT_ROLE},
            f"shop/idle --role wide --target-role {OTHER_ACCOUNT_ROLE} --session-policy {__file__} --no-session-tags",
        ),
        (  # one consent for the trust policies of both
            NEW_ROLE
            | WITH_TARGET_ROLE
            | {"role": "narrow", "trust": "yes", "scope": "service-account", "restart": "no"},
            f"shop/orders --role narrow --target-role {TARGET_ROLE} --update-trust",
        ),
        (NEW_ROLE | {"role": "wide", "account": "idle"}, "shop/idle --role wide"),
        (NEW_ROLE | {"role": "wide", "account": "cart"}, "shop/cart --role wide --replace --restart"),
        (
            NEW_ROLE | {"role": "narrow", "trust": "yes", "scope": "namespace"},
            "shop/orders --role narrow --scope namespace --update-trust --restart",
        ),
        (NEW_ROLE | {"role": "…", "role-typed": "ec2", "restart": "no"}, "shop/orders --role ec2"),
        (
            NEW_ROLE | {"account": "…", "account-typed": "pay", "create-account": "yes", "role": "wide"},
            "shop/pay --role wide --create-service-account",
        ),
    ],
)
def test_the_answers_make_a_command_line(answers: Answers, words: str) -> None:
    for back in (False, True):
        answered = walk(associate.associate, lambda _: FACTS, Scripted(answers, back=back))
        assert shlex.join(associate.words(answered, FACTS)) == words


def test_the_plan_in_words_names_each_change() -> None:
    answers = NEW_ROLE | {"role": "narrow", "trust": YES, "scope": "service-account"}
    facts = replace(FACTS, role_notes=("Role narrow can delete tables.",), agent="The agent is not installed.")
    head, *changes, role_note, agent_note = associate.summary(answers, facts)
    assert head == "In cluster demo (us-west-2) podid will"
    assert changes == [
        "  1. add a statement to the trust policy of role narrow: only pods of shop/orders can assume it",
        "  2. give the pods of shop/orders role narrow",
        "  3. restart Deployment orders, 2 pods",
    ]
    assert (role_note, agent_note) == ("Role narrow can delete tables.", "The agent is not installed.")
    replaced = associate.summary(answers | {"account": "cart"}, FACTS)
    assert replaced[2] == "  2. give the pods of shop/cart role narrow in place of their current role"
    created = NEW_ROLE | {"account": "…", "account-typed": "pay", "create-account": YES, "role": "wide", "restart": NO}
    assert associate.summary(created, FACTS)[1:] == (
        "  1. create service account shop/pay",
        "  2. give the pods of shop/pay role wide",
    )


@table(
    ("answer", "words"),
    [("do", ()), ("show", ("--dry-run",)), ("terraform", ("--print", "terraform"))],
)
def test_the_last_answer_is_an_option(answer: str, words: tuple[str, ...]) -> None:
    assert associate.ENDINGS[answer] == words


@table(
    ("answers", "words"),
    [
        (DYNAMODB_PRESET | DEFAULT_NAME, "--for shop/orders --preset dynamodb-read,table=orders"),
        (
            {"permissions": "nothing", "scope": "namespace", "name": "…", "name-typed": "shop"},
            "shop --for shop/orders --scope namespace",
        ),
        (
            {"permissions": "nothing"} | DEFAULT_NAME | WITH_TARGET_ROLE | {"target-trust": YES},
            f"--for shop/orders --target-role {TARGET_ROLE} --update-trust",
        ),
        (  # without a question about the service account, which this command does not create
            {"account": "…", "account-typed": "pay", "permissions": "nothing", "scope": "service-account"}
            | {"name": "demo-shop-pay"},
            "--for shop/pay",
        ),
    ],
)
def test_the_answers_make_a_command_line_of_role_create(answers: Answers, words: str) -> None:
    answered = walk(associate.create_role, lambda _: FACTS, Scripted({**NEW_ROLE, **answers}))
    assert shlex.join(associate.create_role_words(answered, FACTS)) == words


CART, OWNED, UNUSED = (
    account("cart", 3, associated=True),
    account("owned", 1, associated=True, owner="arn:aws:eks:us-west-2:111122223333:addon/demo/x/1"),
    account("unused", associated=True),
)
ASSOCIATED = replace(
    FACTS,
    associated=(OWNED, UNUSED, CART),
    accounts=Known((OWNED, UNUSED, CART)),
    role_of="arn:aws:iam::111122223333:role/narrow",
)
CREATED_BY_PODID = replace(ASSOCIATED, created_roles=frozenset({"narrow"}))


@table(
    ("answers", "facts", "questions", "words"),
    [
        ({"which": "shop/unused"}, ASSOCIATED, ["which"], "shop/unused"),
        ({"which": "shop/cart", "restart": NO}, ASSOCIATED, ["which", "restart"], "shop/cart"),
        ({"which": "shop/cart", "restart": YES}, ASSOCIATED, ["which", "restart"], "shop/cart --restart"),
        (
            {"which": "shop/unused", "delete-role": NO},
            CREATED_BY_PODID,
            ["which", "delete-role"],
            "shop/unused",
        ),
        (
            {"which": "shop/cart", "delete-role": YES, "restart": YES},
            CREATED_BY_PODID,
            ["which", "delete-role", "restart"],
            "shop/cart --delete-role --restart",
        ),
    ],
)
def test_the_answers_make_a_command_line_of_disassociate(
    answers: Answers, facts: Facts, questions: list[str], words: str
) -> None:
    scripted = Scripted(answers)
    answered = walk(associate.disassociate, lambda _: facts, scripted)
    assert list(scripted.questions) == questions
    assert shlex.join(associate.disassociate_words(answered, facts)) == words


def test_an_association_of_an_addon_cannot_be_chosen() -> None:
    scripted = Scripted({"which": "shop/unused"})
    walk(associate.disassociate, lambda _: ASSOCIATED, scripted)
    offered = [(option.value, option.off) for option in scripted.questions["which"].options]
    assert offered == [
        ("shop/cart", ""),
        ("shop/unused", ""),
        ("shop/owned", "owned by an add-on: podid addon disassociate"),
    ]


@table(("chained", "lifetime"), [(False, "6 hours"), (True, "59 minutes")])
def test_the_lifetime_of_the_credentials_depends_on_the_target_role(chained: bool, lifetime: str) -> None:
    scripted = Scripted({"which": "shop/cart", "restart": NO})
    walk(associate.disassociate, lambda _: replace(ASSOCIATED, chained=chained), scripted)
    assert scripted.questions["restart"].lead == (
        f"Running pods (Deployment cart, 3 pods) keep the role's credentials for up to {lifetime}.",
    )


def test_identities_with_pods_come_first() -> None:
    scripted = Scripted({"identity": "shop/owned"})
    answered = walk(associate.identity, lambda _: ASSOCIATED, scripted)
    assert [option.value for option in scripted.questions["identity"].options] == [
        "shop/cart",
        "shop/owned",
        "shop/unused",
    ]
    assert associate.identity_words(answered, ASSOCIATED) == ("shop/owned",)


@pytest.mark.parametrize("flow", [associate.disassociate, associate.identity])
def test_a_cluster_without_associations_is_an_error(flow: Flow) -> None:
    with pytest.raises(NotFound, match="Cluster demo has no association"):
        walk(flow, lambda _: FACTS, Scripted({}))
