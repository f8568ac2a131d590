"""The types of single settings: how each is written, and what is said when it is not."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from connector.quantities import bytes_of, seconds_of


def _network(value: Any) -> Any:
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError:
        msg = "must be networks in CIDR form, e.g. 10.0.0.0/8, with no bits set behind the prefix"
        raise ValueError(msg) from None


def _queue(value: Any) -> Any:
    """An id as text is an id: the environment has nothing but text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


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
