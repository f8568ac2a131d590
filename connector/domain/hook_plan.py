"""Which Rossum hook this deployment needs, and how the one that is there differs from it.

Fields of a hook: https://elis.rossum.ai/api/docs/#hook. A hook is ours when it calls our URL. One that has our name
only is a namesake: another deployment's with the same group id, or ours under an earlier URL; Rossum can't tell which,
so a person has to say. All others are never looked at twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

#: What a deployment needs to hear; the clocks in it tell the revision.
STATUS_EVENT = "annotation_status.changed"
#: Sent while Rossum exports, and waited for: with it nothing is exported that Kafka has not heard of.
GATE_EVENT = "annotation_content.export"
#: As patient as Rossum can be: five attempts, also after an answer such as 401 while a secret is being changed.
DELIVERY: Mapping[str, Any] = {"timeout_s": 30, "retry_count": 4, "retry_on_any_non_2xx": True}


class Drift(StrEnum):
    """How a hook can differ; the bounded set behind `kind` in metrics."""

    MISSING = "missing"
    SEVERAL = "several"
    URL = "url"
    INACTIVE = "inactive"
    EVENTS = "events"
    QUEUES = "queues"
    SECRET = "secret"  # noqa: S105 - the name of a field
    DELIVERY = "delivery"
    TLS = "tls"
    TOKEN_OWNER = "token_owner"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class WantedHook:
    """The hook that this deployment needs.

    Attributes:
        events: As `event.action`.
        queues: Their ids.
        secret: That Rossum shall sign with.
    """

    name: str
    url: str
    events: frozenset[str]
    queues: frozenset[int]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FoundHook:
    """A hook as Rossum shows it.

    Attributes:
        secret: None where Rossum shows none: it is hidden from these credentials, or was never set.
        config: The whole of it, the secret included.
    """

    id: int
    name: str
    url: str | None
    active: bool
    events: frozenset[str]
    queues: frozenset[int]
    token_owner: str | None
    secret: str | None = field(repr=False)
    config: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be; secrets are never in it."""

    kind: Drift
    name: str
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would have to change.

    Attributes:
        hook: Ours; None means that it has to be made, unless a namesake is in the way.
        namesakes: Hooks that have our name and call another URL.
    """

    hook: FoundHook | None
    differences: tuple[Difference, ...]
    namesakes: tuple[FoundHook, ...] = ()

    @property
    def is_conflict(self) -> bool:
        """Whether a person has to say first whose the namesakes are: nothing may be made or changed."""
        return self.hook is None and bool(self.namesakes)

    @property
    def hides_secret(self) -> bool:
        """Whether Rossum shows no secret: nobody can compare it, so it is sent whenever the plan is carried out."""
        return self.hook is not None and self.hook.secret is None


def plan(wanted: WantedHook, hooks: Iterable[FoundHook], *, take_over: bool = False) -> Plan:
    """Compare what there is with what is needed.

    With `take_over` a person says that the namesake is ours; several remain a conflict.
    """
    listed = sorted(hooks, key=lambda hook: (hook.url != wanted.url, hook.id))
    ours = [hook for hook in listed if plain_url(hook) == _plain(wanted.url)]
    namesakes = [hook for hook in listed if hook.name == wanted.name and hook not in ours]
    if take_over and not ours and len(namesakes) == 1:
        ours, namesakes = namesakes, []
    if not ours:
        return Plan(None, (_absent(wanted, namesakes),), tuple(namesakes))
    found = list(_differences(ours[0], wanted))
    if len(ours) > 1:
        others = ", ".join(str(hook.id) for hook in ours[1:])
        found.append(Difference(Drift.SEVERAL, "hooks", f"also {others}", "one; delete the others by hand"))
    return Plan(ours[0], tuple(found), tuple(namesakes))


def _absent(wanted: WantedHook, namesakes: Sequence[FoundHook]) -> Difference:
    """No hook calls us. Of a namesake nothing but its URL counts: its queues and secret may be another's business."""
    if namesakes:
        return Difference(Drift.URL, "config.url", ", ".join(map(plain_url, namesakes)), wanted.url)
    return Difference(Drift.MISSING, "hook", "none", wanted.name)


def plain_url(hook: FoundHook) -> str:
    """What a hook calls, without a query: there may be something secret in it."""
    return _plain(hook.url or "none")


def _plain(url: str) -> str:
    return url.partition("?")[0].rstrip("/")


def _differences(hook: FoundHook, wanted: WantedHook) -> Iterator[Difference]:
    if hook.url != wanted.url:
        yield Difference(Drift.URL, "config.url", _shown(hook, wanted), wanted.url)
    if not hook.active:
        yield Difference(Drift.INACTIVE, "active", "false", "true")
    if (events := _named(hook.events)) != wanted.events:
        yield Difference(Drift.EVENTS, "events", _listed(events), _listed(wanted.events))
    if hook.queues != wanted.queues:
        yield Difference(Drift.QUEUES, "queues", _listed(hook.queues), _listed(wanted.queues))
    if hook.token_owner is not None:
        yield Difference(Drift.TOKEN_OWNER, "token_owner", "somebody", "nobody: no token has to travel")
    yield from _differences_of_calls(hook, wanted)


def _shown(hook: FoundHook, wanted: WantedHook) -> str:
    """The URL of a hook, with a word where it is another one only in what is not shown."""
    shown = plain_url(hook)
    return shown if shown != wanted.url else f"{shown}, with more behind it"


def _differences_of_calls(hook: FoundHook, wanted: WantedHook) -> Iterator[Difference]:
    """What decides how Rossum makes its calls."""
    if hook.secret is not None and hook.secret != wanted.secret:
        yield Difference(Drift.SECRET, "config.secret", "another one", "the first of WEBHOOK__SECRETS")
    for name, value in DELIVERY.items():
        if name in hook.config and hook.config[name] != value:
            yield Difference(Drift.DELIVERY, f"config.{name}", str(hook.config[name]).lower(), str(value).lower())
    if hook.config.get("insecure_ssl"):
        yield Difference(Drift.TLS, "config.insecure_ssl", "true", "false")


def _named(events: frozenset[str]) -> frozenset[str]:
    """An event without an action stands for all of its actions, and a status has but one."""
    return frozenset(STATUS_EVENT if event == STATUS_EVENT.partition(".")[0] else event for event in events)


def _listed(things: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, things))) or "none"


def body_of(wanted: WantedHook, hook: FoundHook | None, *, base_url: str) -> dict[str, Any]:
    """What to send to Rossum: all of a new hook, or the fields of ours in an existing one."""
    config = dict(hook.config) if hook is not None else {}
    config |= {"url": wanted.url, "secret": wanted.secret, "insecure_ssl": False, **DELIVERY}
    body = {
        "queues": [f"{base_url}/queues/{queue}" for queue in sorted(wanted.queues)],
        "events": sorted(wanted.events),
        "config": config,
        "active": True,
        "token_owner": None,
    }
    return body if hook is not None else {"name": wanted.name, "type": "webhook", "sideload": [], **body}
