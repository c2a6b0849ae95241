"""Caches that all commands of a process share, for tests that run hundreds of commands."""

import copy
import os
import pickle
import re
from collections.abc import Callable, Mapping
from functools import cache, cached_property
from typing import Any

import boto3.session
import pytest
from botocore import endpoint_provider, handlers, hooks, parsers
from botocore.client import BaseClient, ClientCreator
from botocore.credentials import Credentials
from botocore.loaders import Loader
from moto.iam.models import iam_backends

from podid.aws.session import AwsSession
from podid.cli import command, tree
from podid.sandbox.aws import gateway, moto_backend
from podid.sandbox.aws.protocol import parse_form
from podid.sandbox.http import HttpAnswer, HttpRequest, make_certificates
from podid.sandbox.kube import sandbox
from podid.sandbox.kube.tokens import TokenIssuer

# the services that podid calls
_CALLED = "iam|ec2|eks|eks-auth|sts|cloudtrail|accessanalyzer|s3|sqs|sns|kms|lambda|dynamodb|secretsmanager"
# botocore's own handlers for services that podid does not call, by their registered names
_ELSEWHERE = re.compile(rf"^(docs|getattr)\.|^[a-z-]+\.(?!({_CALLED})(\.|$))")
# the environment variables that affect a client, except keys and files, which are read before
_SETTING = re.compile(
    r"(?!AWS_(ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|CONFIG_FILE|SHARED_CREDENTIALS_FILE)$)(AWS_|https?_|no_proxy)",
    re.I,
)
# reads of IAM whose answers depend on the named role or policy only
_OF_ONE_ROLE = ("GetRole", "GetRolePolicy", "ListAttachedRolePolicies", "ListRolePolicies", "ListRoleTags")
_OF_ONE_POLICY = ("GetPolicy", "GetPolicyVersion")
# the regions of a real session, and those of the tests: on AWS the second and third must be enabled
EVERY_REGION: Any = AwsSession.eks_regions
_REGIONS = ("us-east-1", "af-south-1", "ap-east-1")


def install(patch: pytest.MonkeyPatch) -> None:
    """Install all shared caches until the patch ends."""
    for part in (boto, clients, moto, ec2, iam, keys, few_regions, commands, unsynced_files):
        part(patch)


def boto(patch: pytest.MonkeyPatch) -> None:
    """Share what boto3 loads. Without this, every command creates its own boto3 session and clients: it reads megabytes
    of service models, creates a class and a rule set from each, renames events, inspects the signature of each handler,
    and copies a hundred handlers of services that podid does not call. That is half the time of many tests."""
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
    # handlers of S3 and of resources
    patch.setattr(boto3.session.Session, "_register_default_handlers", lambda self: None)
    near = [row for row in handlers.BUILTIN_HANDLERS if not _ELSEWHERE.search(row[0])]
    patch.setattr(handlers, "BUILTIN_HANDLERS", near)
    patch.setattr(ClientCreator, "_load_service_model", _once(ClientCreator._load_service_model))
    patch.setattr(ClientCreator, "_create_client_class", _once(ClientCreator._create_client_class))
    patch.setattr(endpoint_provider, "RuleSet", _rule_sets(endpoint_provider.RuleSet))
    patch.setattr(hooks, "_PrefixTrie", _SharedTrie)
    patch.setattr(parsers, "DEFAULT_TIMESTAMP_PARSER", _known_times(parsers.DEFAULT_TIMESTAMP_PARSER))


class _SharedTrie(hooks._PrefixTrie):  # type: ignore[misc]  # botocore has no types
    """A client's registered handlers. Each real copy has hundreds of nodes, of which a client changes a few. This copy
    shares all nodes, and copies a node before a change."""

    _root: dict[str, Any]
    changed: frozenset[str] | None = None

    def __copy__(self) -> "_SharedTrie":
        copied = _SharedTrie()
        copied._root, copied.changed = self._root, self.changed
        return copied

    def append_item(self, key: str, *values: Any, **named: Any) -> None:
        self._own(key)
        super().append_item(key, *values, **named)

    def remove_item(self, key: str, value: Any) -> None:
        self._own(key)
        super().remove_item(key, value)

    def _own(self, key: str) -> None:
        if self.changed is not None:
            self.changed |= {key}
        node = self._root = _own_node(self._root)
        for part in key.split("."):
            if part not in node["children"]:
                return
            node["children"][part] = node = _own_node(node["children"][part])


def _own_node(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "children": dict(node["children"]), "values": node["values"] and copy.copy(node["values"])}


def clients(patch: pytest.MonkeyPatch) -> None:
    """Copy an earlier client for the same service with the same settings, with new keys. Registered handlers are
    separate, connections are shared. Clients with renewable keys or with settings from a file are not shared."""
    create = ClientCreator.create_client
    cache: dict[Any, BaseClient] = {}

    def once(self: ClientCreator, **settings: Any) -> BaseClient:
        keys, config = settings["credentials"], settings["client_config"]
        if type(keys) is not Credentials or settings["scoped_config"]:
            return create(self, **settings)
        key = (
            *(settings[name] for name in ("service_name", "region_name", "is_secure", "endpoint_url", "verify")),
            repr(sorted(vars(config)["_user_provided_options"].items())) if config else "",
            frozenset((name, os.environ[name]) for name in os.environ if _SETTING.match(name)),
        )
        if key not in cache:
            cache[key] = create(self, **settings)
        return _another(cache[key], keys)

    patch.setattr(ClientCreator, "create_client", once)


def _another(client: Any, keys: Credentials) -> BaseClient:
    """Share the parts that a client only reads, and the HTTP session."""
    endpoint, meta, signer = (copy.copy(part) for part in (client._endpoint, client.meta, client._request_signer))
    meta.events = endpoint._event_emitter = signer._event_emitter = copy.copy(client.meta.events)
    signer._credentials = keys
    created = f"request-created.{meta.service_model.service_id.hyphenize()}"
    meta.events.unregister(created, client._request_signer.handler)
    meta.events.register(created, signer.handler)
    _handlers(meta.events).changed = frozenset()
    # copy() reads these attributes from an empty client, whose __getattr__ would look for an operation
    shared: BaseClient = object.__new__(type(client))
    vars(shared).update(vars(client), _endpoint=endpoint, meta=meta, _request_signer=signer, _cache={})
    return shared


def registered_later(client: Any) -> frozenset[str] | None:
    """Return the events for which a handler was added to this copy of a client; None for a client that is no copy."""
    return _handlers(client.meta.events).changed


def _handlers(events: Any) -> _SharedTrie:
    handlers: _SharedTrie = getattr(events, "_emitter", events)._handlers
    return handlers


def moto(patch: pytest.MonkeyPatch) -> None:
    """Cache moto's inspection of answer classes, which it repeats for each call."""
    from moto.core import responses, utils

    patch.setattr(responses, "method_names_from_class", cache(utils.method_names_from_class))


def ec2(patch: pytest.MonkeyPatch) -> None:
    """Cache moto's EC2 until a call changes it: for each command moto wrote the same answers again, and for each test
    it created the same instances."""
    answer, seed, clear = moto_backend.answer_by_moto, moto_backend.seed_ec2, moto_backend.clear_ec2
    answers: dict[Any, HttpAnswer] = {}
    seeded: list[tuple[str, ...]] = []  # at most one; empty after a change

    def once(service: Any, request: HttpRequest, account: str, authorization: str) -> HttpAnswer:
        if service != "ec2":
            return answer(service, request, account, authorization)
        if b"Action=Describe" not in request.body:
            seeded.clear()
            answers.clear()
            return answer(service, request, account, authorization)
        key = (account, authorization.split("/")[2], request.query, request.body)
        if key not in answers:
            answers[key] = answer(service, request, account, authorization)
        return answers[key]

    def seed_once(*place: str) -> None:
        if seeded != [place]:
            seed(*place)
            seeded[:] = [place]
            answers.clear()

    patch.setattr(gateway, "answer_by_moto", once)
    patch.setattr(gateway, "seed_ec2", seed_once)
    patch.setattr(gateway, "clear_ec2", lambda: None if seeded else clear())


def iam(patch: pytest.MonkeyPatch) -> None:
    """Cache moto's answers about a role or a policy until it changes: moto takes longer for them than all other parts
    of a call."""
    answer: Callable[..., HttpAnswer] = vars(gateway)["answer_by_moto"]
    answers: dict[Any, HttpAnswer] = {}

    def once(service: Any, request: HttpRequest, account: str, authorization: str) -> HttpAnswer:
        form = parse_form(request.body, request.query) if service == "iam" else {}
        action = form.get("Action", "")
        if action not in _OF_ONE_ROLE and action not in _OF_ONE_POLICY:
            return answer(service, request, account, authorization)
        key = (account, *sorted(form.items()), _state(account, form))
        if key not in answers:
            answers[key] = answer(service, request, account, authorization)
        return answers[key]

    patch.setattr(gateway, "answer_by_moto", once)


def _state(account: str, form: Mapping[str, str]) -> bytes:
    """Return everything that moto knows about the role or the policy of a request."""
    backends = [iam_backends[account][partition] for partition in list(iam_backends[account])]
    if form["Action"] in _OF_ONE_POLICY:
        return pickle.dumps([backend.managed_policies.get(form.get("PolicyArn", "")) for backend in backends])
    roles = [role for backend in backends for role in backend.get_roles()]
    return pickle.dumps([role for role in roles if role.name == form.get("RoleName")])


def keys(patch: pytest.MonkeyPatch) -> None:
    """Share signing keys and certificates: creating them takes 50 ms for each cluster. Up to three clusters of one test
    have different ones."""
    key = cached_property(_three_in_turn(vars(TokenIssuer)["_key"].func))
    key.__set_name__(TokenIssuer, "_key")
    patch.setattr(TokenIssuer, "_key", key)
    patch.setattr(sandbox, "make_certificates", _three_in_turn(make_certificates))


def _three_in_turn(make: Callable[..., Any]) -> Callable[..., Any]:
    created: list[Any] = []

    def in_turn(*args: Any) -> Any:
        created.append(created[-3] if len(created) >= 3 else make(*args))
        return created[-1]

    return in_turn


def commands(patch: pytest.MonkeyPatch) -> None:
    """Cache Typer's commands: Typer inspects the function each time that podid runs."""
    make, cached = command._full, {}

    def once(row: tree.Row) -> Any:
        key = (row, row.load().body)
        if key not in cached:
            cached[key] = make(row)
        return cached[key]

    patch.setattr(command, "_full", once)


def unsynced_files(patch: pytest.MonkeyPatch) -> None:
    """Do not flush files to disk: no test has a power failure. A flush takes milliseconds, five times in a changing
    command."""
    patch.setattr(os, "fsync", lambda descriptor: os.fstat(descriptor) and None)


def few_regions(patch: pytest.MonkeyPatch) -> None:
    """Use few regions: before it removes a role's permissions, podid calls each region with EKS, which takes thirty
    clients."""

    def few(self: AwsSession) -> tuple[str, ...]:
        return tuple(region for region in EVERY_REGION.__get__(self) if region in (self.region, *_REGIONS))

    patch.setattr(AwsSession, "eks_regions", property(few))


def _by_code(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Cache by code: bound methods and closures are new for each client, and their code is not."""
    known: dict[Any, bool] = {}

    def kept(function: Any) -> bool:
        key = getattr(function, "__code__", function)
        if key not in known:
            known[key] = accepts(function)
        return known[key]

    return kept


def _known_times(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Cache parsed times: the parser tries many formats."""
    known: dict[str, Any] = {}

    def once(value: Any) -> Any:
        if not isinstance(value, str):
            return parse(value)
        if value not in known:
            known[value] = parse(value)
        return known[value]

    return once


def _once(make: Callable[..., Any]) -> Callable[..., Any]:
    """Cache a method of ClientCreator by service."""
    cached: dict[str, Any] = {}

    def once(self: ClientCreator, service_name: str, *args: Any) -> Any:
        if service_name not in cached:
            cached[service_name] = make(self, service_name, *args)
        return cached[service_name]

    return once


def _rule_sets(make: Callable[..., Any]) -> Callable[..., Any]:
    """Cache rule sets. The loader keeps the documents."""
    cached: dict[int, Any] = {}

    def once(**document: Any) -> Any:
        key = id(document["rules"])
        if key not in cached:
            cached[key] = make(**document)
        return cached[key]

    return once
