"""The address of every page. The feed is served beside Django; see entrance/asgi.py."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from watchword.control.web.activity import page as activity_page
from watchword.control.web.api_access import keys_views, profile_page
from watchword.control.web.api_access import roles_views as api_roles_views
from watchword.control.web.audit import views as audit_views
from watchword.control.web.calling import page as calling_page
from watchword.control.web.console import (
    domain_views,
    fleet_views,
    gateways_page,
    operator_views,
    organization_views,
    subscription_views,
)
from watchword.control.web.console import views as console_views
from watchword.control.web.people import password_views, people_views, roles_views, session_views, your_sign_in_views
from watchword.control.web.servers import metadata_views, row_views
from watchword.control.web.servers import views as servers_views
from watchword.control.web.sign_in import (
    confirm_views,
    enrolment_views,
    link_views,
    second_factor_views,
    sign_in_again,
    single_sign_on_views,
)
from watchword.control.web.sign_in import views as sign_in_views
from watchword.control.web.sign_in_settings import provider_views
from watchword.control.web.sign_in_settings import views as settings_views

_ADMINISTRATORS = [
    path("", people_views.administrators, name="administrators"),
    path("invite/", people_views.invite, name="invite"),
    path("<int:person>/sign-in-link/", people_views.sign_in_link, name="sign-in-link"),
    path("<int:person>/change-role/", people_views.change_role, name="change-role"),
    path("<int:person>/rename/", people_views.rename, name="rename"),
    path("<int:person>/sign-out/", people_views.sign_out, name="sign-out"),
    path("<int:person>/reset-second-factor/", people_views.reset_factors, name="reset-factors"),
    path("<int:person>/deactivate/", people_views.deactivate, name="deactivate"),
    path("<int:person>/reactivate/", people_views.reactivate, name="reactivate"),
]

_ROLES = [
    path("", roles_views.roles, name="roles"),
    path("create/", roles_views.create, name="create-role"),
    path("<int:role>/edit/", roles_views.edit, name="edit-role"),
    path("<int:role>/delete/", roles_views.delete, name="delete-role"),
]

_SIGN_IN_SETTINGS = [
    path("", settings_views.settings, name="settings"),
    path("second-factor/", settings_views.second_factor, name="second-factor"),
    path("configure/", provider_views.configure, name="configure"),
    path("check/", provider_views.check, name="check"),
    path("enable/", provider_views.enable, name="enable"),
    path("remove/", provider_views.remove, name="remove"),
    path("only/", provider_views.only, name="only"),
    path("allow-others/", provider_views.allow_others, name="allow-others"),
]

_API_ACCESS = [
    path("role-management/api-roles/", api_roles_views.roles, name="roles"),
    path("role-management/api-roles/create/", api_roles_views.create, name="create-role"),
    path("role-management/api-roles/<int:api_role>/edit/", api_roles_views.edit, name="edit-role"),
    path("role-management/api-roles/<int:api_role>/delete/", api_roles_views.delete, name="delete-role"),
    path("role-management/api-keys/", keys_views.keys, name="keys"),
    path("role-management/api-keys/create/", keys_views.create, name="create-key"),
    path("role-management/api-keys/<uuid:api_key>/revoke/", keys_views.revoke, name="revoke-key"),
    path("company-profile/", profile_page.company_profile, name="company-profile"),
]

_SIGN_IN = [
    path("", sign_in_views.start, name="start"),
    path("sign-in", sign_in_views.sign_in, name="sign-in"),
    path("sign-in-again", sign_in_again.sign_in_again, name="sign-in-again"),
    path("sign-in/passkey", sign_in_views.sign_in_with_passkey, name="passkey"),
    path("sign-in/passkey/options", sign_in_views.passkey_options, name="passkey-options"),
    path("sign-in/second-factor", second_factor_views.second_factor, name="second-factor"),
    path("sign-in/second-factor/options", second_factor_views.options, name="second-factor-options"),
    path("sign-in/enrol", enrolment_views.enrol, name="enrol"),
    path("sign-in/enrol/options", enrolment_views.options, name="enrol-options"),
    path("sign-in/single-sign-on", single_sign_on_views.begin, name="single-sign-on"),
    path("sign-in/single-sign-on/callback", single_sign_on_views.callback, name="single-sign-on-callback"),
    # The last of its kind: it takes any name.
    path("sign-in/<str:secret>", link_views.open_link, name="set-password"),
    path("set-password", link_views.set_password, name="choose-password"),
    path("confirm/single-sign-on", single_sign_on_views.confirm, name="confirm-single-sign-on"),
    path("confirm", confirm_views.confirm, name="confirm"),
    path("confirm/options", confirm_views.options, name="confirm-options"),
    path("sign-out", sign_in_views.sign_out, name="sign-out"),
]

_PEOPLE: list[URLPattern | URLResolver] = [
    path("<slug:organization>/administration/administrators/", include(_ADMINISTRATORS)),
    path("<slug:organization>/administration/role-management/", include(_ROLES)),
    path("sessions/", session_views.listing, name="sessions"),
    path("sessions/end-others/", session_views.end_others, name="end-other-sessions"),
    path("sessions/<uuid:session>/end/", session_views.end, name="end-session"),
    path("your-sign-in/", your_sign_in_views.your_sign_in, name="your-sign-in"),
    path("your-sign-in/change-password/", password_views.change_password, name="change-password"),
    path("your-sign-in/passkeys/add/", your_sign_in_views.add_passkey, name="add-passkey"),
    path("your-sign-in/passkeys/options/", your_sign_in_views.passkey_options, name="passkey-options"),
    path("your-sign-in/passkeys/<uuid:passkey>/rename/", your_sign_in_views.rename_passkey, name="rename-passkey"),
    path("your-sign-in/passkeys/<uuid:passkey>/remove/", your_sign_in_views.remove_passkey, name="remove-passkey"),
    path("your-sign-in/authenticator-app/set-up/", your_sign_in_views.set_up_app, name="set-up-app"),
    path("your-sign-in/authenticator-app/remove/", your_sign_in_views.remove_app, name="remove-app"),
    path("your-sign-in/recovery-codes/replace/", your_sign_in_views.replace_codes, name="replace-codes"),
]

_PAGE = (
    "<slug:organization>/administration/api-configuration/legacy-api/internet-saas-api/oauth-2-0-authorization-servers/"
)

_SERVERS = [
    path("", servers_views.listing, name="list"),
    path("call-the-api/", calling_page.calling, name="calling"),
    path("add/", servers_views.add, name="add"),
    path("validate/", servers_views.validate_location, name="validate"),
    path("<uuid:server>/validate/", servers_views.validate_location, name="validate-edit"),
    path("trust/", servers_views.trust, name="trust"),
    path("<uuid:server>/trust/", servers_views.trust, name="trust-edit"),
    path("find/", metadata_views.find, name="find"),
    path("<uuid:server>/find/", metadata_views.find, name="find-edit"),
    path("fill/", metadata_views.fill, name="fill"),
    path("<uuid:server>/fill/", metadata_views.fill, name="fill-edit"),
    path("<uuid:server>/edit/", servers_views.edit, name="edit"),
    path("<uuid:server>/delete/", row_views.delete, name="delete"),
    path("<uuid:server>/enable/", row_views.enable, name="enable"),
    path("<uuid:server>/disable/", row_views.disable, name="disable"),
    path("<uuid:server>/refresh/", row_views.refresh, name="refresh"),
    path("<uuid:server>/fetch/", row_views.fetch, name="fetch"),
]

_AUDIT = [
    path("<slug:organization>/administration/audit-logs/", audit_views.listing, name="list"),
    path("<slug:organization>/administration/audit-logs/export/", audit_views.export, name="export"),
    path("operator-console/audit-logs/", audit_views.provider_listing, name="provider"),
    path("operator-console/audit-logs/export/", audit_views.provider_export, name="provider-export"),
]

_CONSOLE = [
    path("organizations/", console_views.organizations, name="organizations"),
    path("create-organization/", console_views.create, name="create-organization"),
    path("organizations/<slug:organization>/", organization_views.organization, name="organization"),
    path("organizations/<slug:organization>/suspend/", organization_views.suspend, name="suspend"),
    path("organizations/<slug:organization>/suspend/preview/", organization_views.preview, name="suspend-preview"),
    path("organizations/<slug:organization>/reinstate/", organization_views.reinstate, name="reinstate"),
    path(
        "organizations/<slug:organization>/subscription/",
        subscription_views.set_subscription,
        name="set-subscription",
    ),
    path("organizations/<slug:organization>/renew/", subscription_views.renew, name="renew"),
    path("organizations/<slug:organization>/threshold/", subscription_views.change_threshold, name="threshold"),
    path("organizations/<slug:organization>/e-mail-domains/", domain_views.assign, name="assign-domain"),
    path("organizations/<slug:organization>/e-mail-domains/<str:domain>/", domain_views.remove, name="remove-domain"),
    path("verifiers/", fleet_views.verifiers, name="verifiers"),
    path("verifiers/create/", fleet_views.create_verifier, name="create-verifier"),
    path("verifiers/<int:verifier>/rotate/", fleet_views.rotate_verifier, name="rotate-verifier"),
    path("verifiers/<int:verifier>/revoke-previous/", fleet_views.revoke_previous, name="revoke-previous-credential"),
    path("verifiers/<int:verifier>/revoke/", fleet_views.revoke_verifier, name="revoke-verifier"),
    path("gateways/", gateways_page.listing, name="gateways"),
    path("gateways/<slug:gateway>/<int:number>/", gateways_page.gateway_file, name="gateway-file"),
    path("operators/", operator_views.operators, name="operators"),
    path("operators/invite/", operator_views.invite, name="invite-operator"),
    path("operators/<int:operator>/sign-in-link/", operator_views.sign_in_link, name="operator-sign-in-link"),
    path("operators/<int:operator>/sign-out/", operator_views.sign_out, name="operator-sign-out"),
    path("operators/<int:operator>/reset-second-factor/", operator_views.reset_factors, name="operator-reset-factors"),
    path("operators/<int:operator>/deactivate/", operator_views.deactivate, name="operator-deactivate"),
    path("operators/<int:operator>/reactivate/", operator_views.reactivate, name="operator-reactivate"),
    path("key-sets/", fleet_views.key_sets, name="key-sets"),
    path("api-keys/", keys_views.operator_keys, name="api-keys"),
    path("api-keys/create/", keys_views.create_operator_key, name="create-api-key"),
    path("api-keys/<uuid:operator_key>/revoke/", keys_views.revoke_operator_key, name="revoke-api-key"),
]

_ACTIVITY = [path("<slug:organization>/administration/activity/", activity_page.listing, name="list")]

urlpatterns = [
    path("", include("watchword.control.web.shell.logo")),
    path("", include((_SIGN_IN, "sign_in"))),
    path("", include((_PEOPLE, "people"))),
    path(
        "<slug:organization>/administration/sign-in-settings/",
        include((_SIGN_IN_SETTINGS, "sign_in_settings")),
    ),
    path("<slug:organization>/administration/", include((_API_ACCESS, "api_access"))),
    path(_PAGE, include((_SERVERS, "servers"))),
    path("", include((_ACTIVITY, "activity"))),
    path("", include((_AUDIT, "audit"))),
    path("operator-console/", include((_CONSOLE, "console"))),
]
