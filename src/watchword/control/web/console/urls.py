from __future__ import annotations

from django.urls import include, path

from watchword.control.web.console import (
    fleet_views,
    gateway_views,
    operator_views,
    organization_views,
    subscription_views,
    views,
)

app_name = "console"

_ROUTES = [
    path("organizations/", views.organizations, name="organizations"),
    path("create-organization/", views.create, name="create-organization"),
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
    path("verifiers/", fleet_views.verifiers, name="verifiers"),
    path("verifiers/create/", fleet_views.create_verifier, name="create-verifier"),
    path("verifiers/<int:verifier>/revoke/", fleet_views.revoke_verifier, name="revoke-verifier"),
    path("gateways/", gateway_views.gateways, name="gateways"),
    path("gateways/<slug:gateway>/<int:number>/", gateway_views.gateway_file, name="gateway-file"),
    path("operators/", operator_views.operators, name="operators"),
    path("operators/invite/", operator_views.invite, name="invite-operator"),
    path("operators/<int:operator>/sign-in-link/", operator_views.sign_in_link, name="operator-sign-in-link"),
    path("operators/<int:operator>/sign-out/", operator_views.sign_out, name="operator-sign-out"),
    path("operators/<int:operator>/deactivate/", operator_views.deactivate, name="operator-deactivate"),
    path("operators/<int:operator>/reactivate/", operator_views.reactivate, name="operator-reactivate"),
    path("key-sets/", fleet_views.key_sets, name="key-sets"),
]

urlpatterns = [path("operator-console/", include(_ROUTES))]
