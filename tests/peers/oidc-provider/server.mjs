// A certified authorization server for one test: npm `oidc-provider` behind TLS, led by lines on stdin.
//
// First line in:  {"certificate": PEM, "privateKey": PEM, "clients": [{"id": …, "secret": …}], "keys": […], "signWith": kid}
// First line out: {"issuer": "https://localhost:PORT"}
// A client with `redirectUris` signs people in (authorization code); `authentication` is its method at the token endpoint.
// Later lines in change any of keys, signWith, tokenSeconds, clockOffset (seconds), people and clients; each is answered
// with {} once it is in force. `people` maps user names to the claims in their ID tokens. `keys` is a list of {"kid": …, "algorithm": …}; a new kid gets a new private key, which never leaves
// this process. The end of stdin ends the process, so that a killed test leaves nothing behind.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:https";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";
import MemoryAdapter from "oidc-provider/lib/adapters/memory_adapter.js";

import { findAccount, grantWithoutConsent, signInPage } from "./people.mjs";

// Standard output has the answers alone; the provider writes advice to it.
console.info = console.warn = console.error;

const HOST = "127.0.0.1";
// The last one names the organization for an API that is routed by token.
const SCOPES = ["orders:read", "orders:write", "orders::acme::reader"];
const KEY_MAKERS = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

// All providers of this process share their store, so that a sign-in goes on after a rotation. Of the class itself, each
// would have its own.
class SharedAdapter extends MemoryAdapter {}

const privateKeys = new Map();
const cookieKeys = [randomBytes(32).toString("base64url")];
const state = { keys: [], signWith: undefined, tokenSeconds: 300, clockOffset: 0, people: {}, clients: undefined };

// An expired token of a genuine issuer is one that it issued in the past; nobody wants to wait for that.
const machineNow = Date.now;
Date.now = () => machineNow() + state.clockOffset * 1000;

function privateJwk({ kid, algorithm }) {
  if (!privateKeys.has(kid)) {
    const jwk = KEY_MAKERS[algorithm]().privateKey.export({ format: "jwk" });
    privateKeys.set(kid, { ...jwk, kid, alg: algorithm, use: "sig" });
  }
  return privateKeys.get(kid);
}

function signingAlgorithm() {
  return privateKeys.get(state.signWith).alg;
}

function authorizationServer(issuer, clients) {
  const jwks = { keys: state.keys.map(privateJwk) };
  const provider = new Provider(issuer, {
    adapter: SharedAdapter,
    claims: {
      openid: ["sub"],
      email: ["email", "email_verified", "xms_edov"],
      profile: ["name", "groups", "roles"],
    },
    clients: clients.map(({ id, secret, redirectUris = [], signedOutUris = [], authentication }) => ({
      client_id: id,
      client_secret: secret,
      grant_types: redirectUris.length ? ["authorization_code"] : ["client_credentials"],
      redirect_uris: redirectUris,
      response_types: redirectUris.length ? ["code"] : [],
      post_logout_redirect_uris: signedOutUris,
      token_endpoint_auth_method: authentication ?? "client_secret_basic",
      // The default RS256 is refused where no RSA key is published.
      id_token_signed_response_alg: signingAlgorithm(),
      // Every client may ask for any scope of the resource server below.
      scope: redirectUris.length ? "openid email profile" : SCOPES.join(" "),
    })),
    // As most providers do, and unlike the default, which sends these claims to the userinfo endpoint alone.
    conformIdTokenClaims: false,
    cookies: { keys: cookieKeys },
    enabledJWA: { idTokenSigningAlgValues: Object.keys(KEY_MAKERS) },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        // The audience is whatever resource (RFC 8707) the client names: the test chooses it per token.
        getResourceServerInfo: async (_context, resource) => {
          return {
            audience: resource,
            scope: SCOPES.join(" "),
            accessTokenFormat: "jwt",
            accessTokenTTL: state.tokenSeconds,
            jwt: { sign: { alg: signingAlgorithm(), kid: state.signWith } },
          };
        },
      },
    },
    findAccount: (_context, name) => findAccount(state.people, name),
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    jwks,
    loadExistingGrant: grantWithoutConsent,
    scopes: [...SCOPES, "email", "profile"],
    ttl: { ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? state.tokenSeconds },
  });
  provider.on("server_error", (_context, error) => process.stderr.write(`${error.stack}\n`));
  const protocol = provider.callback();
  return (request, response) =>
    request.url.startsWith("/interaction/")
      ? signInPage(provider, state.people, request, response)
      : protocol(request, response);
}

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

let issuer;
let handle;

function apply(change) {
  for (const name of Object.keys(state)) {
    if (name in change) {
      state[name] = change[name];
    }
  }
  if (handle === undefined || "keys" in change || "clients" in change) {
    // The key set of a Provider is fixed, so a rotation is a new one in the same place, as a restart would be.
    handle = authorizationServer(issuer, state.clients);
  }
}

function start(settings) {
  const server = createServer({ cert: settings.certificate, key: settings.privateKey }, (request, response) =>
    handle(request, response),
  );
  server.listen(0, HOST, () => {
    issuer = `https://localhost:${server.address().port}`;
    apply(settings);
    answer({ issuer });
  });
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  if (issuer === undefined) {
    start(message);
  } else {
    apply(message);
    answer({});
  }
});
lines.on("close", () => process.exit(0));
