"""Kinds of Kubernetes resource: service accounts, probe Jobs, and commands that ran with the identity of a service
account. `podid.ops.reading.probes` and `podid exec` carry out the last two; the journal records them like every other
change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, ClassVar, TypedDict

from podid.calls.patience import Patience
from podid.domain.cluster import ServiceAccount
from podid.domain.dependents import NO_DEPENDENTS, Dependents
from podid.domain.errors import Conflict
from podid.domain.members import About
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Done, State, Status, Verb, text, texts
from podid.domain.section import Unread
from podid.domain.snapshot import Snapshot
from podid.domain.text import short_list
from podid.ops.change.kinds.base import Keys, OneTime, Operations, ResourceKind, needed_account
from podid.ops.change.planned import with_changed
from podid.ops.change.users import users_of_account
from podid.ops.clients import Site


class ServiceAccountState(TypedDict, total=False):
    namespace: str
    name: str
    uid: Annotated[str, About("The id from Kubernetes: a service account that is created again has a new one.")]
    # the source of its image pull secrets and automount setting
    copyOf: str


class ServiceAccountKind(ResourceKind):
    name = "service-account"
    title = "service account"
    state = ServiceAccountState
    keys = ("namespace", "name")
    operations: ClassVar[Operations] = {
        Verb.NONE: ("KubeReader.find_service_account",),
        Verb.CREATE: ("KubeWriter.create_service_account", "KubeReader.get_account_settings"),
        Verb.DELETE: ("KubeWriter.delete_service_account", "KubeReader.list_pods"),
    }
    overwrites = frozenset({Verb.DELETE})
    assigned = frozenset({"uid"})
    manner = frozenset({"copyOf"})

    def gives(self, action: Action) -> frozenset[str] | None:
        return needed_account(*action.keys.values())

    @staticmethod
    def state_of(ref: ServiceAccountRef, copy_of: str = "") -> ServiceAccountState:
        state: ServiceAccountState = {"namespace": ref.namespace, "name": ref.name}
        return {**state, "copyOf": copy_of} if copy_of else state

    @classmethod
    def state_as_read(cls, account: ServiceAccount) -> ServiceAccountState:
        return {**cls.state_of(account.ref), "uid": account.uid}

    def read(self, site: Site, keys: Keys) -> State | None:
        account = site.clients.kube.reader.find_service_account(service_account_of(keys))
        return None if account is None else self.state_as_read(account)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        ref, writer = service_account_of(action.keys), site.clients.kube.writer
        if action.after is None:
            writer.delete_service_account(ref, uid=text(action.before, "uid"))
            return None
        source = text(action.after, "copyOf")
        original = ServiceAccountRef(ref.namespace, source)
        settings = site.clients.kube.reader.get_account_settings(original) if source else {}
        return self.state_as_read(writer.create_service_account(ref, settings))

    def dependents(self, site: Site, action: Action, earlier: Sequence[Action]) -> Dependents:
        """Raise Conflict if a running pod uses the service account: its token would no longer be valid."""
        if action.after is not None:
            return NO_DEPENDENTS
        ref = service_account_of(action.keys)
        pods = users_of_account(site, ref, earlier)
        if isinstance(pods, Unread):
            return Dependents(unread=(pods,))
        if pods:
            raise Conflict(
                f"Service account {ref} cannot be deleted: running pods use it ({short_list(pods)})",
                advice="Delete their workloads, or give them another service account, first.",
                subject=str(ref),
            )
        return NO_DEPENDENTS

    def check_same(self, current: State, created: State | None) -> None:
        had, has = text(created, "uid"), text(current, "uid")
        if had and had != has:
            ref = service_account_of({key: text(current, key) for key in self.keys})
            raise Conflict(f"Service account {ref} was deleted and created again since", subject=str(ref))

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        ref = service_account_of(action.keys)
        # in whole seconds, as the API server stores it: the pods that follow are not older
        account = ServiceAccount(namespace=ref.namespace, name=ref.name, created_at=now.replace(microsecond=0))
        created = () if action.after is None else (account,)
        return with_changed(
            snapshot, "service_accounts", lambda accounts: (*(item for item in accounts if item.ref != ref), *created)
        )


def service_account_of(keys: Keys) -> ServiceAccountRef:
    return ServiceAccountRef(keys["namespace"], keys["name"])


class AnnotationsState(TypedDict, total=False):
    namespace: str
    name: str
    annotations: Mapping[str, str]


class AnnotationsKind(ResourceKind):
    """The annotations of IRSA on a service account: role, audience, STS endpoints and expiration."""

    name = "annotations"
    title = "IRSA annotations of service account"
    state = AnnotationsState
    keys = ("namespace", "name")
    operations: ClassVar[Operations] = {
        Verb.NONE: ("KubeReader.find_service_account",),
        Verb.UPDATE: ("KubeWriter.annotate",),
    }
    overwrites = frozenset({Verb.UPDATE})

    @staticmethod
    def state_of(ref: ServiceAccountRef, annotations: Mapping[str, str]) -> AnnotationsState:
        return {"namespace": ref.namespace, "name": ref.name, "annotations": dict(annotations)}

    def read(self, site: Site, keys: Keys) -> State | None:
        account = site.clients.kube.reader.find_service_account(service_account_of(keys))
        return None if account is None else self.state_of(account.ref, account.irsa_annotations)

    def write(self, site: Site, action: Action, patience: Patience) -> State | None:
        before, after = texts(action.before, "annotations"), texts(action.after, "annotations")
        gone = dict.fromkeys(before.keys() - after.keys())
        account = site.clients.kube.writer.annotate(service_account_of(action.keys), {**after, **gone})
        return self.state_of(account.ref, account.irsa_annotations)

    def predict(self, snapshot: Snapshot, action: Action, now: datetime) -> Snapshot:
        ref = service_account_of(action.keys)

        def annotated(account: ServiceAccount) -> ServiceAccount:
            own = {name: text for name, text in account.annotations.items() if name not in account.irsa_annotations}
            return replace(account, annotations={**own, **texts(action.after, "annotations")})

        return with_changed(
            snapshot,
            "service_accounts",
            lambda accounts: tuple(annotated(item) if item.ref == ref else item for item in accounts),
        )


class ProbeState(TypedDict, total=False):
    namespace: str
    name: str
    serviceAccount: str
    node: str
    image: str


class ProbeKind(OneTime):
    name = "probe"
    title = "probe Job"
    state = ProbeState
    keys = ("namespace", "name")
    operations: ClassVar[Operations] = {
        Verb.CREATE: (
            "KubeWriter.create_probe",
            "KubeWriter.delete_job",
            "KubeReader.list_pods",
            "KubeReader.read_log",
            "KubeReader.list_warnings",
        )
    }

    @staticmethod
    def state_of(ref: ServiceAccountRef, name: str, *, node: str, image: str) -> ProbeState:
        return {"namespace": ref.namespace, "name": name, "serviceAccount": ref.name, "node": node, "image": image}

    def read(self, site: Site, keys: Keys) -> State | None:
        return dict(keys) if site.clients.kube.reader.job_exists(keys["namespace"], keys["name"]) else None

    def settle(self, site: Site, action: Action) -> Done:
        current = self.read(site, action.keys)
        reason = "the Job still exists; Kubernetes deletes it one minute after its deadline"
        return Done(action, Status.DONE, current, f"settled: {reason if current else 'the Job is deleted'}")

    def not_undone(self, action: Action) -> str:
        return f"the probe Job {action.target} left nothing to undo"


class CommandState(TypedDict, total=False):
    namespace: str
    serviceAccount: str
    program: str
    roleArn: str


class CommandKind(OneTime):
    name = "command"
    state = CommandState
    keys = ("namespace", "serviceAccount", "program")
    operations: ClassVar[Operations] = {
        Verb.CREATE: ("KubeReader.list_pods", "KubeWriter.request_token", "EksAuth.assume_role_for_pod_identity")
    }

    @staticmethod
    def state_of(ref: ServiceAccountRef, program: str, role_arn: str) -> CommandState:
        """Return the state. The arguments are omitted: they may contain secrets."""
        return {"namespace": ref.namespace, "serviceAccount": ref.name, "program": program, "roleArn": role_arn}

    def subject(self, action: Action) -> str:
        return "command {program} as {namespace}/{serviceAccount}".format_map(action.keys)

    def settle(self, site: Site, action: Action) -> Done:
        return Done(action, Status.DONE, None, "settled: podid ended before the command did")

    def not_undone(self, action: Action) -> str:
        return f"the {self.subject(action)} cannot be undone"


SERVICE_ACCOUNT = ServiceAccountKind()
ANNOTATIONS = AnnotationsKind()
PROBE = ProbeKind()
COMMAND = CommandKind()
