"""A pod as its controller would make it now: without what the webhook gave the one that runs, and with what it gives a
new one.

What the webhook writes: https://github.com/aws/amazon-eks-pod-identity-webhook (README, pkg/handler). What a pod's own
template sets stays, and keeps the webhook from setting it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from podid.domain.model import Container, Pod
from podid.domain.names import ServiceAccountRef
from podid.domain.snapshot import Known, Snapshot, known_or
from podid.domain.webhook import WebhookRegistration
from podid.domain.workloads import (
    AGENT_ADDRESSES,
    INJECTED_ENV,
    IRSA_ENV,
    IRSA_VOLUME,
    TOKEN_FILES,
    TOKEN_VOLUME,
    carries_irsa,
    injected,
    served,
    where_injected,
)

ROLE_ARN = "AWS_ROLE_ARN"
_ENABLED = {"eks.amazonaws.com/pod-identity": "enabled"}
_IRSA_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Injecting:
    """What decides on a new pod of a service account. `webhook` is None where it is not registered. `associated` wins
    over the role of IRSA's annotation, which is empty where there is none."""

    webhook: WebhookRegistration | None
    associated: bool
    irsa_role_arn: str = ""
    ipv6: bool = False

    @property
    def variables(self) -> Mapping[str, str]:
        if self.associated:
            return dict(zip(INJECTED_ENV, (AGENT_ADDRESSES[self.ipv6], f"{TOKEN_FILES}{TOKEN_VOLUME}"), strict=True))
        return {ROLE_ARN: self.irsa_role_arn, IRSA_ENV: _IRSA_FILE} if self.irsa_role_arn else {}


class Anew:
    """Makes pods anew by what a snapshot says of associations, service accounts and the webhook's registration. What it
    does not say is as it is for the pod that runs; a webhook that could not be looked at serves everybody."""

    def __init__(self, snapshot: Snapshot, now: datetime) -> None:
        self._now = now
        self._associated: frozenset[ServiceAccountRef] | None = None
        if isinstance(snapshot.associations, Known):
            self._associated = frozenset(each.ref for each in snapshot.associations.value)
        self._irsa: Mapping[ServiceAccountRef, str] | None = None
        if isinstance(snapshot.service_accounts, Known):
            self._irsa = {each.ref: each.irsa_role_arn for each in snapshot.service_accounts.value}
        self._webhook = known_or(snapshot.webhook, WebhookRegistration())
        self._ipv6 = isinstance(snapshot.cluster, Known) and snapshot.cluster.value.ip_family == "ipv6"

    def __call__(self, pod: Pod) -> Pod:
        associated = injected(pod) if self._associated is None else pod.ref in self._associated
        return anew(
            pod,
            Injecting(
                webhook=self._webhook, associated=associated, irsa_role_arn=self._irsa_role(pod), ipv6=self._ipv6
            ),
            self._now,
        )

    def _irsa_role(self, pod: Pod) -> str:
        if self._irsa is not None:
            return self._irsa.get(pod.ref, "")
        roles = (container.env.get(ROLE_ARN, "") for container in pod.containers)
        return next(filter(None, roles), "") if carries_irsa(pod) else ""


def anew(pod: Pod, how: Injecting, now: datetime) -> Pod:
    """The pod that takes the place of this one, under its name and on its node, up and ready."""
    plain = without_injection(pod)
    fresh = replace(
        plain,
        uid=f"{pod.uid}-anew",
        phase="Running",
        created_at=now.replace(microsecond=0),
        containers=tuple(map(_started, plain.containers)),
        ready=True,
        ready_since=now,
        deleting=False,
        ephemeral=(),
        reason="",
        message="",
    )
    webhook = how.webhook
    if webhook is None or not webhook.on_create or webhook.leaves_out(fresh.namespace, fresh.labels):
        return fresh
    return _injected(fresh, how)


def without_injection(pod: Pod) -> Pod:
    """The pod as its template has it: what is of the webhook's own making taken away."""
    found = tuple(name for name in (TOKEN_VOLUME, IRSA_VOLUME) if name in pod.volumes)
    if not found:
        return pod
    return replace(
        pod,
        volumes=tuple(name for name in pod.volumes if name not in found),
        labels={key: value for key, value in pod.labels.items() if key not in _ENABLED},
        containers=tuple(_plain(container, found) for container in pod.containers),
    )


def _plain(container: Container, volumes: tuple[str, ...]) -> Container:
    address, file = INJECTED_ENV

    def by_webhook(name: str, value: str) -> bool:
        if name == address:
            return TOKEN_VOLUME in volumes and value in AGENT_ADDRESSES
        if name == file:
            return TOKEN_VOLUME in volumes and where_injected(value)
        return name in (ROLE_ARN, IRSA_ENV) and IRSA_VOLUME in volumes

    kept = {name: value for name, value in container.env.items() if not by_webhook(name, value)}
    return replace(container, env=kept, blank=tuple(name for name in container.blank if name in kept))


def _started(container: Container) -> Container:
    return replace(container, ready=True, waiting="", restarts=0, ended="", exit_code=None, failed=None)


def _injected(pod: Pod, how: Injecting) -> Pod:
    variables = how.variables
    served_names = {container.name for container in served(pod)}
    if not variables or not served_names:
        return pod

    def given(container: Container) -> Container:
        if container.name not in served_names or not variables.keys().isdisjoint(container.env):
            return container
        return replace(container, env={**container.env, **variables})

    volume = TOKEN_VOLUME if how.associated else IRSA_VOLUME
    return replace(
        pod,
        containers=tuple(map(given, pod.containers)),
        volumes=(*pod.volumes, volume),
        labels={**pod.labels, **(_ENABLED if how.associated else {})},
    )
