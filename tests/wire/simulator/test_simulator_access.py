"""Who gets in: tokens, logins, Basic, and the Date of answers."""

from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from tests.wire.simulator.simulator_harness import PDF, Rossum, running

NOBODY = {"Authorization": ""}
LOGIN = {"username": "sandbox@example.com", "password": "sandbox"}


async def _with(rossum: Rossum, header: str, path: str = "/auth/user") -> tuple[int, object]:
    return await rossum.send("GET", path, headers={"Authorization": header})


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "token"])
async def test_every_scheme_of_the_vendor_is_taken(scheme: str) -> None:
    """The fixed token is accepted under each of the three schemes that clients send."""
    async with running() as rossum:
        status, user = await _with(rossum, f"{scheme} sandbox")

    assert status == 200
    assert isinstance(user, dict)
    assert user["username"] == "sandbox@example.com"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", "Digest sandbox", "Basic !!"])
async def test_anything_else_is_refused(header: str) -> None:
    """No token, a wrong one or an unknown scheme is a 401 with the documented detail."""
    async with running() as rossum:
        answer = await _with(rossum, header)

    assert answer == (401, {"detail": "Invalid token."})


@pytest.mark.parametrize("form", [{"json": LOGIN}, {"data": LOGIN}])
async def test_a_login_gives_a_token(form: dict[str, object]) -> None:
    """User name and password are taken as JSON and as a form; the new token works."""
    async with running() as rossum:
        status, body = await rossum.send("POST", "/auth/login", headers=NOBODY, **form)
        used, _ = await _with(rossum, f"Bearer {body['key']}")

    assert (status, used) == (200, 200)
    assert body["domain"] is None


async def test_a_viewer_may_change_nothing() -> None:
    """The first user as ``viewer_user``: it reads and logs in, and each change is a 403; others are who they were."""
    async with running() as rossum:
        await rossum.behave(viewer_user=True)
        _, user = await _with(rossum, "Bearer sandbox")
        uploaded, _ = await rossum.upload(PDF)
        searched, _ = await rossum.post("/annotations/search", {"query": {"$and": []}})
        logged, body = await rossum.post("/auth/login", {**LOGIN, "username": "embedded@example.com"})
        form = aiohttp.FormData()
        form.add_field("content", PDF, filename="a.pdf")
        headers = {"Authorization": f"Bearer {body['key']}"}
        other, _ = await rossum.send("POST", "/uploads?queue=8198", data=form, headers=headers)

    assert isinstance(user, dict)
    assert user["groups"] == [f"{rossum.simulator.base_url}/groups/1"]
    assert (uploaded, searched, logged, other) == (403, 200, 200, 202)


async def test_a_wrong_password_is_refused() -> None:
    """A login with another password is a 401."""
    async with running() as rossum:
        status, _ = await rossum.post("/auth/login", {**LOGIN, "password": "other"})

    assert status == 401


async def test_a_token_ends_with_its_lifetime() -> None:
    """After ``max_token_lifetime_s`` of the simulator's clock the token is a 401; the fixed one never is."""
    async with running() as rossum:
        _, body = await rossum.post("/auth/login", {**LOGIN, "max_token_lifetime_s": 60})
        await rossum.post("/sandbox/time", {"shift": 59})
        before, _ = await _with(rossum, f"Bearer {body['key']}")
        await rossum.post("/sandbox/time", {"shift": 2})
        after, _ = await _with(rossum, f"Bearer {body['key']}")
        fixed, _ = await _with(rossum, "Bearer sandbox")

    assert (before, after, fixed) == (200, 401, 200)


async def test_logging_out_ends_the_token() -> None:
    """A token that logged out is a 401 from then on."""
    async with running() as rossum:
        _, body = await rossum.post("/auth/login", LOGIN)
        headers = {"Authorization": f"Bearer {body['key']}"}
        goodbye = await rossum.send("POST", "/auth/logout", headers=headers)
        status, _ = await _with(rossum, f"Bearer {body['key']}")

    assert goodbye == (200, {"detail": "Successfully logged out."})
    assert status == 401


async def test_basic_works_where_it_is_documented() -> None:
    """User name and password in the header do for upload and export, and nowhere else."""
    headers = {"Authorization": aiohttp.encode_basic_auth("sandbox@example.com", "sandbox")}
    async with running() as rossum:
        named = {**headers, "Content-Disposition": "attachment; filename=a.pdf"}
        upload, _ = await rossum.send("POST", "/uploads?queue=8198", data=PDF, headers=named)
        export, _ = await rossum.send("GET", "/queues/8198/export", headers=headers)
        other, _ = await rossum.send("GET", "/annotations", headers=headers)

    assert (upload, export, other) == (202, 200, 401)


async def test_the_date_follows_the_shifted_clock() -> None:
    """Every answer carries a Date, and shifting the clock by an hour moves it by an hour."""
    async with running() as rossum:
        dates = []
        for shift in (0, 3600):
            await rossum.post("/sandbox/time", {"shift": shift})
            async with rossum.http.get(f"{rossum.simulator.base_url}/annotations") as response:
                dates.append(parsedate_to_datetime(response.headers["Date"]))

    assert 3599 <= (dates[1] - dates[0]).total_seconds() <= 3602


async def test_the_base_url_names_the_resources() -> None:
    """GET on the base URL is a map from resource names to absolute URLs."""
    async with running() as rossum:
        resources = await rossum.get("")

        assert resources["annotations"] == f"{rossum.simulator.base_url}/annotations"


async def test_unknown_addresses_are_told_in_json() -> None:
    """An unknown path or id is a 404, a known path with another method a 405."""
    async with running() as rossum:
        answers = [
            await rossum.send("GET", "/nothing"),
            await rossum.send("GET", "/annotations/1"),
            await rossum.send("DELETE", "/annotations"),
        ]

    assert answers[0] == answers[1] == (404, {"detail": "Not found."})
    assert answers[2] == (405, {"detail": 'Method "DELETE" not allowed.'})
