"""Which elements a page has, for axe: its rules find the same where elements, classes, states and parents are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

_STRUCTURE: Final = """() => {
    const valued = ["role", "type", "aria-invalid", "aria-disabled", "aria-expanded", "aria-current", "aria-live"];
    const named = attribute => ["disabled", "open", "hidden"].includes(attribute) || attribute.startsWith("aria-");
    const described = element => [
        element.tagName, ...[...element.classList].sort(),
        ...element.getAttributeNames().filter(name => valued.includes(name) || named(name)).sort()
            .map(name => valued.includes(name) ? `${name}=${element.getAttribute(name)}` : name),
    ].join(" ");
    const chain = element => [element, element.parentElement, element.parentElement?.parentElement]
        .filter(Boolean).map(described).join(" < ");
    // Titles, headings and landmarks are a page's own.
    const page = location.pathname.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9]+|(?<=\\/sign-in\\/)[^/]+/g, "*");
    return [page, ...new Set([...document.body.querySelectorAll("*")].filter(e => e.checkVisibility()).map(chain))];
}"""


def structure(page: Page) -> frozenset[str]:
    """The page, and each visible element with its classes, role and states and those of its two nearest parents."""
    return frozenset(page.evaluate(_STRUCTURE))


ALIKE: Final = frozenset(
    {
        "activity", "activity-no-limit", "administrators", "administrators-deactivate", "administrators-filtered",
        "administrators-invite", "administrators-invite-refused", "administrators-last", "administrators-limited",
        "administrators-new-link", "administrators-none", "administrators-one", "administrators-operator",
        "administrators-reactivate", "administrators-rename", "administrators-reset-factors",
        "administrators-sign-out", "api-keys-create", "api-keys-create-limited", "api-keys-create-refused",
        "api-keys-created", "api-keys-none", "api-keys-revoke", "api-roles", "api-roles-create-limited",
        "api-roles-create-refused", "api-roles-delete", "api-roles-delete-unused", "api-roles-edit",
        "api-roles-limited", "api-roles-none", "api-roles-stale", "audit-filtered", "audit-focus", "audit-nothing",
        "audit-unverified", "authority-edit", "authority-edit-ending", "authority-ending", "authority-fresh",
        "authority-off", "authority-offered", "authority-self-signed", "authority-unknown",
        "authority-without-root", "calling-java", "company-profile-no-cloud-name", "console-gateways-haproxy",
        "console-key-sets-empty", "console-operator-deactivate", "console-operator-invite",
        "console-operator-invited", "console-operator-reset-factors", "console-operator-sign-out",
        "console-operators", "console-organization", "console-organization-called",
        "console-organization-suspended", "console-organizations", "console-organizations-empty", "console-set",
        "console-suspend", "console-threshold", "console-verifier-revoke", "console-verifiers",
        "console-verifiers-called", "email-domains-assign", "metadata-offered", "metadata-unusable",
        "operator-api-keys", "operator-api-keys-created", "roles", "roles-create", "roles-create-refused",
        "roles-delete", "roles-edit", "roles-limited", "roles-none", "servers-accepts-others", "servers-add",
        "servers-add-blank", "servers-add-validated", "servers-added", "servers-bound", "servers-certificate-soon",
        "servers-delete", "servers-disable", "servers-edit", "servers-edit-more", "servers-empty", "servers-enable",
        "servers-in-use-delete", "servers-in-use-edit", "servers-keys", "servers-keys-replaced",
        "servers-keys-too-old", "servers-no-permission", "servers-one", "servers-rail", "servers-shared-told",
        "servers-two", "sessions-change-password", "sessions-end-others", "sessions-ended", "sessions-expired",
        "sessions-one", "sessions-operator", "sessions-rail", "sessions-set-password",
        "sessions-set-password-refused", "sessions-sign-in", "sessions-sign-in-too-often", "sign-in-failed",
        "sign-in-settings-allow-others", "sign-in-settings-remove", "sign-in-settings-require",
        "sign-in-settings-set-up", "your-sign-in", "your-sign-in-nothing", "your-sign-in-operator",
        "your-sign-in-rename",
    }
)  # fmt: skip
"""States all of whose elements other states have as well. Written down, not found out: to find out takes them all."""
