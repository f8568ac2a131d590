"""What became of uploads of several documents, asked once for all of them: they are due at the same moment."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from connector.domain.readings import DocumentReading, TaskReading
from connector.engine.services import Services

#: Seconds for which an answer is good for further members.
FRESH = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What task and upload object say.

    Attributes:
        is_gone: The task has expired.
        failure: Why it failed; then nothing was imported.
        documents: All that the upload became, with their annotations; None while that is not known.
    """

    is_gone: bool = False
    failure: str | None = None
    documents: Sequence[DocumentReading] | None = None


class SharedAnswers:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked: dict[str, tuple[float, asyncio.Future[Answer]]] = {}

    async def of(self, task: str) -> Answer:
        """The answer about that task, at most a few seconds old.

        Raises:
            Retryable, NotOurs: Rossum can't tell now.
        """
        now = self._services.clock.monotonic()
        self._asked = {url: asked for url, asked in self._asked.items() if now - asked[0] < FRESH}
        if task in self._asked:
            return await asyncio.shield(self._asked[task][1])
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[task] = (now, answer)
        try:
            answer.set_result(await self._ask(task))
        except BaseException as error:
            del self._asked[task]
            if isinstance(error, Exception):
                answer.set_exception(error)
                # Marks it as seen: others may wait for it or not.
                answer.exception()
            else:
                answer.cancel()
            raise
        return answer.result()

    async def _ask(self, url: str) -> Answer:
        rossum = self._services.rossum
        task = await rossum.task(url)
        if task is None:
            return Answer(is_gone=True)
        if task.status == "failed":
            return Answer(failure=reason_of(task))
        upload = None
        if task.status == "succeeded" and task.upload is not None:
            upload = await rossum.upload_object(task.upload)
        if upload is None:
            return Answer()
        if not upload.annotations:
            return Answer(documents=())
        found = await rossum.documents(upload.documents)
        shown = {annotation for document in found.values() for annotation in document.annotations}
        # Lists of Rossum lag: what they do not show yet must not look like what is not there.
        whole = len(found) == len(upload.documents) and shown >= set(upload.annotations)
        return Answer(documents=tuple(found.values()) if whole else None)


def reason_of(task: TaskReading) -> str:
    """Why a task failed, in words."""
    return f"Rossum's import task failed: {task.detail or task.code or 'no reason given'}"
