"""`IMPORTS__FILE_NAME` takes five names in braces, and none of what Python would take behind one."""

import pytest

from connector.errors import SettingsError
from connector.settings_load import load

EVERYTHING = "{{{name}}} {stem}{suffix} {import_id} {document_key}"


@pytest.mark.parametrize(
    "template",
    [
        *("{}", "{0}", "{name", "name}", "{nmae}", "{name.foo}", "{name[x]}", "{name[0]}"),
        *("{name:>99999999999}", "{stem:{suffix}}", "{name!r}", "{name!}"),
    ],
)
def test_what_is_no_plain_name_is_refused(template: str) -> None:
    """It would end in a traceback, or in a text that fills the memory."""
    with pytest.raises(SettingsError) as caught:
        load(None, {"CONNECTOR_IMPORTS__FILE_NAME": template})

    allowed = "may use {name}, {stem}, {suffix}, {import_id} and {document_key} only"
    assert str(caught.value) == f"CONNECTOR_IMPORTS__FILE_NAME: {allowed}"


def test_braces_of_its_own_are_fine() -> None:
    """They are written twice."""
    assert load(None, {"CONNECTOR_IMPORTS__FILE_NAME": EVERYTHING}).imports.file_name == EVERYTHING
