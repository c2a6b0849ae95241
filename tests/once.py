"""What every command finds out anew, found out once: for processes that run hundreds of them."""

import copy
import os
import re
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import boto3.session
import pytest
from botocore import endpoint_provider, handlers, hooks, parsers
from botocore.client import BaseClient, ClientCreator
from botocore.credentials import Credentials
from botocore.loaders import Loader

from podid.aws.session import AwsSession
from podid.cli import parser, tree
from podid.sandbox.kube.tokens import TokenIssuer

# what botocore's own handlers for services that podid does not ask are registered under
_ASKED = "iam|ec2|eks|eks-auth|sts|cloudtrail|accessanalyzer|s3|sqs|kms|secretsmanager"
_ELSEWHERE = re.compile(rf"^(docs|getattr)\.|^[a-z-]+\.(?!({_ASKED})(\.|$))")
# what of the environment a client goes by, beside its keys and the files, which are read before
_SETTING = re.compile(
    r"(?!AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CONFIG_FILE|SHARED_CREDENTIALS_FILE)$)(AWS_|https?_|no_proxy)",
    re.I,
)
# what a session gives in life, and what of it the tests have: AWS enables the second and third only on request
EVERY_REGION: Any = AwsSession.eks_regions
_REGIONS = ("us-east-1", "af-south-1", "ap-east-1")


def all_of_it(patch: pytest.MonkeyPatch) -> None:
    """For as long as the patch lasts."""
    for part in (boto, clients, moto, signing_keys, few_regions, commands, unsynced_files):
        part(patch)


def boto(patch: pytest.MonkeyPatch) -> None:
    """Every command makes its own boto3 session and clients. That reads megabytes of service models, makes a class and
    a rule set out of each, gives events their new names, looks at the signature of each handler and copies a hundred
    of services that nobody here asks: half the time of many tests."""
    models: dict[Any, Any] = {}
    names: dict[str, str] = {}
    load, alias = Loader.__init__, hooks.EventAliaser.__init__

    def loading(self: Loader, *args: Any, **named: Any) -> None:
        load(self, *args, **named)
        self._cache = models

    def aliasing(self: hooks.EventAliaser, *args: Any, **named: Any) -> None:
        alias(self, *args, **named)
        self._alias_name_cache = names

    patch.setattr(Loader, "__init__", loading)
    patch.setattr(hooks.EventAliaser, "__init__", aliasing)
    patch.setattr(hooks, "accepts_kwargs", _by_code(hooks.accepts_kwargs))
    patch.setattr(boto3.session.Session, "_register_default_handlers", lambda self: None)  # of S3 and of resources
    near = [row for row in handlers.BUILTIN_HANDLERS if not _ELSEWHERE.search(row[0])]
    patch.setattr(handlers, "BUILTIN_HANDLERS", near)
    patch.setattr(ClientCreator, "_load_service_model", _once(ClientCreator._load_service_model))
    patch.setattr(ClientCreator, "_create_client_class", _once(ClientCreator._create_client_class))
    patch.setattr(endpoint_provider, "RuleSet", _rule_sets(endpoint_provider.RuleSet))
    patch.setattr(hooks, "_PrefixTrie", _SharedTrie)
    patch.setattr(parsers, "DEFAULT_TIMESTAMP_PARSER", _known_times(parsers.DEFAULT_TIMESTAMP_PARSER))


class _SharedTrie(hooks._PrefixTrie):  # type: ignore[misc]  # botocore has no types
    """What is registered with a client: each has a copy of hundreds of nodes, and changes a few of them. A copy shares
    them all, until it copies the few that it is about to change."""

    _root: dict[str, Any]

    def __copy__(self) -> "_SharedTrie":
        other = _SharedTrie()
        other._root = self._root
        return other

    def append_item(self, key: str, *rest: Any, **named: Any) -> None:
        self._own(key)
        super().append_item(key, *rest, **named)

    def remove_item(self, key: str, value: Any) -> None:
        self._own(key)
        super().remove_item(key, value)

    def _own(self, key: str) -> None:
        node = self._root = _own_node(self._root)
        for part in key.split("."):
            if part not in node["children"]:
                return
            node["children"][part] = node = _own_node(node["children"][part])


def _own_node(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "children": dict(node["children"]), "values": node["values"] and copy.copy(node["values"])}


def clients(patch: pytest.MonkeyPatch) -> None:
    """A client for the same service, with the same settings, is a copy of the one made before, with its own keys: what
    is registered with it stays its own, and its connections are everybody's. Keys that may become others are left
    alone, and so are settings of a file."""
    create = ClientCreator.create_client
    made: dict[Any, BaseClient] = {}

    def once(self: ClientCreator, **settings: Any) -> BaseClient:
        keys, config = settings["credentials"], settings["client_config"]
        if type(keys) is not Credentials or settings["scoped_config"]:
            return create(self, **settings)
        key = (
            *(settings[name] for name in ("service_name", "region_name", "is_secure", "endpoint_url", "verify")),
            repr(sorted(vars(config)["_user_provided_options"].items())) if config else "",
            frozenset((name, os.environ[name]) for name in os.environ if _SETTING.match(name)),
        )
        if key not in made:
            made[key] = create(self, **settings)
        return _another(made[key], keys)

    patch.setattr(ClientCreator, "create_client", once)


def _another(client: Any, keys: Credentials) -> BaseClient:
    """Shares what a client only reads, and the HTTP session."""
    endpoint, meta, signer = (copy.copy(part) for part in (client._endpoint, client.meta, client._request_signer))
    meta.events = endpoint._event_emitter = signer._event_emitter = copy.copy(client.meta.events)
    signer._credentials = keys
    created = f"request-created.{meta.service_model.service_id.hyphenize()}"
    meta.events.unregister(created, client._request_signer.handler)
    meta.events.register(created, signer.handler)
    other: BaseClient = object.__new__(type(client))  # what copy asks an empty one for, it would ask a service for
    vars(other).update(vars(client), _endpoint=endpoint, meta=meta, _request_signer=signer, _cache={})
    return other


def moto(patch: pytest.MonkeyPatch) -> None:
    """It looks at all that a class of answers has, for each call."""
    from moto.core import responses, utils

    patch.setattr(responses, "method_names_from_class", cache(utils.method_names_from_class))


def signing_keys(patch: pytest.MonkeyPatch) -> None:
    """Each cluster signs tokens with a key of its own, and to make one takes 50 ms. Of three clusters that a test has
    at once, none has the key of another."""
    make: Callable[[TokenIssuer], Any] = vars(TokenIssuer)["_key"].func
    made: list[Any] = []

    def next_key(self: TokenIssuer) -> Any:
        made.append(made[-3] if len(made) >= 3 else make(self))
        return made[-1]

    key = cached_property(next_key)
    key.__set_name__(TokenIssuer, "_key")
    patch.setattr(TokenIssuer, "_key", key)


def commands(patch: pytest.MonkeyPatch) -> None:
    """Typer makes a command by looking at its function, each time that podid runs."""
    make, made = parser._full, {}

    def once(row: tree.Row) -> Any:
        key = (row, row.load().body)
        if key not in made:
            made[key] = make(row)
        return made[key]

    patch.setattr(parser, "_full", once)


def unsynced_files(patch: pytest.MonkeyPatch) -> None:
    """A file that is written to the disk itself outlives a power failure, which no test has. That takes milliseconds,
    five times in a command that changes something."""
    patch.setattr(os, "fsync", lambda descriptor: os.fstat(descriptor) and None)


def few_regions(patch: pytest.MonkeyPatch) -> None:
    """Whoever takes a role's rights away asks each region where EKS is whether it is in use there: thirty clients."""

    def few(self: AwsSession) -> tuple[str, ...]:
        return tuple(region for region in EVERY_REGION.__get__(self) if region in (self.region, *_REGIONS))

    patch.setattr(AwsSession, "eks_regions", property(few))


def _by_code(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Bound methods and closures are new for each client, and their code is not."""
    known: dict[Any, bool] = {}

    def kept(function: Any) -> bool:
        key = getattr(function, "__code__", function)
        if key not in known:
            known[key] = accepts(function)
        return known[key]

    return kept


def _known_times(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A text may be a time in any of many ways, which are all tried."""
    known: dict[str, Any] = {}

    def once(value: Any) -> Any:
        if not isinstance(value, str):
            return parse(value)
        if value not in known:
            known[value] = parse(value)
        return known[value]

    return once


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """A method of ClientCreator whose answer for a service is always the same."""
    made: dict[str, Any] = {}

    def once(self: ClientCreator, service_name: str, *rest: Any) -> Any:
        if service_name not in made:
            made[service_name] = make(self, service_name, *rest)
        return made[service_name]

    return once


def _rule_sets(make: Callable[..., Any]) -> Callable[..., Any]:
    """The documents stay: the loader keeps them."""
    made: dict[int, Any] = {}

    def once(**document: Any) -> Any:
        key = id(document["rules"])
        if key not in made:
            made[key] = make(**document)
        return made[key]

    return once
