"""What commands print with `--json`."""

import sys

import orjson


def write_line(content: object) -> None:
    """One JSON object as a line on stdout, at once."""
    sys.stdout.buffer.write(orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE))
    sys.stdout.buffer.flush()
