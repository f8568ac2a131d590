"""Prints captured data from Kafka as they come: `python examples/captured.py kafka:9092 TOPIC [HOW MANY]`.

A record appears once, after its transaction is committed; `ce_id` is the same should one ever be sent again.
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer


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
            annotation, fields = data["annotation"], data["fields"]
            values = " ".join(f"{name}={fields[name]['value']}" for name in ("document_id", "amount_total"))
            who = f"{record.key.decode()}  annotation {annotation['id']} {annotation['status']}"
            print(f"{who}  seen by {headers['ce_observedvia']}  {values}", flush=True)
            seen += 1
            if seen == wanted:
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0))
