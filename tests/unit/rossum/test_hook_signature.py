"""Who may speak as Rossum: vectors, rotation, forgeries."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from connector.rossum.signature import Forged, VerifiedBody, verify

SECRET = "s3cret ✓"
BODY = b'{"event": "annotation_status"}'


def signed(secret: str, body: bytes = BODY, *, header: str = "X-Rossum-Signature-SHA256") -> CIMultiDict[str]:
    """Headers as Rossum sends them."""
    return CIMultiDict({header: "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()})


def legacy(secret: str) -> CIMultiDict[str]:
    """The old header."""
    digest = hmac.new(secret.encode(), BODY, hashlib.sha1).hexdigest()
    return CIMultiDict({"X-Elis-Signature": "sha1=" + digest})


def test_a_fixed_vector_is_accepted() -> None:
    """RFC 4231, test case 2, in Rossum's header."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    headers = CIMultiDict({"x-rossum-signature-sha256": f"sha256={digest}"})

    verified = verify(headers, b"what do ya want for nothing?", secrets=["Jefe"])

    assert verified == VerifiedBody(b"what do ya want for nothing?")


@pytest.mark.parametrize("secrets", [[SECRET], [SECRET, "old"], ["old", SECRET], ["a", "b", SECRET, ""]])
def test_any_secret_of_a_rotation_will_do(secrets: list[str]) -> None:
    """The place of the right secret in the list does not matter."""
    assert verify(signed(SECRET), BODY, secrets=secrets).raw is BODY


@pytest.mark.parametrize("secrets", [[], ["other"], [""], [SECRET + " "]])
def test_a_signature_of_another_secret_is_forged(secrets: list[str]) -> None:
    """Neither no secret nor a wrong one verifies anything."""
    with pytest.raises(Forged, match="WEBHOOK__SECRETS"):
        verify(signed(SECRET), BODY, secrets=secrets)


def test_an_empty_secret_verifies_nothing_even_what_it_signed() -> None:
    """An empty entry in the settings does not open the door."""
    with pytest.raises(Forged):
        verify(signed(""), BODY, secrets=["", SECRET])


@pytest.mark.parametrize("value", ["", "sha256=", "sha256", "sha1=" + "0" * 40, "sha256=Ω" + "0" * 63, "\udcff" * 8])
def test_odd_signatures_are_forged_and_nothing_worse(value: str) -> None:
    """Header values of any form end in the same error."""
    with pytest.raises(Forged):
        verify(CIMultiDict({"X-Rossum-Signature-SHA256": value}), BODY, secrets=[SECRET])


def test_upper_case_hex_is_the_same_signature() -> None:
    """The case of hex digits has no meaning."""
    headers = signed(SECRET)
    headers["X-Rossum-Signature-SHA256"] = headers["X-Rossum-Signature-SHA256"].upper()

    assert verify(headers, BODY, secrets=[SECRET]).raw == BODY


def test_the_legacy_header_counts_only_when_allowed() -> None:
    """SHA-1 is off by default."""
    allowed = verify(legacy(SECRET), BODY, secrets=["new", SECRET], legacy_sha1=True)

    assert allowed.raw == BODY
    with pytest.raises(Forged):
        verify(legacy(SECRET), BODY, secrets=[SECRET])


def test_the_legacy_header_does_not_rescue_a_wrong_new_one() -> None:
    """Where both are sent the strong one decides."""
    headers = CIMultiDict({**legacy(SECRET), **signed("other")})

    with pytest.raises(Forged):
        verify(headers, BODY, secrets=[SECRET], legacy_sha1=True)


@given(body=st.binary(max_size=60), place=st.integers(0, 59), flip=st.integers(1, 255))
def test_a_changed_body_is_forged(body: bytes, place: int, flip: int) -> None:
    """Every byte is covered."""
    headers = signed(SECRET, body)
    changed = bytearray(body or b"x")
    changed[place % len(changed)] ^= flip

    assert verify(headers, body, secrets=[SECRET]).raw == body
    with pytest.raises(Forged):
        verify(headers, bytes(changed), secrets=[SECRET])
