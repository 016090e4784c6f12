"""Who calls the management API: the holder of an API key, or a client whose access token names an API role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import IntegrityError, transaction

from watchword.control.base.actor import (
    CLIENT_MAX,
    OPERATOR_PERMISSIONS,
    OPERATOR_VIEWS,
    REQUEST_ID_MAX,
    Actor,
    Interface,
    Permission,
    Privilege,
)
from watchword.control.base.refusals import Refusal, RefusalReason
from watchword.control.base.times import spoken
from watchword.control.identity.api_models import SECRET_MAX, ApiClientUse, ApiKey, ApiRole, secret_hash
from watchword.control.identity.api_rules import CLIENTS_KEPT, SEEN_STEP, ApiLevel
from watchword.core.characters import printable
from watchword.core.named_organization import scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


def actor_of_api_key(secret: str, *, address: str | None, request_id: str | None, now: datetime) -> Actor:
    """Return who acts with an API key, and note its use, at most once a minute.

    Args:
        secret: all that follows `Bearer `; it may be any text.
        address: the client's IP address.
        request_id: for the audit log; cut to REQUEST_ID_MAX characters.
        now: the time at which the key must be valid.

    Raises:
        Refusal: api_key_unusable: the key is unknown, revoked or expired.
    """
    keys = ApiKey.objects.select_related("api_role")
    key = keys.filter(secret_hash=secret_hash(secret)).first() if len(secret) <= SECRET_MAX else None
    usable = _usable(key, now)
    if usable.last_used_at is None or now - usable.last_used_at >= SEEN_STEP:
        ApiKey.objects.filter(pk=usable.pk).update(last_used_at=_minute(now), last_used_address=address)
    return _key_actor(usable, address=address, request_id=request_id)


def actor_of_access_token(
    organization_id: str,
    roles: Sequence[str],
    *,
    client: str | None,
    address: str | None,
    request_id: str | None,
    now: datetime,
) -> Actor:
    """Return who acts with an access token, and note that the client was seen, at most once a minute.

    Of several API roles, the first one that the organization has counts alone.

    Args:
        organization_id: the organization whose authorization server signed the token.
        roles: the API roles that the verified token names, from `core.named_organization.roles_named`.
        client: the token's client ID; what cannot be printed is replaced, and it is cut to CLIENT_MAX characters.
        address: the client's IP address.
        request_id: for the audit log; cut to REQUEST_ID_MAX characters.
        now: the time of the request.

    Raises:
        Refusal: insufficient_scope: the organization has none of the roles. `details["scope"]` is the missing scope,
            of an existing role if the token names none.
    """
    known = {role.name: role for role in ApiRole.objects.filter(organization_id=organization_id, name__in=roles)}
    role = next((known[name] for name in roles if name in known), None)
    if role is None:
        raise _insufficient_scope(organization_id, roles[0] if roles else None)
    shown = printable(client or "")[:CLIENT_MAX]
    _note_client(role, shown, now)
    return _role_actor(role, client=shown or None, address=address, request_id=request_id)


def current_api_rights(actor: Actor, now: datetime) -> Actor:
    """Return the API client with the rights that the database grants now. The organization must be locked already.

    The row of an API key is locked until the transaction ends, so a revocation comes either before the change or
    after it.

    Raises:
        Refusal: api_key_unusable, or insufficient_scope for a role that was deleted or renamed.
    """
    if actor.api_key is not None:
        # `of`: the role is joined, and an outer join cannot be locked.
        keys = ApiKey.objects.select_for_update(no_key=True, of=("self",)).select_related("api_role")
        key = _usable(keys.filter(public_id=actor.api_key).first(), now)
        return _key_actor(key, address=actor.address, request_id=actor.request_id)
    roles = ApiRole.objects.filter(organization_id=actor.organization, pk__in=[actor.api_role])
    for role in roles:
        current = _role_actor(role, client=actor.client, address=actor.address, request_id=actor.request_id)
        # Another name means another scope, which the client's token does not have.
        if current.name == actor.name:
            return current
    raise _insufficient_scope(actor.organization or "", None)


def _usable(key: ApiKey | None, now: datetime) -> ApiKey:
    """Only a client with the secret learns why its key is refused."""
    if key is None:
        raise Refusal(RefusalReason.API_KEY_UNUSABLE, why="is unknown")
    if key.revoked_at is not None:
        raise Refusal(RefusalReason.API_KEY_UNUSABLE, why=f"was revoked on {spoken(key.revoked_at)}")
    if key.expires_at <= now:
        raise Refusal(RefusalReason.API_KEY_UNUSABLE, why=f"expired on {spoken(key.expires_at)}")
    return key


def _key_actor(key: ApiKey, *, address: str | None, request_id: str | None) -> Actor:
    rights: dict[str, Any] = {"operator": True, "permissions": OPERATOR_PERMISSIONS, "views": OPERATOR_VIEWS}
    if key.organization_id is not None:
        # A role of another organization would be a bug; it grants nothing.
        role = key.api_role if key.api_role and key.api_role.organization_id == key.organization_id else None
        rights = {"organization": key.organization_id, **_rights_of(role)}
    return Actor(
        name=_name("key", key.name, key.organization_id),
        interface=Interface.API,
        api_key=key.public_id,
        address=address,
        request_id=_cut(request_id),
        **rights,
    )


def _role_actor(role: ApiRole, *, client: str | None, address: str | None, request_id: str | None) -> Actor:
    return Actor(
        name=_name("oauth", role.name, role.organization_id),
        interface=Interface.API,
        organization=role.organization_id,
        api_role=role.pk,
        client=client,
        address=address,
        request_id=_cut(request_id),
        **_rights_of(role),
    )


def _rights_of(role: ApiRole | None) -> dict[str, Any]:
    held = {} if role is None else role.held()
    full = [category.right for category, level in held.items() if level is ApiLevel.FULL]
    return {
        "permissions": frozenset(right for right in full if isinstance(right, Permission)),
        "privileges": frozenset(right for right in full if isinstance(right, Privilege)),
        "views": frozenset(category.right for category in held),
    }


def _name(kind: str, name: str, organization_id: str | None) -> str:
    """Return the name in the audit log, such as `oauth-deployer$@acme.example-cloud`. No person's name has `$@`."""
    place = [part for part in (organization_id, settings.WATCHWORD.cloud_name) if part is not None]
    return f"{kind}-{name}$@{'.'.join(place) or 'provider'}"


def _note_client(role: ApiRole, client_id: str, now: datetime) -> None:
    """Note when the client was seen. At most CLIENTS_KEPT new clients of a role are written within a minute.

    An authorization server can invent client IDs, so without this limit each of its tokens would write twice.
    """
    seen = ApiClientUse.objects.filter(api_role=role)
    own = seen.filter(client_id=client_id)
    last = own.values_list("last_seen_at", flat=True).first()
    if last is not None:
        if now - last >= SEEN_STEP:
            own.update(last_seen_at=_minute(now))
        return
    newest = list(seen.order_by("-last_seen_at", "-pk").values_list("pk", "last_seen_at")[:CLIENTS_KEPT])
    if len(newest) == CLIENTS_KEPT and now - newest[-1][1] < SEEN_STEP:
        return
    try:
        with transaction.atomic():
            ApiClientUse.objects.create(api_role=role, client_id=client_id, last_seen_at=_minute(now))
    except IntegrityError:
        # Another request of the client was faster, or the role was deleted: the change itself reads it again.
        return
    seen.exclude(client_id=client_id).exclude(pk__in=[pk for pk, _ in newest[: CLIENTS_KEPT - 1]]).delete()


def _insufficient_scope(organization_id: str, named: str | None) -> Refusal:
    """Return the refusal of a token that names no role, or one that does not exist.

    The scope goes into a challenge, where clients read the scope to ask for. So it names a role that exists, and has
    only characters that RFC 6749 section 3.3 allows in one.
    """
    cloud_name = settings.WATCHWORD.cloud_name
    role = (
        named
        or ApiRole.objects.filter(organization_id=organization_id)
        .order_by("name")
        .values_list("name", flat=True)
        .first()
    )
    scope = scope_of(cloud_name or "CLOUD-NAME", organization_id, role or "ROLE")
    if cloud_name is None:
        sentence = "The API provider has not set a cloud name, so no access token can name an API role. Use an API key."
    elif named is None:
        sentence = f"The access token names no API role of the organization. It needs a scope such as “{scope}”."
    else:
        sentence = f"The organization has no API role “{named}”, which the scope “{scope}” names."
    return Refusal(RefusalReason.INSUFFICIENT_SCOPE, sentence=sentence, scope=scope)


def _minute(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)


def _cut(request_id: str | None) -> str | None:
    return None if request_id is None else printable(request_id)[:REQUEST_ID_MAX]
