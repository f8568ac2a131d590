"""The types of single settings: how each is written, and what is said when it is not."""

import re
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from connector.quantities import bytes_of, seconds_of

#: A broker: a name or an IPv4 address, or an IPv6 address in brackets; then its port, 9092 where there is none.
_BROKER = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|[^\s:/@\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_LAST_PORT = 65_535


def _network(value: Any) -> Any:
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError:
        msg = "must be networks in CIDR form, e.g. 10.0.0.0/8, with no bits set behind the prefix"
        raise ValueError(msg) from None


def _queue(value: Any) -> Any:
    """An id as text is an id: the environment has nothing but text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _brokers(value: str) -> str:
    for broker in value.split(","):
        if not _is_broker(broker.strip()):
            msg = (
                f"{broker.strip()!r} is no broker: must be host:port, several with commas between them, "
                "IPv6 addresses in brackets, e.g. kafka-1:9092,[fd00::1]:9092"
            )
            raise ValueError(msg)
    return value


def _is_broker(text: str) -> bool:
    found = _BROKER.fullmatch(text)
    if found is None or not 0 < int(found["port"] or 1) <= _LAST_PORT:
        return False
    try:
        return found["ipv6"] is None or bool(IPv6Address(found["ipv6"]))
    except ValueError:
        return False


def _filled(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().strip():
        msg = "holds an empty secret"
        raise ValueError(msg)
    return secret


Seconds = Annotated[
    float, BeforeValidator(seconds_of), Field(ge=0, allow_inf_nan=False, json_schema_extra={"unit": "duration"})
]
Bytes = Annotated[int, BeforeValidator(bytes_of), Field(gt=0, json_schema_extra={"unit": "size"})]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Secret = Annotated[SecretStr, AfterValidator(_filled)]
Name = Annotated[str, Field(min_length=1)]
#: Where a Kafka cluster is first asked.
Brokers = Annotated[str, Field(min_length=1), AfterValidator(_brokers)]
#: An id, or an alias of `ROSSUM__QUEUES`.
QueueName = Annotated[int | str, BeforeValidator(_queue)]


class Group(BaseModel):
    """A group of settings: frozen, and it knows every key that it may have."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, given: Any) -> Any:
        """Templates write a variable that has no value as an empty one."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        return {name: value for name, value in given.items() if value != "" or name not in optional}
