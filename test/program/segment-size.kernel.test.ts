// Large answers through the virtual server, in every mode of docs/modes.md, where the node's network carries less than the masters'.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Lab, NODE, urlOf, VIP } from '../../lab/index.js';
import type { RequestResult } from '../../lab/client-calls.js';
import { lvscare } from './lvscare.js';
import { at, CLIENTS, expected, FAMILIES, MODES, Theatre, virtualServer } from './ways.js';

const BYTES = 256 * 1024;

describe('a node whose network carries less than that of its masters', () => {
  let theatre: Theatre;
  before(async () => {
    const lab = await Lab.create({ masters: 1, clients: ['pod', 'external'] });
    const stages = FAMILIES.map((family) => ({
      server: 'remote' as const,
      family,
      port: 6443,
      realServers: lab.masters.map((master) => at(master, family)),
      ip: null,
    }));
    theatre = new Theatre(lab, stages);
    await carries(1400);
    for (const host of [...lab.masters, lab.node, lab.client('pod'), lab.client('external')]) {
      // Otherwise veth passes on many segments as one packet, of any size.
      const off = await host.exec('ip', ['link', 'set', 'eth0', 'gso_max_segs', '1']);
      assert.equal(off.status, 0, off.stderr);
    }
    const [master] = lab.masters;
    const { pod, external } = {
      pod: lab.client('pod').addresses,
      external: lab.client('external').addresses,
    };
    for (const { ipv4, ipv6 } of [VIP, pod, external]) {
      await master?.exec('ip', ['route', 'add', `${ipv4}/32`, 'via', NODE.ipv4]);
      await master?.exec('ip', ['-6', 'route', 'add', `${ipv6}/128`, 'via', NODE.ipv6]);
    }
    // The node tells it of a shorter way, past it; see docs/modes.md.
    const files = ['ipv4', 'ipv6'].flatMap((family) =>
      ['all', 'eth0'].map((name) => `/proc/sys/net/${family}/conf/${name}/accept_redirects`),
    );
    await master?.exec('tee', files, { input: '0\n' });
  });
  after(() => theatre.lab.close());

  /** The node's cable carries packets of this size; the switch drops larger ones silently. */
  async function carries(mtu: number): Promise<void> {
    const { lab } = theatre;
    const { namespace, switchNamespace, port } = lab.node.host;
    await lab.node.must('ip', ['-n', namespace, 'link', 'set', 'eth0', 'mtu', String(mtu)]);
    await lab.node.must('ip', ['-n', switchNamespace, 'link', 'set', port, 'mtu', String(mtu)]);
  }

  const fetch = (
    client: (typeof CLIENTS)[number],
    family: 'ipv4' | 'ipv6',
    silenceMs?: number,
  ): Promise<RequestResult> =>
    theatre.lab
      .client(client)
      .request(
        urlOf(VIP[family], `/bytes?count=${BYTES}`),
        silenceMs === undefined ? { timeoutMs: 60_000 } : { silenceMs },
      );
  const sizes = (result: RequestResult): unknown => (result.ok ? result.body.length : result.code);

  for (const mode of Object.keys(MODES))
    describe(mode, () => {
      before(() => theatre.open(mode));
      after(() => theatre.close());
      for (const family of FAMILIES)
        for (const client of CLIENTS) {
          // As to the way, docs/modes.md has all; here are those that lead to an answer.
          const of = { mode, family, client, server: 'remote' };
          const isServed = ['no', 'yes'].some((back) => {
            try {
              return ['node', 'client', 'VIP'].includes(expected({ ...of, back })['seen as']);
            } catch {
              return false;
            }
          });
          if (!isServed) continue;
          it(`passes 256 KB to the client ${client}, ${family}`, async () => {
            assert.equal(sizes(await fetch(client, family)), BYTES);
          });
        }
    });

  it('passes them as soon as the path carries less, without a restart', async () => {
    await theatre.open('local');
    assert.equal(sizes(await fetch('node', 'ipv4')), BYTES);
    await carries(1300);
    for (const family of FAMILIES) assert.equal(sizes(await fetch('node', family)), BYTES);
    await carries(1400);
    await theatre.close();
  });

  it('hangs without the limit, which --clean removes: what lvscare prevents', async () => {
    const { node } = theatre.lab;
    await theatre.open('local');
    await theatre.close();
    for (const stage of theatre.stages) {
      assert.equal(sizes(await fetch('node', stage.family)), BYTES, 'also when lvscare has ended');
      const name = `lvscare-${VIP[stage.family].replaceAll(':', '_')}-6443`;
      await node.must('nft', ['delete', 'table', 'inet', name]);
      assert.equal(sizes(await fetch('node', stage.family, 3000)), 'TIMEOUT');
      await lvscare(node, ['care', '--vs', virtualServer(stage), '-C']);
    }
    assert.equal(await node.must('nft', ['list', 'tables']), '');
  });
});
