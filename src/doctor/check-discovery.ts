/** Whether the cluster's list of apiservers can be read by `--discover`, and how it differs from `--rs`. */
import type { DiscoveryResult } from '../control-loop/ports.js';
import type { Endpoint } from '../values/endpoint.js';
import { ok, warn, type Finding } from './finding.js';

interface Discovered {
  readonly kubeconfig: string;
  /** What came of reading the list from one apiserver after another; null if there was no answer in time. */
  readonly result: DiscoveryResult | null;
  readonly realServers: readonly Endpoint[];
  readonly stateDirectory: string;
  /** The code of the error that writing there would fail with, or null. */
  readonly whyNotWritable: string | null;
}

export function discoveryFindings(discovered: Discovered): readonly Finding[] {
  const { stateDirectory, whyNotWritable } = discovered;
  const list = { name: 'discovery', ...listSaid(discovered) };
  if (whyNotWritable === null) return [list];
  const evidence = `the list of apiservers cannot be saved in ${stateDirectory}: ${whyNotWritable}`;
  const remedy = `make ${stateDirectory} writable, or a node that boots knows only the real servers of --rs`;
  return [list, { name: 'discovery state', verdict: 'warn', evidence, remedy }];
}

function listSaid({ kubeconfig, result, realServers }: Discovered): Omit<Finding, 'name'> {
  if (result?.kind !== 'list') {
    const asked = result?.from ?? null;
    const from = asked === null ? '' : ` from ${asked.text}`;
    const why = result?.error.message ?? 'no answer in time';
    return warn(
      `the list of apiservers was not read${from}: ${why}`,
      `correct ${kubeconfig}, or give its user the right to get endpoints/kubernetes in the namespace default`,
    );
  }
  const { list } = result;
  const isIn = (servers: readonly Endpoint[], { text }: Endpoint): boolean =>
    servers.some((server) => server.text === text);
  const unlisted = realServers.filter((server) => !isIn(list.servers, server));
  const more = list.servers.filter((server) => !isIn(realServers, server));
  const read = `${list.from.text} lists ${namesOf(list.servers)}`;
  const discovered = more.length === 0 ? '' : `; beside --rs: ${namesOf(more)}`;
  if (unlisted.length === 0) return ok(`${read}${discovered}`);
  return warn(
    `${read}, but not ${namesOf(unlisted)} of --rs${discovered}`,
    'take out of --rs what was removed from the cluster; an apiserver that is down is not listed either',
  );
}

function namesOf(servers: readonly Endpoint[]): string {
  return servers.length === 0 ? 'no apiserver' : servers.map(({ text }) => text).join(', ');
}
