"""Environment variables that are not settings of a plane. Without pydantic, so that `watchword --help` is quick."""

from typing import Final

ENVIRONMENT_PREFIX: Final = "WATCHWORD_"
FILE_VARIABLE: Final = "WATCHWORD_CONFIG"
LOG_FORMAT_VARIABLE: Final = "WATCHWORD_LOG_FORMAT"
LOG_FORMATS: Final = ("text", "json")
STOP_ON_EOF_VARIABLE: Final = "WATCHWORD_STOP_ON_EOF"
"""`watchword serve` sets it for the roles that it starts: they stop when their standard input ends."""

OTHER_VARIABLES: Final = frozenset(
    {
        FILE_VARIABLE,
        LOG_FORMAT_VARIABLE,
        STOP_ON_EOF_VARIABLE,
        # For this project's own tests.
        "WATCHWORD_TEST_DATABASE_URL",
        "WATCHWORD_TEST_COMPILED_KERNEL",
    }
)
