"""A real browser without a screen: Chromium, driven through chromedriver by the W3C's WebDriver protocol."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.waiting import eventually

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: The key under which WebDriver hands out elements (https://www.w3.org/TR/webdriver2/#elements).
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
#: Seconds for one command; starting the browser on a busy machine is the longest.
_PATIENCE = 90
#: A container has no user namespaces to build a sandbox from, and little shared memory.
_ARGUMENTS = ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run")


class NoBrowser(Exception):
    """There is none; the sentence says what to do."""


class WebDriverError(Exception):
    """The driver refuses a command, e.g. since there is no such element (yet)."""


@dataclass(slots=True)
class Browser:
    """One window."""

    http: aiohttp.ClientSession
    session: str

    async def go(self, url: str) -> None:
        """Open a page as soon as its server is there."""

        async def gone() -> bool:
            await self._do("url", {"url": url})
            return True

        await eventually(gone, within=_PATIENCE)

    async def url(self) -> str:
        """The address of the window."""
        return str(await self._do("url"))

    async def shows(self, selector: str, text: str) -> None:
        """Wait until the first element of a CSS selector shows just that text."""

        async def does() -> bool:
            shown = await self._do(f"element/{await self._find(selector)}/text")
            if shown != text:
                raise WebDriverError(f"{selector} shows {shown!r}")
            return True

        await eventually(does, within=_PATIENCE)

    async def click(self, selector: str) -> None:
        """Click the first element of a CSS selector as soon as it is there."""

        async def clicked() -> bool:
            await self._do(f"element/{await self._find(selector)}/click", {})
            return True

        await eventually(clicked, within=_PATIENCE)

    async def enter_frame(self, selector: str) -> None:
        """What follows concerns the document inside of a frame."""

        async def entered() -> bool:
            await self._do("frame", {"id": {_ELEMENT: await self._find(selector)}})
            return True

        await eventually(entered, within=_PATIENCE)

    async def leave_frame(self) -> None:
        """What follows concerns the window again."""
        await self._do("frame", {"id": None})

    async def _find(self, selector: str) -> str:
        found = await self._do("element", {"using": "css selector", "value": selector})
        return str(found[_ELEMENT])

    async def _do(self, command: str, body: Any = None) -> Any:
        return await _ask(self.http, "GET" if body is None else "POST", f"{self.session}/{command}", body)


async def _ask(http: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> Any:
    async with http.request(method, url, json=body) as response:
        value = (await response.json())["value"]
    if not response.ok:
        raise WebDriverError(f"{value['error']}: {value['message'].partition(chr(10))[0]}")
    return value


@asynccontextmanager
async def browsing(folder: Path) -> AsyncIterator[Browser]:
    """A window of a browser that keeps what it keeps in `folder`.

    Raises:
        NoBrowser: There is none on this machine.
    """
    driver, binary = shutil.which("chromedriver"), next(filter(None, map(shutil.which, _BROWSERS)), None)
    if driver is None or binary is None:
        raise NoBrowser("Chromium or chromedriver is missing: apt-get install chromium chromium-driver")
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(_driver(driver, folder))
        timeout = aiohttp.ClientTimeout(total=_PATIENCE)
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=timeout))
        arguments = [*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"]
        chosen = {"browserName": "chrome", "goog:chromeOptions": {"binary": binary, "args": arguments}}
        made = await _ask(http, "POST", f"{address}/session", {"capabilities": {"alwaysMatch": chosen}})
        session = f"{address}/session/{made['sessionId']}"
        try:
            yield Browser(http, session)
        finally:
            await _ask(http, "DELETE", session)


@asynccontextmanager
async def _driver(path: str, folder: Path) -> AsyncIterator[str]:
    """Chromedriver on a free port; its address."""
    process = await asyncio.create_subprocess_exec(
        path, "--port=0", stdout=asyncio.subprocess.PIPE, env={**os.environ, "HOME": str(folder)}
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_PATIENCE):
            while b"started successfully on port" not in (line := await process.stdout.readline()):
                assert line, "chromedriver has ended"
        yield f"http://127.0.0.1:{line.split()[-1].decode().rstrip('.')}"
    finally:
        process.terminate()
        await process.communicate()
