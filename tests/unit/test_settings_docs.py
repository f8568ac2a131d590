"""The reference of settings, metrics and events says what the code does."""

import re
import tomllib
from pathlib import Path

import pytest

from connector.settings import Settings
from connector.settings_docs import events_table, example_toml, files, metrics_table, settings_table, with_tables
from connector.settings_load import PREFIX, env_names, load

ROOT = Path(__file__).resolve().parents[2]
MARKERS = "".join(
    f"<!-- {name}:begin -->\nold\n<!-- {name}:end -->\nby hand\n" for name in ("events", "settings", "metrics")
)


def uncommented() -> str:
    """The example file as somebody would have it who takes the marks of comments off."""
    lines = [re.sub(r"^# (?=[a-z0-9_]+ = )", "", line) for line in example_toml().splitlines()]
    return "\n".join(line for line in lines if not line.startswith("#"))


def test_the_example_file_loads_with_every_line_uncommented(tmp_path: Path) -> None:
    """What is offered works, and holds the defaults wherever it holds no secret."""
    config = tmp_path / "example.toml"
    config.write_text("\n".join(line for line in uncommented().splitlines() if "…" not in line))

    assert set(tomllib.loads(uncommented())) == set(Settings.model_fields)
    assert load(config, {}) == load(None, {})


def test_secrets_are_shown_as_blanks() -> None:
    """They can be filled in; a token and a password of Rossum's exclude each other."""
    blanks = [line for line in uncommented().splitlines() if "…" in line]

    assert blanks == [
        'sasl_password = "…"',
        'ssl_password = "…"',
        'token = "…"',
        'password = "…"',
        'secrets = ["…"]',
        'token = "…"',
        'token = "…"',
        'password = "…"',
    ]


def test_every_setting_is_in_both_references_with_what_it_is_for() -> None:
    """A setting that nobody can find is none."""
    file, table = example_toml(), settings_table()
    for name, field in env_names().items():
        key = name.removeprefix(PREFIX)

        assert field.description
        assert f"# {field.description}\n# {key.lower().rpartition('__')[2]} = " in file
        assert f"| `{key}` |" in table


@pytest.mark.parametrize(
    "row",
    [
        "| `STATE__RETENTION` | `400d` |",
        "| `WEBHOOK__MAX_BODY` | `2MB` |",
        "| `KAFKA__MANAGED` | `true` |",
        '| `CAPTURE__STATUSES` | `["exported"]` |',
        "| `OPS__TOKEN` |  |",
    ],
)
def test_defaults_are_shown_as_they_are_set(row: str) -> None:
    """With their unit."""
    assert row in settings_table()


def test_metrics_have_their_full_name_and_kind() -> None:
    """Counters, histograms and the gauges that are read when somebody looks."""
    table = metrics_table()

    assert "| `rossum_connector_hooks_total` (counter) | `outcome` |" in table
    assert "| `rossum_connector_hook_seconds` (histogram) |  |" in table
    assert "| `rossum_connector_consumer_lag` (gauge) | `topic`, `partition` |" in table


def test_events_have_their_topics() -> None:
    """A consumer finds where to read."""
    assert "| `annotation.captured` | captured, lifecycle |" in events_table()


def test_only_the_tables_of_the_readme_are_replaced() -> None:
    """Text outside of the markers stays, and a second run changes nothing."""
    written = with_tables(f"# Title\n{MARKERS}")

    assert written.startswith("# Title\n<!-- events:begin -->\n| ")
    assert written.count("by hand") == 3
    assert "old" not in written.split("by hand")[0]
    assert with_tables(written) == written


def test_a_readme_without_markers_is_told() -> None:
    """It says which ones are missing."""
    with pytest.raises(ValueError, match=r"README\.md lacks the markers <!-- settings:begin -->"):
        with_tables(MARKERS.replace("settings:begin", "x"))


def test_the_generated_documents_are_current() -> None:
    """`rossum-connector settings-docs` was run after the last change."""
    stale = [path.name for path, text in files(ROOT).items() if path.read_text(encoding="utf-8") != text]

    assert stale == []
