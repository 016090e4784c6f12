"""Signing in through the identity provider of an organization, and proving there again who one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from watchword.control.base.refusals import AccessLost, Refusal
from watchword.control.identity.factor_rules import CEREMONY_LIFETIME
from watchword.control.identity.models import Person
from watchword.control.identity.single_sign_on import ceremony
from watchword.control.identity.single_sign_on.failures import SignInFailed, SignInFailure
from watchword.control.identity.single_sign_on.providers import (
    named_provider,
    provider_of_email,
    provider_of_operators,
    provider_of_person,
)
from watchword.control.identity.single_sign_on.sign_in_commands import (
    ConfirmBySingleSignOn,
    RecordFailure,
    SignInBySingleSignOn,
    refuse_frequent_failures,
)
from watchword.control.web.shell import cookies
from watchword.control.web.shell.page_responses import with_retry_after
from watchword.control.web.shell.signed_in import actor_of, client_address, session_in
from watchword.control.web.sign_in.provider_sign_out import keep_sign_out_address
from watchword.control.web.sign_in.sessions import let_in, onward_or_home, own_address

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from watchword.control.identity.single_sign_on.ceremony import Begun
    from watchword.control.identity.single_sign_on.providers import Provider

COOKIE: Final = "single_sign_on"

BY_PROVIDER: Final = "by_provider"
"""In the session of a person who signed in through an identity provider, for the dialog "Sign in again"."""

_PAGE: Final = "sign_in/single_sign_on.html"


def redirect_uri() -> str:
    """Where identity providers send people back to."""
    origin: str = settings.WATCHWORD.public_origin
    return f"{origin}{reverse('sign_in:single-sign-on-callback')}"


@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """Lead to the provider of the organization that GET names, or to that of the address that POST has."""
    asked = request.POST if request.method == "POST" else request.GET
    onward, email = asked.get("next", ""), request.POST.get("email", "")
    if isinstance(request.user, Person):
        return HttpResponseRedirect(onward_or_home(onward, request.user))
    if request.method == "POST":
        provider = provider_of_email(email)
    elif request.method == "HEAD" or not asked.keys() & {"organization", "operators"}:
        return render(request, _PAGE, {"next": onward})
    elif "operators" in asked:
        provider = provider_of_operators()
    else:
        provider = named_provider(asked["organization"])
    if provider is None:
        context = {"next": onward, "email": email, "sentence": SignInFailure.UNKNOWN.sentence}
        return render(request, _PAGE, context, status=422)
    return _to_provider(request, provider, onward=onward, login_hint=email)


@require_safe
def confirm(request: HttpRequest) -> HttpResponse:
    """Lead a signed-in person to the provider, to prove again who they are."""
    onward = own_address(request.GET.get("next", "")) or ""
    if not isinstance(request.user, Person):
        return redirect_to_login(onward or reverse("sign_in:start"))
    provider = provider_of_person(request.user)
    if provider is None:
        return _failed(request, SignInFailed(SignInFailure.UNKNOWN), None)
    return _to_provider(request, provider, onward=onward, login_hint=request.user.email, confirms=request.user.pk)


@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    """The response of the provider, which the person's browser brings."""
    provider: Provider | None = None
    try:
        refuse_frequent_failures(client_address(request), timezone.now())
        begun, provider = ceremony.provider_in(cookies.read(request, COOKIE))
        parameters = {name: [str(value) for value in values] for name, values in request.GET.lists()}
        response = ceremony.read_response(begun, provider, parameters, redirect_uri(), timezone.now())
        if response.confirms is not None:
            return _spent(_confirmed(request, response))
        signed_in = SignInBySingleSignOn(response=response, address=client_address(request)).run()
    except SignInFailed as failed:
        return _failed(request, failed, provider)
    except Refusal as refusal:
        return _refused(request, refusal)
    answer = let_in(request, signed_in, response.onward)
    keep_sign_out_address(request, response)
    request.session[BY_PROVIDER] = True
    return _spent(answer)


def _confirmed(request: HttpRequest, response: ceremony.ProviderResponse) -> HttpResponse:
    if not isinstance(request.user, Person):
        raise SignInFailed(SignInFailure.OTHER_PERSON)
    try:
        ConfirmBySingleSignOn(response=response).run(actor_of(request))
        session_in(request).cycle_key()
    except AccessLost:
        return redirect_to_login(own_address(response.onward) or reverse("sign_in:start"))
    onward = own_address(response.onward)
    if onward is not None:
        return HttpResponseRedirect(onward)
    return render(request, "sign_in/confirmed.html", {})


def _to_provider(
    request: HttpRequest, provider: Provider, *, onward: str, login_hint: str = "", confirms: int | None = None
) -> HttpResponse:
    try:
        refuse_frequent_failures(client_address(request), timezone.now())
        begun = ceremony.begin(provider, redirect_uri(), onward=onward, login_hint=login_hint, confirms=confirms)
    except SignInFailed as failed:
        return _failed(request, failed, provider)
    except Refusal as refusal:
        return _refused(request, refusal)
    answer = _leading_to(request, provider, begun)
    cookies.leave(answer, COOKIE, begun.sealed, kept=CEREMONY_LIFETIME)
    return answer


def _leading_to(request: HttpRequest, provider: Provider, begun: Begun) -> HttpResponse:
    # Another site could sign its visitor in at an organization of its own, through a provider that asks nothing (P-66).
    from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
    if request.method != "POST" and not from_elsewhere:
        return HttpResponseRedirect(begun.url)
    # The content security policy lets no form lead to another host, also by a redirect; a page can.
    whose = "the API provider" if provider.organization_id is None else provider.organization_id
    context = {"host": provider.host, "url": begun.url, "whose": whose, "from_elsewhere": from_elsewhere}
    return render(request, "sign_in/to_provider.html", context)


def _spent(answer: HttpResponse) -> HttpResponse:
    cookies.remove(answer, COOKIE)
    return answer


def _failed(request: HttpRequest, failed: SignInFailed, provider: Provider | None) -> HttpResponse:
    person = request.user if isinstance(request.user, Person) else None
    address = client_address(request)
    reference = RecordFailure(failed=failed, provider=provider, address=address, person=person).run()
    context = {"sentence": failed.failure.sentence, "reference": reference, "signed_in": person is not None}
    return render(request, "sign_in/single_sign_on_failed.html", context, status=422)


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    context = {"sentence": refusal.sentence}
    answer = render(request, "sign_in/single_sign_on_failed.html", context, status=refusal.status)
    return with_retry_after(answer, refusal)
