"""The replacements of shipped lines in docs/gateways.md by which a gateway asks over TLS with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kit.nginx import SHIPPED

if TYPE_CHECKING:
    from kit.certificates import Pair

NGINX_TLS: Final = SHIPPED / "watchword-tls.conf"

_CADDY_TLS = """\
tls_trust_pool file /etc/watchword/verifiers-ca.pem
tls_client_auth /etc/watchword/gateway.pem /etc/watchword/gateway.key
"""
_ENVOY_TLS = """\
transport_socket:
  name: envoy.transport_sockets.tls
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
    common_tls_context:
      tls_params: { tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }
      tls_certificates:
        - certificate_chain: { filename: /etc/watchword/gateway.pem }
          private_key: { filename: /etc/watchword/gateway.key }
      validation_context:
        trusted_ca: { filename: /etc/watchword/verifiers-ca.pem }
        match_typed_subject_alt_names:
          - { san_type: DNS, matcher: { exact: verifier.example } }
"""
_TRAEFIK_TLS = """\
rootCAs: [/etc/watchword/verifiers-ca.pem]
certificates:
  - certFile: /etc/watchword/gateway.pem
    keyFile: /etc/watchword/gateway.key
"""
_HAPROXY_TLS = """\
default-server ssl ssl-min-ver TLSv1.3 crt /etc/watchword/gateway-and-key.pem
default-server verify required verifyhost verifier.example ca-file /etc/watchword/verifiers-ca.pem
"""

SHOWN: Final = {
    "caddy": (_CADDY_TLS,),
    "traefik": (_TRAEFIK_TLS,),
    "envoy": (_ENVOY_TLS,),
    "envoy-grpc": (_ENVOY_TLS,),
    "haproxy": (_HAPROXY_TLS,),
    "nginx": (),
}
"""By gateway, the lines that the page shows. nginx has a file of its own for them."""


def _indented(lines: str, indent: str) -> str:
    return "".join(f"{indent}{line}\n" for line in lines.splitlines())


def _envoy(cluster: str, alpn: str = "") -> dict[str, str]:
    tls = _ENVOY_TLS.replace("common_tls_context:\n", f"common_tls_context:\n{alpn}")
    return {f"    - name: {cluster}\n": f"    - name: {cluster}\n{_indented(tls, '      ')}"}


_INSTEAD: Final = {
    "nginx": {
        "proxy_pass http://watchword_verifiers": "include watchword-tls.conf;\n    proxy_pass https://watchword_verifiers",
    },
    "caddy": {
        "dial_timeout 700ms\n": f"dial_timeout 700ms\n{_indented(_CADDY_TLS, '		')}",
    },
    "traefik": {
        '"http://127.0.0.1:8081" "http://127.0.0.1:8091"': '"https://127.0.0.1:8081" "https://127.0.0.1:8091"',
        "  serversTransports:\n    verifiers:\n": (
            f"  serversTransports:\n    verifiers:\n{_indented(_TRAEFIK_TLS, '      ')}"
        ),
    },
    "haproxy": {
        "    # EDIT: the two verifiers.\n": _indented(_HAPROXY_TLS, "    "),
    },
    "envoy": _envoy("watchword"),
    # gRPC requires the negotiation of HTTP/2.
    "envoy-grpc": {**_envoy("watchword"), **_envoy("watchword-grpc", "      alpn_protocols: [h2]\n")},
}


def over_tls(gateway: str, pair: Pair) -> dict[str, str]:
    """Lines of the settings, and their replacements with the files of a test."""
    files = {
        "/etc/watchword/gateway.pem": str(pair.certificate),
        "/etc/watchword/gateway.key": str(pair.key),
        "/etc/watchword/verifiers-ca.pem": str(pair.authority),
        "/etc/watchword/gateway-and-key.pem": str(pair.both_in_one()),
        "verifier.example": "localhost",
    }
    instead = dict(_INSTEAD[gateway])
    if gateway == "nginx":
        # They are in a separate file.
        instead |= {shown: actual for shown, actual in files.items() if shown in NGINX_TLS.read_text()}
    for shown, actual in files.items():
        instead = {before: after.replace(shown, actual) for before, after in instead.items()}
    return instead
