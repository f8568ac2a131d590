#!/usr/bin/env bash
# Announces one document to the running compose project and looks for its captured event until it is there, for a minute
# and a half or so at most. The reading that finds it goes on for 15 s after the last record: it would see a second one.
set -euo pipefail
cd "$(dirname "$0")"

kafka() { docker compose -f compose.yaml exec -T kafka "/opt/kafka/bin/$1" --bootstrap-server localhost:9092 "${@:2}"; }

id="smoke-$(date +%s)-$$"
document=$(printf '%%PDF-1.4\n%%%s\n%%%%EOF\n' "$id" | base64 | tr -d '\n')
printf '{"source":{"kind":"inline","base64":"%s"},"document_id":"%s","file_name":"%s.pdf"}\n' "$document" "$id" "$id" |
  kafka kafka-console-producer.sh --topic documents.arrived

found=0
until [ "$found" -gt 0 ] || [ "$SECONDS" -ge 75 ]; do
  # The reader ends at its timeout, after which its exit code says nothing.
  events=$(kafka kafka-console-consumer.sh --topic rossum.annotations.captured --from-beginning --timeout-ms 15000 \
    --consumer-property isolation.level=read_committed 2>/dev/null || true)
  found=$(grep -c "\"document_key\":\"$id\"" <<<"$events" || true)
done
echo "captured events of $id: $found"
test "$found" -eq 1
