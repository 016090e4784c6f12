// Signs people in: a page that asks for the user name alone, because no test is about this server's passwords.

import { parse } from "node:querystring";

const PAGE = `<!doctype html>
<html lang="en">
<title>Sign in to Acme's identity provider</title>
<h1>Sign in</h1>
<form method="post">
  <label>User name <input name="user_name" autocomplete="off"></label>
  <button>Sign in</button>
  <button name="cancel" value="yes">Cancel</button>
</form>`;

export function findAccount(people, name) {
  return name in people ? { accountId: name, claims: () => ({ sub: name, ...people[name] }) } : undefined;
}

// Every client may have every claim: a page that asks for consent is no part of any test.
export async function grantWithoutConsent(context) {
  const { client, provider, session } = context.oidc;
  const grant = new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
  grant.addOIDCScope("openid email profile");
  await grant.save();
  return grant;
}

async function formOf(request) {
  let body = "";
  for await (const part of request) {
    body += part;
  }
  return parse(body);
}

export async function signInPage(provider, people, request, response) {
  try {
    const form = request.method === "POST" ? await formOf(request) : {};
    if ("cancel" in form) {
      await provider.interactionFinished(request, response, { error: "access_denied" });
    } else if (form.user_name in people) {
      await provider.interactionFinished(request, response, { login: { accountId: form.user_name } });
    } else {
      response.setHeader("Content-Type", "text/html; charset=utf-8").end(PAGE);
    }
  } catch (error) {
    // For instance without the cookie of this interaction.
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(400).end();
  }
}
