"""``/hook_templates``: the vendor's store of extensions, which the sandbox has none of."""

from aiohttp import web

from connector.sandbox.simulator.paging import page_of
from connector.sandbox.simulator.wire import Call, Routes, respond


async def list_hook_templates(call: Call) -> web.Response:
    """None."""
    return respond(page_of(call, []))


ROUTES: Routes = {"GET /hook_templates": list_hook_templates}
