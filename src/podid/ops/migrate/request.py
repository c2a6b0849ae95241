"""Options of the commands of a migration."""

from collections.abc import Mapping
from datetime import timedelta

from podid.domain.errors import InvalidInput
from podid.domain.migration import OlderWay, Stage
from podid.domain.names import ServiceAccountRef, check_role_name
from podid.domain.option import included, number, one_of, option, options, repeatable, seconds, switch, tags
from podid.domain.text import did_you_mean
from podid.ops.options import PLAN_KEY_FILE, SERVICE_ACCOUNTS, TARGET_PROFILE

EVERYWHERE = ""


def read_accepted(texts: tuple[str, ...]) -> Mapping[str, frozenset[str]]:
    """Return blocker ids by "ns/name", or by EVERYWHERE for the whole run. Raise InvalidInput for another form or
    id."""
    from podid.pages.index import ENTRIES

    ids = [entry.id for entry in ENTRIES]
    accepted: dict[str, set[str]] = {}
    for text in texts:
        ref, equals, blocker = text.rpartition("=")
        if equals:
            ref = str(ServiceAccountRef.parse(ref))
        if not blocker:
            raise InvalidInput(f"--accept {text!r} is not ID or NS/SA=ID", subject=text)
        if blocker not in ids:
            raise InvalidInput(f"--accept: there is no blocker {blocker}{did_you_mean(blocker, ids)}", subject=blocker)
        accepted.setdefault(ref, set()).add(blocker)
    return {ref: frozenset(ids) for ref, ids in accepted.items()}


def read_stage(text: str) -> Stage:
    """Return a stage at which `apply` can stop. Raise InvalidInput for another word."""
    names = tuple(stage.value for stage in Stage if Stage.OLD.rank < stage.rank < Stage.CLEAN.rank)
    return Stage(one_of("--until", text, names))


def read_soak(text: str) -> timedelta:
    """Return a duration; 0 is allowed."""
    return timedelta(seconds=0 if text.strip() in ("0", "0s") else seconds(text))


@options
class MigrationOptions:
    """The items of a command, and the accepted blockers."""

    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    from_: str = option(
        "SOURCE", "Only service accounts that get credentials from this source.", name="--from", values=tuple(OlderWay)
    )
    accept: Mapping[str, frozenset[str]] = repeatable(
        "ID|NS/SA=ID", "Ignore this blocker.", name="--accept", read=read_accepted
    )
    strict: bool = switch("Block service accounts that podid could not check completely.")
    cloudtrail: bool = switch("Also read CloudTrail: the SDKs that use IRSA, and the sessions of pods.")

    def accepts(self, ref: ServiceAccountRef, blocker: str) -> bool:
        return blocker in self.accept.get(EVERYWHERE, ()) or blocker in self.accept.get(str(ref), ())


@options
class ChangeOptions:
    """The items of a command, and the changes that must precede theirs."""

    which: MigrationOptions = included(MigrationOptions)
    create_service_accounts: bool = switch(
        "For kiam and kube2iam: create separate service accounts for workloads that share one.", consent=True
    )
    install_agent: bool = switch("Install the agent first, if the cluster has none.", consent=True)


@options
class ApplyOptions(ChangeOptions):
    base_role: str = option(
        "NAME", "For roles of other accounts: create this role, which assumes the old one.", read=check_role_name
    )
    target_profile: str = TARGET_PROFILE
    plan: str = option("FILE", "Carry out a saved plan ('-' is stdin), without a prompt.")
    plan_key_file: str = PLAN_KEY_FILE
    until: Stage = option(
        "STAGE",
        "Stop at this stage: admitted, associated, moved or proven.",
        default=Stage.PROVEN,
        read=read_stage,
    )
    parallel: int = number("N", "Service accounts to migrate at the same time.", default=10, bounds=(1, 100))
    # a failed service account is rolled back and must not stop the others: the default is the largest possible number
    # of associations
    max_failures: int = number(
        "N",
        "Stop before the next batch if more than N service accounts have failed. [default: do not stop]",
        default=5000,
        bounds=(0, 5000),
    )
    keep_failed: bool = switch("Do not roll failed service accounts back.")
    tag: Mapping[str, str] = repeatable("KEY=VALUE", "Tag of the associations.", read=tags)
    approve_each: bool = switch("Ask before each service account.")


@options
class FinishOptions:
    service_accounts: tuple[ServiceAccountRef, ...] = SERVICE_ACCOUNTS
    soak: timedelta = option(
        "DURATION",
        "Minimum time since the last change of the association; 0 for none. [default: 24h]",
        default=timedelta(hours=24),
        read=read_soak,
    )
    narrow: bool = switch("Replace a pattern in a trust policy with the service accounts that still need it.")
    write_manifests: str = option(
        "DIR",
        "Write manifests of objects that another tool manages to this directory: service accounts without the "
        "annotations, patches of pod templates.",
    )
    force: bool = switch("Replace manifests that exist in the directory.", consent=True)
