// Which alert fires when, by what text, as promtool has it of a fleet of three nodes and three apiservers.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import {
  always,
  fleet,
  growing,
  MASTERS,
  NODES,
  rsOf,
  targetOf,
  turning,
  vsOf,
  type Changes,
} from './fleet.js';
import { MONITORING, promtool, textOf, withFile, type Rules } from './promtool.js';

const RULES = (parse(textOf('alerts.yaml')) as Rules).groups.flatMap(({ rules }) => rules);
const [M0, M1, M2] = MASTERS;
const DAY = 86_400;

type Labels = Readonly<Record<string, string>>;
/** One that fires: its labels without the severity, and what its value reads like in its text. */
interface Firing {
  readonly alert: string;
  readonly labels: Labels;
  readonly value?: string;
}
interface Case {
  readonly what: string;
  readonly changes: Changes;
  /** How far samples and evaluations are apart, in minutes, if it is another time than one; then only `of` is looked at. */
  readonly everyMinutes?: number;
  readonly of?: string;
  /** Further series, which are 1. */
  readonly series?: readonly string[];
  /** What fires at which minute, and nothing else. */
  readonly at: Readonly<Record<number, readonly Firing[]>>;
}

const without = (labels: Labels, ...names: string[]): Labels =>
  Object.fromEntries(Object.entries(labels).filter(([name]) => !names.includes(name)));
/** As an alert has them that is of the virtual server on each node. */
const vs = (node: string): Labels => without(vsOf(node), 'job', 'proto');
const rs = (node: string, master: string): Labels => without(rsOf(node, master), 'job', 'proto');
const program = (node: string): Labels => without(targetOf(node), 'job');
/** As an alert has them that is of an apiserver, whoever sees it. */
const apiserver = (master: string): Labels => without(rs('', master), 'node', 'instance');
/** As an alert has them that is of the virtual server of all nodes. */
const VIRTUAL_SERVER = without(vs(''), 'node', 'instance');
const certificate = (master: string): Labels => without(apiserver(master), 'local_address', 'local_port');

const onNode = (node: string, values: string | null) => (labels: Labels) =>
  labels['node'] === node ? values : undefined;
const onMaster = (master: string, values: string) => (labels: Labels) =>
  labels['remote_address'] === master ? values : undefined;
const onPair = (node: string, master: string, values: string) => (labels: Labels) =>
  labels['node'] === node && labels['remote_address'] === master ? values : undefined;
const onPairGone = (node: string, master: string) => (labels: Labels) =>
  labels['node'] === node && labels['remote_address'] === master ? null : undefined;
const isOwn = ({ node, remote_address: master }: Labels): boolean =>
  NODES.findIndex((one) => one === node) === MASTERS.findIndex((one) => one === master);
/** From minute 20 on. */
const inTrouble = (node: string, what: string) => (labels: Labels) =>
  labels['node'] === node && labels['what'] === what ? '_x19 1+0x280' : undefined;
/** Most answers take between half a second and a second from a minute on. */
const slow = (labels: Labels): string => growing(['0.1', '0.25', '0.5'].includes(labels['le'] ?? '') ? 1 : 7);

const CASES: readonly Case[] = [
  { what: 'all is well', changes: {}, at: { 30: [], 299: [] } },
  {
    what: 'a master is down for one node',
    changes: { lvscare_real_server_up: onPair('n1', M1, turning(1, 0, 20)) },
    at: {
      24: [],
      26: [{ alert: 'LvscareApiserverDownOnNode', labels: rsOf('n1', M1) }],
    },
  },
  {
    what: 'a master is down for most nodes',
    changes: {
      lvscare_real_server_up: ({ node, remote_address: master }) =>
        node !== 'n3' && master === M1 ? turning(1, 0, 20) : undefined,
    },
    at: {
      21: [],
      23: [{ alert: 'LvscareApiserverDown', labels: apiserver(M1), value: '33.33%' }],
      40: [{ alert: 'LvscareApiserverDown', labels: apiserver(M1), value: '33.33%' }],
    },
  },
  {
    what: 'two of three masters are down for most nodes',
    changes: {
      lvscare_real_server_up: ({ node, remote_address: master }) =>
        node !== 'n3' && master !== M2 ? turning(1, 0, 20) : undefined,
    },
    at: {
      20: [],
      22: [
        { alert: 'LvscareFewApiservers', labels: VIRTUAL_SERVER, value: '1' },
        ...[M0, M1].map((master) => ({
          alert: 'LvscareApiserverDown',
          labels: apiserver(master),
          value: '33.33%',
        })),
      ],
    },
  },
  {
    what: 'one of three masters is drained on all nodes, and another one is down',
    changes: {
      lvscare_real_server_drained: onMaster(M0, always(1)),
      lvscare_real_server_up: onMaster(M1, turning(1, 0, 20)),
    },
    at: {
      20: [],
      22: [
        { alert: 'LvscareFewApiservers', labels: VIRTUAL_SERVER, value: '1' },
        { alert: 'LvscareApiserverDown', labels: apiserver(M1), value: '0%' },
      ],
    },
  },
  {
    what: 'one node does not have a master that the others have',
    changes: {
      lvscare_real_server_up: onPairGone('n2', M2),
      lvscare_real_server_drained: onPairGone('n2', M2),
    },
    at: {
      118: [],
      122: [{ alert: 'LvscareServerListsDiffer', labels: apiserver(M2), value: '2' }],
    },
  },
  {
    what: 'a node has no lvscare; a master needs none',
    changes: { up: onNode('n3', null) },
    at: {
      58: [],
      62: [
        {
          alert: 'LvscareMissingOnNode',
          labels: { job: 'kube-state-metrics', instance: 'state:8080', node: 'n3' },
        },
      ],
    },
  },
  {
    what: 'one node has had another version for three days',
    changes: {},
    series: [`lvscare_build_info{job="lvscare",node="n1",instance="n1:9288",version="v0.0.9",commit="beef"}`],
    everyMinutes: 30,
    of: 'LvscareVersionsDiffer',
    at: { [71 * 60]: [], [73 * 60]: [{ alert: 'LvscareVersionsDiffer', labels: {}, value: '2' }] },
  },
  {
    what: 'a master was drained everywhere, and is down; that it is drained is told after hours',
    changes: {
      lvscare_real_server_up: onMaster(M1, turning(1, 0, 20)),
      lvscare_real_server_drained: onMaster(M1, turning(0, 1, 10)),
    },
    at: {
      60: [],
      248: [],
      252: NODES.map((node) => ({ alert: 'LvscareDrainedForLong', labels: rsOf(node, M1) })),
    },
  },
  {
    what: 'each node is a master, and prefers its own apiserver',
    changes: {
      lvscare_real_server_standby: (labels) => always(isOwn(labels) ? 0 : 1),
      lvscare_ipvs_backend_weight: (labels) => always(isOwn(labels) ? 1 : 0),
    },
    at: { 30: [], 299: [] },
  },
  {
    what: 'one node is on its last resort',
    changes: {
      lvscare_real_server_up: onNode('n1', turning(1, 0, 20)),
      lvscare_fail_open: onNode('n1', turning(0, 1, 20)),
    },
    at: { 22: [{ alert: 'LvscareFailOpen', labels: vsOf('n1') }] },
  },
  {
    what: 'all are down for everybody',
    changes: {
      lvscare_real_server_up: () => turning(1, 0, 20),
      lvscare_virtual_server_reachable: () => turning(1, 0, 20),
      lvscare_ready: () => turning(1, 0, 20),
    },
    at: {
      20: [],
      30: [
        ...[M0, M1, M2].map((master) => ({
          alert: 'LvscareApiserverDown',
          labels: apiserver(master),
          value: '0%',
        })),
        { alert: 'LvscareFewApiservers', labels: VIRTUAL_SERVER, value: '0' },
        ...NODES.map((node) => ({ alert: 'LvscareAllDown', labels: vs(node) })),
      ],
    },
  },
  {
    what: 'a master flaps',
    changes: {
      lvscare_transitions_total: (labels) =>
        labels['to'] === 'up' && labels['node'] === 'n1' && labels['remote_address'] === M2
          ? `1+0x100 2 3 4 5 6 7+0x190`
          : undefined,
    },
    at: {
      101: [],
      150: [{ alert: 'LvscareFlapping', labels: rs('n1', M2), value: '6' }],
      200: [],
    },
  },
  {
    what: 'a master pauses again and again, for clients on one node',
    changes: {
      lvscare_suspicions_total: (labels) =>
        labels['end'] === 'answered' && labels['node'] === 'n1' && labels['remote_address'] === M2
          ? `0+0x100 1 2 3 4 5 6 7 8+0x190`
          : undefined,
    },
    at: {
      101: [],
      130: [{ alert: 'LvscareApiserverPauses', labels: rs('n1', M2), value: '8' }],
      240: [],
    },
  },
  {
    what: 'a master came back twice within an hour, and does not flap',
    changes: { lvscare_transitions_total: ({ to }) => (to === 'up' ? '1+0x100 2 3+0x190' : undefined) },
    at: { 120: [] },
  },
  {
    what: 'a master answers one node slowly',
    changes: {
      lvscare_probe_duration_seconds_bucket: (labels) =>
        labels['node'] === 'n2' && labels['remote_address'] === M0 ? slow(labels) : undefined,
    },
    at: { 5: [], 40: [{ alert: 'LvscareProbesSlow', labels: rs('n2', M0), value: '941.7ms' }] },
  },
  {
    what: 'a certificate expires in 20 days',
    changes: { lvscare_certificate_expiry_timestamp_seconds: onMaster(M0, always(20 * DAY + 3600)) },
    at: {
      10: [],
      60: [{ alert: 'LvscareCertificateExpiresSoon', labels: certificate(M0), value: '20' }],
    },
  },
  {
    what: 'a certificate expires in 31 days',
    changes: { lvscare_certificate_expiry_timestamp_seconds: onMaster(M0, always(31 * DAY)) },
    at: { 299: [] },
  },
  {
    what: 'a certificate, as one node was shown it, expires in 2 days',
    changes: { lvscare_certificate_expiry_timestamp_seconds: onPair('n3', M0, always(2 * DAY + 3600)) },
    at: { 60: [{ alert: 'LvscareCertificateExpires', labels: certificate(M0), value: '2' }] },
  },
  {
    what: 'a certificate has expired',
    changes: { lvscare_certificate_expiry_timestamp_seconds: onMaster(M0, always(3600 - DAY)) },
    at: { 60: [{ alert: 'LvscareCertificateExpires', labels: certificate(M0), value: '-1' }] },
  },
  {
    what: 'the virtual server is not in the table',
    changes: { lvscare_ipvs_service_present: onNode('n1', turning(1, 0, 20)) },
    at: { 21: [], 23: [{ alert: 'LvscareVirtualServerMissing', labels: vsOf('n1') }] },
  },
  {
    what: 'it is not there in a dry run',
    changes: {
      lvscare_ipvs_service_present: () => always(0),
      lvscare_virtual_server_info: () => null,
    },
    at: { 60: [] },
  },
  {
    what: 'the table cannot be read',
    changes: {
      lvscare_ipvs_readable: onNode('n1', turning(1, 0, 20)),
      lvscare_ipvs_service_present: onNode('n1', null),
      lvscare_ready: onNode('n1', turning(1, 0, 20)),
      lvscare_trouble: inTrouble('n1', 'IPVS table'),
    },
    // One cause, one alert.
    at: {
      24: [],
      26: [{ alert: 'LvscareTableUnreadable', labels: vsOf('n1') }],
      60: [{ alert: 'LvscareTableUnreadable', labels: vsOf('n1') }],
    },
  },
  {
    what: 'passes fail',
    changes: {
      lvscare_ready: onNode('n1', turning(1, 0, 20)),
      lvscare_trouble: inTrouble('n1', 'IPVS table'),
    },
    at: {
      24: [],
      26: [{ alert: 'LvscareNotReady', labels: targetOf('n1') }],
      60: [{ alert: 'LvscareNotReady', labels: targetOf('n1') }],
    },
  },
  {
    what: 'clients on one node do not reach the virtual server, though apiservers are up',
    changes: {
      lvscare_virtual_server_reachable: onNode('n1', turning(1, 0, 20)),
      lvscare_ready: onNode('n1', turning(1, 0, 20)),
    },
    at: {
      21: [],
      23: [{ alert: 'LvscareVirtualServerUnreachable', labels: vsOf('n1') }],
      60: [{ alert: 'LvscareVirtualServerUnreachable', labels: vsOf('n1') }],
    },
  },
  {
    what: 'a route cannot be made',
    changes: { lvscare_trouble: inTrouble('n1', 'local route') },
    at: { 28: [], 32: [{ alert: 'LvscareTrouble', labels: { ...vsOf('n1'), what: 'local route' } }] },
  },
  {
    what: 'a row is deleted again and again',
    changes: { lvscare_repairs_total: onNode('n1', '0+0x100 1+1x9 10+0x190') },
    at: {
      102: [],
      140: [{ alert: 'LvscareRepairsRepeat', labels: { ...vs('n1'), what: 'add-destination' }, value: '10' }],
      200: [],
    },
  },
  {
    what: 'a row was deleted once',
    changes: { lvscare_repairs_total: () => turning(0, 1, 20) },
    at: { 40: [] },
  },
  {
    what: 'something keeps deleting the virtual server',
    changes: { lvscare_deleted_repeatedly: onNode('n1', turning(0, 1, 20)) },
    at: { 21: [], 23: [{ alert: 'LvscareRival', labels: vsOf('n1') }] },
  },
  {
    what: 'one lvscare does not answer',
    changes: { up: onNode('n1', turning(1, 0, 20)) },
    at: { 24: [], 26: [{ alert: 'LvscareDown', labels: targetOf('n1') }] },
  },
  {
    what: 'none answers',
    changes: { up: () => turning(1, 0, 20) },
    at: {
      24: [],
      26: [
        ...NODES.map((node) => ({ alert: 'LvscareDown', labels: targetOf(node) })),
        { alert: 'LvscareAbsent', labels: {} },
      ],
    },
  },
  {
    what: 'there is none to scrape',
    changes: { up: () => null },
    at: { 4: [], 26: [{ alert: 'LvscareAbsent', labels: {} }] },
  },
  {
    what: 'one says that it is stuck',
    changes: { lvscare_alive: onNode('n1', turning(1, 0, 20)) },
    at: { 21: [], 23: [{ alert: 'LvscareStuck', labels: targetOf('n1') }] },
  },
  {
    what: 'a reconciler is stuck and does not know',
    changes: { lvscare_last_reconcile_timestamp_seconds: onNode('n1', `0+60x19 1200+0x280`) },
    at: { 22: [], 30: [{ alert: 'LvscareReconcileOld', labels: vs('n1'), value: '10m 0s' }] },
  },
  {
    what: 'a monitor is stuck and does not know',
    changes: { lvscare_last_probe_timestamp_seconds: onPair('n1', M2, `0+60x19 1200+0x280`) },
    at: {
      22: [],
      30: [{ alert: 'LvscareProbesOld', labels: rsOf('n1', M2), value: '10m 0s' }],
    },
  },
  {
    what: 'a node is short of CPU',
    changes: {
      lvscare_event_loop_delay_seconds_bucket: (labels) =>
        labels['node'] === 'n1' ? slow(labels) : undefined,
    },
    at: { 5: [], 40: [{ alert: 'LvscareStarved', labels: program('n1'), value: '941.7ms' }] },
  },
  {
    what: 'one is started again and again',
    changes: { process_start_time_seconds: onNode('n1', '0+0x100 6060+60x4 6300+0x190') },
    at: { 103: [], 120: [{ alert: 'LvscareRestarts', labels: targetOf('n1'), value: '5' }], 180: [] },
  },
  {
    what: 'the file of one became wrong; another has none',
    changes: {
      lvscare_config_last_reload_successful: ({ node }) =>
        node === 'n1' ? turning(1, 0, 20) : node === 'n2' ? null : undefined,
    },
    at: { 24: [], 26: [{ alert: 'LvscareConfigWrong', labels: targetOf('n1') }] },
  },
  {
    what: 'the file of one was wrong for a moment',
    changes: { lvscare_config_last_reload_successful: onNode('n1', '1+0x19 0+0x3 1+0x276') },
    at: { 22: [], 26: [] },
  },
  {
    what: 'one cannot read the list of apiservers',
    changes: { lvscare_discovery_up: ({ node }) => (node === 'n1' ? turning(1, 0, 20) : undefined) },
    at: { 78: [], 82: [{ alert: 'LvscareDiscoveryFailed', labels: vsOf('n1') }] },
  },
  {
    what: 'one has a real server that the cluster does not list',
    changes: {
      lvscare_real_server_listed: ({ node, remote_address: master }) =>
        node === 'n1' && master === M2 ? turning(1, 0, 20) : undefined,
    },
    at: { 198: [], 202: [{ alert: 'LvscareRealServerUnlisted', labels: rsOf('n1', M2) }] },
  },
  {
    what: 'one met a fault',
    changes: { lvscare_faults_total: onNode('n1', turning(0, 1, 20)) },
    at: { 19: [], 30: [{ alert: 'LvscareFault', labels: vsOf('n1') }], 100: [] },
  },
];

/** A text of a rule as Prometheus writes it. */
function rendered(template: string, { alert, labels, value }: Firing): string {
  return template.replaceAll(/\{\{ (.*?) \}\}/g, (_, inner: string) => {
    const label = /^\$labels\.(\w+)$/.exec(inner)?.[1];
    const text = label === undefined ? value : labels[label];
    if (text === undefined) throw new Error(`${alert}: nothing is known for {{ ${inner} }}`);
    return text;
  });
}

/** What promtool is to find of one alert at one minute. */
function expected(alert: string, minute: string, firing: readonly Firing[]): object {
  const rule = RULES.find((one) => one.alert === alert);
  if (rule === undefined) throw new Error(`there is no alert ${alert}`);
  const exp_alerts = firing.map((one) => ({
    exp_labels: { ...one.labels, ...rule.labels },
    exp_annotations: Object.fromEntries(
      Object.entries(rule.annotations).map(([name, template]) => [name, rendered(template, one)]),
    ),
  }));
  return { alertname: alert, eval_time: `${minute}m`, exp_alerts };
}

function testOf({ what, changes, at, series = [], everyMinutes = 1, of }: Case): object {
  const alerts = of === undefined ? RULES.map(({ alert }) => alert) : [of];
  return {
    name: what,
    interval: `${everyMinutes}m`,
    input_series: [...fleet(changes), ...series.map((one) => ({ series: one, values: always(1) }))],
    alert_rule_test: Object.entries(at).flatMap(([minute, firing]) =>
      [...new Set([...alerts, ...firing.map(({ alert }) => alert)])].map((alert) =>
        expected(
          alert,
          minute,
          firing.filter((one) => one.alert === alert),
        ),
      ),
    ),
  };
}

const verdict = (cases: readonly Case[], rules = join(MONITORING, 'alerts.yaml')) =>
  withFile(
    {
      rule_files: [rules],
      evaluation_interval: `${cases[0]?.everyMinutes ?? 1}m`,
      tests: cases.map(testOf),
    },
    (file) => promtool('test', 'rules', file),
  );

describe('the alerts', () => {
  for (const one of CASES)
    it(one.what, async () => {
      const { status, output } = await verdict([one]);
      assert.equal(status, 0, output);
    });

  it('each fire in a case above', () => {
    const fired = new Set(CASES.flatMap(({ at }) => Object.values(at).flat()).map(({ alert }) => alert));
    assert.deepEqual(
      RULES.map(({ alert }) => alert).filter((alert) => !fired.has(alert)),
      [],
    );
  });

  it('are not taken for firing when they do not', async () => {
    const [well] = CASES;
    assert.ok(well !== undefined);
    const { status } = await verdict([
      { ...well, at: { 30: [{ alert: 'LvscareStuck', labels: targetOf('n1') }] } },
    ]);
    assert.equal(status, 1);
  });
});
