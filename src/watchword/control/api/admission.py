"""Who a client is and whether it may use an operation: before anything else of the request is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.utils import timezone

from watchword.control.api.access_tokens import verified_roles
from watchword.control.api.problems import Fault, Problem, fault, refused
from watchword.control.api.request_ids import request_id_of
from watchword.control.base.actor import Privilege
from watchword.control.base.refusals import Refusal, RefusalReason, right_missing
from watchword.control.base.refused_requests import REFUSED_REQUESTS, Kind
from watchword.control.base.unit_of_work import check_permission, record_refused
from watchword.control.identity.api_actors import actor_of_access_token, actor_of_api_key
from watchword.control.identity.api_models import KEY_PREFIX
from watchword.control.identity.client_address import nearest_untrusted
from watchword.control.organizations.models import Organization
from watchword.core.bearer import text_of
from watchword.core.decision import Reason
from watchword.core.verify import LIMITS

if TYPE_CHECKING:
    from django.http import HttpRequest

    from watchword.control.api.declarations import Operation
    from watchword.control.base.actor import Actor

CHALLENGE: Final = "WWW-Authenticate"
"""RFC 6750 section 3."""


def admit(request: HttpRequest, operation: Operation, organization: str) -> Actor:
    """Return the client, if it may use the operation.

    Args:
        request: only its header Authorization counts.
        operation: what it wants to do.
        organization: of the address; "" for the provider's own.

    Raises:
        Problem: 401 without good credentials, 403 without the right, 404 for an organization out of reach, which gets
            the same response as one that does not exist.
    """
    address = _address(request)
    try:
        actor = _authenticated(request, organization, address)
    except Problem as problem:
        if problem.reason != Fault.CREDENTIALS_MISSING.code:
            REFUSED_REQUESTS.note(Kind.API_CREDENTIAL_REFUSED, address=address)
        raise
    try:
        _check_right(actor, operation, organization or None)
    except Refusal as refusal:
        REFUSED_REQUESTS.note(Kind.API_FORBIDDEN, actor=actor.name, address=address)
        if operation.action is not None:
            record_refused(actor, organization or None, operation.action, refusal)
        raise
    return actor


def _address(request: HttpRequest) -> str | None:
    return nearest_untrusted(
        request.META.get("REMOTE_ADDR", ""),
        request.headers.get("X-Forwarded-For", ""),
        settings.WATCHWORD.trusted_proxies,
    )


def _authenticated(request: HttpRequest, organization: str, address: str | None) -> Actor:
    # Django joins repeated headers by a comma, which neither a key nor a token contains.
    sent = request.headers.get("Authorization")
    text = text_of([] if sent is None else [sent], LIMITS.max_token_bytes)
    if text is Reason.TOKEN_MISSING:
        raise fault(Fault.CREDENTIALS_MISSING, headers={CHALLENGE: "Bearer"})
    if isinstance(text, Reason):
        raise _token_refused(text)
    now, request_id = timezone.now(), request_id_of(request)
    if text.startswith(KEY_PREFIX):
        try:
            return actor_of_api_key(text, address=address, request_id=request_id, now=now)
        except Refusal as refusal:
            raise _challenged(refused(refusal, {}), 'Bearer error="invalid_token"') from None
    if not organization:
        raise fault(Fault.TOKEN_WITHOUT_ORGANIZATION, headers={CHALLENGE: 'Bearer error="invalid_token"'})
    verified = verified_roles(text, organization, now.timestamp())
    if isinstance(verified, Reason):
        raise _token_refused(verified.public)
    roles, client = verified
    try:
        return actor_of_access_token(
            organization, roles, client=client, address=address, request_id=request_id, now=now
        )
    except Refusal as refusal:
        scope = refusal.details["scope"]
        raise _challenged(refused(refusal, {}), f'Bearer error="insufficient_scope", scope="{scope}"') from None


def _token_refused(reason: Reason) -> Problem:
    error = "" if reason.error is None else f' error="{reason.error}", error_description="{reason.sentence}"'
    headers = {CHALLENGE: f"Bearer{error}"} if reason.status in {400, 401, 403} else {}
    return Problem(status=reason.status, reason=reason.code, detail=reason.sentence, headers=headers)


def _challenged(problem: Problem, challenge: str) -> Problem:
    problem.headers[CHALLENGE] = challenge
    return problem


def _check_right(actor: Actor, operation: Operation, organization: str | None) -> None:
    """Refuse a client without the operation's right.

    Raises:
        Refusal: not_found, permission_missing.
    """
    if operation.action is not None or operation.right is Privilege.OPERATOR:
        check_permission(actor, organization, operation.right)
    elif not actor.may_view(operation.right, organization):
        if organization is not None and not actor.reaches(organization):
            raise Refusal(RefusalReason.NOT_FOUND)
        raise right_missing(actor, operation.right, viewing=True)
    # An organization's own key or role shows that it exists.
    if organization not in {None, actor.organization} and not Organization.objects.filter(pk=organization).exists():
        raise Refusal(RefusalReason.NOT_FOUND)
