"""URLs and the list of allowed hosts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.documents.locations import AllowedHosts, parse
from connector.errors import Rejected, SettingsError, Stage


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Docs.Example.COM", "https://docs.example.com/"),
        ("HTTPS://docs.example.com:443/a", "https://docs.example.com/a"),
        ("https://docs.example.com.:8443/a#part", "https://docs.example.com:8443/a"),
        ("https://bücher.example.com/ú b.pdf", "https://xn--bcher-kva.example.com/%C3%BA%20b.pdf"),
        ("https://x.example/a%2Fb?sig=a%2Bb%3D&n=1+2", "https://x.example/a%2Fb?sig=a%2Bb%3D&n=1+2"),
        ("https://x.example/a;b=c,d:e@f!$'()*", "https://x.example/a;b=c,d:e@f!$'()*"),
        ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443/"),
        ("https://0x7f.1/", "https://127.0.0.1/"),
        ("https://\uff11\uff12\uff17\u30020\u30020\u30021/", "https://127.0.0.1/"),
        ("https://my_bucket.example/", "https://my_bucket.example/"),
    ],
)
def test_a_url_is_normalised(text: str, url: str) -> None:
    """One spelling of the host; path and query keep their encoding, since they may be signed."""
    assert str(parse(text).url) == url


def test_a_message_shows_no_query() -> None:
    """A signed URL's signature is in its query."""
    assert parse("https://docs.example.com/a?sig=secret#secret").shown == "https://docs.example.com/a"


def test_a_message_shows_no_endless_path() -> None:
    """A path of kilobytes is cut."""
    assert len(parse(f"https://docs.example.com/{'a' * 5000}").shown) < 300


def test_an_endless_url_is_refused() -> None:
    """No server takes more than 8 kB of it."""
    with pytest.raises(Rejected, match="8192"):
        parse(f"https://docs.example.com/{'a' * 9000}")


@given(st.text(alphabet=st.sampled_from("htps:/\\@[]%.0123456789abcx?#\u3002\uff11\u2460\t \n-_é\u00ad"), max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Whatever is let through keeps its host when it is parsed again."""
    try:
        location = parse(f"https://{text}")
    except Rejected as error:
        assert error.stage is Stage.VALIDATE  # noqa: PT017 - either outcome is right
    else:
        assert parse(str(location.url)) == location


@pytest.mark.parametrize(
    ("base", "target", "url"),
    [
        ("https://a.example/x/y?q", "z", "https://a.example/x/z"),
        ("https://a.example/x", "/z?sig=a%2Fb", "https://a.example/z?sig=a%2Fb"),
        ("https://a.example/x", "//b.example/z", "https://b.example/z"),
        ("https://a.example:8443/x", "?n=2", "https://a.example:8443/x?n=2"),
    ],
)
def test_redirects_are_relative_to_where_they_came_from(base: str, target: str, url: str) -> None:
    """RFC 3986, section 5."""
    assert str(parse(base).follow(target).url) == url


@pytest.mark.parametrize(
    "target", ["http://a.example/", "file:///etc/passwd", "data:,x", "\\\\b.example", "//[", "a\nb"]
)
def test_redirects_out_of_https_are_refused(target: str) -> None:
    """The rules of a first URL hold for each hop."""
    location = parse("https://a.example/x")

    with pytest.raises(Rejected):
        location.follow(target)


@pytest.mark.parametrize(
    ("entry", "url", "permitted"),
    [
        ("docs.example.com", "https://docs.example.com/", True),
        ("Docs.Example.com.", "https://docs.example.com/", True),
        ("docs.example.com", "https://docs.example.com./", True),
        ("docs.example.com", "https://docs.example.com:8443/", False),
        ("docs.example.com:8443", "https://docs.example.com:8443/", True),
        ("docs.example.com:8443", "https://docs.example.com/", False),
        ("docs.example.com", "https://x.docs.example.com/", False),
        ("docs.example.com", "https://docs.example.com.evil.example/", False),
        ("docs.example.com", "https://evildocs.example.com/", False),
        ("*.example.com", "https://docs.example.com/", True),
        ("*.example.com", "https://a.b.example.com/", True),
        ("*.example.com", "https://example.com/", False),
        ("*.example.com", "https://evilexample.com/", False),
        ("*.example.com:8443", "https://docs.example.com:8443/", True),
        ("bücher.example.com", "https://xn--bcher-kva.example.com/", True),
        ("127.0.0.1", "https://2130706433/", True),
        ("*.0.0.1", "https://127.0.0.1/", None),
        ("[::1]:8443", "https://[0:0::1]:8443/", True),
        ("[::1]", "https://[::ffff:127.0.0.1]/", False),
    ],
)
def test_the_list_permits_what_it_names(entry: str, url: str, permitted: bool | None) -> None:  # noqa: FBT001 - data
    """Exact hosts, or everything below a name, each with its own port; None where the entry is refused."""
    try:
        hosts = AllowedHosts([entry])
    except SettingsError:
        assert permitted is None
    else:
        assert hosts.permits(parse(url)) is permitted


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.",
        "a b",
        "https://a.example",
        "a.example/x",
        "u@a.example",
        "a.*.example",
        "*a.example",
        "a.example:0",
        "a.example:99999",
        "a.example:x",
        "::1",
        "a..b",
        "1.2.3.4.5",
        "a.example?x",
        "a.example#x",
    ],
)
def test_an_unusable_entry_is_a_settings_error(entry: str) -> None:
    """A typing error must not silently allow nothing, or everything."""
    with pytest.raises(SettingsError, match="IMPORTS__ALLOWED_HOSTS"):
        AllowedHosts([entry])


def test_an_empty_list_is_false() -> None:
    """So that the sentence can say that the source is off."""
    assert not AllowedHosts([])
    assert AllowedHosts(["a.example"])
