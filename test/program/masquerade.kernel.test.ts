// `--masquerade` where it matters: the virtual server's address is on an interface, so that clients would speak from it,
// and there are clients that the masters know no way back to.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { endpoint, Lab, NODE, VIP, type LabProcess } from '../../lab/index.js';
import type { RequestOptions } from '../../lab/client-calls.js';
import { lvscare, startCare, VS } from './lvscare.js';

const VS6 = endpoint(VIP.ipv6);
const FAMILIES = ['ipv4', 'ipv6'] as const;
const CLIENTS = ['node', 'pod', 'external'] as const;
const TABLE = 'table ip lvscare-10.103.97.2-6443';
const CONNTRACK = 'net.ipv4.vs.conntrack';
const TABLE6 = 'table ip6 lvscare-fd00_10_103_97__2-6443';

/** Somebody else's, of both families, much like ours. */
const FOREIGN = `
table ip nat {
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr 192.0.2.0/24 masquerade
  }
}
table ip6 lvscare-10.103.97.2-6443 {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
  }
}
table inet filter {
  chain input {
    type filter hook input priority filter; policy accept;
  }
}
`;

describe('--masquerade', () => {
  let lab: Lab;
  let daemon: LabProcess | null = null;
  let foreign = '';
  /** The options of the virtual server of each family; masters are reached by both. */
  const servers = (family: keyof typeof VIP): string[] => {
    const rs = lab.masters.map((master) => (family === 'ipv4' ? master.endpoint : master.endpoint6));
    return [
      '--vs',
      family === 'ipv4' ? VS : VS6,
      '--rs',
      rs.join(','),
      '--mode',
      'none',
      '--health-ca',
      lab.caFile,
    ];
  };
  const nft = (...args: string[]): Promise<string> => lab.node.must('nft', args);
  const ruleset = (): Promise<string> => nft('-a', 'list', 'ruleset');
  const tables = async (): Promise<string[]> => (await nft('list', 'tables')).trim().split('\n');
  /** How the server sees each client, over each family. */
  const seen = async (limit: RequestOptions): Promise<Record<string, string>> => {
    const asked = FAMILIES.flatMap((family) =>
      CLIENTS.map(async (client) => {
        const from = lab.client(client);
        return [`${client} ${family}`, await from.seenAs(from.vipUrl('/whoami', family), limit)] as const;
      }),
    );
    return Object.fromEntries(await Promise.all(asked));
  };
  /** `nft -j` of our table, without what changes each time that it is made. */
  const objects = async (): Promise<unknown> =>
    JSON.parse(
      (await nft('-j', 'list', 'table', 'ip', 'lvscare-10.103.97.2-6443')).replaceAll(/, "handle": \d+/g, ''),
    );

  before(async () => {
    lab = await Lab.create({ masters: 1, clients: ['pod', 'external'] });
    const { node } = lab;
    await node.ip('link add lvscare type dummy');
    await node.ip('link set lvscare up');
    await node.ip(`address add ${VIP.ipv4}/32 dev lvscare`);
    await node.ip(`address add ${VIP.ipv6}/128 dev lvscare nodad`);
    await node.must('nft', ['-f', '-'], { input: FOREIGN });
    foreign = await ruleset();
    for (const [virtualServer, server] of [
      [VS, lab.master(0).endpoint],
      [VS6, lab.master(0).endpoint6],
    ]) {
      await node.ipvsadm(`-A -t ${virtualServer} -s rr`);
      await node.ipvsadm(`-a -t ${virtualServer} -r ${server} -m -w 1`);
    }
  });
  after(async () => {
    await daemon?.stop();
    await lab.close();
  });

  it('without it, clients have the virtual address as source, or reach no server', async () => {
    assert.equal(await lab.node.sysctl(CONNTRACK), '0', 'what later tests find is of lvscare');
    assert.deepEqual(await seen({ silenceMs: 3000 }), {
      'node ipv4': VIP.ipv4,
      'pod ipv4': 'TIMEOUT',
      'external ipv4': 'TIMEOUT',
      // To its neighbours IPv6 answers only for the interface that an address is on.
      'node ipv6': 'TIMEOUT',
      'pod ipv6': 'TIMEOUT',
      'external ipv6': 'TIMEOUT',
    });
    assert.equal(await ruleset(), foreign);
  });

  it('with it, the server sees the node, whatever the client: --run-once makes it for one, the daemon for another', async () => {
    daemon = startCare(lab, ['--masquerade'], servers('ipv4'));
    const once = await lvscare(lab.node, ['care', ...servers('ipv6'), '--run-once', '--masquerade']);
    assert.equal(once.status, 0, once.stdout);
    assert.match(once.stdout, new RegExp(`masquerade created: no ${TABLE6}`));
    await daemon.waitForLine(new RegExp(`masquerade created: no ${TABLE}`), { timeoutMs: 60_000 });
    assert.equal(await lab.node.sysctl(CONNTRACK), '1');
    assert.deepEqual(
      await seen({ timeoutMs: 20_000 }),
      Object.fromEntries(
        FAMILIES.flatMap((family) => CLIENTS.map((client) => [`${client} ${family}`, NODE[family]])),
      ),
    );
  });

  it('what another program does to the table is repaired within an interval', async () => {
    assert.ok(daemon !== null);
    const chain = ['ip', 'lvscare-10.103.97.2-6443', 'postrouting'];
    const ours = await objects();
    const changes: readonly string[][] = [
      ['delete', 'table', 'ip', 'lvscare-10.103.97.2-6443'],
      ['flush', 'chain', ...chain],
      ['insert', 'rule', ...chain, 'counter', 'accept'],
      ['chain', ...chain, '{ policy drop; }'],
    ];
    for (const change of changes) {
      const from = daemon.lines.length;
      await nft(...change);
      await daemon.waitForLine(/masquerade repaired/, { from, timeoutMs: 60_000 });
      assert.deepEqual(await objects(), ours, change.join(' '));
    }
    assert.equal(await lab.client('pod').seenAs(), NODE.ipv4);
  });

  it('connections that stand go on while the table is made anew', async () => {
    assert.ok(daemon !== null);
    const connection = await lab.client('pod').open();
    const before = await connection.whoami();
    const from = daemon.lines.length;
    await nft('delete', 'table', 'ip', 'lvscare-10.103.97.2-6443');
    await daemon.waitForLine(/masquerade repaired/, { from, timeoutMs: 60_000 });
    const after = await connection.whoami();
    assert.deepEqual([after.remoteAddress, after.remotePort], [before.remoteAddress, before.remotePort]);
    await connection.close();
  });

  it('is taken away by the next start without it; a dry run only says so', async () => {
    assert.equal(await daemon?.stop(10_000), 0);
    assert.ok((await tables()).includes(TABLE), 'the daemon leaves it');
    const before = await ruleset();
    const start = ['care', ...servers('ipv4'), '--run-once'];
    const dry = await lvscare(lab.node, [...start, '--dry-run']);
    assert.match(dry.stdout, new RegExp(`would remove masquerade: ${TABLE}, because --masquerade is off`));
    assert.equal(await ruleset(), before);

    const off = await lvscare(lab.node, start);
    assert.equal(off.status, 0, off.stdout);
    const left = await tables();
    assert.ok(!left.includes(TABLE));
    assert.ok(left.includes(TABLE6), "the other virtual server's stays");
    assert.equal(await lab.client('node').seenAs(), VIP.ipv4);
  });

  it('--clean removes it without the option', async () => {
    const { status, stdout } = await lvscare(lab.node, ['care', '--vs', VS6, '--clean']);
    assert.equal(status, 0, stdout);
    assert.match(stdout, new RegExp(`removed ${TABLE6}`));
    assert.deepEqual(
      (await tables()).filter((table) => table.includes(VIP.ipv6.replaceAll(':', '_'))),
      [],
      'none of it, in any family',
    );
    assert.equal(await lab.node.sysctl(CONNTRACK), '1', 'while another virtual server of ours is there');
  });

  it('--clean of the last one puts net.ipv4.vs.conntrack back', async () => {
    const { status, stdout } = await lvscare(lab.node, ['care', '--vs', VS, '--clean']);
    assert.equal(status, 0, stdout);
    assert.equal(await lab.node.sysctl(CONNTRACK), '0', stdout);
    assert.equal(await ruleset(), foreign);
  });
});
