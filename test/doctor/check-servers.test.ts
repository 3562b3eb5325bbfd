import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  checkCertificates,
  checkClock,
  checkServers,
  checkSourcePorts,
  checkVirtualServerAnswers,
} from '../../src/doctor/check-servers.js';
import type { Subject } from '../../src/doctor/ports.js';
import { issuer } from '../probe/issuer.js';
import { HELD, hosts, table, well } from './check-table.js';
import { answer, lineOf, nodeFrom, NOW_MS, RS, SUBJECT, VS, wellNode, type FakeNode } from './fake-node.js';

const failing =
  (kind: Parameters<typeof answer>[0]) =>
  (fake: FakeNode): void => {
    fake.answers['10.0.0.1:6443'] = answer(kind);
  };
const SECOND_WELL = 'ok 10.0.0.2:6443: status 200 in 4.0 ms';
table('rs', checkServers, [
  ['well', well, 'ok 10.0.0.1:6443: status 200 in 4.0 ms', SECOND_WELL],
  [
    'refused',
    failing({ kind: 'refused', detail: 'ECONNREFUSED' }),
    /^fail 10\.0\.0\.1:6443: refused: ECONNREFUSED -> on 10\.0\.0\.1: crictl/,
    SECOND_WELL,
  ],
  [
    'silent',
    failing({ kind: 'silent', detail: 'no answer' }),
    /^fail .*-> ip route get 10\.0\.0\.1/,
    SECOND_WELL,
  ],
  ['slow', failing({ kind: 'slow', detail: 'x' }), /^fail /, SECOND_WELL],
  ['broken', failing({ kind: 'broken', detail: 'x' }), /^fail /, SECOND_WELL],
  [
    'tls',
    failing({ kind: 'tls', detail: 'x' }),
    /^fail .*-> lvscare probe --rs 10\.0\.0\.1:6443/,
    SECOND_WELL,
  ],
  [
    'status',
    failing({ kind: 'status', detail: 'status 500' }),
    /^fail .*-> curl -k 'https:\/\/10\.0\.0\.1:6443\/readyz\?verbose'$/,
    SECOND_WELL,
  ],
  [
    'hardened',
    (fake) =>
      void (fake.answers['10.0.0.1:6443'] = answer(
        { kind: 'status', detail: 'status 401' },
        { status: 401 },
      )),
    /^fail 10\.0\.0\.1:6443: status: status 401; the apiserver answers no anonymous requests, .* -> give lvscare --health-cert and /,
    SECOND_WELL,
  ],
  [
    'our own fault',
    failing({ kind: 'inconclusive', detail: 'EMFILE' }),
    /^warn .*could not be probed: EMFILE/,
    SECOND_WELL,
  ],
  ['not told', () => ({ realServers: [] }), 'skip: no --rs'],
]);

const PORTS = { first: 61440, last: 65535 };
const filtered = (fake: FakeNode): void => {
  fake.answers['10.0.0.2:6443'] = { ...answer(), silentTo: PORTS };
};
const CURE =
  ' -> nft list ruleset; iptables-save; let the packet filter pass answers to ports 61440-65535, or set --health-source-ports kernel';
const NO_ANSWER =
  '10.0.0.2:6443: no answer to ports 61440-65535, which probes use, but to a port that the kernel chose';
table('source-ports', checkSourcePorts, [
  ['well', well, 'ok: servers answer to the ports that probes use'],
  ['filtered', filtered, `warn: ${NO_ANSWER}; lvscare uses such ports there${CURE}`],
  [
    'filtered where the range is given',
    (fake) => {
      filtered(fake);
      return { sourcePorts: PORTS };
    },
    `fail: ${NO_ANSWER}${CURE}`,
  ],
  ['of the kernel', () => ({ sourcePorts: 'kernel' }), 'ok: the kernel chooses them, as for clients'],
  [
    'of servers that are all silent',
    (fake) => {
      for (const { text } of RS) fake.answers[text] = answer({ kind: 'silent', detail: 'x' });
    },
    'skip: no server answers',
  ],
  ['not told', () => ({ realServers: [] }), 'skip: no --rs'],
]);

const ONE = { realServers: RS.slice(0, 1) };
const ahead =
  (...ms: number[]) =>
  (fake: FakeNode): Partial<Subject> => {
    ms.forEach((each, index) => {
      fake.answers[`10.0.0.${index + 1}:6443`] = answer(undefined, { dateMs: NOW_MS + each });
    });
    return { realServers: RS.slice(0, ms.length) };
  };
table('clock', checkClock, [
  ['the same', well, 'ok: within 2 s of 10.0.0.1:6443, 10.0.0.2:6443'],
  [
    'not told',
    (fake) => {
      fake.answers['10.0.0.1:6443'] = answer(undefined, { dateMs: null });
      return ONE;
    },
    /^skip/,
  ],
  ['a second behind, as a date in whole seconds is', ahead(-1000), /^ok/],
  ['2 s ahead', ahead(2000), /^ok/],
  [
    'ours is behind',
    ahead(60_000, 61_000),
    "warn: this node's clock differs from 10.0.0.1:6443 by +60 s, 10.0.0.2:6443 by +61 s -> timedatectl set-ntp true; timedatectl timesync-status",
  ],
  ['ours is ahead', ahead(-60_000), /^warn: this node's clock differs from 10\.0\.0\.1:6443 by -59 s/],
  [
    'theirs is',
    ahead(0, 60_000),
    /^warn: the clocks of these differ from this node's: 10\.0\.0\.2:6443 by \+60 s -> on 10\.0\.0\.2: timedatectl/,
  ],
]);

const there = (fake: FakeNode): void => {
  fake.files['/proc/net/ip_vs'] = HELD;
};
table('through-vip', checkVirtualServerAnswers, [
  ['not there yet', well, 'skip: the kernel has no 10.103.97.2:6443 yet'],
  ['well', there, 'ok: 4.0 ms, directly 4.0 to 4.0 ms'],
  [
    'dead although servers are well',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer({ kind: 'silent', detail: 'no answer to connect in 1000 ms' });
    },
    /^fail: silent: .*, although real servers answer -> sysctl -w net\.ipv4\.vs\.conntrack=1, or give lvscare --masquerade: most often a firewall drops .*; else ipvsadm -Ln -t 10\.103\.97\.2:6443; ip route get 10\.103\.97\.2; nft list ruleset; iptables-save$/,
  ],
  [
    'dead although servers are well, and a firewall knows their answers',
    (fake) => {
      there(fake);
      fake.files['/proc/sys/net/ipv4/vs/conntrack'] = '1\n';
      fake.answers[VS.text] = answer({ kind: 'silent', detail: 'no answer to connect in 1000 ms' });
    },
    /^fail: .*, although real servers answer -> ipvsadm -Ln/,
  ],
  [
    'dead although servers are well, with masquerading',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer({ kind: 'silent', detail: 'no answer to connect in 1000 ms' });
      return { masquerade: true };
    },
    /^fail: .*, although real servers answer -> ipvsadm -Ln/,
  ],
  [
    'refused although servers are well',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer({ kind: 'refused', detail: 'x' });
    },
    /^fail: .*, although real servers answer -> ipvsadm -Ln/,
  ],
  [
    'dead like all servers',
    (fake) => {
      there(fake);
      for (const text of [VS.text, ...RS.map((server) => server.text)])
        fake.answers[text] = answer({ kind: 'refused', detail: 'x' });
    },
    /^warn: refused: x; no real server answers either/,
  ],
  [
    'slow',
    (fake) => {
      there(fake);
      fake.answers[VS.text] = answer(undefined, {
        phases: { connectMs: 1, handshakeMs: 1, firstByteMs: 1, totalMs: 1500 },
      });
    },
    /^warn: 1500\.0 ms, directly 4\.0 to 4\.0 ms: slower/,
  ],
  [
    'health elsewhere',
    (fake) => {
      there(fake);
      return { healthPort: 8080 };
    },
    /^skip/,
  ],
]);

describe('doctor: certificate', () => {
  let directory = '';
  let issue: ReturnType<typeof issuer>;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lvscare-doctor-'));
    issue = issuer(directory);
  });
  after(() => rm(directory, { recursive: true }));

  /** What is said of a chain whose own certificate is for these names and these days, counted from now. */
  async function said(
    names: readonly string[],
    days: { readonly from?: number; readonly until?: number; readonly caUntil?: number } = {},
    breakIt: (fake: FakeNode) => void = () => undefined,
  ): Promise<string> {
    const lines = await allSaid(names, days, breakIt);
    assert.equal(lines.length, 1);
    return lines[0] ?? '';
  }
  async function allSaid(
    names: readonly string[],
    days: { readonly from?: number; readonly until?: number; readonly caUntil?: number },
    breakIt: (fake: FakeNode) => void = () => undefined,
  ): Promise<string[]> {
    const { from = -1, until = 300.5, caUntil = 3000 } = days;
    // Certificates are made by the real clock, and judged by the node's.
    const shift = (NOW_MS - Date.now()) / 86_400_000;
    const root = await issue({
      subject: '/CN=root',
      authority: true,
      signer: null,
      fromDay: shift - 40,
      untilDay: shift + caUntil,
    });
    const own = await issue({
      subject: '/CN=a',
      names,
      signer: root,
      fromDay: shift + from,
      untilDay: shift + until,
    });
    const chain = [own, root].map(({ cert }) => new X509Certificate(cert).raw);
    const fake = wellNode();
    breakIt(fake);
    fake.answers['10.0.0.1:6443'] = answer(undefined, {
      session: { protocol: 'TLSv1.3', cipher: 'x', chain, notAfterMs: null },
    });
    return [await checkCertificates(nodeFrom(fake), { ...SUBJECT, ...ONE })].flat().map(lineOf);
  }
  const VIP = 'IP:10.103.97.2';
  const named = (fake: FakeNode): void => {
    hosts('10.103.97.2 apiserver.cluster.local')(fake);
  };

  it('good', async () => {
    assert.equal(await said([VIP]), 'ok 10.0.0.1:6443: for 10.103.97.2; 300 days left');
    assert.match(
      await said([VIP, 'DNS:apiserver.cluster.local'], {}, named),
      /^ok .*for 10\.103\.97\.2, apiserver\.cluster\.local;/,
    );
    assert.match(await said([VIP, 'DNS:*.cluster.local'], {}, named), /^ok /);
  });
  it('expired, or soon', async () => {
    assert.match(
      await said([VIP], { from: -9, until: -1 }),
      /^fail \S+: its certificate expired at 2026-05-31T12:00:0\dZ -> on 10\.0\.0\.1: kubeadm certs renew apiserver/,
    );
    assert.match(await said([VIP], { until: 6.5 }), /^fail \S+: its certificate expires in 6 days/);
    assert.match(await said([VIP], { until: 7.5 }), /^warn \S+: its certificate expires in 7 days/);
    assert.match(await said([VIP], { until: 29.5 }), /^warn /);
    assert.match(await said([VIP], { until: 30.5 }), /^ok /);
  });
  it('not yet valid', async () => {
    assert.match(
      await said([VIP], { from: 1 }),
      /^fail \S+: its certificate is not valid before \S+: the clock of this node is behind.* -> timedatectl/,
    );
  });
  it('of a CA that expires', async () => {
    assert.match(
      await said([VIP], { caUntil: 3.5 }),
      /^fail \S+: the certificate of its CA, CN=root, expires in 3 days/,
    );
  });
  it('not for the virtual server', async () => {
    assert.match(
      await said(['IP:10.0.0.1']),
      /^fail \S+: its certificate is not for 10\.103\.97\.2: it is for IP:10\.0\.0\.1 -> .*certSANs/,
    );
    assert.match(
      await said(['DNS:apiserver.cluster.local'], {}, named),
      /^warn \S+: its certificate is not for 10\.103\.97\.2/,
    );
    assert.match(
      await said([VIP], {}, named),
      /^fail \S+: its certificate is not for apiserver\.cluster\.local/,
    );
    assert.match(await said([]), /^fail .* it is for no name/);
  });
  it('of all that is wrong, the worst first', async () => {
    const lines = await allSaid(['IP:10.0.0.1'], { until: 20.5, caUntil: 4.5 });
    assert.equal(lines.length, 3, lines.join('\n'));
    assert.match(lines[0] ?? '', /^fail \S+: the certificate of its CA, CN=root, expires in 4 days/);
    assert.match(lines[1] ?? '', /^fail \S+: its certificate is not for 10\.103\.97\.2/);
    assert.match(lines[2] ?? '', /^warn \S+: its certificate expires in 20 days/);
  });
  it('none to look at', async () => {
    const lines = [await checkCertificates(nodeFrom(wellNode()), { ...SUBJECT, ...ONE })].flat().map(lineOf);
    assert.deepEqual(lines, ['skip 10.0.0.1:6443: it sent no certificate']);
    const http = [await checkCertificates(nodeFrom(wellNode()), { ...SUBJECT, scheme: 'http' })].flat();
    assert.deepEqual(http.map(lineOf), ['skip: probes use HTTP']);
  });
});
