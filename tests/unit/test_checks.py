"""The lines of `check` about this machine: what would keep `run` from starting is wrong there, too."""

from pathlib import Path
from typing import Any

import pytest
import trustme

from connector.checks import storage
from connector.domain.check import Check
from connector.settings import Settings


async def lines(**imports: Any) -> list[Check]:
    """The lines of a deployment with these settings of imports."""
    found: list[Check] = []
    await storage(Settings.model_validate({"imports": imports}), found)
    return found


async def test_sources_that_can_be_used_are_fine(tmp_path: Path) -> None:
    """A line for each, with what was looked at."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")

    found = await lines(
        allowed_hosts=["files.test", "*.cdn.test:8443"], file_roots=[tmp_path], ca_file=tmp_path / "ca.pem"
    )

    assert found == [
        Check("document host", is_fine=True, sentence="files.test"),
        Check("document host", is_fine=True, sentence="*.cdn.test:8443"),
        Check("file root", is_fine=True, sentence=str(tmp_path)),
        Check("ca file", is_fine=True, sentence=str(tmp_path / "ca.pem")),
    ]


@pytest.mark.parametrize(
    ("imports", "name", "said"),
    [
        ({"allowed_hosts": ["https://x.com/"]}, "document host", "IMPORTS__ALLOWED_HOSTS"),
        ({"file_roots": ["docs"]}, "file root", "IMPORTS__FILE_ROOTS: docs is not an absolute path"),
        ({"ca_file": "rubbish.pem"}, "ca file", "IMPORTS__CA_FILE: rubbish.pem is not a readable PEM file"),
        ({"ca_file": "nowhere.pem"}, "ca file", "IMPORTS__CA_FILE: nowhere.pem is not a readable PEM file"),
    ],
)
async def test_what_run_refuses_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports: dict[str, Any], name: str, said: str
) -> None:
    """Also where a folder or a file is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "rubbish.pem").write_text("no certificate")

    (check,) = await lines(**imports)

    assert (check.name, check.is_fine) == (name, False)
    assert said in check.sentence


async def test_one_that_is_wrong_hides_no_other(tmp_path: Path) -> None:
    """Each is looked at by itself."""
    found = await lines(allowed_hosts=["https://x.com/", "files.test"], file_roots=["docs", tmp_path, tmp_path / "no"])

    assert [check.is_fine for check in found] == [False, True, False, True, False]
