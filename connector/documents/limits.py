"""What a fetch may do: the operator's limits, as one value."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

#: Bytes; the largest piece that a source hands on.
CHUNK = 256 * 1024


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Limits of all sources.

    Attributes:
        max_bytes: The largest document, bytes.
        allowed_hosts: `host`, `*.example.com` (any depth below, not itself), each with an optional `:port`
            (443 otherwise); empty switches https off.
        private_networks: May be contacted besides public addresses; link-local and metadata addresses never.
        ca_file: PEM certificates trusted in addition to the system's.
        allowed_buckets: `s3://bucket`, `gcs://bucket` or `azure://container`; empty switches object stores off.
        file_roots: Absolute folders below which files may be read; empty switches files off.
        connect_timeout: Seconds for one connection.
        read_timeout: Seconds without a byte.
        transfer_timeout: Seconds of waiting for one document altogether, against sources that drip.
    """

    max_bytes: int
    allowed_hosts: tuple[str, ...] = ()
    private_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ca_file: Path | None = None
    file_roots: tuple[Path, ...] = ()
    allowed_buckets: tuple[str, ...] = ()
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    transfer_timeout: float = 300.0
