// SPDX-License-Identifier: Apache-2.0
// An OpenID Provider on a loopback port for the scenarios: the npm package oidc-provider, which knows
// nothing of us, with the clients, people and resources that they need.  tests/scenario/op.py starts it.
//
//   node provider.mjs --port N --audience URL [--callback URL] [--after-logout URL]
//
// Once it listens it prints one line: ready ISSUER.  Keys, grants and tokens live in memory: a restart on
// the same port is how keys are rotated and tokens forgotten.
//
// Clients       cli    public: device flow and refresh tokens
//               rs     / rssecret: introspection, as a data server does
//               svc    / svcsecret: client credentials
//               web    / websecret: login in a browser, back to --callback
//               webpub public: the same
// Resources     AUDIENCE           JWT, RS256 (RFC 9068)
// (RFC 8707)    AUDIENCE/es        JWT, ES256
//               AUDIENCE/opaque    opaque, aud is AUDIENCE
// People        any name with any password; alice, bob and carol have names, groups and assurance.  Userinfo
//               and introspection tell these; an ID token holds sub alone, as at many facilities.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { Provider } from 'oidc-provider';

const { values: given } = parseArgs({
  options: {
    port: { type: 'string' },
    audience: { type: 'string' },
    callback: { type: 'string', default: 'https://127.0.0.1/login/callback' },
    'after-logout': { type: 'string', default: 'https://127.0.0.1/me' },
  },
});
if (!given.port || !given.audience) {
  console.error('usage: node provider.mjs --port N --audience URL [--callback URL] [--after-logout URL]');
  process.exit(2);
}
const issuer = `http://127.0.0.1:${given.port}`;
const audience = given.audience;
const below = audience.replace(/\/$/, '');

const signing = (type, options, alg) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }),
  alg, use: 'sig', kid: `${alg}-${randomUUID()}`,
});
const jwks = {
  keys: [signing('rsa', { modulusLength: 2048 }, 'RS256'), signing('ec', { namedCurve: 'P-256' }, 'ES256')],
};

const low = 'https://refeds.org/assurance/IAP/low';
const medium = 'https://refeds.org/assurance/IAP/medium';
const group = (name, role) => `urn:geant:umbrellaid.org:group:${name}${role ? `:role=${role}` : ''}#umbrellaid.org`;
const people = {
  alice: { name: 'Alice Almqvist', email: 'alice@facility.test', assurance: [low, medium],
           entitlements: [group('pan:proposal:MX-1234', 'PI'), group('pan:staff'),
                          'urn:mace:elsewhere.test:group:visitors#elsewhere.test'] },
  bob: { name: 'Bob Berg', email: 'bob@facility.test', assurance: [low],
         entitlements: [group('pan:proposal:MX-1234', 'member')] },
  carol: { name: 'Carol Cederholm <carol>', email: 'carol@facility.test', assurance: [], entitlements: [] },
};
const groupClaims = (sub) => ({
  eduperson_entitlement: people[sub]?.entitlements ?? [],
  eduperson_assurance: people[sub]?.assurance ?? [],
});
const account = (sub) => ({
  accountId: sub,
  claims: async () => ({
    sub, name: people[sub]?.name ?? sub, email: people[sub]?.email ?? `${sub}@facility.test`, email_verified: true,
    ...groupClaims(sub),
  }),
});

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const scope = 'storage.read:/ data.read';
const none = { redirect_uris: [], response_types: [] };
const browser = {
  redirect_uris: [given.callback], post_logout_redirect_uris: [given['after-logout']],
  response_types: ['code'], grant_types: ['authorization_code'],
};
const resource = (format) => ({ scope, audience, accessTokenTTL: 3600, ...format });
const jwt = (alg) => resource({ accessTokenFormat: 'jwt', jwt: { sign: { alg } } });
const resources = {
  [audience]: jwt('RS256'),
  [`${below}/es`]: jwt('ES256'),
  [`${below}/opaque`]: resource({ accessTokenFormat: 'opaque' }),
};

const provider = new Provider(issuer, {
  jwks,
  clients: [
    { client_id: 'cli', token_endpoint_auth_method: 'none', application_type: 'native',
      grant_types: [DEVICE, 'refresh_token'], scope: `openid offline_access profile email entitlements ${scope}`, ...none },
    { client_id: 'rs', client_secret: 'rssecret', grant_types: [], ...none },
    { client_id: 'svc', client_secret: 'svcsecret', grant_types: ['client_credentials'], ...none },
    { client_id: 'web', client_secret: 'websecret', ...browser },
    { client_id: 'webpub', token_endpoint_auth_method: 'none', ...browser },
  ],
  scopes: ['openid', 'offline_access', 'profile', 'email', 'entitlements', ...scope.split(' ')],
  claims: {
    openid: ['sub'],
    profile: ['name'],
    email: ['email', 'email_verified'],
    entitlements: ['eduperson_entitlement', 'eduperson_assurance'],
  },
  findAccount: async (ctx, sub) => account(sub),
  extraTokenClaims: async (ctx, token) => (token.accountId ? groupClaims(token.accountId) : {}),
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => undefined,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (ctx, indicator) => {
        if (!resources[indicator]) throw new Error(`no such resource: ${indicator}`);
        return resources[indicator];
      },
    },
  },
  cookies: { keys: [randomUUID()] },
  ttl: { AccessToken: 3600, AuthorizationCode: 60, ClientCredentials: 3600, DeviceCode: 600, IdToken: 3600 },
});
provider.on('server_error', (ctx, error) => console.error(error.stack));
provider.listen(Number(given.port), '127.0.0.1', () => console.log(`ready ${issuer}`));
