"""Settle interrupted changes: determine their outcome by reading, before anything else is changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from podid.domain.errors import PodidError
from podid.domain.plan import Action, Done, Header, Place, Status
from podid.domain.text import short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import RESTART, kind_of
from podid.ops.change.records import Recorder, Run
from podid.ops.clients import Clients, Site

_UNREAD = "the outcome of {} cannot be read now"


@dataclass(frozen=True, slots=True)
class Settled:
    """Each interrupted change with its outcome, or with the error that prevented reading it."""

    items: tuple[tuple[Run, Action, Done | PodidError], ...] = ()

    def joined(self, other: "Settled") -> "Settled":
        return Settled((*self.items, *other.items))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return one sentence for all changes of a run with the same outcome."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for run, action, done in self.items:
            words, text = ("{}", done.reason) if isinstance(done, Done) else (_UNREAD, done.message)
            alike.setdefault((run.run_id, words, text), []).append(kind_of(action.kind).subject(action))
        return tuple(
            f"run {run_id} was interrupted; {words.format(short_list(names))}: {text}"
            for (run_id, words, text), names in alike.items()
        )


def settle(clients: Clients, place: Place, journal: Journal) -> Settled:
    """Record the outcome of the open changes of interrupted runs. Changes of another account, region or cluster, and
    those that cannot be read, stay open and do not block other work."""
    items: list[tuple[Run, Action, Done | PodidError]] = []
    for run in journal.runs():
        actions = (*(step.action for step in run.open_steps or run.steps), *run.untried)
        if not (run.open_steps or (run.cut_short and not run.reported)) or run.running:
            continue
        if not any(reachable(run.header, action, place.header) for action in actions):
            continue
        with journal.reopen(run.run_id) as opened:
            if opened is None:
                continue  # another process is settling it
            # read again under the lock: another process may have settled it meanwhile
            now, recorder = opened
            outcomes = list(_settled(clients, place, now, recorder))
            if now.cut_short and not now.reported:
                outcomes += _unreported(now)
                if all(isinstance(done, Done) for _, done in outcomes):
                    recorder.write({"type": "told"})
            items += [(run, action, done) for action, done in outcomes]
    return Settled(tuple(items))


def _settled(
    clients: Clients, place: Place, run: Run, recorder: Recorder
) -> Iterator[tuple[Action, Done | PodidError]]:
    """Yield the outcome of each open change, and record it."""
    for step in run.open_steps:
        if not reachable(run.header, step.action, place.header):
            continue
        try:
            done = kind_of(step.action.kind).settle(Site(clients, place.header), step.action)
        except PodidError as error:
            yield step.action, error
            continue
        recorder.outcome(step.number, done)
        yield step.action, done


def _unreported(run: Run) -> Iterator[tuple[Action, Done]]:
    """Yield the facts that the interrupted command would have reported about settled changes."""
    restarted = any(step.action.kind == RESTART.name for step in run.steps)
    for step in run.steps:
        if step.status is Status.DONE and kind_of(step.action.kind).takes_effect and not restarted:
            yield step.action, Done(step.action, Status.DONE, step.after, "written; its effect was not confirmed")
    for action in run.untried:
        yield action, Done(action, Status.BLOCKED, None, "not tried")


def reachable(recorded: Header, action: Action, place: Header) -> bool:
    """Return whether the clients reach the place of a recorded action."""
    if recorded.account != place.account:
        return False
    if kind_of(action.kind).account_wide:
        return True
    return recorded.region == place.region and recorded.cluster == place.cluster
