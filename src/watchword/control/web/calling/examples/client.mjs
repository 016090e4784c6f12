const API_URL = "https://acme.api.example";
const TOKEN_ENDPOINT = "https://login.example/oauth2/token";
const PARAMETERS = {
  grant_type: "client_credentials",
  scope: "orders:read",
  resource: "https://api.example/orders",
};

async function send(url, options) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(30_000) });
  const body = await response.text();
  // The body names the reason. With 503, wait as long as Retry-After says and try again.
  if (!response.ok) throw new Error(`${response.status} ${body}`);
  return body;
}

async function getToken() {
  const client = `${process.env.CLIENT_ID}:${process.env.CLIENT_SECRET}`;
  const granted = JSON.parse(
    await send(TOKEN_ENDPOINT, {
      method: "POST",
      headers: { Authorization: `Basic ${Buffer.from(client).toString("base64")}` },
      body: new URLSearchParams(PARAMETERS),
    }),
  );
  if (!granted.access_token) throw new Error("The response of the token endpoint has no access_token.");
  return granted.access_token;
}

function call(path, token) {
  return send(API_URL + path, { headers: { Authorization: `Bearer ${token}` } });
}

// Use a token for all calls until shortly before it expires.
const token = await getToken();
console.log(await call("/orders", token));
