"""Access keys do not expire. Everyone who can read the object can use them, from anywhere."""

from podid.checks.base import Check, Known, Severity, Snapshot, Verdicts, count_of, known, rule
from podid.domain.grouping import grouped
from podid.domain.snapshot import NOT_READ


@rule(needs=("access_keys",), wants=("cluster", "secret_keys"))
def access_keys_in_cluster(check: Check, snapshot: Snapshot) -> Verdicts:
    keys = known(snapshot.access_keys)
    secrets = snapshot.secret_keys
    if isinstance(secrets, Known):
        keys += secrets.value
    elif secrets != NOT_READ:
        yield check.of_cluster(snapshot).unknown(secrets, f"Secrets were not checked: {secrets.reason}")
    for subject, members in grouped((key.subject, key) for key in keys).items():
        permanent = [key for key in members if not key.temporary]
        words = f"{count_of(len(permanent), 'access key')} of an IAM user" if permanent else "temporary access keys"
        yield check.case(subject).fail(
            f"the {subject.kind} contains {words}",
            *(
                f"{key.place}: key ending in {key.last_four}, "
                f"{f'account {key.account}' if key.account else 'account not known'}"
                for key in members
            ),
            severity=None if permanent else Severity.INFO,
        )
    if not keys:
        yield check.of_cluster(snapshot).ok(check.title)
