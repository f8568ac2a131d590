"""The webhooks that Rossum keeps: listed, made, changed, and what became of their calls."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connector.domain.hook_plan import FoundHook
from connector.domain.readings import HookCall
from connector.rossum import requests
from connector.rossum.fields import id_of
from connector.rossum.hook_wire import read_hook_calls, read_hooks
from connector.rossum.session import Session
from connector.rossum.wire import has_more


class Webhooks:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> Sequence[FoundHook]:
        """Those of the organisation."""
        found: list[FoundHook] = []
        page = 1
        while (answer := await self._session.ask_page(requests.hooks(page), page)) is not None:
            found += read_hooks(answer)
            if not has_more(answer):
                break
            page += 1
        return found

    async def save(self, hook: int | None, body: Mapping[str, Any]) -> int:
        """Make one (None) or change one; its id.

        Raises:
            Rejected: Rossum refuses it, with its reason.
        """
        data = orjson.dumps(body)
        call = requests.new_hook(data) if hook is None else requests.changed_hook(hook, data)
        answer = await self._session.ask(call)
        number = id_of(answer.data.get("id")) if isinstance(answer.data, Mapping) else None
        if number is None:
            raise answer.senseless("the hook has no id")
        return number

    async def calls(self, hook: int) -> Sequence[HookCall]:
        """The last calls of one about annotations, newest first, as Rossum's own log has them."""
        return read_hook_calls(await self._session.ask(requests.hook_calls(hook)))
