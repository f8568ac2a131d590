"""``/rules_execution_logs``: rules are never evaluated here, so there is nothing to tell."""

from aiohttp import web

from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, respond


async def list_rules_execution_logs(call: Call) -> web.Response:
    """None."""
    return respond(page_of(call, []))


ROUTES: Routes = {"GET /rules_execution_logs": list_rules_execution_logs}
