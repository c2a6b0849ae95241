"""Read the session of a command's options: of a service account, a pod, a role, or of policies in files."""

from podid.cli.command import Access
from podid.domain.errors import Again, NotFound
from podid.domain.names import ServiceAccountRef
from podid.domain.policy.session import RoleSession
from podid.domain.text import did_you_mean, nearest
from podid.domain.trust import LivePod
from podid.ops.permissions.request import CanOptions, NamedIdentity, PrivilegeOptions
from podid.ops.permissions.session import SessionAccess, SessionReader, of_files, of_role, read_role_grants
from podid.ops.role.policies import read_policies
from podid.ops.session.issue import get_association


def read_session(access: Access, options: CanOptions | PrivilegeOptions) -> SessionAccess:
    """Return the access of the specified session. Files require no AWS access."""
    named, keys, now = options.named, options.context_keys, access.runtime.now()
    if options.policy_files:
        session = RoleSession(region=access.shared.region or "", now=now, specified=keys)
        return of_files(read_policies(access.terminal.read_file, options.policy_files), session)
    if options.role is not None:
        place, aws = access.account_place(), access.aws
        grants = read_role_grants(access.clients, options.role, account=place.account, partition=aws.partition)
        return of_role(grants, RoleSession(region=aws.region, now=now, specified=keys))
    assert named is not None
    place, ref, pod = access.place(), named.ref, None
    if named.pod:
        ref, pod = _pod(access, named)
    association = get_association(access.clients, place, ref)
    reader = SessionReader(clients=access.clients, now=now, specified=keys, target_profile=options.target_profile)
    (only,) = reader.read(place, [association], pod)
    return only


def _pod(access: Access, named: NamedIdentity) -> tuple[ServiceAccountRef, LivePod]:
    """Return the service account and the session tags of a running pod. Raise NotFound with the nearest names."""
    pods = {pod.name: pod for pod in access.kube.reader.list_pods(named.ref.namespace)}
    if named.pod not in pods:
        near, name = nearest(named.pod, pods, 1), f"{named.ref.namespace}/{named.pod}"
        hint = Again(swap=(f"pod/{name}", f"pod/{named.ref.namespace}/{near[0]}")) if near else ()
        raise NotFound(f"Pod {name} does not exist{did_you_mean(named.pod, pods)}", hint=hint, subject=name)
    pod = pods[named.pod]
    return pod.ref, LivePod(pod.name, pod.uid)
