"""Runs work in child processes that end with it: a world leaves half a million objects behind, all of them dead."""

import multiprocessing
import os
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from tests.simulation.stage import prepare

#: Before a command that computes for minutes: it takes the time that nobody else wants, so that tests of real
#: processes, which have deadlines, run beside it as on an idle machine.
LAST_IN_LINE = ("nice", "-n", "19")

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_a_child(work: Callable[[Given], Result], given: Given) -> Result:
    """What `work` makes of `given`, in a copy of this process that nobody tidies up.

    Raises:
        ChildProcessError: The child died; what it had to say stands on stderr.
    """
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _be_the_child(partial(work, given), write)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    if not said:
        raise ChildProcessError(f"the child that worked on {given!r} died")
    result: Result = pickle.loads(said)  # noqa: S301 - of our own child
    return result


def _be_the_child(work: Callable[[], object], write: int) -> None:
    try:
        said = pickle.dumps(work())
        with os.fdopen(write, "wb") as answer:
            answer.write(said)
    except BaseException:  # noqa: BLE001 - it tells, and its parent raises
        traceback.print_exc()
    finally:
        os._exit(0)


def all_of(work: Callable[[Given], Result], given: Iterable[Given], workers: int) -> Iterator[Result]:
    """The results of many pieces of work, in the order in which they end."""
    with multiprocessing.get_context("fork").Pool(workers, initializer=prepare) as pool:
        yield from pool.imap_unordered(partial(in_a_child, work), given)
