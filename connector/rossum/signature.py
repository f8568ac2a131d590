"""Checks who sent a webhook: the only maker of a `VerifiedBody`, so that nothing unverified can be read.

Rossum signs the raw body: `X-Rossum-Signature-SHA256: sha256=<hex of HMAC-SHA256>`; old hooks send
`X-Elis-Signature: sha1=<hex of HMAC-SHA1>` (https://elis.rossum.ai/api/docs/#validating-payloads-from-rossum).
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.errors import ConnectorError

SIGNATURE_HEADER = "X-Rossum-Signature-SHA256"
LEGACY_HEADER = "X-Elis-Signature"


class Forged(ConnectorError):
    """The webhook's signature is missing or wrong: check that the hook's secret is among WEBHOOK__SECRETS."""


@dataclass(frozen=True, slots=True)
class VerifiedBody:
    """The raw body of a webhook whose signature was right."""

    raw: bytes


def verify(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], legacy_sha1: bool = False
) -> VerifiedBody:
    """The body, if it was signed with one of `secrets` (several during a rotation).

    Each secret is tried, whatever the outcome of the others, so that the time taken tells nothing.

    Args:
        headers: Of the request; a mapping that ignores case.
        body: As received, before any decoding.
        secrets: Empty ones are no secrets and match nothing.
        legacy_sha1: Whether the old header will do where the new one is missing.

    Raises:
        Forged: The signature is missing or made with another secret.
    """
    given, algorithm = headers.get(SIGNATURE_HEADER), "sha256"
    if given is None and legacy_sha1:
        given, algorithm = headers.get(LEGACY_HEADER), "sha1"
    claimed = (given or "").strip().lower().encode("utf-8", "backslashreplace")
    genuine = False
    for secret in secrets:
        digest = hmac.digest(secret.encode(), body, algorithm).hex()
        expected = f"{algorithm}={digest}".encode()
        genuine |= hmac.compare_digest(claimed, expected) and bool(secret)
    if not genuine:
        raise Forged
    return VerifiedBody(body)
