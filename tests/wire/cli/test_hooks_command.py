"""`rossum-connector hooks`: whose hook it may touch, and a secret that Rossum does not show."""

from typing import Any

from tests.wire.cli.commanding import Commands, commands

URL = "https://connector.example.com/hooks/rossum"
OTHER = "https://staging.example.com/hooks/rossum"
#: The default of KAFKA__GROUP_ID, so the name of every deployment that sets none.
NAME = "rossum-connector"
SETTINGS = {
    "KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "ROSSUM__DEFAULT_QUEUE": "invoices",
    "WEBHOOK__PUBLIC_URL": URL,
    "WEBHOOK__SECRETS": '["the new secret", "the old secret"]',
}


async def only_hook(there: Commands) -> Any:
    """The one that Rossum has."""
    (hook,) = (await there.rossum.get("/hooks"))["results"]
    return hook


async def test_another_deployments_hook_is_taken_over_only_on_demand() -> None:
    """Two deployments with the default group id in one organisation: neither takes the other's hook unasked."""
    async with commands() as there:
        await there.rossum.post("/hooks", {"name": NAME, "type": "webhook", "config": {"url": OTHER, "secret": "s"}})
        before = await only_hook(there)
        shown = await there("hooks", "plan", **SETTINGS)
        refused = await there("hooks", "apply", "--yes", **SETTINGS)
        after = await only_hook(there)
        taken = await there("hooks", "apply", "--yes", "--take-over", **SETTINGS)
        rewritten = await only_hook(there)

    assert (shown.code, refused.code, taken.code) == (3, 3, 0)
    assert f"! hook '{NAME}' (id {before['id']})" in shown.out
    assert OTHER in shown.out
    for said in (shown.out, refused.err):
        assert "KAFKA__GROUP_ID" in said
        assert "--take-over" in said
    assert after == before
    assert (rewritten["id"], rewritten["config"]["url"]) == (before["id"], URL)
    assert rewritten["config"]["secret"] == "the new secret"


async def test_a_secret_that_rossum_does_not_show_is_sent() -> None:
    """After a rotation nobody can see whether the new one has got there: `plan` says so, `apply` sends it."""
    async with commands() as there:
        await there("hooks", "apply", "--yes", **SETTINGS | {"WEBHOOK__SECRETS": '["the old secret"]'})
        await there.rossum.behave(hook_secret_hidden=True)
        hidden = await only_hook(there)
        shown = await there("hooks", "plan", **SETTINGS)
        applied = await there("hooks", "apply", "--yes", **SETTINGS)
        await there.rossum.behave(hook_secret_hidden=False)
        hook = await only_hook(there)

    assert "secret" not in hidden["config"]
    assert (shown.code, applied.code) == (0, 0)
    assert "Rossum does not show it" in shown.out
    assert "as it should be" not in shown.out
    assert f"hook {hook['id']} is changed" in applied.out
    assert hook["config"]["secret"] == "the new secret"
