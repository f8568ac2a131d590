"""``rossum-connector hooks``: shows how Rossum's hook differs from what this deployment needs, and repairs it."""

import asyncio
from typing import Annotated

import typer

from connector import assembly
from connector.cli.confirmation import confirm, require_answer
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.options import ConfigOption, settings_from
from connector.clock import SystemClock
from connector.domain.hook_plan import Plan, WantedHook, body_of, plain_url, plan
from connector.errors import Refused
from connector.rossum.client import RossumClient
from connector.settings import Settings
from connector.settings_load import require_for_run

hooks = typer.Typer(
    help="Look at the Rossum hook that tells this deployment, or make and repair it.", no_args_is_help=True
)

UrlOption = Annotated[
    str | None, typer.Option("--url", help="What the hook calls, as Rossum sees it; default WEBHOOK__PUBLIC_URL.")
]


@hooks.command(name="plan")
def show(config: ConfigOption = None, url: UrlOption = None) -> None:
    """Say how the hook differs from what is needed; exit with 3 unless it is as it should be."""
    with told_in_a_sentence():
        found = asyncio.run(_look(settings_from(config), url))
    if found.differences:
        raise typer.Exit(Exit.CHECK_FAILED)


@hooks.command()
def apply(
    config: ConfigOption = None,
    url: UrlOption = None,
    *,
    take_over: Annotated[
        bool,
        typer.Option(
            "--take-over",
            help="A hook of this name that calls another URL is this deployment's, too: rewrite it. For a URL that has "
            "changed.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Make the hook, or repair it; hooks of others are never touched."""
    with told_in_a_sentence():
        require_answer(yes=yes)
        asyncio.run(_apply(settings_from(config), url, take_over=take_over, yes=yes))


async def _look(settings: Settings, url: str | None) -> Plan:
    wanted = _wanted(settings, url)
    async with _client(settings) as rossum:
        found = plan(wanted, await rossum.hooks())
    _show(found, wanted)
    if found.is_conflict:
        typer.echo(f"  {_remedy(found)}")
    return found


async def _apply(settings: Settings, url: str | None, *, take_over: bool, yes: bool) -> None:
    wanted = _wanted(settings, url)
    async with _client(settings) as rossum:
        found = plan(wanted, await rossum.hooks(), take_over=take_over)
        _show(found, wanted)
        if found.is_conflict:
            raise Refused(_remedy(found))
        if not found.differences and not found.hides_secret:
            return
        if not confirm("Make it so?", yes=yes):
            raise Refused("nothing was changed")
        body = body_of(wanted, found.hook, base_url=settings.rossum.base_url)
        number = await rossum.save_hook(found.hook.id if found.hook else None, body)
        left = plan(wanted, await rossum.hooks())
    typer.echo(f"hook {number} is {'changed' if found.hook else 'made'}")
    if left.differences:
        names = ", ".join(difference.name for difference in left.differences)
        raise Refused(f"Rossum took it, but still shows another {names}: look at hook {number} in Rossum")


def _wanted(settings: Settings, url: str | None) -> WantedHook:
    require_for_run(settings)
    return assembly.wanted_hook(settings, url=url)


def _client(settings: Settings) -> RossumClient:
    return RossumClient(assembly.rossum_connection(settings.rossum), clock=SystemClock(), on_call=lambda _call: None)


def _show(found: Plan, wanted: WantedHook) -> None:
    """The hook and its differences, one a line.

    `+` is to be made, `~` to be changed, `?` can't be compared, `!` is not ours to change.
    """
    if found.hook is None:
        _show_absent(found, wanted)
        return
    sign = "~" if found.differences else "="
    typer.echo(f"{sign} hook {wanted.name!r} (id {found.hook.id})")
    for difference in found.differences:
        typer.echo(f"  ~ {difference.name:24} {difference.found}  ->  {difference.wanted}")
    if found.hides_secret:
        typer.echo(
            f"  ? {'config.secret':24} Rossum does not show it: `hooks apply` sends the first of WEBHOOK__SECRETS"
        )
    elif not found.differences:
        typer.echo("  as it should be")
    for hook in found.namesakes:
        typer.echo(f"! hook {hook.name!r} (id {hook.id}) calls {plain_url(hook)}: left alone")


def _show_absent(found: Plan, wanted: WantedHook) -> None:
    """All of a hook that is to be made, or what is in its way."""
    if found.is_conflict:
        for hook in found.namesakes:
            typer.echo(f"! hook {hook.name!r} (id {hook.id})")
            typer.echo(f"  ! {'config.url':24} {plain_url(hook)}, not {wanted.url}")
        return
    typer.echo(f"+ hook {wanted.name!r}")
    for name, value in (
        ("config.url", wanted.url),
        ("events", ", ".join(sorted(wanted.events))),
        ("queues", ", ".join(map(str, sorted(wanted.queues)))),
        ("config.secret", "the first of WEBHOOK__SECRETS"),
    ):
        typer.echo(f"  + {name:24} {value}")


def _remedy(found: Plan) -> str:
    """What a person can do about hooks that have our name and call another URL."""
    if len(found.namesakes) > 1:
        numbers = ", ".join(str(hook.id) for hook in found.namesakes)
        return (
            f"hooks {numbers} have this deployment's name and call other URLs: rename those of other deployments in "
            "Rossum (they go on working) and delete what is left over"
        )
    return (
        f"hook {found.namesakes[0].id} has this deployment's name and calls another URL. If it is another "
        "deployment's: give this one a KAFKA__GROUP_ID of its own before its first run, or rename that hook in Rossum "
        "(it goes on working). If it is this deployment's, under an earlier URL: `hooks apply --take-over`"
    )
