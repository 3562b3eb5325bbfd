/**
 * Every metric that there is: its name, its labels, and what to do with it. docs/metrics.md is made from this.
 *
 * Names end in their base unit, counters in `_total`. What concerns a virtual server has the labels that node_exporter's
 * `node_ipvs_*` have, so that both can be joined.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const VS_LABELS = ['local_address', 'local_port', 'proto'] as const;
const RS_LABELS = [...VS_LABELS, 'remote_address', 'remote_port'] as const;

export type VsLabels = Readonly<Record<(typeof VS_LABELS)[number], string>>;
export type RsLabels = Readonly<Record<(typeof RS_LABELS)[number], string>>;

/** As /proc/net/ip_vs has it, and therefore node_exporter. */
export function vsLabels(virtualServer: string): VsLabels {
  const [address, port] = split(virtualServer);
  return { local_address: address, local_port: port, proto: 'TCP' };
}

export function rsLabels(virtualServer: string, server: string): RsLabels {
  const [address, port] = split(server);
  return { ...vsLabels(virtualServer), remote_address: address, remote_port: port };
}

/** The address and the port of `IP:PORT` or `[IPv6]:PORT`. */
function split(text: string): readonly [address: string, port: string] {
  const colon = text.lastIndexOf(':');
  return [text.slice(0, colon).replace(/^\[|\]$/g, ''), text.slice(colon + 1)];
}

/** The families of one virtual server and of its real servers. */
export type Families = ReturnType<typeof declareFamilies>;
/** The families of the program. */
export type ProcessFamilies = ReturnType<typeof declareProcessFamilies>;

/** Makes families, each with our prefix, in one registry. */
function makers(registry: Registry) {
  const registers = [registry];
  return {
    gauge: <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
      new Gauge({ name: `lvscare_${name}`, help, labelNames: [...labelNames], registers }),
    counter: <Label extends string>(name: string, help: string, labelNames: readonly Label[]) =>
      new Counter({ name: `lvscare_${name}`, help, labelNames: [...labelNames], registers }),
    histogram: <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[],
      buckets: number[],
    ) => new Histogram({ name: `lvscare_${name}`, help, labelNames: [...labelNames], buckets, registers }),
  };
}

/** Declares those of a virtual server in a registry. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- this list is the type
export function declareFamilies(registry: Registry) {
  const { gauge, counter, histogram } = makers(registry);
  return {
    up: gauge(
      'real_server_up',
      'Whether a real server is up for this node (1) or not (0). If one node has 0, check its network; if most have, check the apiserver.',
      RS_LABELS,
    ),
    state: gauge(
      'real_server_state',
      '1 for the state that a real server is in, 0 for the others. unknown: too few probes yet; sick: it answers but is not healthy, and is drained; dead: it does not answer.',
      [...RS_LABELS, 'state'],
    ),
    lastTransition: gauge(
      'last_transition_timestamp_seconds',
      'When a real server entered the state it is in. Compare nodes to find which noticed first.',
      RS_LABELS,
    ),
    transitions: counter(
      'transitions_total',
      'Changes of state, by the state entered (to) and by the evidence for it (cause). Many in an hour are flapping.',
      [...RS_LABELS, 'to', 'cause'],
    ),
    probes: counter(
      'probes_total',
      'Answers to probes by result (a probe that several virtual servers share counts for each): ok, refused, silent, slow, tls, status, broken; inconclusive for a fault of this node, which does not count against the server. Failures without a transition are an early sign.',
      [...RS_LABELS, 'result'],
    ),
    probeDuration: histogram(
      'probe_duration_seconds',
      'How long good answers took, with the time to connect if the connection was new. One node high: its network; all nodes high: the apiserver or its etcd.',
      RS_LABELS,
      [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    ),
    phases: histogram(
      'probe_phase_duration_seconds',
      'Where the time went, by phase: connect (TCP: the network), handshake (TLS: the CPU of the apiserver), first_byte (the apiserver and its etcd). The first two are of fresh connections only.',
      [...RS_LABELS, 'phase'],
      [0.001, 0.005, 0.025, 0.1, 0.25, 1],
    ),
    lastProbe: gauge(
      'last_probe_timestamp_seconds',
      'When a real server was last probed, with any result. If that is many lvscare_interval_seconds ago, its monitor is stuck.',
      RS_LABELS,
    ),
    lastOk: gauge(
      'last_ok_timestamp_seconds',
      'When a real server last gave a good answer. Absent before the first.',
      RS_LABELS,
    ),
    certificateExpiry: gauge(
      'certificate_expiry_timestamp_seconds',
      'Until when the certificate that a real server shows is valid. Alert weeks before: after it, the server is sick on every node. Absent before the first handshake, and without TLS.',
      RS_LABELS,
    ),
    drained: gauge(
      'real_server_drained',
      'Whether a real server was taken out by hand (1), by lvscare drain. When the maintenance is over: lvscare undrain.',
      RS_LABELS,
    ),
    standby: gauge(
      'real_server_standby',
      "Whether a real server is up and gets no new connections (1), because --prefer-local gives them to this node's own.",
      RS_LABELS,
    ),
    source: gauge(
      'real_server_source',
      'With --discover: always 1; source is seed (--rs), discovered (the cluster lists it) or last good (of the saved list, and not listed since the start).',
      [...RS_LABELS, 'source'],
    ),
    listed: gauge(
      'real_server_listed',
      'With --discover: whether the cluster lists a real server as an apiserver (1) or not (0). At 0 for long: a master that was removed, and is still in --rs. Absent while that is not known.',
      RS_LABELS,
    ),
    suspect: gauge(
      'real_server_suspect',
      'Whether a real server is up and gets no new connections (1), because clients of this node wait for it and it does not answer. For 3 seconds at most: then it is down, or trusted again.',
      RS_LABELS,
    ),
    lateClients: gauge(
      'real_server_late_clients',
      'How many clients of this node wait for a real server for unusually long: to connect, for their first answer, or for an acknowledgment. Clients in pods with a network of their own are not seen.',
      RS_LABELS,
    ),
    suspicions: counter(
      'suspicions_total',
      'How often a real server was suspect, by how that ended: answered (it was slow), down, no verdict. Many that it answered: it has pauses, find out why.',
      [...RS_LABELS, 'end'],
    ),
    held: gauge(
      'real_server_held',
      'Whether a real server answers and is held out because it keeps failing soon after it is back (1). It comes back by itself; the reason is in the transitions before.',
      RS_LABELS,
    ),
    holds: counter(
      'holds_total',
      'How often a real server was held out because it flaps. If it grows, find what restarts the apiserver.',
      RS_LABELS,
    ),
    connectionLosses: counter(
      'kept_connection_losses_total',
      'How often the connection that is kept to a real server was lost. That alone is no failure. Many: a device in between closes connections.',
      RS_LABELS,
    ),

    // The kernel's destinations, read for the scrape.
    weight: gauge(
      'ipvs_backend_weight',
      'The weight that a real server has in the table: 0 while it is drained or on standby. Absent when it is not in the table, and gets no clients.',
      RS_LABELS,
    ),
    active: gauge(
      'ipvs_backend_connections_active',
      'Established connections. sum by (local_address, local_port) gives those of the virtual server. At weight 0 they are what the drain waits for.',
      RS_LABELS,
    ),
    inactive: gauge(
      'ipvs_backend_connections_inactive',
      'Connections that begin or end. Many at a server that is up: SYNs without an answer.',
      RS_LABELS,
    ),
    backendTraffic: traffic(counter, 'backend', RS_LABELS, {
      connections:
        'Connections that were scheduled to a real server. Starts anew when its destination does. Its rate shows whether clients are spread evenly.',
      incoming: 'from clients to a real server',
      outgoing: 'from a real server to clients',
    }),

    // Each virtual server.
    info: gauge(
      'virtual_server_info',
      'How a virtual server is set up: always 1. node_address is empty while it is not known, or not needed.',
      [...VS_LABELS, 'scheduler', 'mode', 'masquerade', 'node_address', 'dry_run'],
    ),
    interval: gauge(
      'interval_seconds',
      'The time between probes, and between passes of the reconciler. Ages of probes and passes are compared with it.',
      VS_LABELS,
    ),
    reachable: gauge(
      'virtual_server_reachable',
      "Whether this node's clients reach an apiserver through the virtual server (1) or not (0). lvscare status says why not. Absent until it was probed, in mode none, and in a dry run.",
      VS_LABELS,
    ),
    discoveryUp: gauge(
      'discovery_up',
      'With --discover: whether a list of apiservers that can be used was read when it was last tried (1) or not (0). At 0 real servers stay as they are, and new apiservers are not found.',
      VS_LABELS,
    ),
    lastDiscovery: gauge(
      'last_discovery_timestamp_seconds',
      'With --discover: when the list of apiservers was last read. Absent before the first time.',
      VS_LABELS,
    ),
    failOpen: gauge(
      'fail_open',
      'Whether no real server is up, and as a last resort those most likely to answer serve (1). Call an administrator.',
      VS_LABELS,
    ),
    deletedRepeatedly: gauge(
      'deleted_repeatedly',
      'Whether another program keeps deleting the virtual server (1). In ipvs mode, give kube-proxy an excludeCIDRs entry for it.',
      VS_LABELS,
    ),
    trouble: gauge(
      'trouble',
      '1 for each thing that lvscare could not repair or check. Absent without trouble. The log says why.',
      [...VS_LABELS, 'what'],
    ),
    reconciles: counter(
      'reconciles_total',
      'Passes of the reconciler by result: ok, failed (the kernel refused something), unreadable (the table could not be read). While it is not ok, the table may not be as wanted.',
      [...VS_LABELS, 'result'],
    ),
    reconcileDuration: histogram(
      'reconcile_duration_seconds',
      'How long it took to read the table and to change it. More than a few milliseconds: the kernel is busy.',
      VS_LABELS,
      [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5],
    ),
    lastReconcile: gauge(
      'last_reconcile_timestamp_seconds',
      'When the reconciler last ended a pass. If that is many lvscare_interval_seconds ago, it is stuck.',
      VS_LABELS,
    ),
    actions: counter(
      'actions_total',
      'Changes of the IPVS table by action (create-service, update-service, add-destination, update-destination, remove-destination) and result: ok, failed, raced (another program changed it at the same time), dry-run.',
      [...VS_LABELS, 'action', 'result'],
    ),
    repairs: counter(
      'repairs_total',
      'Repairs of what another program had changed, by what it was: an action on the table, or a host resource such as the local route. If one keeps growing, find that program.',
      [...VS_LABELS, 'what'],
    ),
    connectionsEnded: counter(
      'connections_ended_total',
      'Connections of clients on this node that were ended because their real server is out of the table. Otherwise each would hang until its client sends something.',
      VS_LABELS,
    ),
    notificationsLost: counter(
      'notifications_lost_total',
      'How often the stream of kernel notifications ended. Until lvscare has subscribed again, it finds drift by the interval only.',
      VS_LABELS,
    ),
    faults: counter(
      'faults_total',
      'Failures that should not be possible. Report each of them with its line in the log.',
      VS_LABELS,
    ),

    // The kernel's table, read for the scrape.
    tableReadable: gauge(
      'ipvs_readable',
      'Whether the table could be read for this scrape. At 0 there is no other lvscare_ipvs_ series: is ip_vs loaded, and does the pod have NET_ADMIN?',
      VS_LABELS,
    ),
    servicePresent: gauge(
      'ipvs_service_present',
      'Whether the virtual server is in the table. At 0 clients are refused, or reach another host that has its address.',
      VS_LABELS,
    ),
    serviceTraffic: traffic(counter, 'service', VS_LABELS, {
      connections: 'Connections that were scheduled to any real server. Starts anew with the virtual server.',
      incoming: 'from clients of the virtual server',
      outgoing: 'to clients of the virtual server',
    }),
  };
}

/** What the kernel counts of a virtual server, or of a real server. */
export type TrafficCounters<Label extends string> = ReturnType<typeof traffic<Label>>;

function traffic<Label extends string>(
  counter: (name: string, help: string, labelNames: readonly Label[]) => Counter<Label>,
  of: 'service' | 'backend',
  labelNames: readonly Label[],
  words: Readonly<Record<'connections' | 'incoming' | 'outgoing', string>>,
) {
  const declare = (what: string, help: string): Counter<Label> =>
    counter(`ipvs_${of}_${what}_total`, help, labelNames);
  return {
    connections: declare('connections', words.connections),
    packetsIn: declare('incoming_packets', `Packets ${words.incoming}.`),
    packetsOut: declare('outgoing_packets', `Packets ${words.outgoing}.`),
    bytesIn: declare('incoming_bytes', `Bytes ${words.incoming}.`),
    bytesOut: declare('outgoing_bytes', `Bytes ${words.outgoing}.`),
  };
}

/** Declares those of the program in a registry. */
// eslint-disable-next-line @typescript-eslint/explicit-module-boundary-types -- this list is the type
export function declareProcessFamilies(registry: Registry) {
  const { gauge, histogram } = makers(registry);
  const registers = [registry];
  return {
    alive: gauge(
      'alive',
      'What /healthz says: 0 when a monitor or the reconciler is stuck. Restart lvscare.',
      [],
    ),
    ready: gauge(
      'ready',
      'What /readyz says: 1 when the last pass left the table as wanted, and clients on this node reach an apiserver through it, as far as lvscare knows.',
      [],
    ),
    reloadSuccessful: gauge(
      'config_last_reload_successful',
      'Whether the file of --config was good when it was last read (1) or not (0): then the configuration before it is in force, and the log says what is wrong. Absent without a file.',
      [],
    ),
    reloadTime: gauge(
      'config_last_reload_success_timestamp_seconds',
      'When the configuration that is in force was read. Absent without a file.',
      [],
    ),
    buildInfo: gauge(
      'build_info',
      'The version that runs: always 1. During an upgrade, count nodes by version.',
      ['version', 'commit'],
    ),
    eventLoopDelay: histogram(
      'event_loop_delay_seconds',
      'How late a timer was, measured twice a second. Above 0.1 the node is short of CPU, and verdicts are late by as much.',
      [],
      [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    ),
    startTime: new Gauge({
      name: 'process_start_time_seconds',
      help: 'When the process started. It changes with each restart.',
      registers,
    }),
    cpu: new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time that the process used, user and system.',
      registers,
    }),
    residentMemory: new Gauge({
      name: 'process_resident_memory_bytes',
      help: 'Resident memory of the process. It should level out; growth for days is a leak.',
      registers,
    }),
    openFiles: new Gauge({
      name: 'process_open_fds',
      help: 'Open file descriptors. Each real server takes one, or a few during a probe.',
      registers,
    }),
    heapUsed: new Gauge({
      name: 'nodejs_heap_size_used_bytes',
      help: 'JavaScript heap in use.',
      registers,
    }),
  };
}
