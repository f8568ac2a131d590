"""Whose credentials these are, as far as it says what they may do."""

from collections.abc import Mapping

from connector.errors import NotOurs
from connector.rossum import requests
from connector.rossum.fields import ids_of, text_or_none
from connector.rossum.session import Session


class Users:
    """See the module."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def roles(self) -> frozenset[str]:
        """The names of all roles of our user; empty where Rossum does not tell them all.

        Raises:
            NotOurs: Our credentials are refused.
            Retryable: Rossum does not answer.
        """
        user = await self._session.ask(requests.current_user())
        groups = ids_of(user.data.get("groups")) if isinstance(user.data, Mapping) else None
        names = [await self._role(number) for number in groups or ()]
        return frozenset() if None in names else frozenset(filter(None, names))

    async def _role(self, number: int) -> str | None:
        try:
            answer = await self._session.ask(requests.group(number))
        except NotOurs:
            # Who may not read the roles may still do all that is needed.
            return None
        return text_or_none(answer.data.get("name")) if isinstance(answer.data, Mapping) else None
