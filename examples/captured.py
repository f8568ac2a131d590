"""Prints captured data from Kafka as they come: `python examples/captured.py kafka:9092 TOPIC [HOW MANY]`.

A record appears once, after its transaction is committed; `ce_id` is the same should one ever be sent again.
"""

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer

#: Fields of Rossum's invoices. Settings may leave them out or rename them: then whatever came is printed.
INVOICE = ("document_id", "amount_total")


def values(data: dict[str, Any]) -> str:
    """The fields of a captured event in a line. A record that would be too large comes without them."""
    fields = data.get("fields") or {}
    names = [name for name in INVOICE if name in fields] or list(fields)
    if not names:
        return f"without {', '.join(data.get('omitted', ['fields']))}"
    return " ".join(f"{name}={fields[name]['value']}" for name in names)


async def main(bootstrap: str, topic: str, wanted: int) -> None:
    """Read committed records from the beginning; end after so many, 0 = never."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    async with consumer:
        seen = 0
        async for record in consumer:
            headers = {name: value.decode() for name, value in record.headers}
            data = json.loads(record.value)
            annotation = data["annotation"]
            who = f"{record.key.decode()}  annotation {annotation['id']} {annotation['status']}"
            print(f"{who}  seen by {headers['ce_observedvia']}  {values(data)}", flush=True)
            seen += 1
            if seen == wanted:
                return


if __name__ == "__main__":
    if len(sys.argv) not in {3, 4}:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0))
