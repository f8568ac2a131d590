"""``rossum-connector topics``: shows what is missing or wrong on the broker, and makes the missing ones."""

import asyncio
from typing import Annotated

import typer

from connector import logs
from connector.cli.exits import Exit, told_in_a_sentence
from connector.cli.options import ConfigOption, settings_from
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.topics import Finding, create_missing, find_topics, findings, wanted_topics
from connector.quantities import counted
from connector.settings import Settings

topics = typer.Typer(help="Look at the topics, or create the missing ones.", no_args_is_help=True)


@topics.command()
def plan(config: ConfigOption = None) -> None:
    """Say what exists, what is missing and what is wrong; exit with 3 unless all is well."""
    with told_in_a_sentence():
        logs.hush()
        problems = asyncio.run(_plan(settings_from(config)))
    if problems:
        raise typer.Exit(Exit.CHECK_FAILED)


@topics.command()
def create(
    config: ConfigOption = None,
    replication: Annotated[
        int | None, typer.Option(min=1, help="Replication factor; default 3, or the number of brokers.")
    ] = None,
) -> None:
    """Create the topics that do not exist; existing ones are never changed."""
    with told_in_a_sentence():
        logs.hush()
        problems = asyncio.run(_create(settings_from(config), replication))
    if problems:
        raise typer.Exit(Exit.CHECK_FAILED)


async def _plan(settings: Settings) -> list[Finding]:
    names = _names(settings)
    async with KafkaConnection(settings.kafka).admin() as admin:
        found = await find_topics(admin, list(names.topics.values()))
    problems = findings(names, found, retention=settings.state.retention)
    bad = {problem.name for problem in problems}
    for topic in wanted_topics(names):
        if topic.name not in bad:
            typer.echo(f"ok       {topic.name} ({counted(found[topic.name].partitions, 'partition')})")
    for problem in problems:
        typer.echo(f"{problem.state:8} {problem.sentence}")
    return problems


async def _create(settings: Settings, replication: int | None) -> list[Finding]:
    names = _names(settings)
    async with KafkaConnection(settings.kafka).admin() as admin:
        found = await find_topics(admin, list(names.topics.values()))
        for name in await create_missing(admin, names, found, replication=replication):
            typer.echo(f"created  {name}")
    found_wrong = findings(names, found, retention=settings.state.retention)
    wrong = [problem for problem in found_wrong if problem.state == "wrong"]
    for problem in wrong:
        typer.echo(f"wrong    {problem.sentence}")
    return wrong


def _names(settings: Settings) -> Names:
    return Names.from_settings(settings.kafka, partitions=settings.kafka.work_partitions)
