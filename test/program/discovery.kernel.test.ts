// Discovery: the apiservers of a cluster come and go, and lvscare follows, without a change on the node.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { endpoint, Lab, until, VIP, type LabProcess } from '../../lab/index.js';
import type { Master } from '../../lab/master.js';
import { LAB_TOKEN } from '../../lab/cluster-api.js';
import { lvscare, serversOf, startCare, untilWeights, VS } from './lvscare.js';

const SEEDS = 3;
const OTHER = '10.103.97.3:6443';
/** Longer than any list, probe or drain takes in a guest. */
const PATIENCE_MS = 120_000;

describe('a node with --discover', () => {
  let lab: Lab;
  let directory = '';
  let daemon: LabProcess | null = null;
  before(async () => {
    lab = await Lab.create({ masters: 2 * SEEDS });
    for (const master of lab.masters.slice(SEEDS)) await master.close();
    directory = await mkdtemp(join(tmpdir(), 'lvscare-discovery-'));
    await writeFile(join(directory, 'kubeconfig'), kubeconfig(lab.caFile));
  });
  after(async () => {
    await lab.close();
    await rm(directory, { recursive: true, force: true });
  });

  afterEach(async () => {
    await daemon?.stop();
    daemon = null;
  });

  const seeds = (): readonly Master[] => lab.masters.slice(0, SEEDS);
  const weights = (masters: readonly Master[]): Record<string, number> =>
    Object.fromEntries(masters.map(({ endpoint }) => [endpoint, 1]));
  /** Each of these lists all of them. */
  const cluster = async (listed: readonly Master[], running = listed, mayWatch = true): Promise<void> => {
    for (const master of running)
      await master.list(
        listed.map(({ addresses }) => addresses.ipv4),
        { mayWatch },
      );
  };
  /** What a node keeps over a reboot is in a directory of the test, not of the machine. */
  const wrapper = (): string[] => [
    ...['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /var/lib && exec "$@"', directory],
  ];
  const start = (...extra: string[]): LabProcess =>
    startCare(
      lab,
      ['--discover', join(directory, 'kubeconfig'), '--health-path', '/readyz', '--mode', 'local', ...extra],
      serversOf(lab, seeds()),
      { wrapper: wrapper() },
    );
  const saved = join('lvscare', `${VS}.apiservers.json`);

  it('follows three masters that are replaced one by one at new addresses, without a failed connection', async (context) => {
    await cluster(seeds());
    daemon = start();
    await untilWeights(lab, weights(seeds()), { timeoutMs: PATIENCE_MS });
    await daemon.waitForLine(/local route created/, { timeoutMs: PATIENCE_MS });
    const client = await lab.node.steady({ everyMs: 100, timeoutMs: 20_000 });
    let members = [...seeds()];
    for (let index = 0; index < SEEDS; index += 1) {
      const [old, fresh] = [lab.master(index), lab.master(SEEDS + index)];
      await fresh.start();
      const running = [...members, fresh];
      await cluster(running);
      await daemon.waitForLine(new RegExp(`${fresh.addresses.ipv4}:6443 is a real server from now on`), {
        timeoutMs: PATIENCE_MS,
      });
      await untilWeights(lab, weights(running), { timeoutMs: PATIENCE_MS });
      members = running.filter((master) => master !== old);
      await cluster(members, running);
      await old.shutDown({ unreadyMs: 5000 });
      await untilWeights(lab, weights(members), { timeoutMs: PATIENCE_MS });
    }
    const samples = await client.stop();
    context.diagnostic(`${samples.length} requests, ${client.failures.length} failed`);
    assert.deepEqual(client.failures, []);
    assert.ok(samples.length > 50);
    const report = async (): Promise<Report> => {
      const { stdout } = await lvscare(lab.node, ['status', '--json']);
      const [{ care }] = (JSON.parse(stdout) as Status).virtualServers;
      return care;
    };
    assert.deepEqual(
      Object.fromEntries(
        (await report()).servers.map(({ server, state, membership }) => [
          server,
          `${state} ${membership.source}`,
        ]),
      ),
      Object.fromEntries(
        lab.masters.map(({ endpoint }, index) => [endpoint, index < SEEDS ? 'dead seed' : 'up discovered']),
      ),
    );
    // The last one that was replaced gave the list until it ended.
    await until(
      async () => {
        const { from } = (await report()).discovery.lastList;
        return members.some(({ endpoint }) => endpoint === from);
      },
      { what: 'the list is read from one of the new masters', timeoutMs: PATIENCE_MS },
    );
  });

  it('finds the cluster after a reboot at which every server of --rs is gone, by the saved list', async () => {
    const left = lab.masters.slice(SEEDS);
    const { servers } = JSON.parse(await readFile(join(directory, saved), 'utf8')) as { servers: string[] };
    for (const { endpoint } of left) assert.ok(servers.includes(endpoint), endpoint);
    await lab.node.ipvsadm('-C');
    daemon = start();
    await daemon.waitForLine(/beginning with --rs and the list of apiservers that was saved/, {
      timeoutMs: PATIENCE_MS,
    });
    await untilWeights(lab, weights(left), { timeoutMs: PATIENCE_MS });
    const answer = await lab.node.request(undefined, { timeoutMs: 20_000 });
    assert.ok(answer.ok);
  });

  it('begins with --rs alone when the saved list is damaged, and goes on when it cannot be saved', async () => {
    for (const master of seeds()) await master.start();
    for (const master of lab.masters.slice(SEEDS)) await master.close();
    await cluster(seeds(), seeds(), false);
    await lab.node.ipvsadm('-C');
    // A disk of one page, which the damaged file fills.
    const full =
      'mount --bind "$0" /var/lib && mount -t tmpfs -o size=4k small /var/lib/lvscare && ' +
      'printf "{" >"/var/lib/$1" && shift && exec "$@"';
    daemon = startCare(lab, ['--discover', join(directory, 'kubeconfig')], serversOf(lab, [lab.master(0)]), {
      wrapper: ['unshare', '-m', 'sh', '-c', full, directory, saved],
    });
    await daemon.waitForLine(/the saved list of apiservers is not used: .* is damaged; beginning with --rs/, {
      timeoutMs: PATIENCE_MS,
    });
    // By the right of a kubelet alone: the Endpoints object.
    await untilWeights(lab, weights(seeds()), { timeoutMs: PATIENCE_MS });
    await daemon.waitForLine(/cannot save state: ENOSPC/, { timeoutMs: PATIENCE_MS });
  });

  it('changes nothing for an empty list, or one of a virtual server', async () => {
    for (const master of seeds()) await master.list([VS.replace(/:.*/, '')]);
    await lab.node.ipvsadm('-C');
    await rm(join(directory, saved), { force: true });
    daemon = start();
    await daemon.waitForLine(/ignored of the list of apiservers .*: .* it is a virtual server/, {
      timeoutMs: PATIENCE_MS,
    });
    await untilWeights(lab, weights(seeds()), { timeoutMs: PATIENCE_MS });
    for (const master of seeds()) await master.list([]);
    await daemon.waitForLine(/ignored of the list of apiservers .*: the list is empty/, {
      timeoutMs: PATIENCE_MS,
    });
    await untilWeights(lab, weights(seeds()));
  });

  it('keeps what the cluster lists when a reload takes it out of --rs, for one of two virtual servers, in mode route', async () => {
    await cluster(seeds());
    await lab.node.ipvsadm('-C');
    await rm(join(directory, saved), { force: true });
    const file = join(directory, 'lvscare.yaml');
    const text = ({ endpoint: rs }: Master): string =>
      [
        'metrics-addr: off',
        `defaults: { health-ca: ${lab.caFile}, mode: route, interval: 1s, drain-timeout: 2s }`,
        'virtualServers:',
        `  - { vs: "${VS}", rs: ["${rs}"], discover: ${join(directory, 'kubeconfig')} }`,
        `  - { vs: "${OTHER}", rs: ["${rs}"] }`,
        '',
      ].join('\n');
    await writeFile(file, text(lab.master(0)));
    daemon = startCare(lab, [], ['--config', file], { quick: false, wrapper: wrapper() });
    await untilWeights(lab, weights(seeds()), { timeoutMs: PATIENCE_MS });
    await untilWeights(lab, weights([lab.master(0)]), { virtualServer: OTHER });
    await writeFile(file, text(lab.master(1)));
    daemon.signal('SIGHUP');
    await untilWeights(lab, weights([lab.master(1)]), { virtualServer: OTHER, timeoutMs: PATIENCE_MS });
    assert.deepEqual(await lab.node.weights(VS), weights(seeds()));
    const shown = (await lvscare(lab.node, ['status', '--vs', VS])).stdout;
    assert.match(shown, /10\.103\.97\.200:6443 .*discovered/);
  });

  it('follows a list of IPv6 addresses', async () => {
    for (const master of seeds()) await master.list(seeds().map(({ addresses }) => addresses.ipv6));
    const virtualServer = endpoint(VIP.ipv6);
    daemon = startCare(
      lab,
      ['--discover', join(directory, 'kubeconfig')],
      ['--vs', virtualServer, '--rs', lab.master(0).endpoint6, '--health-ca', lab.caFile],
      { wrapper: wrapper() },
    );
    const all = Object.fromEntries(seeds().map(({ endpoint6 }) => [endpoint6, 1]));
    await untilWeights(lab, all, { virtualServer, timeoutMs: PATIENCE_MS });
  });

  it('removes the saved list with --clean', async () => {
    await writeFile(join(directory, saved), '{}');
    const { status, stderr } = await lvscare(lab.node, ['care', '--vs', VS, '--clean'], {}, wrapper());
    assert.equal(status, 0, stderr);
    await assert.rejects(readFile(join(directory, saved)), { code: 'ENOENT' });
  });
});

interface Status {
  readonly virtualServers: readonly [{ readonly care: Report }];
}

interface Report {
  readonly discovery: { readonly lastList: { readonly from: string } };
  readonly servers: readonly {
    readonly server: string;
    readonly state: string;
    readonly membership: { readonly source: string };
  }[];
}

/** Of the lab's cluster, with the token that its apiservers know. */
function kubeconfig(caFile: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'lab',
    clusters: [{ name: 'lab', cluster: { server: `https://${VS}`, 'certificate-authority': caFile } }],
    users: [{ name: 'lab', user: { token: LAB_TOKEN } }],
    contexts: [{ name: 'lab', context: { cluster: 'lab', user: 'lab' } }],
  });
}
