"""The guards: who may open a page at all. Commands check again; a guard only decides what is shown."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django_htmx.http import HttpResponseClientRedirect

from watchword.control.access.actor import actor_of
from watchword.control.organizations.models import Organization

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchword.control.access.actor import Actor

P = ParamSpec("P")


class OrganizationRequest(HttpRequest):
    """A request that a guard let through. `actor` is who acts, `organization` where."""

    actor: Actor
    organization: Organization


def in_organization(
    view: Callable[Concatenate[OrganizationRequest, P], HttpResponse],
) -> Callable[..., HttpResponse]:
    """Guard a page of one organization; the URL's first argument is the organization's id.

    Nobody signed in is sent to the sign-in page. For a person of another organization the answer is the same 404 as
    for an organization that does not exist (CASES M-11). Operators may look at every organization.
    """

    @wraps(view)
    def guarded(request: HttpRequest, organization: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        actor = actor_of(request)
        found = Organization.objects.filter(pk=organization).first()
        # Both are looked up before either decides, so that the two kinds of 404 also take the same time.
        if found is None or not actor.reaches(organization):
            raise Http404
        request.actor = actor  # type: ignore[attr-defined]
        request.organization = found  # type: ignore[attr-defined]
        return view(request, *args, **kwargs)  # type: ignore[arg-type]

    return guarded


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        # A redirect would be followed by the script and put the sign-in page into the middle of the page.
        return HttpResponseClientRedirect(reverse("access:sign-in"))
    return redirect_to_login(request.get_full_path())
