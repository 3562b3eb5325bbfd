import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { VirtualServerRow } from '../../lab/ipvsadm.js';
import { Lab, until, type LabProcess } from '../../lab/index.js';
import { chosen, nameOf, panels, variables } from '../monitoring/dashboard.js';
import { textOf, type Rules } from '../monitoring/promtool.js';
import { readBuildInfo } from '../../src/cli/build-info.js';
import { allOf, takeCare, untilWeights } from './lvscare.js';
import { Prometheus, queriesOf } from './prometheus.js';

const ADDRESS = '127.0.0.1:9288';
const [M0, M1, M2] = ['10.103.97.200', '10.103.97.201', '10.103.97.202'] as const;
const ON = 'on (node, local_address, local_port, remote_address, remote_port, proto)';

/** What the dashboard shows: all of it, for there is one node. */
const CHOICES = { cluster: '.*', address: '.*', node: 'node0' };
const RULES = (parse(textOf('alerts.yaml')) as Rules).groups.flatMap(({ rules }) => rules);
/** They tell that the machine is slow, and a guest may be. */
const OF_SLOWNESS = ['LvscareProbesSlow', 'LvscareStarved'];

/** A value, or what it has to be like. */
type Wanted = number | ((value: number) => boolean);
/** What a panel is to show, by the name of each series. */
type Series = Readonly<Record<string, Wanted>>;

const positive = (value: number): boolean => value > 0 && Number.isFinite(value);
const notNegative = (value: number): boolean => value >= 0 && Number.isFinite(value);
/** Nothing is said of it: it may be a ratio of what did not happen. */
const anything = (): boolean => true;

const servers = (names: readonly string[], wanted: Wanted, suffix = ''): Series =>
  Object.fromEntries(names.map((name) => [`${name}:6443${suffix}`, wanted]));

/** What the dashboard shows while the second of three apiservers is dead, and the kernel has these rows. */
function panelsOfFailover(rows: VirtualServerRow['realServers']): Readonly<Record<string, Series>> {
  const all = [M0, M1, M2];
  const healthy = { ...servers(all, 1), ...servers([M1], 0) };
  const active = Object.fromEntries(rows.map((row) => [row.endpoint, row.activeConnections]));
  return {
    'Nodes that answer, A': { '': 1 },
    'Nodes that do not, A': { '': 0 },
    'Apiservers down for most nodes, A': { '': 1 },
    'Nodes on their last resort, A': { '': 0 },
    'Nodes with trouble, A': { '': 0 },
    'First certificate expires in, A': { '': positive },
    'Nodes x apiservers, now, A': { [`node0 ${M0}`]: 1, [`node0 ${M1}`]: 0, [`node0 ${M2}`]: 1 },
    'Nodes x apiservers, those that were down, A': { [`node0 ${M1}:6443`]: 0 },
    'Nodes that hold an apiserver for healthy, A': healthy,
    'Falls, by cause, A': servers([M1], positive, ' dead: refused'),
    'Probe latency, 90 % of all nodes, A': servers(all, positive),
    'Connections, all nodes, A': active,
    'Certificates expire in, A': servers(all, positive),
    'Repairs, all nodes, A': {},
    'Versions, A': { [readBuildInfo().gitVersion]: 1 },
    'Nodes whose clients do not reach the virtual server, A': { '10.103.97.2:6443': 0 },
    'Drained and held out, all nodes, A': servers(all, 0),
    'Real servers of each node, A': { node0: 3 },
    'Alive and ready, A': { alive: 1 },
    'Alive and ready, B': { ready: 1 },
    'Last resort, A': { 'last resort': 0 },
    'Last resort, B': { 'deleted repeatedly': 0 },
    'In the kernel, A': { readable: 1 },
    'In the kernel, B': { present: 1 },
    'Runs for, A': { '': positive },
    'Last pass of the reconciler, A': { ago: notNegative },
    'Last pass of the reconciler, B': { interval: 1 },
    'Trouble, A': {},
    'States, A': { ...servers(all, 4), ...servers([M1], 2) },
    'Taken out, A': servers(all, 0),
    'Transitions, A': servers([M1], positive, ' dead: refused'),
    'Probes that failed, A': servers([M1], positive, ' refused'),
    'Probe latency, A': servers(all, positive, ' 50 %'),
    'Probe latency, B': servers(all, positive, ' 90 %'),
    'Probe latency, C': servers(all, positive, ' 99 %'),
    'Where the time goes, A': {
      ...servers(all, anything, ' connect'),
      ...servers(all, anything, ' handshake'),
      ...servers(all, positive, ' first_byte'),
    },
    'Connections, A': Object.fromEntries(
      rows.map((row) => [`${row.endpoint} active`, row.activeConnections]),
    ),
    'Connections, B': Object.fromEntries(rows.map((row) => [`${row.endpoint} inactive`, notNegative])),
    // The dead one's row was there within the five minutes.
    'New connections, A': servers(all, positive),
    'Weights, A': Object.fromEntries(rows.map((row) => [row.endpoint, row.weight])),
    'Traffic, A': servers(all, positive, ' in'),
    'Traffic, B': servers(all, positive, ' out'),
    'Repairs, A': {},
    'Reconciles, A': { ok: positive, failed: 0, unreadable: 0 },
    'Reconciles, B': {},
    'Duration of a pass, A': { '50 %': positive },
    'Duration of a pass, B': { '99 %': positive },
    'Event-loop delay, A': { '50 %': positive },
    'Event-loop delay, B': { '99 %': positive },
    'CPU, A': { CPU: positive },
    'Memory, A': { resident: positive },
    'Memory, B': { 'JavaScript heap': positive },
    'Since the last healthy answer, A': servers(all, notNegative),
  };
}

/** What is wrong with what a panel shows; series that it is not to show are wrong as well. */
function faultsOf(seen: ReadonlyMap<string, number>, wanted: Series): string[] {
  const fits = (name: string, value: number | undefined): boolean => {
    const one = wanted[name];
    if (one === undefined || value === undefined) return false;
    return typeof one === 'number' ? value === one : one(value);
  };
  return [...new Set([...seen.keys(), ...Object.keys(wanted)])]
    .filter((name) => !fits(name, seen.get(name)))
    .map((name) => `${name}: ${seen.get(name) ?? 'absent'}, wanted ${String(wanted[name] ?? 'none')}`);
}

/** The connections of the virtual server and of each real server. */
async function connectionsByIpvsadm(lab: Lab): Promise<number[]> {
  const text = await lab.node.must('ipvsadm', ['-Ln', '--stats', '--exact']);
  return [...text.matchAll(/^(?:TCP| +->) +\d+\.\S+ +(\d+)/gm)].map(([, count]) => Number(count));
}

describe('Prometheus', () => {
  let lab: Lab;
  let daemon: LabProcess;
  let prometheus: Prometheus;
  before(async () => {
    lab = await Lab.create();
    daemon = await takeCare(lab);
    prometheus = await Prometheus.start(lab.node, ADDRESS);
  });
  after(async () => {
    await prometheus[Symbol.asyncDispose]();
    await daemon.stop();
    await lab.close();
  });

  /** Waits for these alerts, and only these, of the rules that were all judged. */
  async function untilAlerts(wanted: object): Promise<void> {
    let seen: unknown;
    const judged = async (): Promise<boolean> => {
      const alerts = await prometheus.alerts();
      seen = Object.fromEntries(
        [...alerts].filter(([name, { length }]) => length > 0 && !OF_SLOWNESS.includes(name)),
      );
      return alerts.size === RULES.length && isDeepStrictEqual(seen, wanted);
    };
    await until(judged, { timeoutMs: 60_000, everyMs: 500 }).catch(() => {
      assert.deepEqual(seen, wanted);
      assert.fail('not every rule was judged');
    });
  }

  it('scrapes lvscare, and sees every apiserver up', async () => {
    await prometheus.untilValues('lvscare_real_server_up', 'remote_address', { [M0]: 1, [M1]: 1, [M2]: 1 });
    await prometheus.untilValues('lvscare_ipvs_backend_weight', 'remote_address', {
      [M0]: 1,
      [M1]: 1,
      [M2]: 1,
    });
    await prometheus.untilValues('up', 'job', { lvscare: 1, node: 1 });
    assert.deepEqual(await prometheus.scrapes(), { lvscare: '', node: '' });
    const [ready] = await prometheus.query('lvscare_ready');
    assert.equal(ready?.value, 1);
    const [expiry] = await prometheus.query(
      `(lvscare_certificate_expiry_timestamp_seconds{remote_address="${M1}"} - time()) / 86400`,
    );
    assert.ok(expiry !== undefined && expiry.value > 0, 'the certificate that the lab made is valid');
  });

  it("joins it with node_exporter's view of the same table", async () => {
    await prometheus.untilValues(
      `node_ipvs_backend_weight == ${ON} lvscare_ipvs_backend_weight`,
      'remote_address',
      { [M0]: 1, [M1]: 1, [M2]: 1 },
    );
    await prometheus.untilValues(
      `lvscare_real_server_up unless ${ON} node_ipvs_backend_weight`,
      'remote_address',
      {},
    );
  });

  it('counts connections as the kernel does', async () => {
    for (let time = 0; time < 6; time += 1) assert.ok((await lab.node.request()).ok);
    // Probes of the virtual server are connections, too.
    let ofKernel: readonly number[] = [];
    await until(async () => {
      ofKernel = (await connectionsByIpvsadm(lab)).toSorted((one, other) => one - other);
      const seen = await Promise.all(
        ['service', 'backend'].map((what) => prometheus.query(`lvscare_ipvs_${what}_connections_total`)),
      );
      const values = seen.flat().map(({ value }) => value);
      // The kernel sums them up every two seconds.
      const isCounted = ofKernel.every((count) => count >= 2);
      return (
        isCounted &&
        isDeepStrictEqual(
          values.toSorted((one, other) => one - other),
          ofKernel,
        )
      );
    });
    assert.equal(ofKernel.length, 4, 'the virtual server and three real servers');
  });

  it('sees a failover: who, why, since when, and what became of the row', async () => {
    const [before] = await prometheus.query('vector(time())');
    await lab.master(1).kill();
    await untilWeights(lab, { [lab.master(0).endpoint]: 1, [lab.master(2).endpoint]: 1 });
    await prometheus.untilValues('lvscare_real_server_up == 0', 'remote_address', { [M1]: 0 });
    await prometheus.untilValues('lvscare_real_server_state == 1', 'remote_address', {
      [M0]: 1,
      [M1]: 1,
      [M2]: 1,
    });
    await prometheus.untilValues(`lvscare_real_server_state{remote_address="${M1}"} == 1`, 'state', {
      dead: 1,
    });
    await prometheus.untilValues('lvscare_transitions_total{to="dead"} > 0', 'cause', { refused: 1 });
    await prometheus.untilValues('lvscare_ipvs_backend_weight', 'remote_address', { [M0]: 1, [M2]: 1 });
    const [fell] = await prometheus.query(
      'increase(lvscare_transitions_total{to="dead",cause="refused"}[5m]) > 0',
    );
    assert.equal(fell?.labels['remote_address'], M1, 'the first time is an increase as well');
    const [since] = await prometheus.query(
      `lvscare_last_transition_timestamp_seconds{remote_address="${M1}"}`,
    );
    assert.ok((since?.value ?? 0) >= Math.floor(before?.value ?? Infinity));
  });

  it('shows it in every panel of the dashboard', async () => {
    const table = await lab.node.table();
    const rows = table.flatMap(({ realServers }) => realServers);
    assert.deepEqual(rows.map((row) => row.endpoint).sort(), [`${M0}:6443`, `${M2}:6443`]);
    const wanted = panelsOfFailover(rows);
    assert.deepEqual(panels.map(({ where }) => where).sort(), Object.keys(wanted).sort());
    const faults: string[] = [];
    const answers = await prometheus.queryAll(panels.map(({ expr }) => chosen(expr, CHOICES)));
    for (const [index, { where, legend }] of panels.entries()) {
      const named = (answers[index] ?? []).map(({ labels, value }) => {
        const name = legend === '' ? Object.values(labels).join(' ') : nameOf(legend, labels);
        return [name, value] as const;
      });
      const seen = new Map(named);
      assert.equal(seen.size, named.length, `${where}: two series with one name`);
      faults.push(...faultsOf(seen, wanted[where] ?? {}).map((fault) => `${where}: ${fault}`));
    }
    assert.deepEqual(faults, []);
  });

  it('lets one choose the address and the node that there are', async () => {
    const choices: Record<string, unknown> = {};
    for (const { where, expr, shown } of variables) {
      const found = await prometheus.query(chosen(expr, CHOICES));
      choices[where] = found.map(({ labels }) => labels[shown[0] ?? '']);
    }
    assert.deepEqual(choices, {
      'variable cluster': [undefined],
      'variable address': ['10.103.97.2'],
      'variable node': ['node0'],
    });
  });

  it('is about to alert: of the apiserver, and of nothing else', async () => {
    await untilAlerts({
      LvscareApiserverDown: [
        { state: 'pending', summary: `The apiserver ${M1}:6443 is down for most nodes` },
      ],
    });
  });

  it('sees that the apiserver is back', async () => {
    await lab.master(1).start();
    await prometheus.untilValues('lvscare_real_server_up', 'remote_address', { [M0]: 1, [M1]: 1, [M2]: 1 });
    await prometheus.untilValues(`lvscare_transitions_total{to="up",remote_address="${M1}"}`, 'cause', {
      ok: 2,
    });
    await untilAlerts({});
  });

  it('sees the last resort', async () => {
    for (const master of lab.masters) await master.fail(500);
    await prometheus.untilValues('lvscare_fail_open', 'node', { node0: 1 });
    for (const master of lab.masters) await master.heal();
    await prometheus.untilValues('lvscare_fail_open', 'node', { node0: 0 });
    // One that is up is enough for that. What is tampered with next are rows that lvscare wants to be there.
    await untilWeights(lab, allOf(lab));
  });

  it('sees that the table was tampered with, and repaired', async () => {
    await lab.node.ipvsadm(`-d -t 10.103.97.2:6443 -r ${lab.master(0).endpoint}`);
    await prometheus.untilValues('lvscare_repairs_total > 0', 'what', { 'add-destination': 1 });
  });

  it('understands every query of the docs', async () => {
    const queries = await queriesOf('metrics.md');
    assert.ok(queries.length >= 8, `${queries.length} queries`);
    for (const query of queries) await prometheus.query(query);
  });

  it('has nothing against the names and texts of the metrics, in either format', async () => {
    const check = await lab.node.exec('bash', [
      '-c',
      `curl -sS http://${ADDRESS}/metrics | promtool check metrics`,
    ]);
    assert.deepEqual([check.status, check.stdout + check.stderr], [0, '']);
    const type = await lab.node.must('curl', [
      ...['-sS', '-o', '/dev/null', '-w', '%{content_type}'],
      ...['-H', 'Accept: application/openmetrics-text', `http://${ADDRESS}/metrics`],
    ]);
    assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  });
});
