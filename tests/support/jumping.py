"""Time that passes at once on a real event loop, for tests of what takes long."""

import asyncio


def jump(seconds: float) -> None:
    """Let so many seconds pass on the running loop: its timers come due, in their order.

    For loops of just one test (`loop_scope="function"`): on others somebody else's timers would come due as well.
    """
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign] # what it does is what is wanted
