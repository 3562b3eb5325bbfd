/** lvscare, by its command line only: one process for each virtual server. */
import { LVSCARE_INTERVAL_MS, LVSCARE_TUNED, LVSCARE_TUNED_INTERVAL_MS } from '../settings.js';
import type { Peer, Running, Stage } from './peer.js';
import { PROGRAM } from '../../lab/program.js';

interface LvscareOptions {
  readonly extra: readonly string[];
  /** For node itself. Default none. */
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export function startLvscare(stage: Stage, options: LvscareOptions): Running {
  const { extra, nodeOptions = [], env = process.env } = options;
  const { node, caFile, realServers, virtualServers } = stage;
  const processes = virtualServers.map((virtualServer) => {
    const servers = ['--vs', virtualServer, '--rs', realServers.join(','), '--health-ca', caFile];
    const args = [...nodeOptions, PROGRAM, 'care', ...servers, '--log-format', 'json', ...extra];
    return node.spawn(process.execPath, args, { env });
  });
  return { processes, source: { kind: 'ip_vs', virtualServer: virtualServers[0] ?? '' } };
}

export const lvscare: Peer = {
  name: 'lvscare',
  recipe: 'its defaults: `--interval 5s`',
  program: 'node',
  intervalMs: LVSCARE_INTERVAL_MS,
  expected: { kill: 1, stop: 6, cut: 4, 500: 3, back: 5 },
  start: (stage) => Promise.resolve(startLvscare(stage, { extra: [] })),
};

export const lvscareTuned: Peer = {
  name: 'lvscare-tuned',
  recipe: `\`${LVSCARE_TUNED.join(' ')}\``,
  program: 'node',
  intervalMs: LVSCARE_TUNED_INTERVAL_MS,
  expected: { kill: 0.5, stop: 1, cut: 1, 500: 0.5, back: 1 },
  start: (stage) => Promise.resolve(startLvscare(stage, { extra: LVSCARE_TUNED })),
};
