from podid.checks.base import Check, Snapshot, Verdicts, known_or, rule
from podid.checks.shared import injection
from podid.domain.aws import UnreadAssociation
from podid.domain.evidence import NO_CHANGES
from podid.domain.text import utc
from podid.domain.workloads import TOKEN_VOLUME
from podid.facts.injection import PodState
from podid.facts.restarts import LIFETIME, changed_at, precedes


@rule(needs=injection.NEEDS, wants=(*injection.WANTS, "changes"))
def cached_credentials_after_change(check: Check, snapshot: Snapshot) -> Verdicts:
    changes = known_or(snapshot.changes, NO_CHANGES)
    for case, group in check.of_groups(snapshot):
        pods = group.states.get(PodState.INJECTED, ())
        if not pods:
            yield case.skip("none of its pods has injected credentials")
            continue
        if isinstance(group.association, UnreadAssociation):
            yield case.unknown(group.association.unread)
            continue
        association = group.association
        changed = changed_at(association, snapshot.taken_at, changes)
        created = association.modified_at in (None, association.created_at)
        # a manifest that sets the variables itself proves no earlier association, but the webhook's volume does
        older = tuple(pod for pod in pods if precedes(pod, changed) and (not created or TOKEN_VOLUME in pod.volumes))
        if changed is None or not older:
            yield case.ok(
                "its pods started after the last change of the association, or all older credentials have expired"
            )
        else:
            until = utc(changed + LIFETIME)
            when = "created" if created else "last changed"
            say = f"started before the association was {when}, and may keep the previous credentials until {until}"
            why = (
                "its pods were injected for an earlier association, which was deleted"
                if created
                else "EKS does not report which setting changed; running pods get a new role, target role, session "
                "policy or tag setting only when their credentials are renewed"
            )
            evidence = (f"association {association.association_id} {when.removeprefix('last ')}: {utc(changed)}", why)
            yield injection.to_be_replaced(case, snapshot, group, older, say, evidence)
