/** The apiservers: their answers, certificates and clocks, and their answers through the virtual server. */
import { isIP } from 'node:net';
import type { Endpoint } from '../values/endpoint.js';
import type { EvidenceKind } from '../values/evidence.js';
import type { Answer } from '../values/exchange.js';
import { portsInWords } from '../values/source-ports.js';
import { statusMeaning } from '../decisions/status-meaning.js';
import { certificateFacts, type CertificateFacts } from '../tls/certificate-summary.js';
import { contains } from './cidr.js';
import { controlPlaneNames } from './check-kubernetes.js';
import { about, fail, NO_SERVERS, ok, skip, warn, type Said } from './finding.js';
import { readIpVs } from './ip-vs-table.js';
import { isTracked, TRACK, type Node, type Subject } from './ports.js';

export async function checkServers(node: Node, subject: Subject): Promise<readonly Said[]> {
  const { realServers } = subject;
  if (realServers.length === 0) return [NO_SERVERS];
  return await Promise.all(
    realServers.map(async (server) => about(server.text, sayAnswer(server, await node.ask(server), subject))),
  );
}

function sayAnswer(server: Endpoint, { outcome, exchange }: Answer, subject: Subject): Said {
  const { kind, detail } = outcome;
  const evidence = `${kind}: ${detail}`;
  const url = `${subject.scheme}://${server.text}`;
  switch (kind) {
    case 'ok':
      return ok(`${detail} in ${(exchange?.phases.totalMs ?? 0).toFixed(1)} ms`);
    case 'inconclusive':
      return warn(`it could not be probed: ${detail}`, `lvscare probe --rs ${server.text}`);
    case 'refused':
      return fail(
        evidence,
        `on ${server.address}: crictl ps -a --name kube-apiserver; journalctl -u kubelet`,
      );
    case 'silent':
      return fail(
        evidence,
        `ip route get ${server.address}; on ${server.address}: let a firewall pass port ${server.port}`,
      );
    case 'slow':
    case 'broken':
      return fail(evidence, `on ${server.address}: crictl logs $(crictl ps -q --name kube-apiserver)`);
    case 'tls':
      return fail(evidence, `lvscare probe --rs ${server.text}   # shows its certificate`);
    case 'status': {
      const { means, cure } = statusMeaning(exchange?.status ?? 0) ?? { means: null, cure: null };
      return fail(
        means === null ? evidence : `${evidence}; ${means}`,
        cure ?? `curl -k '${url}/readyz?verbose'`,
      );
    }
  }
}

/** Whether servers answer to the ports that probes use: a packet filter may pass those of clients only. */
export async function checkSourcePorts(node: Node, { realServers, sourcePorts }: Subject): Promise<Said> {
  if (realServers.length === 0) return NO_SERVERS;
  if (sourcePorts === 'kernel') return ok('the kernel chooses them, as for clients');
  const asked = await Promise.all(
    realServers.map(async (server) => ({ server, answer: await node.ask(server) })),
  );
  const filtered = asked.flatMap(({ server, answer: { silentTo } }) =>
    silentTo === undefined ? [] : [{ server: server.text, silentTo }],
  );
  const [first] = filtered;
  if (first !== undefined) {
    const ports = portsInWords(first.silentTo);
    const evidence =
      `${filtered.map(({ server }) => server).join(', ')}: no answer to ports ${ports}, which probes use, ` +
      'but to a port that the kernel chose';
    const remedy = `nft list ruleset; iptables-save; let the packet filter pass answers to ports ${ports}, or set --health-source-ports kernel`;
    return sourcePorts === 'auto'
      ? warn(`${evidence}; lvscare uses such ports there`, remedy)
      : fail(evidence, remedy);
  }
  const answered = asked.some(
    ({ answer: { outcome } }) => !['silent', 'inconclusive'].includes(outcome.kind),
  );
  return answered ? ok('servers answer to the ports that probes use') : skip('no server answers');
}

const FAIL_DAYS = 7;
const WARN_DAYS = 30;

export async function checkCertificates(node: Node, subject: Subject): Promise<readonly Said[]> {
  const { realServers, scheme } = subject;
  if (scheme === 'http') return [skip('probes use HTTP')];
  if (realServers.length === 0) return [NO_SERVERS];
  const names = await controlPlaneNames(node.files);
  const said = await Promise.all(
    realServers.map(async (server) => {
      const { exchange } = await node.ask(server);
      const chain = exchange?.session?.chain.flatMap((der) => certificateFacts(der, node.now()) ?? []) ?? [];
      return sayCertificates(chain, server, subject, names).map((one) => about(server.text, one));
    }),
  );
  return said.flat();
}

/** What is wrong with a certificate, the worst first; else that it is valid. */
function sayCertificates(
  chain: readonly CertificateFacts[],
  server: Endpoint,
  { virtualServer }: Subject,
  names: readonly string[],
): readonly Said[] {
  const [own] = chain;
  if (own === undefined) return [skip('it sent no certificate')];
  const all = [
    ...chain.map((one, index) => sayValidity(one, index, server)),
    sayNames(own, virtualServer, names, server),
  ];
  const wrong = (['fail', 'warn'] as const).flatMap((bad) => all.filter(({ verdict }) => verdict === bad));
  if (wrong.length > 0) return wrong;
  const wanted = [virtualServer.address, ...names].filter((name) => isFor(own, name)).join(', ');
  return [ok(`for ${wanted}; ${own.daysLeft ?? '?'} days left`)];
}

function sayValidity(
  { subject, validity, notBefore, notAfter, daysLeft }: CertificateFacts,
  index: number,
  server: Endpoint,
): Said {
  const whose = index === 0 ? 'its certificate' : `the certificate of its CA, ${subject},`;
  const renew =
    index === 0
      ? `on ${server.address}: kubeadm certs renew apiserver, and restart kube-apiserver`
      : "renew the cluster's CA: kubeadm's documentation has the manual rotation of CA certificates";
  if (validity === 'not yet valid')
    return fail(
      `${whose} is not valid before ${notBefore ?? '?'}: the clock of this node is behind, or the clock of its issuer was ahead`,
      'timedatectl set-ntp true; timedatectl timesync-status',
    );
  if (validity === 'expired') return fail(`${whose} expired at ${notAfter ?? '?'}`, renew);
  const left = daysLeft ?? Infinity;
  const soon = `${whose} expires in ${left} days, at ${notAfter ?? '?'}`;
  if (left < FAIL_DAYS) return fail(soon, renew);
  if (left < WARN_DAYS) return warn(soon, renew);
  return ok('valid');
}

function sayNames(
  own: CertificateFacts,
  { address }: Endpoint,
  names: readonly string[],
  server: Endpoint,
): Said {
  const missing = [address, ...names].filter((name) => !isFor(own, name));
  if (missing.length === 0) return ok('for all names');
  const evidence = `its certificate is not for ${missing.join(', ')}: it is for ${own.names.join(', ') || 'no name'}`;
  const remedy =
    `on ${server.address}: add ${missing.join(', ')} to apiServer.certSANs of kubeadm's ClusterConfiguration, ` +
    'mv /etc/kubernetes/pki/apiserver.{crt,key} /root/, kubeadm init phase certs apiserver --config FILE, and restart kube-apiserver';
  // A client that uses a name does not check the address.
  const byName = names.some((name) => !missing.includes(name));
  return missing.length === 1 && missing[0] === address && byName
    ? warn(evidence, remedy)
    : fail(evidence, remedy);
}

/** As clients compare: addresses by value, names with a wildcard as their first label. */
function isFor({ names }: CertificateFacts, wanted: string): boolean {
  if (isIP(wanted) !== 0)
    return names.some((name) => name.startsWith('IP:') && contains(name.slice(3), wanted));
  const lower = wanted.toLowerCase();
  const wild = lower.replace(/^[^.]+/, '*');
  return names.some((name) => [`dns:${lower}`, `dns:${wild}`].includes(name.toLowerCase()));
}

/** The date in an HTTP header has whole seconds. */
const WARN_SKEW_MS = 2000;

export async function checkClock(node: Node, { realServers }: Subject): Promise<Said> {
  if (realServers.length === 0) return NO_SERVERS;
  const asked = await Promise.all(
    realServers.map(async (server) => ({ server, aheadMs: aheadMs(await node.ask(server)) })),
  );
  const dated = asked.flatMap(({ server, aheadMs: ms }) => (ms === null ? [] : [{ server, ms }]));
  if (dated.length === 0) return skip('no server sent its time');
  const off = dated.filter(({ ms }) => Math.abs(ms) > WARN_SKEW_MS);
  if (off.length === 0)
    return ok(`within ${WARN_SKEW_MS / 1000} s of ${dated.map(({ server }) => server.text).join(', ')}`);
  const words = off.map(({ server, ms }) => `${server.text} by ${seconds(ms)}`).join(', ');
  const ntp = 'timedatectl set-ntp true; timedatectl timesync-status';
  // If all differ by about the same time, it is this node's clock that is wrong.
  const spread = Math.max(...off.map(({ ms }) => ms)) - Math.min(...off.map(({ ms }) => ms));
  return off.length === dated.length && spread <= WARN_SKEW_MS
    ? warn(`this node's clock differs from ${words}`, ntp)
    : warn(
        `the clocks of these differ from this node's: ${words}`,
        `on ${off[0]?.server.address ?? ''}: ${ntp}`,
      );
}

/**
 * How far a server's clock is ahead of ours, in milliseconds; negative if it is behind, 0 if it may be right, null if it sent no date.
 * The date has whole seconds, and the server wrote it between our request and its answer.
 */
function aheadMs({ exchange, askedMs, answeredMs }: Answer): number | null {
  const dateMs = exchange?.dateMs ?? null;
  if (dateMs === null) return null;
  if (dateMs > answeredMs) return dateMs - answeredMs;
  if (dateMs + 1000 <= askedMs) return dateMs + 1000 - askedMs;
  return 0;
}

function seconds(ms: number): string {
  return `${ms > 0 ? '+' : '-'}${(Math.abs(ms) / 1000).toFixed(0)} s`;
}

/** A firewall that drops packets of state INVALID, or accepts only those of state ESTABLISHED, makes the virtual server silent. */
async function remedyOf(kind: EvidenceKind, node: Node, subject: Subject): Promise<string> {
  const { text, address } = subject.virtualServer;
  const look = `ipvsadm -Ln -t ${text}; ip route get ${address}; nft list ruleset; iptables-save`;
  return kind === 'refused' || (await isTracked(node, subject))
    ? look
    : `${TRACK}: most often a firewall drops answers of real servers as INVALID; else ${look}`;
}

/** How much longer a request through IPVS may take; IPVS itself takes microseconds. */
const SLOWER_MS = 100;

export async function checkVirtualServerAnswers(node: Node, subject: Subject): Promise<Said> {
  const { virtualServer, realServers, healthPort } = subject;
  if (healthPort !== null) return skip('health probes use another port');
  const table = await readIpVs(node.files);
  const found = table?.find(({ server }) => server.text === virtualServer.text);
  if (found === undefined) return skip(`the kernel has no ${virtualServer.text} yet`);
  const direct = await Promise.all(realServers.map((server) => node.ask(server)));
  const directMs = direct.flatMap(({ outcome, exchange }) =>
    outcome.kind === 'ok' ? (exchange?.phases.totalMs ?? []) : [],
  );
  const { outcome, exchange } = await node.ask(virtualServer);
  const evidence = `${outcome.kind}: ${outcome.detail}`;
  if (outcome.kind === 'inconclusive')
    return warn(`it could not be probed: ${outcome.detail}`, 'run lvscare doctor again');
  if (outcome.kind !== 'ok')
    return directMs.length === 0 && realServers.length > 0
      ? warn(`${evidence}; no real server answers either`, 'repair what the lines rs name')
      : fail(`${evidence}, although real servers answer`, await remedyOf(outcome.kind, node, subject));
  const throughMs = exchange?.phases.totalMs ?? 0;
  const slowestMs = directMs.length === 0 ? null : Math.max(...directMs);
  const words = `${throughMs.toFixed(1)} ms${slowestMs === null ? '' : `, directly ${Math.min(...directMs).toFixed(1)} to ${slowestMs.toFixed(1)} ms`}`;
  return slowestMs !== null && throughMs > slowestMs + SLOWER_MS
    ? warn(
        `${words}: slower than any real server`,
        `ipvsadm -Ln --stats -t ${virtualServer.text}; run lvscare doctor again`,
      )
    : ok(words);
}
