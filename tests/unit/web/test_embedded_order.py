"""What an application may ask of an embedded URL."""

import pytest

from connector.domain.embedded import EmbeddedOrder
from connector.domain.ids import AnnotationId
from connector.web.embedded_order import OrderError, read_order

NUMBER = AnnotationId(4711)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"return_url": null, "start": null, "max_token_lifetime_s": null}'])
def test_nothing_special_is_an_order(body: bytes) -> None:
    """What is null was not given."""
    assert read_order(NUMBER, body) == EmbeddedOrder(NUMBER)


def test_what_is_given_goes_to_rossum_as_it_is() -> None:
    """All of it, besides which of its two calls it is."""
    urls = (
        b'"return_url": "https://a.example/x?y=1#z", "cancel_url": "http://127.0.0.1:8000", "postpone_url": "http://h"'
    )
    body = b'{"start": true, "max_token_lifetime_s": 583200, ' + urls + b', "delete_url": "HTTPS://a.example"}'

    order = read_order(NUMBER, body)

    assert order.start
    assert order.options == {
        "return_url": "https://a.example/x?y=1#z",
        "cancel_url": "http://127.0.0.1:8000",
        "postpone_url": "http://h",
        "delete_url": "HTTPS://a.example",
        "max_token_lifetime_s": 583_200,
    }


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "JSON"),
        (b"[]", "object"),
        (b'{"url": "https://x.example"}', "return_url"),
        (b'{"start": 1}', "start"),
        (b'{"return_url": "/done"}', "return_url"),
        (b'{"return_url": "https://"}', "return_url"),
        (b'{"cancel_url": "javascript:alert(1)"}', "cancel_url"),
        (b'{"cancel_url": "ftp://x.example/"}', "cancel_url"),
        (b'{"postpone_url": "https://user:word@x.example/"}', "postpone_url"),
        (b'{"delete_url": "https://x.example:port/"}', "delete_url"),
        (b'{"delete_url": "https://x.example/a\\r\\nb"}', "delete_url"),
        (b'{"delete_url": "https://x.example/a b"}', "delete_url"),
        (b'{"delete_url": ["https://x.example/"]}', "delete_url"),
        (b'{"delete_url": "https://x.example/' + b"a" * 2_000 + b'"}', "delete_url"),
        (b'{"max_token_lifetime_s": 0}', "max_token_lifetime_s"),
        (b'{"max_token_lifetime_s": 583201}', "max_token_lifetime_s"),
        (b'{"max_token_lifetime_s": true}', "max_token_lifetime_s"),
        (b'{"max_token_lifetime_s": "60"}', "max_token_lifetime_s"),
    ],
)
def test_anything_else_is_refused_by_name(body: bytes, named: str) -> None:
    """The sentence says which part, and shows no value."""
    with pytest.raises(OrderError) as refusal:
        read_order(NUMBER, body)

    assert named in str(refusal.value)
    assert "example" not in str(refusal.value)
