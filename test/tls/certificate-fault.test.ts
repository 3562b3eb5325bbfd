import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import tls from 'node:tls';
import { certificateFault, type ExpectedIdentity } from '../../src/tls/certificate-fault.js';
import { issuer, type Issued, type Wanted } from '../probe/issuer.js';
import { rawAboveTls } from '../probe/servers.js';

const HERE = { address: '127.0.0.1', serverName: null };
const NAMES = ['DNS:kubernetes', 'DNS:*.example.org', 'IP:127.0.0.1', 'IP:fd00::1'];

let directory: string;
let issue: (wanted: Wanted) => Promise<Issued>;
let root: Issued;
let good: Issued;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-certificate-'));
  issue = issuer(directory);
  root = await issue({ subject: '/CN=root', authority: true, signer: null });
  good = await issue({ subject: '/O=lab/CN=apiserver', names: NAMES, signer: root });
});
after(() => rm(directory, { recursive: true }));

interface Meeting {
  readonly server: Pick<Issued, 'cert' | 'key'>;
  readonly ca?: string | readonly string[];
  readonly expected?: ExpectedIdentity;
  /** How the client connects beside that. */
  readonly how?: tls.ConnectionOptions;
}

/** What a client says of a server's certificate, which has to be the same in either version of TLS. */
async function met({ server, ca = root.cert, expected = HERE, how = {} }: Meeting): Promise<string | null> {
  const said = [];
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    await using listening = await rawAboveTls({ ...server, maxVersion: version }, () => undefined);
    const socket = tls.connect({
      host: listening.endpoint.address,
      port: listening.endpoint.port,
      rejectUnauthorized: false,
      ca: [ca].flat(),
      ...how,
    });
    await once(socket, 'secureConnect');
    assert.equal(socket.getProtocol(), version);
    const fault = certificateFault(socket, expected);
    assert.deepEqual(certificateFault(socket, expected), fault, 'the same when it is asked again');
    socket.destroy();
    said.push(fault?.detail ?? null);
  }
  assert.equal(said[0], said[1]);
  return said[0] ?? null;
}

function until(pem: string, end: 'validFrom' | 'validTo'): string {
  return new Date(new X509Certificate(pem)[end]).toISOString().replace('.000', '');
}

const named = (serverName: string): ExpectedIdentity => ({ ...HERE, serverName });

describe('a certificate is acceptable', () => {
  const cases: Readonly<Record<string, () => Meeting | Promise<Meeting>>> = {
    'for the address': () => ({ server: good }),
    'for the server name': () => ({
      server: good,
      expected: named('kubernetes'),
      how: { servername: 'kubernetes' },
    }),
    'for the server name, in other letters': () => ({ server: good, expected: named('KUBERNETES') }),
    'for the server name, by a wildcard': () => ({ server: good, expected: named('a.example.org') }),
    'for an address instead of a server name': () => ({ server: good, expected: named('fd00::1') }),
    'for an address of either spelling': () => ({
      server: good,
      expected: { address: 'fd00:0:0::1', serverName: null },
    }),
    'for the server name, though not for the address': async () => ({
      server: await issue({ subject: '/CN=x', names: ['DNS:kubernetes'], signer: root }),
      expected: named('kubernetes'),
    }),
    'when its CA is below the one that is trusted': async () => {
      const [middle, leaf] = await below(root);
      return { server: { cert: leaf.cert + middle.cert, key: leaf.key } };
    },
    'when the CA that is trusted is below another one': async () => {
      const [middle, leaf] = await below(root);
      return { server: leaf, ca: middle.cert, how: { allowPartialTrustChain: true } };
    },
    'when one of the CAs that are trusted has signed it': async () => ({
      server: good,
      ca: [(await issue({ subject: '/CN=other', authority: true, signer: null })).cert, root.cert],
    }),
    'when it is trusted itself': async () => {
      const self = await issue({ subject: '/CN=self', names: NAMES, signer: null });
      return { server: self, ca: self.cert };
    },
  };
  for (const [title, meeting] of Object.entries(cases)) {
    it(title, async () => {
      assert.equal(await met(await meeting()), null);
    });
  }
});

/** A CA below another one, and a certificate below that. */
async function below(top: Issued): Promise<[middle: Issued, leaf: Issued]> {
  const middle = await issue({ subject: '/CN=middle', authority: true, signer: top });
  return [middle, await issue({ subject: '/CN=leaf', names: NAMES, signer: middle })];
}

type Fault = readonly [Meeting, message: string];

describe('the fault of a certificate', () => {
  const WHOSE = '(subject O=lab, CN=apiserver, issuer CN=root)';
  const subject = '/O=lab/CN=apiserver';

  const cases: Readonly<Record<string, () => Fault | Promise<Fault>>> = {
    expired: async () => {
      const server = await issue({ subject, names: NAMES, signer: root, fromDay: -3, untilDay: -1 });
      const end = until(server.cert, 'validTo');
      return [{ server }, `certificate has expired: it was valid until ${end} ${WHOSE}`];
    },
    'not yet valid': async () => {
      const server = await issue({ subject, names: NAMES, signer: root, fromDay: 1, untilDay: 3 });
      const start = until(server.cert, 'validFrom');
      return [{ server }, `certificate is not yet valid: it will be from ${start} ${WHOSE}`];
    },
    'a CA that has expired': async () => {
      const old = await issue({ subject: '/CN=old', authority: true, signer: null, untilDay: -0.5 });
      const server = await issue({ subject, names: NAMES, signer: old });
      const end = until(old.cert, 'validTo');
      return [
        { server, ca: old.cert },
        `the certificate of the certificate's CA has expired: it was valid until ${end} (subject CN=old, issuer CN=old)`,
      ];
    },
    'another address': () => [
      { server: good, expected: { address: '127.0.0.2', serverName: null }, how: { host: '127.0.0.1' } },
      'certificate is not for 127.0.0.2: it is for IP Address:127.0.0.1, IP Address:FD00:0:0:0:0:0:0:1, ' +
        `DNS:kubernetes, DNS:*.example.org ${WHOSE}`,
    ],
    'another server name': () => [
      { server: good, expected: named('apiserver'), how: { servername: 'apiserver' } },
      'certificate is not for apiserver: it is for DNS:kubernetes, DNS:*.example.org, IP Address:127.0.0.1, ' +
        `IP Address:FD00:0:0:0:0:0:0:1 ${WHOSE}`,
    ],
    'a server name that only the socket was told to expect': () => [
      { server: good, expected: named('apiserver'), how: { servername: 'kubernetes' } },
      'certificate is not for apiserver: it is for DNS:kubernetes, DNS:*.example.org, IP Address:127.0.0.1, ' +
        `IP Address:FD00:0:0:0:0:0:0:1 ${WHOSE}`,
    ],
    'the address is good, and the server name is not': async () => [
      {
        server: await issue({ subject, names: ['IP:127.0.0.1'], signer: root }),
        expected: named('kubernetes'),
      },
      `certificate is not for kubernetes: it is for IP Address:127.0.0.1 ${WHOSE}`,
    ],
    'no names, but a common name, which is not an address': async () => [
      { server: await issue({ subject: '/CN=127.0.0.1', signer: root }) },
      'certificate is not for 127.0.0.1: it has no alternative names (subject CN=127.0.0.1, issuer CN=root)',
    ],
    'more names than one reads': async () => {
      const names = Array.from({ length: 30 }, (_, index) => `DNS:node-${index}`);
      return [
        { server: await issue({ subject, names: [...names, 'IP:10.0.0.1'], signer: root }) },
        'certificate is not for 127.0.0.1: it is for IP Address:10.0.0.1, DNS:node-0, DNS:node-1, DNS:node-2, ' +
          `DNS:node-3, DNS:node-4, DNS:node-5, DNS:node-6 and 23 more ${WHOSE}`,
      ];
    },
    'a name longer than one reads': async () => {
      const label = 'a'.repeat(50);
      return [
        {
          server: await issue({ subject, names: [`DNS:${label}.${label}.${label}`], signer: root }),
        },
        `certificate is not for 127.0.0.1: it is for DNS:${label}.${'a'.repeat(45)}... ${WHOSE}`,
      ];
    },
    'self-signed': async () => [
      { server: await issue({ subject, names: NAMES, signer: null }) },
      'certificate is self-signed, and not trusted (subject O=lab, CN=apiserver, issuer O=lab, CN=apiserver)',
    ],
    'an unknown CA': async () => {
      const other = await issue({ subject: '/CN=other', authority: true, signer: null });
      return [
        { server: await issue({ subject, names: NAMES, signer: other }) },
        'certificate is of an unknown CA, CN=other (subject O=lab, CN=apiserver, issuer CN=other)',
      ];
    },
    'an unknown CA, with one below it': async () => {
      const other = await issue({ subject: '/CN=other', authority: true, signer: null });
      const [middle, leaf] = await below(other);
      return [
        { server: { cert: leaf.cert + middle.cert, key: leaf.key } },
        'certificate is of an unknown CA, CN=other (subject CN=leaf, issuer CN=middle)',
      ];
    },
    'a CA that is not trusted, and that the server shows': async () => {
      const other = await issue({ subject: '/CN=other', authority: true, signer: null });
      const leaf = await issue({ subject, names: NAMES, signer: other });
      return [
        { server: { cert: leaf.cert + other.cert, key: leaf.key } },
        'certificate is of a CA that is not trusted, CN=other (subject O=lab, CN=apiserver, issuer CN=other)',
      ];
    },
    'no CA at all to trust': () => [
      { server: good, ca: [] },
      'certificate is of an unknown CA, CN=root (subject O=lab, CN=apiserver, issuer CN=root)',
    ],
    'another CA of the same name, as those of kubeadm are': async () => {
      const other = await issue({ subject: '/CN=root', authority: true, signer: null });
      return [
        { server: await issue({ subject, names: NAMES, signer: other }) },
        `certificate is of an unknown CA, CN=root ${WHOSE}`,
      ];
    },
    'another CA of the same name, without identifiers of keys': async () => {
      const made = { subject: '/CN=same', authority: true, signer: null, withKeyIdentifiers: false };
      const [trusted, other] = [await issue(made), await issue(made)];
      return [
        {
          server: await issue({ subject, names: NAMES, signer: other, withKeyIdentifiers: false }),
          ca: trusted.cert,
        },
        'certificate is of another CA with the name of a trusted one ' +
          '(subject O=lab, CN=apiserver, issuer CN=same)',
      ];
    },
    'without a subject, and with line breaks in its issuer': async () => {
      const strange = await issue({ subject: '/CN=a\nb', authority: true, signer: null });
      return [
        { server: await issue({ subject: '/', names: NAMES, signer: strange }) },
        'certificate is of an unknown CA, CN=a\\0Ab (subject without a name, issuer CN=a\\0Ab)',
      ];
    },
  };
  for (const [title, made] of Object.entries(cases)) {
    it(title, async () => {
      const [meeting, message] = await made();
      assert.equal(await met(meeting), message);
    });
  }
});

describe('what else is no good', () => {
  it('is a certificate signed by who is no CA, whatever OpenSSL calls it', async () => {
    const server = await issue({ subject: '/CN=x', names: NAMES, signer: good });
    const said = await met({ server: { cert: server.cert + good.cert, key: server.key } });
    assert.match(
      said ?? '',
      /^certificate is not accepted: INVALID_(CA|PURPOSE) \(subject CN=x, issuer O=lab, CN=apiserver\)$/,
    );
  });

  it('is a session that is resumed: it shows no certificate, and Node checks no name', async () => {
    await using listening = await rawAboveTls({ ...good, maxVersion: 'TLSv1.2' }, (socket) =>
      socket.write('hello'),
    );
    const options = {
      host: listening.endpoint.address,
      port: listening.endpoint.port,
      rejectUnauthorized: false,
      ca: root.cert,
      // Newer releases of Node.js resume a session only under the same name.
      servername: 'apiserver',
    };
    const first = tls.connect(options);
    await once(first, 'data');
    const session = first.getSession();
    assert.ok(session !== undefined);
    first.destroy();
    const second = tls.connect({ ...options, session });
    await once(second, 'secureConnect');
    assert.ok(second.isSessionReused());
    assert.ok(second.authorized, 'Node is content');
    assert.equal(certificateFault(second, HERE)?.detail, 'the server showed no certificate');
    second.destroy();
  });
});
