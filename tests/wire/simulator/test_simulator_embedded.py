"""Embedded mode: URLs with a token, and the screen behind them."""

from typing import Any

import pytest

from tests.wire.simulator.simulator_harness import UNREVIEWED, Rossum, running

RETURN, CANCEL = "https://app.example.com/done", "https://app.example.com/cancelled"
POSTPONED, DELETED = "https://app.example.com/later", "https://app.example.com/gone"
ALL = {"return_url": RETURN, "cancel_url": CANCEL, "postpone_url": POSTPONED, "delete_url": DELETED}


async def made(rossum: Rossum, number: int, verb: str = "create_embedded_url", **order: Any) -> tuple[str, str]:
    """The address of the screen, and the token."""
    status, body = await rossum.post(f"/annotations/{number}/{verb}", order)
    assert status == 200, body
    address, _, token = body["url"].partition("#authToken=")
    return address, token


async def act(rossum: Rossum, screen: tuple[str, str], action: str) -> tuple[int, Any]:
    """What the screen is answered when somebody does something there."""
    address, token = screen
    headers = {"Authorization": f"Bearer {token}"}
    return await rossum.send("POST", address, json={"action": action}, headers=headers)


@pytest.mark.parametrize(
    ("action", "status", "leads_to"),
    [
        ("confirm", "exporting", RETURN),
        ("cancel", "to_review", CANCEL),
        ("postpone", "postponed", POSTPONED),
        ("delete", "deleted", DELETED),
    ],
)
async def test_the_screen_moves_the_annotation_and_leads_on(action: str, status: str, leads_to: str) -> None:
    """Opening begins the review in the name of whom the token is; each button ends it and leads to its URL."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="to_review")
        screen = await made(rossum, number, **ALL)
        before = await rossum.annotation(number)
        opened = await act(rossum, screen, "open")
        reviewing = await rossum.annotation(number)
        done = await act(rossum, screen, action)

    assert (before["status"], reviewing["status"]) == ("to_review", "reviewing")
    assert opened[0] == 200
    assert opened[1]["actions"] == ["confirm", "cancel", "postpone", "delete"]
    assert opened[1]["fields"]
    assert (done[0], done[1]["status"], done[1]["redirect"]) == (200, status, leads_to)


async def test_postponing_and_deleting_are_offered_where_they_lead_somewhere() -> None:
    """Without their URLs the buttons are not there, and nothing happens without them."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="to_review")
        screen = await made(rossum, number, return_url=RETURN)
        _, shown = await act(rossum, screen, "open")
        refused, _ = await act(rossum, screen, "delete")

    assert shown["actions"] == ["confirm", "cancel"]
    assert refused == 409


async def test_what_is_done_can_only_be_looked_at() -> None:
    """The URL of an exported annotation shows it without a button."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="exported")
        _, shown = await act(rossum, await made(rossum, number), "open")

    assert (shown["status"], shown["actions"]) == ("exported", [])


async def test_a_token_opens_its_annotation_only_and_ends() -> None:
    """Another annotation's screen does not take it, the API neither, and after its life nobody does."""
    async with running(UNREVIEWED) as rossum:
        first, second = await rossum.finished(2, status="to_review")
        address, token = await made(rossum, first, max_token_lifetime_s=60)
        elsewhere, _ = await act(rossum, (address.replace(str(first), str(second)), token), "open")
        api, _ = await rossum.send("GET", "/annotations", headers={"Authorization": f"Bearer {token}"})
        guessed, _ = await act(rossum, (address, "guessed"), "open")
        in_time, _ = await act(rossum, (address, token), "open")
        await rossum.post("/sandbox/time", {"shift": 61})
        too_late, body = await act(rossum, (address, token), "confirm")
        annotation = await rossum.annotation(first)

    assert (elsewhere, api, guessed, in_time, too_late) == (401, 401, 401, 200, 401)
    assert body == {"detail": "Invalid token."}
    assert annotation["status"] == "reviewing"


@pytest.mark.parametrize(
    "order",
    [
        {"return_url": "nowhere"},
        {"cancel_url": "javascript:alert(1)"},
        {"delete_url": 7},
        {"max_token_lifetime_s": 0},
        {"max_token_lifetime_s": 583_201},
        {"max_token_lifetime_s": "60"},
    ],
)
@pytest.mark.parametrize("verb", ["start_embedded", "create_embedded_url"])
async def test_a_wrong_option_is_named_and_nothing_happens(verb: str, order: dict[str, Any]) -> None:
    """A 400 with the field, and no review begins."""
    async with running(UNREVIEWED) as rossum:
        (number,) = await rossum.finished(1, status="to_review")
        status, body = await rossum.post(f"/annotations/{number}/{verb}", order)
        annotation = await rossum.annotation(number)

    assert (status, list(body)) == (400, list(order))
    assert annotation["status"] == "to_review"


async def test_starting_is_not_for_admins() -> None:
    """The embedded user may, who holds the review then; an admin gets a URL only."""
    async with running(UNREVIEWED) as rossum:
        await rossum.behave(admin_user=True)
        (number,) = await rossum.finished(1, status="to_review")
        path = f"/annotations/{number}"
        started, _ = await rossum.post(f"{path}/start_embedded")
        created, _ = await rossum.post(f"{path}/create_embedded_url")
        _, login = await rossum.post("/auth/login", {"username": "embedded@example.com", "password": "sandbox"})
        headers = {"Authorization": f"Bearer {login['key']}"}
        by_embedded, _ = await rossum.send("POST", f"{path}/start_embedded", json={}, headers=headers)
        annotation = await rossum.annotation(number)
        user = await rossum.get(annotation["modifier"])
        by_another, _ = await rossum.post(f"{path}/cancel")

    assert (started, created, by_embedded, by_another) == (403, 200, 200, 409)
    assert user["username"] == "embedded@example.com"


async def test_the_page_is_the_same_for_everybody() -> None:
    """It holds nothing of the annotation, which only the token shows; its address goes nowhere."""
    async with (
        running(UNREVIEWED) as rossum,
        rossum.http.get(rossum.simulator.base_url.replace("/api/v1", "/embedded/document/1")) as answer,
    ):
        page = await answer.text()

    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "authToken" in page
