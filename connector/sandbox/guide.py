"""What the sandbox tells in words: where to look while it runs, how it came out, how to go on from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

_ACCOUNT: Final = """\
. .venv/bin/activate   # after `make run`; elsewhere: pip install '.[disk,object-stores]'
export CONNECTOR_KAFKA__BOOTSTRAP_SERVERS=localhost:9092
export CONNECTOR_ROSSUM__BASE_URL=https://<your domain>.rossum.app/api/v1
export CONNECTOR_ROSSUM__TOKEN=<API token>
export CONNECTOR_ROSSUM__QUEUES='{"invoices": <queue id>}'
export CONNECTOR_ROSSUM__DEFAULT_QUEUE=invoices
export CONNECTOR_WEBHOOK__SECRETS='["<a secret>"]'
export CONNECTOR_WEBHOOK__PUBLIC_URL=https://<your address of port 8080>/hooks/rossum
rossum-connector topics create
rossum-connector hooks apply
rossum-connector check
rossum-connector run"""
_HOOK: Final = (
    "`hooks apply` makes the webhook in Rossum. Where Rossum can't reach this machine, leave it and PUBLIC_URL out: "
    "sweeps find everything within a minute or two."
)


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look while it runs."""

    bootstrap_servers: str
    broker: str
    rossum_url: str
    token: str
    webhook_url: str
    ops_url: str
    captured_topic: str
    log: Path

    def lines(self) -> list[tuple[str, str]]:
        """Each with what it is."""
        kcat = f"kcat -C -b {self.bootstrap_servers} -t {self.captured_topic} -o beginning -f '%h\\n%k: %s\\n'"
        return [
            ("Broker", f"{self.bootstrap_servers}, {self.broker}"),
            ("Rossum", f"{self.rossum_url} (simulator; token: {self.token})"),
            ("Webhooks to", self.webhook_url),
            ("Metrics", f"{self.ops_url}/metrics"),
            ("Health", f"{self.ops_url}/readyz"),
            ("Ops API", f"{self.ops_url}/v1 (token: {self.token})"),
            ("Captured data", kcat),
            ("Log", str(self.log)),
        ]


def verdict(console: Console, documents: int, done: int, differences: Sequence[str]) -> None:
    """How it came out, in a sentence, and what is not as it must be, one sentence each."""
    if differences:
        console.print(f"\nNot as it must be ({len(differences)}):", style="bold red", highlight=False)
        for sentence in differences:
            console.print(f"  - {sentence}", soft_wrap=True, markup=False, highlight=False)
    elif not documents:
        console.print("It was ended before any document was announced.", highlight=False)
    elif done == documents:
        sentence = f"All {documents} documents reached their outcome; every event was read exactly once."
        console.print(f"\n{sentence}", style="bold green", highlight=False)
    else:
        console.print(f"\n{done} of {documents} documents were done, the others under way.", highlight=False)


def how_to_go_on(console: Console) -> None:
    """What to set for one's own Rossum account."""
    console.print("\nWith your own Rossum account and Kafka:", style="bold", highlight=False)
    for line in _ACCOUNT.splitlines():
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
    console.print(_HOOK, soft_wrap=not console.is_terminal, markup=False, highlight=False)
