"""The simulator as a server: ``async with Simulator(SimulatorOptions()) as simulator``."""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from connector.sandbox.simulator import (
    annotation_actions,
    annotation_content,
    annotation_search,
    annotations,
    auth,
    connectors,
    control,
    document_relations,
    documents,
    email_templates,
    emails,
    embedded,
    engine_fields,
    engines,
    export,
    groups,
    hook_templates,
    hooks,
    inboxes,
    labels,
    organization_groups,
    organizations,
    queues,
    relations,
    rules,
    rules_execution_logs,
    schemas,
    tasks,
    uploads,
    users,
    workspaces,
)
from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.front_door import FrontDoor, Router
from connector.sandbox.simulator.lifecycle import Pace
from connector.sandbox.simulator.wire import respond
from connector.sandbox.simulator.world import World, build_world

RESOURCES = (
    annotation_actions, annotation_content, annotation_search, annotations, auth, connectors, document_relations,
    documents, email_templates, emails, embedded, engine_fields, engines, export, groups, hook_templates, hooks,
    inboxes, labels, organization_groups, organizations, queues, relations, rules, rules_execution_logs, schemas, tasks,
    uploads, users, workspaces,
)  # fmt: skip
API = "/api/v1"
CONTROL = "/sandbox"
_SHUTDOWN_SECONDS = 0.1  # how long answers under way may take once it ends


@dataclass(frozen=True)
class SimulatorOptions:
    """How a simulator is set up.

    ``port`` 0 = a free one; ``rate_limit`` requests a second, 0 = none; ``processing`` and ``review`` seconds
    from upload to ``to_review`` and from there to the simulated reviewer, negative ``review`` = nobody.
    """

    host: str = "127.0.0.1"
    port: int = 0
    rate_limit: float = 10.0
    processing: float = 1.0
    review: float = 2.0
    queues: tuple[tuple[int, str], ...] = ((8198, "invoices"), (8199, "receipts"))
    token: str = "sandbox"  # noqa: S105 - a documented default of a simulator
    seed: int = 0


class Simulator:
    """A Rossum of one organisation on a real port, from entering the context to leaving it."""

    def __init__(self, options: SimulatorOptions | None = None, clock: SimulatorClock | None = None) -> None:
        self._options = options or SimulatorOptions()
        self._clock = clock or SimulatorClock()
        self._world: World | None = None
        self._door: FrontDoor | None = None
        self._runner: web.ServerRunner | None = None
        self._address = ""

    @property
    def base_url(self) -> str:
        """The base URL of the API, with ``/api/v1``."""
        return self._address + API

    @property
    def sandbox_url(self) -> str:
        """The base URL of the control endpoints."""
        return self._address + CONTROL

    @property
    def world(self) -> World:
        """What it knows, for tests in the same process; only while it runs."""
        assert self._world is not None
        return self._world

    async def __aenter__(self) -> Self:
        options = self._options
        pace = Pace(options.processing, options.review)
        self._world = build_world(
            options.queues,
            pace,
            token=options.token,
            rate_limit=options.rate_limit,
            seed=options.seed,
            clock=self._clock,
        )
        self._door = FrontDoor(self._world, Router(module.ROUTES for module in RESOURCES))
        self._runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._runner.setup()
        await web.TCPSite(self._runner, options.host, options.port, backlog=1024).start()
        host, port = self._runner.addresses[0][:2]
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._world.views.base = self.base_url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._world is not None
        assert self._runner is not None
        await self._world.lifecycle.background.aclose()
        await self._runner.cleanup()
        await self._world.aclose()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Send a request to the API or to the control endpoints."""
        assert self._world is not None
        assert self._door is not None
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        path = request.path
        if path.startswith(API):
            return await self._door.answer(request, path[len(API) :])
        if path.startswith(CONTROL):
            return await control.answer(self._world, request, path[len(CONTROL) :])
        if path.startswith(embedded.SCREEN):
            return await embedded.answer(self._world, request, path[len(embedded.SCREEN) :])
        return respond({"detail": "Not found."}, 404)
