// A certified OpenID Connect provider with one client and whoever gives a name: told where to listen, whom to call and what the client's
// secret is.  It says "ready" on standard output.  Its people are asked about again by tokens that are good once; a file with somebody's name
// in the folder `people` holds their groups from then on, and whoever's is empty is nobody any more.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Provider } from 'oidc-provider';

const [port, publicUrl, dashboard, secretFile] = process.argv.slice(2);
const groups = (id) => {
  const changed = `people/${id.split('+')[0]}`;
  return existsSync(changed) ? readFileSync(changed, 'utf8').split(' ').filter(Boolean) : id.split('+').slice(1);
};
const isGone = (id) => existsSync(`people/${id.split('+')[0]}`) && groups(id).length === 0;
const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'qclock-dashboard',
    client_secret: readFileSync(secretFile, 'utf8').trim(),
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [`${publicUrl}/qclock/sign-in/callback`],
    post_logout_redirect_uris: [`${publicUrl}/`],
    backchannel_logout_uri: `${dashboard}/qclock/sign-out/back-channel`,
    backchannel_logout_session_required: true,
    id_token_signed_response_alg: 'ES256',
  }],
  jwks: { keys: [{ ...key, kid: 'first', alg: 'ES256', use: 'sig' }] },
  cookies: { keys: [crypto.randomUUID()] },
  claims: { openid: ['sub', 'sid'], profile: ['name', 'org'] },
  // As the large providers do: what is asked for by a scope stands in the ID token.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  features: { devInteractions: { enabled: true }, backchannelLogout: { enabled: true }, revocation: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  // It sends nothing to loopback addresses by itself, where the dashboard is here.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  // Its groups lie deeper than Keycloak's roles, and have other names.
  findAccount: (_, id) => isGone(id) ? undefined : { accountId: id, claims: () => ({ sub: id, name: `Dr ${id}`, org: { groups: groups(id) } }) },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
