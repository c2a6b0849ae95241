"""Changes that were interrupted: what became of them is found out by reading, before anything else is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from podid.domain.errors import PodidError
from podid.domain.plan import Action, Done, Header, Place, Status
from podid.domain.text import short_list
from podid.ops.change.journal import Journal
from podid.ops.change.kinds import RESTART, kind_of
from podid.ops.change.records import Recorder, Run
from podid.ops.clients import Clients, Site

_UNREAD = "what became of {} cannot be looked at now"


@dataclass(frozen=True, slots=True)
class Settled:
    """Each interrupted change with what became of it, or with the error that stood in the way of a look."""

    items: tuple[tuple[Run, Action, Done | PodidError], ...] = ()

    def joined(self, other: Settled) -> Settled:
        return Settled((*self.items, *other.items))

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for all changes of a run that came to the same, for the person who runs the next command."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for run, action, done in self.items:
            words, text = ("{}", done.reason) if isinstance(done, Done) else (_UNREAD, done.message)
            alike.setdefault((run.run_id, words, text), []).append(kind_of(action.kind).subject(action))
        return tuple(
            f"run {run_id} was interrupted; {words.format(short_list(names))}: {text}"
            for (run_id, words, text), names in alike.items()
        )


def settle(clients: Clients, place: Place, journal: Journal) -> Settled:
    """Closes what interrupted runs left open. Changes of another account, region or cluster, and those that may not be
    looked at, stay open: they must not stand in the way of other work."""
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
            # as it is now: another process may have settled it, and changed things since, while we came here
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
    """What became of what is open, written down."""
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
    """What the command would have said at its end of changes of which it is known what became."""
    restarted = any(step.action.kind == RESTART.name for step in run.steps)
    for step in run.steps:
        if step.status is Status.DONE and kind_of(step.action.kind).takes_effect and not restarted:
            yield step.action, Done(step.action, Status.DONE, step.after, "written; its effect was not seen")
    for action in run.untried:
        yield action, Done(action, Status.BLOCKED, None, "not tried")


def reachable(recorded: Header, action: Action, here: Header) -> bool:
    """Whether the clients at hand look at the place where a recorded action was made."""
    if recorded.account != here.account:
        return False
    if kind_of(action.kind).account_wide:
        return True
    return recorded.region == here.region and recorded.cluster == here.cluster
