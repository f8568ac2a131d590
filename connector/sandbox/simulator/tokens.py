"""Who may call: the fixed token of the options, and tokens made by logging in."""

import base64
import binascii
import secrets
from dataclasses import dataclass

from connector.sandbox.simulator.clock import MICROS, SimulatorClock
from connector.sandbox.simulator.model import API_USER, EMBEDDED_USER, USERNAMES

MAX_LIFETIME = 583_200  # seconds: 162 h, Rossum's default and maximum
_SCHEMES = frozenset({"bearer", "token"})


@dataclass(frozen=True, slots=True)
class Login:
    """A token, whose it is, and when it ends (microseconds since 1970)."""

    key: str
    user: int
    expires_at: int


class Tokens:
    """Checks ``Authorization`` headers; the fixed token is the API user's, and the password of all users."""

    def __init__(self, fixed: str, clock: SimulatorClock) -> None:
        self._fixed = fixed
        self._clock = clock
        self._logins: dict[str, Login] = {}

    def log_in(self, username: str, password: str, lifetime: float | None = None) -> str | None:
        """A new token for the right password, valid for ``lifetime`` seconds; else None."""
        user = self._knows(username, password)
        if user is None:
            return None
        seconds = MAX_LIFETIME if lifetime is None else min(lifetime, MAX_LIFETIME)
        key = secrets.token_hex(20)
        self._logins[key] = Login(key, user, self._clock.now() + round(seconds * MICROS))
        return key

    def log_out(self, header: str) -> None:
        """End the token that the header carries; the fixed one never ends."""
        self._logins.pop(header.partition(" ")[2].strip(), None)

    def accepts(self, header: str, *, basic: bool) -> bool:
        """Whether the header's token is valid; ``basic`` = user name and password will do here too."""
        scheme, _, value = header.partition(" ")
        if scheme.lower() in _SCHEMES:
            return self._valid(value.strip())
        return basic and scheme.lower() == "basic" and self._right_pair(value)

    def user_of(self, header: str) -> int:
        """Whose valid token the header carries."""
        login = self._logins.get(header.partition(" ")[2].strip())
        return API_USER if login is None else login.user

    def _valid(self, key: str) -> bool:
        if key == self._fixed:
            return True
        login = self._logins.get(key)
        if login is None:
            return False
        if login.expires_at <= self._clock.now():
            del self._logins[key]
            return False
        return True

    def _right_pair(self, encoded: str) -> bool:
        try:
            username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return self._knows(username, password) is not None

    def _knows(self, username: str, password: str) -> int | None:
        """The user of that name and password."""
        if password != self._fixed:
            return None
        return next((user for user in (API_USER, EMBEDDED_USER) if USERNAMES[user] == username), None)
