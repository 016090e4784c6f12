// A certified authorization server for one test: npm `oidc-provider` behind TLS, led by lines on stdin.
//
// First line in:  {"certificate": PEM, "privateKey": PEM, "clients": [{"id": …, "secret": …}], "keys": […], "signWith": kid}
// First line out: {"issuer": "https://localhost:PORT"}
// Later lines in change any of keys, signWith, tokenSeconds and clockOffset (seconds); each is answered with {} once
// it is in force. `keys` is a list of {"kid": …, "algorithm": …}; a new kid gets a new private key, which never leaves
// this process. The end of stdin ends the process, so that a killed test leaves nothing behind.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:https";
import { createInterface } from "node:readline";

import Provider from "oidc-provider";

const HOST = "127.0.0.1";
// The last one names the organization for an API that is routed by token.
const SCOPES = ["orders:read", "orders:write", "orders::acme::reader"];
const KEY_MAKERS = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  PS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
};

const privateKeys = new Map();
const state = { keys: [], signWith: undefined, tokenSeconds: 300, clockOffset: 0 };

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
    clients: clients.map(({ id, secret }) => ({
      client_id: id,
      client_secret: secret,
      grant_types: ["client_credentials"],
      redirect_uris: [],
      response_types: [],
      // No ID token is ever issued, but the default RS256 is refused where no RSA key is published.
      id_token_signed_response_alg: signingAlgorithm(),
      // Every client may ask for any scope of the resource server below.
      scope: SCOPES.join(" "),
    })),
    cookies: { keys: [randomBytes(32).toString("base64url")] },
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
    jwks,
    scopes: SCOPES,
    ttl: { ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? state.tokenSeconds },
  });
  provider.on("server_error", (_context, error) => process.stderr.write(`${error.stack}\n`));
  return provider.callback();
}

function answer(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

let issuer;
let clients;
let handle;

function apply(change) {
  for (const name of Object.keys(state)) {
    if (name in change) {
      state[name] = change[name];
    }
  }
  if (handle === undefined || "keys" in change) {
    // The key set of a Provider is fixed, so a rotation is a new one in the same place, as a restart would be.
    handle = authorizationServer(issuer, clients);
  }
}

function start(settings) {
  clients = settings.clients;
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
  if (clients === undefined) {
    start(message);
  } else {
    apply(message);
    answer({});
  }
});
lines.on("close", () => process.exit(0));
