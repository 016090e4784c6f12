"""What a plan takes away or lets in: a sentence for each, before which `apply` asks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from watchword.client.planning import ChangeServer, DeleteServer, SwitchEnabled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from watchword.client.planning import Plan, Value

_EXPECTED: Final = {"issuer": "issuer", "audience": "audience", "client_id": "client ID", "required_role": "API role"}


def losses(plan: Plan) -> list[str]:
    """What cannot be undone, ends access or widens what is accepted."""
    sentences = [
        f"Deletes {step.server.name} with its signing keys and key history."
        for step in plan.steps
        if isinstance(step, DeleteServer)
    ]
    switch = next((step for step in plan.steps if isinstance(step, SwitchEnabled)), None)
    if switch is not None and switch.before is not None:
        then = "no server is enabled" if switch.target is None else f"{switch.target.name} is enabled instead"
        sentences.append(f"Client applications with tokens of {plan.title(switch.before)} lose access: {then}.")
    enabled = plan.enabled_now
    for step in plan.steps:
        # What is switched off anyway loses nothing more.
        if isinstance(step, ChangeServer) and enabled is not None and step.server.id == enabled.id and switch is None:
            sentences += losses_of_change(plan.title(enabled), step.changes)
    return sentences


def losses_of_change(name: str, changes: Mapping[str, tuple[Value, Value]]) -> list[str]:
    """The same for a change of the enabled server.

    Args:
        name: of the server.
        changes: the values before and after, by field.
    """
    return [f"{name} is the enabled server: {sentence}" for sentence in _sentences(changes)]


def _sentences(changes: Mapping[str, tuple[Value, Value]]) -> Iterator[str]:
    if "jwks_location" in changes:
        yield "tokens signed with keys that the new JWKS location does not publish are refused from now on."
    for field, what in _EXPECTED.items():
        if field not in changes:
            continue
        before, after = changes[field]
        if after is None:
            yield f"tokens with any {what} are accepted from now on, not only those with the present one."
        elif before is None:
            yield f"tokens without this {what} are refused from now on."
        else:
            yield f"tokens with the present {what} are refused from now on."
    match changes.get("accepts_bound_tokens"):
        case (_, True):
            yield "tokens bound to a key are accepted from now on without a proof that the caller has the key."
        case (_, False):
            yield "tokens bound to a key are refused from now on."
    if changes.get("verify_certificate", (None, None))[1] is False:
        yield "the certificate of its JWKS location is not verified from now on."
