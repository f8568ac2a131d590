"""No packet goes to an address that must not be contacted, however it is spelt, resolved or redirected to."""

from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

import pytest

from connector.contracts.arrivals import HttpsSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.errors import Rejected, Retryable, Stage
from tests.wire.documents.address_vectors import NEVER_V4, NEVER_V6, NOT_PUBLIC_V4, NOT_PUBLIC_V6, TRICKS, spellings
from tests.wire.documents.canary import Canary, connects
from tests.wire.documents.document_site import HOST, Answer, Names, Site, running_site

LITERALS = [
    *(host for address in (*NEVER_V4, *NOT_PUBLIC_V4) for host in spellings(address)),
    *(f"[{address}]" for address in (*NEVER_V6, *NOT_PUBLIC_V6)),
]
NEVER_LITERALS = [
    *(host for address in NEVER_V4 for host in spellings(address)),
    *(f"[{address}]" for address in NEVER_V6),
]
RESOLVED = [
    *NEVER_V4,
    *NOT_PUBLIC_V4,
    *NEVER_V6,
    *NOT_PUBLIC_V6,
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "fe80::1%lo",
]
EVERYTHING = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """The listener that must not be visited."""
    canary = Canary()
    yield canary
    canary.close()


@pytest.fixture(scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """An honest server that redirects."""
    async with running_site(tmp_path_factory.mktemp("ca"), HOST) as site:
        yield site


@pytest.fixture(scope="module")
def names() -> Names:
    """The name server of `wary` and `liberal`."""
    return Names({})


def allowed(port: int) -> tuple[str, ...]:
    """Every host of the vectors: they are not to be refused for want of an entry."""
    hosts = (*LITERALS, HOST, "metadata.google.internal")
    return tuple(f"{host}:{port}" for host in hosts)


@pytest.fixture(scope="module")
async def wary(canary: Canary, names: Names) -> AsyncIterator[DocumentSources]:
    """Sources without private networks."""
    limits = DocumentLimits(max_bytes=100, allowed_hosts=allowed(canary.port))
    async with DocumentSources(limits, resolver=names) as sources:
        yield sources


@pytest.fixture(scope="module")
async def liberal(canary: Canary, names: Names) -> AsyncIterator[DocumentSources]:
    """Sources for which every network is private."""
    limits = DocumentLimits(max_bytes=100, allowed_hosts=allowed(canary.port), private_networks=EVERYTHING)
    async with DocumentSources(limits, resolver=names) as sources:
        yield sources


@pytest.fixture(scope="module")
async def strict(canary: Canary, names: Names) -> AsyncIterator[DocumentSources]:
    """Sources with two allowed hosts, one of them absurd, and no limit of addresses."""
    limits = DocumentLimits(
        max_bytes=100,
        allowed_hosts=tuple(f"{host}:{canary.port}" for host in (HOST, "metadata.google.internal")),
        private_networks=EVERYTHING,
    )
    async with DocumentSources(limits, resolver=names) as sources:
        yield sources


async def refusal(sources: DocumentSources, url: str) -> Rejected:
    """The error that a URL is refused with."""
    with pytest.raises(Rejected) as caught:
        await sources.open(HttpsSource(kind="https", url=url)).__aenter__()
    return caught.value


def test_there_are_enough_vectors() -> None:
    """At least 300 different ones."""
    assert len({*LITERALS, *RESOLVED, *TRICKS}) >= 300


@pytest.mark.parametrize("host", LITERALS)
async def test_a_literal_is_refused(canary: Canary, wary: DocumentSources, host: str) -> None:
    """Even where the operator allows the host: the address decides."""
    with connects() as attempts:
        error = await refusal(wary, f"https://{host}:{canary.port}/")

    assert (error.stage, "address" in str(error)) == (Stage.VALIDATE, True)
    assert (attempts, canary.visitors()) == ([], 0)


@pytest.mark.parametrize("host", NEVER_LITERALS)
async def test_no_private_network_opens_the_worst(canary: Canary, liberal: DocumentSources, host: str) -> None:
    """Link-local, multicast, reserved and metadata addresses stay closed when everything is private."""
    with connects() as attempts:
        error = await refusal(liberal, f"https://{host}:{canary.port}/")

    assert (error.stage, "never" in str(error)) == (Stage.VALIDATE, True)
    assert (attempts, canary.visitors()) == ([], 0)


@pytest.mark.parametrize("answers", [[*good, bad] for bad in RESOLVED for good in ([], ["8.8.8.8"])])
async def test_a_name_that_resolves_to_it_is_refused(
    canary: Canary, wary: DocumentSources, names: Names, answers: list[str]
) -> None:
    """One bad answer among good ones is enough: nothing is contacted."""
    names.answers[HOST] = [answers]

    with connects() as attempts:
        error = await refusal(wary, f"https://{HOST}:{canary.port}/")

    assert (error.stage, answers[-1] in str(error)) == (Stage.VALIDATE, True)
    assert (attempts, canary.visitors()) == ([], 0)


@pytest.mark.parametrize("trick", TRICKS)
async def test_a_trick_is_refused(canary: Canary, strict: DocumentSources, names: Names, trick: str) -> None:
    """No other scheme, no user information, no second reading of the host, nothing beside the list."""
    names.asked.clear()

    with connects() as attempts:
        error = await refusal(strict, trick.format(port=canary.port))

    assert error.stage is Stage.VALIDATE
    assert "password" not in str(error)
    assert (attempts, canary.visitors(), names.asked) == ([], 0, [])


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.2:{port}/",
        "https://2130706434:{port}/",
        "https://0x7f.2:{port}/",
        "https://[::ffff:127.0.0.2]:{port}/",
        "//127.0.0.2:{port}/",
        "https://inside.example.test:{port}/",
        "https://elsewhere.example:{port}/",
        "https://user@docs.example.test:{port}/",
        "http://docs.example.test:{port}/",
        "file:///etc/passwd",
        "https://169.254.169.254/latest/meta-data",
    ],
)
async def test_a_redirect_to_it_is_refused(canary: Canary, site: Site, target: str) -> None:
    """A hop is checked like a first URL, its address included."""
    site.answers["/hop"] = Answer(status=302, headers={"Location": target.format(port=canary.port)})
    near = ("127.0.0.2", "[::ffff:127.0.0.2]", "*.example.test")
    limits = DocumentLimits(
        max_bytes=100,
        allowed_hosts=(
            f"{HOST}:{site.port}",
            "169.254.169.254",
            *(f"{host}:{canary.port}" for host in near),
        ),
        private_networks=(ip_network("127.0.0.1/32"),),
        ca_file=site.ca_file,
    )
    names = Names({HOST: [["127.0.0.1"]], "inside.example.test": [["127.0.0.2"]]})

    with connects() as attempts:
        async with DocumentSources(limits, resolver=names) as sources:
            error = await refusal(sources, site.url("/hop"))

    assert error.stage is Stage.VALIDATE
    assert attempts == [("127.0.0.1", site.port)]
    assert canary.visitors() == 0


async def test_a_name_that_changes_its_mind_gains_nothing(site: Site) -> None:
    """Each connection is made to the very addresses that were checked for it."""
    site.answers["/a"] = Answer(b"%PDF-1.7")
    limits = DocumentLimits(
        max_bytes=100,
        allowed_hosts=(f"{HOST}:{site.port}",),
        private_networks=(ip_network("127.0.0.1/32"),),
        ca_file=site.ca_file,
    )
    names = Names({HOST: [["127.0.0.1"], ["127.0.0.2"]]})
    source = HttpsSource(kind="https", url=site.url("/a"))

    with connects() as attempts:
        async with DocumentSources(limits, resolver=names) as sources:
            async with sources.open(source) as document:
                body = b"".join([piece async for piece in document.chunks])
            with pytest.raises(Rejected, match=r"127\.0\.0\.2"):
                await sources.open(source).__aenter__()

    assert body == b"%PDF-1.7"
    assert names.asked == [HOST, HOST]
    assert attempts == [("127.0.0.1", site.port)]


async def test_the_canary_sings(canary: Canary) -> None:
    """Where it is allowed the connection is made and seen, so the silence above means something."""
    limits = DocumentLimits(
        max_bytes=100,
        allowed_hosts=(f"127.0.0.1:{canary.port}",),
        private_networks=EVERYTHING,
        read_timeout=0.1,
        connect_timeout=0.1,
    )

    with connects() as attempts:
        async with DocumentSources(limits) as sources:
            with pytest.raises(Retryable):
                await sources.open(HttpsSource(kind="https", url=f"https://127.0.0.1:{canary.port}/")).__aenter__()

    assert attempts == [("127.0.0.1", canary.port)]
    assert canary.visitors() == 1
