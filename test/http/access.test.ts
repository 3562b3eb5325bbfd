import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createAccess, type Caller } from '../../src/http/access.js';
import type { PasswordVerdict } from '../../src/http/passwords.js';
import { CLIENT_AUTH, type ClientAuth, type WebConfig, type WebTls } from '../../src/values/web-config.js';

const TLS: WebTls = {
  certificate: '',
  key: '',
  clientCa: null,
  clientAuth: 'NoClientCert',
  allowedNames: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
};
const OPEN: WebConfig = { tls: null, users: new Map(), headers: {} };
const WITH_USERS: WebConfig = { ...OPEN, users: new Map([['prometheus', 'HASH']]) };
const CALLER: Caller = { path: '/metrics', host: null, authorization: null, address: '', certificate: null };

async function refused(
  webConfig: WebConfig | null,
  caller: Partial<Caller> = {},
  { verdict = 'wrong', hosts = null }: { verdict?: PasswordVerdict; hosts?: ReadonlySet<string> | null } = {},
): Promise<string> {
  const access = createAccess({
    hosts,
    webConfig: () => webConfig,
    checkPassword: () => Promise.resolve(verdict),
  });
  const answer = await access.refusal({ ...CALLER, ...caller });
  return answer === null ? 'no' : `${answer.status} ${String(answer.body).trim()}`;
}

describe('a request', () => {
  it('is refused for another Host, at every path, in one line with the names that are accepted', async () => {
    const hosts = new Set(['localhost', 'node-1']);
    for (const path of ['/metrics', '/healthz', '/'])
      assert.equal(
        await refused(null, { path, host: 'evil.example:9288' }, { hosts }),
        '421 lvscare does not answer by the name "evil.example:9288": use an IP address or one of localhost, node-1, or add the name by --web-host',
      );
    const long = await refused(null, { host: `${'x'.repeat(5000)}\r\n` }, { hosts });
    assert.ok(long.length < 400 && !long.includes('\n'), long);
    for (const host of [null, 'node-1:9288', '10.0.0.1:9288'])
      assert.equal(await refused(null, { host }, { hosts }), 'no', String(host));
  });

  it('is accepted with any Host where no browser comes', async () => {
    assert.equal(await refused(null, { host: 'lvscare' }), 'no');
  });

  it('needs a password where there are users, but not at the paths that kubelet requests', async () => {
    assert.equal(await refused(OPEN), 'no');
    assert.equal(await refused(WITH_USERS, {}, { verdict: 'right' }), 'no');
    assert.equal(await refused(WITH_USERS), '401 a user name and its password are needed');
    assert.match(await refused(WITH_USERS, {}, { verdict: 'busy' }), /^429 /);
    for (const path of ['/metrics', '/', '/report.json', '/nowhere', '/healthz/'])
      assert.match(await refused(WITH_USERS, { path }), /^401 /, path);
    for (const path of ['/healthz', '/readyz']) assert.equal(await refused(WITH_USERS, { path }), 'no', path);
  });

  it('needs the certificate that client_auth_type says, but not at the paths that kubelet requests', async () => {
    const [untrusted, trusted] = [false, true].map((isTrusted) => ({ isTrusted, names: ['prometheus'] }));
    const accepted: Record<ClientAuth, readonly [none: boolean, untrusted: boolean, trusted: boolean]> = {
      NoClientCert: [true, true, true],
      RequestClientCert: [true, true, true],
      RequireAnyClientCert: [false, true, true],
      VerifyClientCertIfGiven: [true, false, true],
      RequireAndVerifyClientCert: [false, false, true],
    };
    for (const clientAuth of CLIENT_AUTH)
      for (const [index, certificate] of [null, untrusted ?? null, trusted ?? null].entries()) {
        const config = { ...OPEN, tls: { ...TLS, clientAuth } };
        const label = `${clientAuth} ${index}`;
        const result = await refused(config, { certificate });
        assert.equal(result === 'no', accepted[clientAuth][index], label);
        assert.match(result, /^(?:no$|403 )/, label);
        assert.equal(await refused(config, { certificate, path: '/healthz' }), 'no', label);
      }
  });

  it('needs one of the allowed names in its certificate, and a password beside it if there are users', async () => {
    const tls = { ...TLS, clientAuth: 'RequireAndVerifyClientCert', allowedNames: ['prometheus'] } as const;
    const certificate = { isTrusted: true, names: ['a', 'prometheus'] };
    assert.equal(await refused({ ...OPEN, tls }, { certificate }), 'no');
    assert.match(
      await refused({ ...OPEN, tls }, { certificate: { isTrusted: true, names: ['kubelet'] } }),
      /^403 /,
    );
    assert.match(await refused({ ...WITH_USERS, tls }, { certificate }), /^401 /);
  });
});
