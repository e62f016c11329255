// A real OpenID Connect provider (oidc-provider) made as strict as ProConnect's partner documentation says:
// state and nonce of 32 characters, no other query parameter (Y000400), secret in the body only, code 30 s,
// access token 60 s, userinfo as a signed JWT. Whoever comes is signed in at once as the persona that the test set.
//
//   node provider.mjs REDIRECT_URI POST_LOGOUT_URI     prints its address, then serves until it is ended
//   POST /test {"persona": {…}, "say": {…}}            `say` is what it does wrong: see the defaults below
import http from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import Provider from 'oidc-provider';
import { SignJWT, decodeJwt, importJWK } from 'jose';

const [redirectUri, postLogoutUri] = process.argv.slice(2);
const ALLOWED = new Set(['client_id', 'response_type', 'redirect_uri', 'scope', 'state', 'nonce', 'claims', 'prompt', 'login_hint', 'idp_hint']);
const HONEST = { error: '', codeTtl: 30, idToken: null, userinfo: null, foreignKey: false, plainUserinfo: false, down: '' };
let persona = {};
let say = { ...HONEST };
const seen = [];

const jwk = (kid) => ({ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' });
const ours = jwk('ours');
const foreign = { ...jwk('ours') };

async function resigned(token, changes) {
  const key = await importJWK(say.foreignKey ? foreign : ours, 'RS256');
  return new SignJWT({ ...decodeJwt(token), ...changes }).setProtectedHeader({ alg: 'RS256', kid: 'ours' }).sign(key);
}

function configured(issuer) {
  const claims = Object.fromEntries(['given_name', 'usual_name', 'email', 'uid', 'siret'].map((name) => [name, [name]]));
  const provider = new Provider(issuer, {
    clients: [{
      client_id: 'mps-test', client_secret: 'un-secret-d-essai-assez-long', redirect_uris: [redirectUri],
      post_logout_redirect_uris: [postLogoutUri], response_types: ['code'], grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'RS256', userinfo_signed_response_alg: 'RS256',
    }],
    clientAuthMethods: ['client_secret_post'],
    jwks: { keys: [ours] },
    scopes: ['openid', ...Object.keys(claims)],
    claims: { openid: ['sub'], ...claims },
    pkce: { required: () => false },
    cookies: { keys: ['un-secret-d-essai'] },
    routes: { authorization: '/api/v2/authorize', token: '/api/v2/token', userinfo: '/api/v2/userinfo', end_session: '/api/v2/session/end', jwks: '/api/v2/jwks' },
    ttl: { AuthorizationCode: () => say.codeTtl, AccessToken: 60, IdToken: 60, Session: 600, Interaction: 600, Grant: 600 },
    features: {
      devInteractions: { enabled: false },
      jwtUserinfo: { enabled: true },
      claimsParameter: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource: (ctx, form) => { ctx.body = `<!DOCTYPE html>${form}`; } },
    },
    interactions: { url: (ctx, interaction) => `/signing-in/${interaction.uid}` },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ ...persona, sub: id }) }),
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope([...ctx.oidc.requestParamScopes].join(' '));
      await grant.save();
      return grant;
    },
  });
  provider.use(strict);
  return provider;
}

async function strict(ctx, next) {
  if (say.down && ctx.path === say.down) { ctx.status = 500; ctx.body = 'panne'; return; }
  if (ctx.path === '/api/v2/authorize') {
    const extra = Object.keys(ctx.query).filter((name) => !ALLOWED.has(name));
    const short = ['state', 'nonce'].filter((name) => String(ctx.query[name] ?? '').length < 32);
    seen.push(ctx.query);
    if (extra.length || short.length) { ctx.status = 400; ctx.body = { error: 'Y000400', extra, short }; return; }
  }
  await next();
  if (ctx.path === '/api/v2/token' && ctx.body?.id_token && say.idToken) {
    ctx.body = { ...ctx.body, id_token: await resigned(ctx.body.id_token, say.idToken) };
  }
  if (ctx.path === '/api/v2/userinfo' && ctx.status === 200) {
    if (say.userinfo) ctx.body = await resigned(ctx.body, say.userinfo);
    if (say.plainUserinfo) { const told = decodeJwt(ctx.body); ctx.body = told; ctx.type = 'application/json'; }
  }
}

async function signIn(provider, req, res) {
  const result = say.error ? { error: say.error, error_description: 'essai' } : { login: { accountId: persona.sub }, consent: {} };
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
}

function test(req, res) {
  let body = '';
  req.on('data', (part) => { body += part; });
  req.on('end', () => {
    if (req.method === 'POST') { const asked = JSON.parse(body); persona = asked.persona; say = { ...HONEST, ...asked.say }; seen.length = 0; }
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ seen }));
  });
}

const server = http.createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = configured(issuer);
  const callback = provider.callback();
  server.on('request', (req, res) => {
    if (req.url === '/test') test(req, res);
    else if (req.url.startsWith('/signing-in/')) signIn(provider, req, res).catch((error) => { res.statusCode = 500; res.end(String(error)); });
    else callback(req, res);
  });
  process.stdout.write(`${issuer}\n`);
});
