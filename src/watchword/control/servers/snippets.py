"""Settings that put a verifier in front of an API, ready for one organization. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VERIFIER: Final = "http://127.0.0.1:8081"
"""Where a verifier listens unless told otherwise; a gateway and its verifier usually share a machine."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Attributes: `gateway` names it in the page, `label` on its tab, `note` says where the text goes."""

    gateway: str
    label: str
    note: str
    text: str


# Each header is set, also to nothing, so that a client's own X-Auth-* never reaches the API (CASES G-01); nginx drops
# the spelling with underscores by itself (underscores_in_headers is off).
_NGINX: Final = """\
location /api/ {{
    auth_request /watchword;
    auth_request_set $auth_organization $upstream_http_x_auth_organization;
    auth_request_set $auth_server       $upstream_http_x_auth_server;
    auth_request_set $auth_issuer       $upstream_http_x_auth_issuer;
    auth_request_set $auth_subject      $upstream_http_x_auth_subject;
    auth_request_set $auth_client_id    $upstream_http_x_auth_client_id;
    auth_request_set $auth_scope        $upstream_http_x_auth_scope;
    auth_request_set $auth_expires      $upstream_http_x_auth_expires;

    proxy_set_header X-Auth-Organization $auth_organization;
    proxy_set_header X-Auth-Server       $auth_server;
    proxy_set_header X-Auth-Issuer       $auth_issuer;
    proxy_set_header X-Auth-Subject      $auth_subject;
    proxy_set_header X-Auth-Client-Id    $auth_client_id;
    proxy_set_header X-Auth-Scope        $auth_scope;
    proxy_set_header X-Auth-Expires      $auth_expires;
    proxy_pass http://your-api;
}}

location = /watchword {{
    internal;
    proxy_pass {verifier}/verify/nginx/{organization};
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
}}
"""

_CURL: Final = """\
# 200 and the X-Auth-* headers if the token is good, else the status and the reason.
curl -i {verifier}/verify/plain/{organization} \\
     -H "Authorization: Bearer $ACCESS_TOKEN"
"""


def snippets(organization: str, verifier: str = VERIFIER) -> tuple[Snippet, ...]:
    """One snippet for each gateway that has one, in the order of their tabs."""
    return (
        Snippet(
            "nginx",
            "nginx",
            "Inside the server block of your API. The verifier's address is the default one on the same machine. "
            "Clients get 401 or 403; the files in deploy/gateways/nginx also pass on the reason, and 400 and 503.",
            _NGINX.format(organization=organization, verifier=verifier),
        ),
        Snippet(
            "curl",
            "curl",
            "Ask a verifier yourself, with an access token in the variable ACCESS_TOKEN.",
            _CURL.format(organization=organization, verifier=verifier),
        ),
    )
