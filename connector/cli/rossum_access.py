"""Rossum for a command: with a small part of the API budget, so that the service has the rest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from connector import assembly
from connector.clock import Clock
from connector.ports import Lane
from connector.rossum.client import RossumClient
from connector.rossum.pacing import WEIGHTS
from connector.settings import RossumSettings

#: The part of the budget that belongs to the ops lane; it has a floor of its own besides.
SHARE = WEIGHTS[Lane.OPS] / 100
#: The same for what a person waits for: with the usual 8 calls a second it is what they leave of Rossum's 10.
SHARE_BY_HAND = 0.25


@asynccontextmanager
async def rossum_at(
    settings: RossumSettings,
    clock: Clock,
    *,
    requests_per_second: float | None = None,
    share: float = SHARE,
    reject_identical: bool = False,
) -> AsyncIterator[RossumClient]:
    """A client for the length of the block.

    Args:
        settings: Where, and as whom.
        clock: Paces the calls.
        requests_per_second: What a person allows instead of the usual share.
        share: Part of the configured budget otherwise (0 to 1).
        reject_identical: Whether Rossum shall refuse files whose name and content the organisation has.
    """
    connection = replace(assembly.rossum_connection(settings), reject_identical=reject_identical)
    if requests_per_second is not None:
        connection = replace(connection, requests_per_second=requests_per_second)
    async with RossumClient(connection, clock=clock, on_call=lambda _call: None) as client:
        if requests_per_second is None:
            client.set_share(share)
        yield client
