"""Loads the settings: file, then environment, then secrets from files; every problem in one sentence of its own."""

import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_origin

import orjson
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from connector.errors import SettingsError
from connector.settings import Settings

PREFIX = "CONNECTOR_"
_FILE = "_FILE"
#: What Kubernetes puts into every pod of a namespace with a service called `connector…`; nobody's typo.
_SERVICE_LINK = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_\w+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?$")

#: A form that Python's words for types do not show.
_FORMS = {"tuple_type": 'must be a list, e.g. ["one", "two"]'}
#: Stands for what can't be read, of which enough has been said.
_UNREADABLE = object()


def load(config: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a TOML file (if any) and an environment; the environment wins.

    Raises:
        SettingsError: One line a problem: which key, what is wrong, what to do. Never the value of a secret.
    """
    document = _read_toml(config) if config is not None else {}
    problems: list[str] = []
    fields = dict(_fields(Settings))
    for name, text in _with_secret_files(environ, fields, problems).items():
        path = _path(name)
        if path not in fields:
            problems.append(_unknown(name, {_name(known) for known in fields}))
        elif (value := _parsed(name, text, fields[path], problems)) is not _UNREADABLE:
            _put(document, path, value)
    try:
        settings = Settings.model_validate(document)
    except ValidationError as error:
        problems += _sentences(error, fields, single=bool(problems))
    if problems:
        raise SettingsError("\n".join(dict.fromkeys(problems)))
    return _prefixed(settings)


def require_for_run(settings: Settings) -> None:
    """What only the service itself needs.

    Raises:
        SettingsError: Something is not set.
    """
    problems = _about_rossum(settings)
    if not settings.webhook.secrets:
        problems.append(
            "CONNECTOR_WEBHOOK__SECRETS is empty: the secrets of the Rossum hooks, e.g. "
            '["…"]; webhooks without a signature are never accepted'
        )
    if settings.capture.claim_queues and "confirmed" not in settings.capture.statuses:
        problems.append(
            "CONNECTOR_CAPTURE__CLAIM_QUEUES takes confirmed annotations out of Rossum's queue, and CAPTURE__STATUSES "
            'does not capture them: add "confirmed" to it'
        )
    if problems:
        raise SettingsError("\n".join(problems))


def require_rossum(settings: Settings) -> None:
    """What every command needs that asks Rossum about the configured queues.

    Raises:
        SettingsError: Something is not set.
    """
    if problems := _about_rossum(settings):
        raise SettingsError("\n".join(problems))


def require_rossum_access(settings: Settings) -> None:
    """What every command needs that asks Rossum about a queue that it is told.

    Raises:
        SettingsError: Something is not set.
    """
    if problems := _about_access(settings):
        raise SettingsError("\n".join(problems))


def _about_rossum(settings: Settings) -> list[str]:
    problems = _about_access(settings)
    if not settings.rossum.queues:
        problems.append('CONNECTOR_ROSSUM__QUEUES is empty: name the queues to serve, e.g. {"invoices": 8198}')
    return problems


def _about_access(settings: Settings) -> list[str]:
    rossum = settings.rossum
    problems = []
    if not rossum.base_url:
        problems.append("CONNECTOR_ROSSUM__BASE_URL is not set: the API URL, e.g. https://example.rossum.app/api/v1")
    if rossum.token is None and not (rossum.username and rossum.password):
        problems.append("no credentials: set CONNECTOR_ROSSUM__TOKEN, or …__USERNAME and …__PASSWORD")
    return problems


def env_names() -> dict[str, FieldInfo]:
    """Every environment name with its field."""
    return {_name(path): field for path, field in _fields(Settings)}


def _fields(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], FieldInfo]]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, (*path, name))
        else:
            yield (*path, name), field


def _name(path: tuple[str, ...]) -> str:
    return PREFIX + "__".join(path).upper()


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.removeprefix(PREFIX).lower().split("__"))


def is_secret(field: FieldInfo) -> bool:
    """Whether a field's value must never be shown."""
    return "SecretStr" in str(field.annotation)


def _with_secret_files(
    environ: Mapping[str, str], fields: Mapping[tuple[str, ...], FieldInfo], problems: list[str]
) -> dict[str, str]:
    """The connector's own variables, `…_FILE` replaced by what the files hold; by nothing where that is no secret."""
    ours = {name: text for name, text in environ.items() if name.startswith(PREFIX) and not _is_link(name, text)}
    for name in [name for name in ours if name.endswith(_FILE)]:
        target = name.removesuffix(_FILE)
        field = fields.get(_path(target))
        if field is None or not is_secret(field):
            continue
        path = ours.pop(name)
        if not path:
            # Templates write a variable that has no value as an empty one.
            continue
        if ours.get(target):
            problems.append(f"{target} and {name} are both set: keep one")
        secret = _secret_of(name, Path(path), field, problems)
        if secret is not None:
            ours[target] = secret
    return ours


def _is_link(name: str, text: str) -> bool:
    return "__" not in name and bool(_SERVICE_LINK.search(name) or re.match(r"(tcp|udp|sctp)://", text))


def _secret_of(name: str, path: Path, field: FieldInfo, problems: list[str]) -> str | None:
    """What a file holds: one secret, or for a list one a line."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: the file can't be read: {type(error).__name__}")
        return None
    if _is_many(field):
        return orjson.dumps(lines).decode()
    if len(lines) != 1:
        problems.append(f"{name}: the file must hold one line, the secret; it has {len(lines)}")
    return "".join(lines[:1])


def _is_many(field: FieldInfo) -> bool:
    return get_origin(field.annotation) in (tuple, dict)


def _parsed(name: str, text: str, field: FieldInfo, problems: list[str]) -> Any:
    """Lists and maps are JSON in the environment; anything else is text."""
    if not _is_many(field):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        form = '{"name": 1}' if get_origin(field.annotation) is dict else '["one", "two"]'
        problems.append(f"{name}: must be JSON in the environment, e.g. {form}")
        return _UNREADABLE


def _put(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        inner = document.setdefault(step, {})
        document = inner if isinstance(inner, dict) else {}
    document[path[-1]] = value


def _read_toml(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"the settings file {config} can't be read: {type(error).__name__}"
        raise SettingsError(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"the settings file {config} is not valid TOML: {error}"
        raise SettingsError(msg) from error


def _sentences(error: ValidationError, fields: Mapping[tuple[str, ...], FieldInfo], *, single: bool) -> Iterator[str]:
    """One a problem; with `single` none of values that don't fit together, which may come from what is missing."""
    known = {_name(path) for path in fields}
    for problem in error.errors(include_input=False, include_url=False):
        path = tuple(str(step) for step in problem["loc"])
        said = _FORMS.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        if problem["type"] == "extra_forbidden":
            yield _unknown(_name(path), known)
        elif path[:2] in fields or path[:3] in fields:
            yield f"{_name(path[:3] if path[:3] in fields else path[:2])}: {said}"
        elif not (single and problem["type"] == "value_error"):
            yield f"{_name(path) if path else 'settings'}: {said}"


def _unknown(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "; see deploy/connector.example.toml for all of them"
    return f"{name} is not a setting{hint}"


def _prefixed(settings: Settings) -> Settings:
    prefix = settings.kafka.topic_prefix
    if not prefix:
        return settings
    names = {name: prefix + topic for name, topic in settings.kafka.topics.model_dump().items()}
    topics = settings.kafka.topics.model_copy(update=names)
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topics": topics})})
