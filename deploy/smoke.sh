#!/usr/bin/env bash
# Announces one document to the running compose project and waits for its captured event (60 s at most).
set -euo pipefail
cd "$(dirname "$0")"

kafka() { docker compose -f compose.yaml exec -T kafka "/opt/kafka/bin/$1" --bootstrap-server localhost:9092 "${@:2}"; }

id="smoke-$(date +%s)-$$"
document=$(printf '%%PDF-1.4\n%%%s\n%%%%EOF\n' "$id" | base64 | tr -d '\n')
printf '{"source":{"kind":"inline","base64":"%s"},"document_id":"%s","file_name":"%s.pdf"}\n' "$document" "$id" "$id" |
  kafka kafka-console-producer.sh --topic documents.arrived

# The reader ends at its timeout, after which its exit code says nothing.
events=$(kafka kafka-console-consumer.sh --topic rossum.annotations.captured --from-beginning --timeout-ms 60000 \
  --consumer-property isolation.level=read_committed 2>/dev/null || true)
found=$(grep -c "\"document_key\":\"$id\"" <<<"$events" || true)
echo "captured events of $id: $found"
test "$found" -eq 1
