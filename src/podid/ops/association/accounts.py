"""Plan the deletion of service accounts that podid created."""

from __future__ import annotations

from collections.abc import Sequence

from podid.domain.cluster import ServiceAccount
from podid.domain.errors import Conflict
from podid.domain.names import ServiceAccountRef
from podid.domain.plan import Action, Place, Plan, text
from podid.domain.text import short_list
from podid.domain.workloads import live
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import SERVICE_ACCOUNT
from podid.ops.clients import Clients


def plan_delete_accounts(clients: Clients, journal: Journal, place: Place, refs: Sequence[ServiceAccountRef]) -> Plan:
    """Plan the deletions; service accounts that do not exist are listed under `unchanged`. Raise Conflict for one that
    podid did not create here, that another tool manages now, or that a running pod uses."""
    actions: list[Action] = []
    unchanged: list[Action] = []
    reader = clients.kube.reader
    for ref in refs:
        account = reader.find_service_account(ref)
        if account is None:
            unchanged.append(SERVICE_ACCOUNT.action(SERVICE_ACCOUNT.state_of(ref), None))
            continue
        _check_made_here(journal, place, account)
        pods = [pod.name for pod in reader.list_pods(ref.namespace, service_account=ref.name) if live(pod)]
        if pods:
            raise Conflict(
                f"Service account {ref} cannot be deleted: running pods use it ({short_list(pods)})",
                advice="Delete their workloads, or give them another service account, first.",
                subject=str(ref),
            )
        actions.append(SERVICE_ACCOUNT.action(SERVICE_ACCOUNT.state_as_read(account), None))
    return Plan(header=place.header, actions=tuple(actions), unchanged=tuple(unchanged))


def _check_made_here(journal: Journal, place: Place, account: ServiceAccount) -> None:
    keys = {"namespace": account.namespace, "name": account.name}
    created = journal.last_made(place.header, SERVICE_ACCOUNT.name, keys)
    if created is None or text(created, "uid") != account.uid:
        raise Conflict(
            f"Service account {account.ref} was not created by podid, according to its journal",
            hint=("kubectl", "delete", "serviceaccount", account.name, "--namespace", account.namespace),
            subject=str(account.ref),
        )
    if account.owner:
        raise Conflict(
            f"{account.owner} manages service account {account.ref} now: delete it there", subject=str(account.ref)
        )
