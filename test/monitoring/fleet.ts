/** Three nodes that reach three apiservers, as Prometheus has them for five hours: all is well, but for what a test changes. */
type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly series: string;
  readonly values: string;
}

/** Other values for series of a metric, as promtool writes them; null: there is no such series; undefined: as they were. */
export type Changes = Readonly<Record<string, (labels: Labels) => string | null | undefined>>;

export const NODES = ['n1', 'n2', 'n3'] as const;
export const MASTERS = ['10.103.97.200', '10.103.97.201', '10.103.97.202'] as const;
/** What there is of samples: one a minute. */
const MINUTES = 300;

export const always = (value: number): string => `${value}+0x${MINUTES}`;
/** Begins at 0, and grows by this much each minute. */
export const growing = (step: number): string => `0+${step}x${MINUTES}`;
/** A value until a minute, and another one from it on. */
export const turning = (from: number, to: number, minute: number): string =>
  `${from}+0x${minute - 1} ${to}+0x${MINUTES - minute}`;

export const targetOf = (node: string): Labels => ({ job: 'lvscare', instance: `${node}:9288`, node });
const VS: Labels = { local_address: '10.103.97.2', local_port: '6443', proto: 'TCP' };
export const vsOf = (node: string): Labels => ({ ...targetOf(node), ...VS });
export const rsOf = (node: string, master: string): Labels => ({
  ...vsOf(node),
  remote_address: master,
  remote_port: '6443',
});

const OF_PROGRAM: Readonly<Record<string, string>> = {
  up: always(1),
  lvscare_alive: always(1),
  lvscare_ready: always(1),
  lvscare_config_last_reload_successful: always(1),
  process_start_time_seconds: always(0),
};
const OF_VIRTUAL_SERVER: Readonly<Record<string, string>> = {
  lvscare_interval_seconds: always(8),
  lvscare_virtual_server_reachable: always(1),
  lvscare_fail_open: always(0),
  lvscare_discovery_up: always(1),
  lvscare_deleted_repeatedly: always(0),
  lvscare_last_reconcile_timestamp_seconds: growing(60),
  lvscare_faults_total: always(0),
  lvscare_ipvs_readable: always(1),
  lvscare_ipvs_service_present: always(1),
};
const OF_REAL_SERVER: Readonly<Record<string, string>> = {
  lvscare_real_server_up: always(1),
  lvscare_real_server_drained: always(0),
  lvscare_real_server_listed: always(1),
  lvscare_real_server_standby: always(0),
  lvscare_ipvs_backend_weight: always(1),
  lvscare_last_probe_timestamp_seconds: growing(60),
  lvscare_certificate_expiry_timestamp_seconds: always(365 * 86_400),
};

interface Sample {
  readonly name: string;
  readonly labels: Labels;
  readonly values: string;
}

const each = (metrics: Readonly<Record<string, string>>, labels: Labels): Sample[] =>
  Object.entries(metrics).map(([name, values]) => ({ name, labels, values }));

/** All the answers took less than 0.25 s: seven a minute. */
const histogram = (name: string, labels: Labels): Sample[] =>
  ['0.1', '0.25', '0.5', '1', '2.5', '+Inf'].map((le) => ({
    name: `${name}_bucket`,
    labels: { ...labels, le },
    values: growing(le === '0.1' ? 5 : 7),
  }));

function serverSamples(node: string, master: string): Sample[] {
  const labels = rsOf(node, master);
  return [
    ...each(OF_REAL_SERVER, labels),
    ...['ok', 'refused'].map((cause) => ({
      name: 'lvscare_transitions_total',
      labels: { ...labels, to: cause === 'ok' ? 'up' : 'dead', cause },
      values: always(cause === 'ok' ? 1 : 0),
    })),
    ...each({ lvscare_suspicions_total: always(0) }, { ...labels, end: 'answered' }),
    ...histogram('lvscare_probe_duration_seconds', labels),
  ];
}

function nodeSamples(node: string): Sample[] {
  const labels = vsOf(node);
  return [
    ...each(OF_PROGRAM, targetOf(node)),
    ...each({ lvscare_build_info: always(1) }, { ...targetOf(node), version: 'v0.1.0', commit: 'c0ffee' }),
    ...each(OF_VIRTUAL_SERVER, labels),
    { name: 'lvscare_virtual_server_info', labels: { ...labels, dry_run: 'false' }, values: always(1) },
    { name: 'lvscare_repairs_total', labels: { ...labels, what: 'add-destination' }, values: always(0) },
    // Not there while all is well: a test may turn it on.
    ...['local route', 'IPVS table'].map((what) => ({
      name: 'lvscare_trouble',
      labels: { ...labels, what },
      values: '_',
    })),
    ...histogram('lvscare_event_loop_delay_seconds', targetOf(node)),
    ...MASTERS.flatMap((master) => serverSamples(node, master)),
  ];
}

/** Of kube-state-metrics, which knows a master without lvscare, too. */
function kubernetesSamples(): Sample[] {
  const labels = (node: string): Labels => ({ job: 'kube-state-metrics', instance: 'state:8080', node });
  return [
    ...[...NODES, 'master'].map((node) => ({
      name: 'kube_node_info',
      labels: labels(node),
      values: always(1),
    })),
    { name: 'kube_node_role', labels: { ...labels('master'), role: 'control-plane' }, values: always(1) },
  ];
}

/** @throws If a change is of a metric that is not here. */
export function fleet(changes: Changes): Series[] {
  const samples = [...NODES.flatMap(nodeSamples), ...kubernetesSamples()];
  for (const name of Object.keys(changes))
    if (!samples.some((sample) => sample.name === name)) throw new Error(`no series of ${name}`);
  return samples.flatMap(({ name, labels, values }) => {
    const changed = changes[name]?.(labels);
    const text = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    return changed === null ? [] : [{ series: `${name}{${text.join(',')}}`, values: changed ?? values }];
  });
}
