"""What the page "Gateways" shows: each gateway's texts with the provider's own values, and what to check afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.web.console.gateway_checks import checks
from watchword.control.web.console.gateway_values import values_of
from watchword.control.web.shell.page import ProviderPage
from watchword.control.web.shell.page_responses import guarded_by, show
from watchword.control.web.shell.snippets import Hint, Snippet, Tab
from watchword.gateways import gateways
from watchword.gateways.filling import API, DOMAIN, GRPC_VERIFIERS, SECOND_GRPC_VERIFIER, SECOND_VERIFIER, Filled, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest

    from watchword.control.base.actor import Actor
    from watchword.settings.control import ControlSettings


@dataclass(frozen=True)
class GatewaysPage(ProviderPage):
    """The texts of all gateways."""

    template: ClassVar[str] = "console/gateways.html"
    content: ClassVar[str] = "console/gateways_content.html"
    route: ClassVar[str] = "console:gateways"

    def context(self) -> dict[str, Any]:
        given: ControlSettings = settings.WATCHWORD
        return super().context() | {
            "tabs": [tab(fill(gateway, values_of(given)), given) for gateway in gateways()],
            "values": _shown(given),
            "checks": checks(given),
        }


def tab(filled: Filled, given: ControlSettings) -> Tab:
    """One gateway's tab."""
    gateway = filled.gateway
    snippets = tuple(
        Snippet(file.name, file.text, reverse("console:gateway-file", args=[gateway.name, number]))
        for number, file in enumerate(gateway.files)
    )
    return Tab(gateway.name, gateway.label, gateway.note, snippets, tuple(_what_remains(filled, given)))


def _what_remains(filled: Filled, given: ControlSettings) -> Iterator[Hint]:
    """What an operator still has to edit in the texts, or to set for the verifiers."""
    written = filled.written
    if "domain" in written and given.api_domain is None:
        yield Hint(DOMAIN, "The API's domain. Set WATCHWORD_API_URL to have it filled in.")
    if "API" in written and given.api_upstream is None:
        yield Hint(API, "The API. Set WATCHWORD_API_UPSTREAM to have it filled in.")
    yield from _verifiers_to_name(written, given)
    if given.cloud_name is not None:
        # For routing by token, and for registrations that require an API role.
        yield Hint(f"WATCHWORD_VERIFIER_CLOUD_NAME={given.cloud_name}", "Each verifier needs this setting.")
    if "routing" not in written:
        yield Hint("acme", "This text serves one organization. Write its ID here.")
    elif given.api_routing != "token" and filled.gateway.name == "traefik":
        yield Hint(f"WATCHWORD_VERIFIER_TRAEFIK_ROUTING={given.api_routing}", "Each verifier needs this setting.")
        if given.api_routing == "host":
            yield Hint(
                f"WATCHWORD_VERIFIER_API_DOMAIN={given.api_domain or DOMAIN}", "Each verifier needs this setting."
            )
    yield Hint("", "The address and certificate for clients; the secret and TLS of the verifiers, if you use them.")


def _verifiers_to_name(written: frozenset[str], given: ControlSettings) -> Iterator[Hint]:
    if "second verifier" in written and len(given.gateway_verifiers) == 1:
        yield Hint(
            SECOND_VERIFIER,
            "The second verifier. Name it in WATCHWORD_GATEWAY_VERIFIERS to have it filled in. If you have only one, "
            "write its address here, too: while it fails, every request is refused.",
        )
    if "first verifier for gRPC" in written and not given.gateway_grpc_verifiers:
        yield Hint(" ".join(GRPC_VERIFIERS), "The verifiers' ports for gRPC (WATCHWORD_GATEWAY_GRPC_VERIFIERS).")
    if "second verifier for gRPC" in written and len(given.gateway_grpc_verifiers) == 1:
        yield Hint(SECOND_GRPC_VERIFIER, "The second verifier's port for gRPC (WATCHWORD_GATEWAY_GRPC_VERIFIERS).")


def _shown(given: ControlSettings) -> list[dict[str, str | None]]:
    """The settings that the texts are made of; None where one is not set."""
    return [
        {"label": "API base URL", "value": given.api_url, "variable": "WATCHWORD_API_URL"},
        {"label": "Routing", "value": given.api_routing, "variable": "WATCHWORD_API_ROUTING"},
        {
            "label": "Verifiers",
            "value": ", ".join(given.gateway_verifiers),
            "variable": "WATCHWORD_GATEWAY_VERIFIERS",
        },
        {"label": "API", "value": given.api_upstream, "variable": "WATCHWORD_API_UPSTREAM"},
    ]


def file_of(gateway: str, number: int) -> tuple[str, str] | None:
    """Name and text of one file for downloading; None if it does not exist."""
    for one in gateways():
        if one.name == gateway and number < len(one.files):
            file = fill(one, values_of(settings.WATCHWORD)).gateway.files[number]
            return PurePosixPath(file.name).name, file.text
    return None


_guarded = guarded_by(GatewaysPage)


@require_safe
@_guarded
def listing(request: HttpRequest, actor: Actor, page: GatewaysPage) -> HttpResponse:  # noqa: ARG001 - the guard's signature.
    """All gateways, in tabs."""
    return show(request, page)


@require_safe
@_guarded
def gateway_file(
    request: HttpRequest,  # noqa: ARG001 - the guard's signature.
    actor: Actor,  # noqa: ARG001
    page: GatewaysPage,  # noqa: ARG001
    gateway: str,
    number: int,
) -> HttpResponse:
    """One text, as a file."""
    found = file_of(gateway, number)
    if found is None:
        raise Refusal(RefusalReason.NOT_FOUND)
    name, text = found
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
