"""The settings about the identity provider of operators."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic looks at it.
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from watchword.settings.base import PlaneSettings, is_issuer
from watchword.settings.secret_files import read_line


class OperatorSignInSettings(PlaneSettings):
    """A part of the control plane's settings."""

    operator_sso_issuer: str | None = None
    """Issuer of the OpenID provider through which operators can sign in, exactly as it states it, such as
    `https://login.provider.example`. Needs `operator_sso_client_id` and `operator_sso_client_secret_file`. The limits
    of `jwks_allowed_networks`, `jwks_allowed_ports`, `jwks_ca_file` and `jwks_proxy` hold for it, too."""

    operator_sso_client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Client ID of the portal at that provider."""

    operator_sso_client_secret_file: Path | None = None
    """File with the client secret in its only line. Other users must not be able to read it."""

    operator_sso_only: bool = False
    """Lets operators sign in through that provider alone. While it does not work, set this to false."""

    @field_validator("operator_sso_issuer")
    @classmethod
    def _is_an_issuer(cls, issuer: str | None) -> str | None:
        if issuer is not None and not is_issuer(issuer):
            raise ValueError("must be an https URL without user, query and fragment, as the provider states it")
        return issuer

    @model_validator(mode="after")
    def _operators_have_a_whole_provider(self) -> Self:
        given = (self.operator_sso_issuer, self.operator_sso_client_id, self.operator_sso_client_secret_file)
        if None in given and any(given):
            raise ValueError(
                "operator_sso_issuer, operator_sso_client_id and operator_sso_client_secret_file are used together"
            )
        if self.operator_sso_only and None in given:
            raise ValueError("operator_sso_only = true needs operator_sso_issuer")
        return self

    def read_operator_sso_client_secret(self) -> str:
        """The client secret of the operators' provider; "" without one.

        Raises:
            SettingsProblem: the file cannot be read, is blank, or other users can read it.
        """
        path = self.operator_sso_client_secret_file
        return "" if path is None else read_line("operator_sso_client_secret_file", path)
