"""The command line that the answers of a guided association make."""

import shlex

from cli.guide.facts import AWAY, FACTS, HERE, NEW, ONWARD, READ, SEND, USUAL, Scripted
from harness import table
from podid.cli.guide import associate
from podid.cli.guide.questions import Answers as Given
from podid.cli.guide.questions import walk


@table(
    ("answers", "words"),
    [
        (NEW | READ | USUAL, "shop/orders --create-role --preset dynamodb-read,table=orders --restart"),
        (
            NEW | READ | USUAL | {"more.0": "key", "parameter.key": f"mrk-{'0' * 32}", "more.1": "nothing"},
            f"shop/orders --create-role --preset dynamodb-read,table=orders,key=mrk-{'0' * 32} --restart",
        ),
        (
            NEW
            | {"permissions": "managed", "managed": "AmazonS3ReadOnlyAccess", "scope": "namespace"}
            # typed, as another name than the usual one
            | {"name": "…", "name-typed": "shop", "restart": "no"},
            "shop/orders --create-role --role shop --managed-policy AmazonS3ReadOnlyAccess --scope namespace",
        ),
        (NEW | USUAL | {"permissions": "nothing", "restart": "no"}, "shop/orders --create-role"),
        (
            NEW | READ | SEND | USUAL | {"restart": "no"},
            "shop/orders --create-role --preset dynamodb-read,table=orders --preset sqs-send,queue=out",
        ),
        (
            NEW | ONWARD | {"role": "wide", "account": "idle", "target-trust": "yes"},
            f"shop/idle --role wide --target-role {HERE} --update-trust",
        ),
        (
            NEW | ONWARD | {"role": "wide", "account": "idle", "target-trust": "no"},
            f"shop/idle --role wide --target-role {HERE}",
        ),
        (
            NEW
            | {"role": "wide", "account": "idle", "settings.0": "policy", "session-policy": __file__}
            | {"settings.1": "target", "target": AWAY},
            f"shop/idle --role wide --target-role {AWAY} --session-policy {__file__} --no-session-tags",
        ),
        (  # one consent for the trust policies of both
            NEW | ONWARD | {"role": "narrow", "trust": "yes", "scope": "service-account", "restart": "no"},
            f"shop/orders --role narrow --target-role {HERE} --update-trust",
        ),
        (NEW | {"role": "wide", "account": "idle"}, "shop/idle --role wide"),
        (NEW | {"role": "wide", "account": "cart"}, "shop/cart --role wide --replace --restart"),
        (
            NEW | {"role": "narrow", "trust": "yes", "scope": "namespace"},
            "shop/orders --role narrow --scope namespace --update-trust --restart",
        ),
        (NEW | {"role": "…", "role-typed": "ec2", "restart": "no"}, "shop/orders --role ec2"),
        (
            NEW | {"account": "…", "account-typed": "pay", "create-account": "yes", "role": "wide"},
            "shop/pay --role wide --create-service-account",
        ),
    ],
)
def test_the_answers_make_a_command_line(answers: Given, words: str) -> None:
    for back in (False, True):
        answered = walk(associate.associate, lambda _: FACTS, Scripted(answers, back=back))
        assert shlex.join(associate.words(answered, FACTS)) == words
