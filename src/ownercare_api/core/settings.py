"""Settings, read once from the environment. `docs/configuration.md` lists them all."""

import ipaddress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_data_dir() -> Path:
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "pyproject.toml").is_file():
        return checkout / "var"
    return Path("/var/lib/ownercare")


_BESIDE_US = frozenset({("http", "127.0.0.1"), ("http", "::1"), ("http", "localhost")})


class Settings(BaseSettings):
    """What an installation can choose; every name is an environment variable `OWNERCARE_…` unless it says otherwise."""

    model_config = SettingsConfigDict(env_prefix="OWNERCARE_", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL 15 or newer; unset: the embedded server",
    )
    data_dir: Path = Field(default_factory=_default_data_dir, description="embedded database, files, generated secrets")
    host: str = Field(default="127.0.0.1", description="address the API listens on")
    port: int = Field(default=8000, ge=0, le=65535, description="port the API listens on")
    processes: int = Field(default=1, ge=1, le=64, description="API processes of `ownercare serve`")
    pool_size: int = Field(
        default=10, ge=1, le=200, description="database connections of one process, in each of its two pools"
    )
    issuer: str = Field(default="https://ownercare.example", description="`iss` of the access tokens")
    audience: str = Field(default="ownercare-api", description="`aud` of the access tokens")
    access_token_minutes: int = Field(default=15, ge=1, le=60)
    refresh_token_days: int = Field(default=14, ge=1, le=90, description="a login ends after this, however used")
    refresh_idle_hours: int = Field(
        default=12, ge=1, le=2160, description="a login of staff or of a firm's user ends when unused for so long"
    )
    trusted_proxies: str | None = Field(
        default=None, description="addresses or networks, with commas, whose X-Forwarded-For names the caller"
    )
    client_requests_per_minute: int = Field(
        default=600, ge=1, le=1_000_000, description="quota of a machine client that has none of its own"
    )
    messages: Literal["none", "file", "https"] = Field(
        default="none",
        description="short messages: `none`, `file` for messages.jsonl in the data folder, `https` for a gateway",
    )
    messages_url: str | None = Field(default=None, description="where the gateway takes messages, with `https`")
    messages_secret: SecretStr | None = Field(
        default=None, min_length=32, description="what the gateway knows our signature by, with `https`"
    )
    messages_timeout_seconds: int = Field(
        default=5, ge=1, le=20, description="the gateway must have answered within this, or it is asked again"
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="32 bytes, base64url; encrypts personal data and signing keys. Unset: made once in the data folder",
    )
    max_body_bytes: int = Field(default=1_048_576, description="largest JSON body")
    max_file_bytes: int = Field(default=15_728_640, description="largest uploaded file")
    log_level: str = Field(default="INFO")
    demo: bool = Field(default=False, description="the demonstration data set is loaded and its accounts are shown")

    @model_validator(mode="after")
    def _gateway(self) -> "Settings":
        if self.messages != "https":
            return self
        if self.messages_url is None or self.messages_secret is None:
            raise ValueError("OWNERCARE_MESSAGES=https needs OWNERCARE_MESSAGES_URL and OWNERCARE_MESSAGES_SECRET")
        url = urlsplit(self.messages_url)
        if url.scheme != "https" and (url.scheme, url.hostname) not in _BESIDE_US:
            raise ValueError("OWNERCARE_MESSAGES_URL must begin with https://, or with http://127.0.0.1")
        if not url.hostname or url.username is not None or url.query or url.fragment:
            raise ValueError("OWNERCARE_MESSAGES_URL has a host, and no user, query or fragment")
        return self

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str | None) -> str | None:
        for one in (value or "").split(","):
            if one.strip():
                ipaddress.ip_network(one.strip(), strict=False)
        return value
