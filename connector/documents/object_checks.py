"""Whether a bucket answers to what the environment tells: asked for an object that nobody has, it says so."""

import asyncio
import re
from http import HTTPStatus
from typing import Final

from connector.documents.object_stores import EXTRA, connect, is_from_client
from connector.documents.objects import failure_of
from connector.errors import Rejected, Retryable, SettingsError

_NOBODYS_KEY: Final = "rossum-connector-check"
#: How S3, Azure and Google Cloud Storage say that it is not only the object that is missing.
_NO_BUCKET: Final = re.compile("NoSuchBucket|ContainerNotFound|bucket does not exist")
#: Seconds for the answer.
PATIENCE: Final = 10.0


async def look(kind: str, bucket: str, setting: str, *, patience: float = PATIENCE) -> str:
    """What the answer of a bucket shows; nothing is changed in it.

    Args:
        kind: s3, gcs or azure.
        bucket: Bucket or container.
        setting: That names it, for sentences.
        patience: Seconds for the answer.

    Raises:
        SettingsError: The extra is not installed, or there is no such bucket.
        Retryable, Rejected: It can't be reached, or refuses us.
    """
    shown = f"{kind}://{bucket}"
    try:
        store = connect(kind, bucket, patience, patience)
        async with asyncio.timeout(patience):
            await store.get_async(_NOBODYS_KEY)
    except ImportError:
        raise SettingsError(f"{setting} needs {EXTRA}") from None
    except TimeoutError:
        advice = "check the store's endpoint in the environment, and the way there"
        raise Retryable(f"{shown} did not answer in time: {advice}") from None
    except FileNotFoundError as error:
        if _NO_BUCKET.search(str(error)):
            raise SettingsError(f"there is no {shown}: make it, or correct {setting}") from None
    except Exception as error:
        if not is_from_client(error):
            raise
        return _unlisted(failure_of(error, shown), shown)
    return f"{shown} answers"


def _unlisted(failure: Rejected | Retryable, shown: str) -> str:
    """A refusal that is no fault: without the right to list a bucket, a missing object is a forbidden one."""
    if isinstance(failure, Rejected) and failure.http_status == HTTPStatus.FORBIDDEN:
        return f"{shown} answers; our rights in it show with the first object, since we may not list it"
    raise failure from None
