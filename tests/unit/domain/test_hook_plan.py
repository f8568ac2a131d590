"""The Rossum hook as it is against the hook as it should be."""

from dataclasses import replace
from typing import Any

import pytest

from connector.domain.hook_plan import DELIVERY, GATE_EVENT, STATUS_EVENT, Drift, FoundHook, WantedHook, body_of, plan

WANTED = WantedHook(
    "rossum-connector", "https://example.com/hooks/rossum", frozenset({STATUS_EVENT}), frozenset({8198, 8199}), "new"
)
GOOD = FoundHook(
    id=1500,
    name="rossum-connector",
    url=WANTED.url,
    active=True,
    events=WANTED.events,
    queues=WANTED.queues,
    token_owner=None,
    secret="new",
    config={"url": WANTED.url, "secret": "new", "insecure_ssl": False, **DELIVERY},
)
NAMESAKE = replace(GOOD, id=7, url="https://other.example.com/hooks/rossum?token=secret")
BASE = "https://example.rossum.app/api/v1"


def with_config(**changes: Any) -> FoundHook:
    """The good hook with another configuration of its calls."""
    return replace(GOOD, config={**GOOD.config, **changes})


DRIFTED = {
    Drift.URL: replace(GOOD, url=WANTED.url + "?changed=by-hand"),
    Drift.INACTIVE: replace(GOOD, active=False),
    Drift.EVENTS: replace(GOOD, events=frozenset({STATUS_EVENT, GATE_EVENT})),
    Drift.QUEUES: replace(GOOD, queues=frozenset({8198})),
    Drift.SECRET: replace(GOOD, secret="old"),
    Drift.DELIVERY: with_config(retry_count=0),
    Drift.TLS: with_config(insecure_ssl=True),
    Drift.TOKEN_OWNER: replace(GOOD, token_owner=f"{BASE}/users/1"),
}


@pytest.mark.parametrize(("kind", "hook"), DRIFTED.items(), ids=list(DRIFTED))
def test_each_way_of_drifting_is_told_and_repaired(kind: Drift, hook: FoundHook) -> None:
    """One difference, without the secret, and the body that is sent puts it right."""
    found = plan(WANTED, [hook])
    body = body_of(WANTED, hook, base_url=BASE)

    assert [difference.kind for difference in found.differences] == [kind]
    assert "new" not in repr(found.differences)
    assert body["config"]["url"] == WANTED.url
    assert body["config"]["secret"] == "new"
    assert body["config"]["retry_count"] == 4
    assert body["config"]["insecure_ssl"] is False
    assert (body["active"], body["token_owner"], body["events"]) == (True, None, [STATUS_EVENT])
    assert body["queues"] == [f"{BASE}/queues/8198", f"{BASE}/queues/8199"]


def test_a_good_hook_is_left_alone_and_others_are_not_looked_at() -> None:
    """Whatever else there is: neither our name nor our URL."""
    other = replace(GOOD, id=1, name="other", url="https://other.example.com/hooks/rossum", active=False)

    assert plan(WANTED, [other, GOOD]).differences == ()
    assert plan(WANTED, [other]).hook is None


def test_every_kind_of_difference_is_tried() -> None:
    """A new one can't be forgotten here."""
    assert {*DRIFTED, Drift.MISSING, Drift.SEVERAL} == set(Drift)


def test_a_missing_hook_is_made_whole() -> None:
    """With its name and type."""
    found = plan(WANTED, [])
    body = body_of(WANTED, None, base_url=BASE)

    assert [difference.kind for difference in found.differences] == [Drift.MISSING]
    assert (body["name"], body["type"]) == ("rossum-connector", "webhook")


def test_two_hooks_that_call_us_are_told_and_the_one_with_our_very_url_is_taken() -> None:
    """Every webhook would come twice: harmless, but a person should know."""
    second = replace(GOOD, id=7, name="by hand", url=WANTED.url + "/")

    found = plan(WANTED, [second, GOOD])

    assert found.hook is GOOD
    assert [(difference.kind, difference.found) for difference in found.differences] == [(Drift.SEVERAL, "also 7")]


def test_a_namesake_that_calls_another_url_is_a_conflict() -> None:
    """Perhaps another deployment's: only its URL is compared, and nothing of it is ours to read or change."""
    other = replace(NAMESAKE, active=False, queues=frozenset({1}), secret="another")

    found = plan(WANTED, [other])

    assert (found.is_conflict, found.hook, found.namesakes) == (True, None, (other,))
    assert [difference.kind for difference in found.differences] == [Drift.URL]
    assert "token=secret" not in repr(found.differences)


def test_a_namesake_beside_our_hook_is_no_drift() -> None:
    """Two deployments with one group id, each with a hook of its own: both are as they should be."""
    found = plan(WANTED, [NAMESAKE, GOOD])

    assert (found.is_conflict, found.hook, found.differences, found.namesakes) == (False, GOOD, (), (NAMESAKE,))
    assert plan(WANTED, [NAMESAKE, GOOD], take_over=True).hook is GOOD


def test_a_namesake_is_taken_over_when_a_person_says_so() -> None:
    """Our hook under an earlier URL: compared and rewritten like any other of ours."""
    found = plan(WANTED, [replace(NAMESAKE, active=False)], take_over=True)

    assert (found.is_conflict, found.namesakes) == (False, ())
    assert [difference.kind for difference in found.differences] == [Drift.URL, Drift.INACTIVE]
    assert body_of(WANTED, found.hook, base_url=BASE)["config"]["url"] == WANTED.url


def test_of_several_namesakes_none_is_taken_over() -> None:
    """Which one is ours?"""
    assert plan(WANTED, [NAMESAKE, replace(NAMESAKE, id=8)], take_over=True).is_conflict


def test_what_rossum_does_not_show_is_no_difference() -> None:
    """The secret may be hidden from these credentials, delivery settings may be unknown to this Rossum."""
    hidden = replace(GOOD, secret=None, config={"url": WANTED.url}, events=frozenset({"annotation_status"}))

    assert plan(WANTED, [hidden]).differences == ()


def test_a_secret_that_rossum_does_not_show_is_sent_nevertheless() -> None:
    """Nobody can say whether it is the right one."""
    hidden = plan(WANTED, [replace(GOOD, secret=None)])

    assert (hidden.hides_secret, plan(WANTED, [GOOD]).hides_secret, plan(WANTED, []).hides_secret) == (
        True,
        False,
        False,
    )
    assert body_of(WANTED, hidden.hook, base_url=BASE)["config"]["secret"] == "new"


def test_a_secret_is_never_shown() -> None:
    """Not even by accident."""
    assert "new" not in repr(WANTED)
    assert "new" not in repr(GOOD)
