"""Which person an identity at a provider is: found, linked or created, with the role that the claims give.

All of it runs in the transaction of the sign-in, under the lock of the organization or of the operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from watchword.control.base.refusals import Refusal
from watchword.control.identity import rules
from watchword.control.identity.models import EmailDomain, Person, PersonKind, ProviderAccount, Role
from watchword.control.identity.people_commands import create_person
from watchword.control.identity.safeguards import keep_full_administrator
from watchword.control.identity.single_sign_on.failures import SignInFailed, SignInFailure
from watchword.control.identity.single_sign_on.rules import domain_of, role_by_claim

if TYPE_CHECKING:
    from watchword.control.base.unit_of_work import UnitOfWork
    from watchword.control.identity.single_sign_on.providers import Provider
    from watchword.openid.id_token import IdTokenClaims

_KINDS: Final = {True: PersonKind.OPERATOR, False: PersonKind.ADMINISTRATOR}


def person_of(work: UnitOfWork, provider: Provider, claims: IdTokenClaims) -> Person:
    """Return the person whom the provider names, who may sign in.

    Raises:
        SignInFailed: the person may not, or is none of the provider's organization.
    """
    person = linked_person(provider, claims.subject)
    if person is None:
        person = _linked_by_email(work, provider, claims)
    elif not provider.of_operators and not _assigned(provider, person.email):
        # The domain was taken away since: the provider no longer vouches for this address.
        raise SignInFailed(SignInFailure.EMAIL_OUTSIDE, email=person.email)
    if not person.is_active:
        raise SignInFailed(SignInFailure.DEACTIVATED, email=person.email)
    if provider.role_claim:
        _apply_role(work, provider, claims, person)
    return person


def linked_person(provider: Provider, subject: str) -> Person | None:
    """Return the person of an account at the provider: by organization, issuer and subject, never by e-mail address.

    Raises:
        SignInFailed: the account's person belongs elsewhere, which no command writes.
    """
    # `organization_id=None` would look for NULL in SQL's way, which finds nothing.
    whose = {"organization__isnull": True} if provider.of_operators else {"organization_id": provider.organization_id}
    accounts = ProviderAccount.objects.select_related("person__organization", "person__role")
    account = accounts.filter(issuer=provider.issuer, subject=subject, **whose).first()
    if account is None:
        return None
    if account.person.organization_id != provider.organization_id:
        raise SignInFailed(SignInFailure.PERSON_TAKEN)
    return account.person


def _linked_by_email(work: UnitOfWork, provider: Provider, claims: IdTokenClaims) -> Person:
    email = _verified_email(claims)
    if not provider.of_operators and not _assigned(provider, email):
        raise SignInFailed(SignInFailure.EMAIL_OUTSIDE)
    people = Person.objects.select_for_update(no_key=True, of=("self",)).select_related("organization", "role")
    person = people.filter(email=email).first()
    if person is None:
        person = _created(work, provider, claims, email)
    elif (person.kind, person.organization_id) != (_KINDS[provider.of_operators], provider.organization_id):
        raise SignInFailed(SignInFailure.PERSON_TAKEN)
    elif ProviderAccount.objects.filter(person=person).exists():
        raise SignInFailed(SignInFailure.PERSON_TAKEN, email=email)
    ProviderAccount.objects.create(
        person=person,
        organization_id=provider.organization_id,
        issuer=provider.issuer,
        subject=claims.subject,
        created_at=work.now,
    )
    linked = {"issuer": [None, provider.issuer], "subject": [None, claims.subject]}
    work.record(target=email, action="provider_account_linked", changes=linked)
    return person


def _verified_email(claims: IdTokenClaims) -> str:
    email = rules.normalised_email(claims.email or "")
    if rules.check_person(email=email, name="") or not claims.email_verified:
        raise SignInFailed(SignInFailure.EMAIL_UNVERIFIED)
    return email


def _assigned(provider: Provider, email: str) -> bool:
    domains = EmailDomain.objects.filter(organization_id=provider.organization_id, domain=domain_of(email))
    return domains.exists()


def _created(work: UnitOfWork, provider: Provider, claims: IdTokenClaims, email: str) -> Person:
    if provider.of_operators:
        raise SignInFailed(SignInFailure.NO_OPERATOR)
    name = claims.name or ""
    person = Person(
        kind=PersonKind.ADMINISTRATOR,
        organization_id=provider.organization_id,
        role=_role(provider, claims, email),
        email=email,
        name=name if rules.check_person(email=email, name=name) == {} else "",
    )
    return create_person(work, person, action="administrator_created")


def _role(provider: Provider, claims: IdTokenClaims, email: str) -> Role:
    values = claims.texts(provider.role_claim) if provider.role_claim else ()
    if values is None:
        # The default role is for people about whom the claim says nothing, not for a claim that cannot be read.
        raise SignInFailed(SignInFailure.NO_ROLE, email=email)
    claimed = role_by_claim(values, provider.role_values)
    wanted = provider.default_role_id if claimed is None else claimed
    # By organization, too: a role of another one would be a bug, and gives nothing.
    role = Role.objects.filter(organization_id=provider.organization_id, pk=wanted or 0).first()
    if role is None:
        raise SignInFailed(SignInFailure.NO_ROLE, email=email)
    return role


def _apply_role(work: UnitOfWork, provider: Provider, claims: IdTokenClaims, person: Person) -> None:
    """Give the person the role of the claims, except where the organization would lose its last full administrator."""
    role, before = _role(provider, claims, person.email), person.role
    if before is None or before.pk == role.pk:
        return
    try:
        with transaction.atomic(), keep_full_administrator(work.organization_id):
            person.role = role
            person.save(update_fields=["role"])
    except Refusal:
        person.role = before
        return
    work.record(target=person.email, action="role_changed", changes={"role": [before.name, role.name]})
