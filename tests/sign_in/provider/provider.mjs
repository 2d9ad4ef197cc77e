// An OpenID provider for the tests: issues JWT access tokens for the hub to two clients and four people.
// It reads its port (0: any), its keys and the hub's audience from the standard input, and says where it listens.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Provider } from 'oidc-provider';

const { port, audience, jwks, algorithm } = JSON.parse(await text(process.stdin));

// What the hub is told of each; a login of the development pages is the account's name.
const people = {
  E2001: { hub_role: 'store_manager', hub_purposes: ['member_service', 'customer_support'], hub_stores: ['SH001'] },
  E2002: { hub_role: ['sales_associate', 'store_manager'], hub_purposes: ['member_service'], hub_stores: ['SH001'] },
  E2003: { hub_role: 'dpo', hub_purposes: ['rights_handling'] },
  E2004: { hub_role: 'region_manager', hub_purposes: ['member_service'], hub_regions: ['east'], amr: ['pwd', 'otp'] },
};

const server = createServer();
await new Promise((listening) => server.listen(port, '127.0.0.1', listening));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
  jwks,
  cookies: { keys: ['for tests only'] },
  clientDefaults: { id_token_signed_response_alg: algorithm },
  clients: [
    {
      client_id: 'till',
      client_secret: 'till-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'stranger',
      client_secret: 'stranger-secret',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'console',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      redirect_uris: ['http://127.0.0.1/cb'],
      response_types: ['code'],
    },
  ],
  findAccount: (_ctx, id) => (people[id] ? { accountId: id, claims: () => ({ sub: id }) } : undefined),
  extraTokenClaims(ctx, token) {
    const person = people[token.accountId];
    return person && { ...person, auth_time: ctx.oidc.entities.AuthorizationCode?.authTime };
  },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({
        audience: resource,
        scope: 'member_service',
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: algorithm } },
      }),
    },
  },
});

server.on('request', provider.callback());
console.log(issuer);
