"""Environment variables that are not settings of a plane. Without pydantic, so that `watchword --help` is quick."""

from types import MappingProxyType
from typing import Final

ENVIRONMENT_PREFIX: Final = "WATCHWORD_"
FILE_VARIABLE: Final = "WATCHWORD_CONFIG"
LOG_FORMAT_VARIABLE: Final = "WATCHWORD_LOG_FORMAT"
LOG_FORMATS: Final = ("text", "json")
STOP_ON_EOF_VARIABLE: Final = "WATCHWORD_STOP_ON_EOF"
PORTAL_URL_VARIABLE: Final = "WATCHWORD_PORTAL_URL"
API_KEY_VARIABLE: Final = "WATCHWORD_API_KEY"
API_ORGANIZATION_VARIABLE: Final = "WATCHWORD_ORGANIZATION"

OTHER_VARIABLES: Final = MappingProxyType(
    {
        FILE_VARIABLE: "The settings file. The flag `--config` sets it.",
        LOG_FORMAT_VARIABLE: (
            f"How log lines look: {' or '.join(f'`{form}`' for form in LOG_FORMATS)}. If not set, `text` at a terminal "
            "and for `watchword serve` without a role, else `json`. The flag `--log-format` sets it."
        ),
        STOP_ON_EOF_VARIABLE: (
            "`watchword serve` sets it for the roles that it starts: they stop when their standard input ends. Do not "
            "set it yourself."
        ),
        PORTAL_URL_VARIABLE: (
            "For the commands that use the management API, such as `watchword plan`: the portal's URL. Set it together "
            "with the API key; `watchword login` stores both instead."
        ),
        API_KEY_VARIABLE: "For the same commands: the API key, or an access token of the organization.",
        API_ORGANIZATION_VARIABLE: "For the same commands: the organization's id, unless `--organization` names it.",
        "WATCHWORD_TEST_DATABASE_URL": "For the tests of Watchword: the PostgreSQL database that they use.",
    }
)
"""Each with its meaning."""
