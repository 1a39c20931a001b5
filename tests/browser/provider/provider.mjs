// An identity provider for the tests in a browser: its login page asks who somebody is, in which groups, and with which acr.
// Started with one argument: JSON with the port, the client's id and secret, and the address of Kontor.

import http from "node:http";

import Provider from "oidc-provider";

const { port, clientId, clientSecret, kontor } = JSON.parse(process.argv[2]);
const groupsOf = new Map();

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${kontor}/connect/sso/bank/callback`],
      post_logout_redirect_uris: [`${kontor}/connect/login`],
      backchannel_logout_uri: `${kontor}/connect/sso/bank/logout`,
      backchannel_logout_session_required: true,
    },
  ],
  acrValues: ["phr", "0"],
  claims: { openid: ["sub"], groups: ["groups"], acr: null, sid: null },
  scopes: ["openid", "groups"],
  cookies: { keys: ["of-the-tests"] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => {
        const button = `<button form="op.logoutForm" name="logout" value="yes">Log out</button>`;
        context.body = page(`${form}${button}`);
      },
      postLogoutSuccessSource: (context) => {
        context.body = page("<p>You are logged out.</p>");
      },
    },
  },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({ sub, groups: groupsOf.get(sub) ?? [] }),
  }),
  // Nobody is asked to consent.
  loadExistingGrant: async ({ oidc }) => {
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid groups");
    await grant.save();
    return grant;
  },
  // Its own never calls an address on this machine, where Kontor is.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
});

const FORM = `<form method="post">
  <label>Who are you? <input name="sub"></label>
  <label>Groups <input name="groups"></label>
  <label>With <select name="acr"><option value="0">a password</option><option value="phr">a key</option></select></label>
  <button>Continue</button></form>`;

function page(content) {
  const head = `<title>Bank</title><link rel="icon" href="data:,">`;
  return `<!doctype html><html lang="en"><head>${head}</head><body><main><h1>Bank</h1>${content}</main></body></html>`;
}

async function interact(request, response) {
  if (request.method === "GET") {
    response.setHeader("Content-Type", "text/html");
    response.end(page(FORM));
    return;
  }
  let body = "";
  for await (const chunk of request) body += chunk;
  const form = new URLSearchParams(body);
  groupsOf.set(form.get("sub"), form.get("groups").split(",").filter(Boolean));
  const login = { accountId: form.get("sub"), acr: form.get("acr") };
  await provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
}

provider.on("backchannel.error", (_context, error) => console.error(error));

const rest = provider.callback();
http
  .createServer((request, response) => (request.url.startsWith("/interaction/") ? interact : rest)(request, response))
  .listen(port, "127.0.0.1");
