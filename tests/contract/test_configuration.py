"""docs/configuration.md lists the settings that there are, with their defaults."""

import re
from pathlib import Path

from ownercare_api.core.settings import Settings

TABLE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def documented() -> dict[str, str]:
    """Return variable → default of the table."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| (.+?) \|", TABLE.read_text(encoding="utf-8"), flags=re.MULTILINE))


def test_every_setting_is_documented() -> None:
    prefix = Settings.model_config["env_prefix"]
    names = {str(field.validation_alias or f"{prefix}{name}".upper()) for name, field in Settings.model_fields.items()}
    assert set(documented()) == names


def test_defaults_are_true() -> None:
    prefix = Settings.model_config["env_prefix"]
    table = documented()
    for name, field in Settings.model_fields.items():
        if field.default_factory is None and field.default is not None:
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert table[f"{prefix}{name}".upper()] == f"`{shown}`", name
