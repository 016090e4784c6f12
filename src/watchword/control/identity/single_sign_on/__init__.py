"""The organization's sign-in policy, its identity provider and e-mail domains, and signing in through the provider.

Invariants:

- A person is found by organization, issuer and subject. An e-mail address leads to a person once, when the account is
  linked: it must be verified by the provider and lie in a domain that an operator assigned to this organization.
- A provider signs in people of its own organization only, whatever its tokens say.
- While only single sign-on is allowed, one administrator with every permission can sign in without it.
- The client secret is stored encrypted, never shown, and never sent to an issuer for which it was not entered.
"""
