const API_URL = "https://acme.api.example";
const TOKEN_ENDPOINT = "https://login.example/oauth2/token";
const PARAMETERS = {
  grant_type: "client_credentials",
  scope: "orders:read",
  resource: "https://api.example/orders",
};

async function getToken() {
  const client = `${process.env.CLIENT_ID}:${process.env.CLIENT_SECRET}`;
  const response = await fetch(TOKEN_ENDPOINT, {
    method: "POST",
    headers: { Authorization: `Basic ${Buffer.from(client).toString("base64")}` },
    body: new URLSearchParams(PARAMETERS),
    signal: AbortSignal.timeout(10_000),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()).access_token;
}

async function call(path, token) {
  const response = await fetch(API_URL + path, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(30_000),
  });
  const body = await response.text();
  // The body names the reason. With 503, wait as long as Retry-After says and try again.
  if (!response.ok) throw new Error(`${response.status} ${body}`);
  return body;
}

// Use a token for all calls until shortly before it expires.
const token = await getToken();
console.log(await call("/orders", token));
