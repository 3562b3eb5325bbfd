/** lvscare, by a file for all virtual servers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROGRAM } from '../../lab/program.js';
import { LVSCARE_INTERVAL_MS, LVSCARE_TUNED, LVSCARE_TUNED_INTERVAL_MS } from '../settings.js';
import { realServersOf, type Peer, type Running, type Stage } from './peer.js';

interface LvscareOptions {
  readonly extra: readonly string[];
  /** For node itself. Default none. */
  readonly nodeOptions?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export async function startLvscare(stage: Stage, options: LvscareOptions): Promise<Running> {
  const { extra, nodeOptions = [], env = process.env } = options;
  const file = join(stage.directory, 'lvscare.yaml');
  await writeFile(file, configuration(stage));
  const args = [...nodeOptions, PROGRAM, 'care', '--config', file, '--log-format', 'json', ...extra];
  const running = stage.node.spawn(process.execPath, args, { env });
  return {
    processes: [running],
    source: { kind: 'ip_vs', virtualServer: stage.virtualServers[0] ?? '' },
    reload: async (changed) => {
      await writeFile(file, configuration(changed));
      running.signal('SIGHUP');
    },
  };
}

/** JSON is YAML, too. */
function configuration(stage: Stage): string {
  return JSON.stringify({
    defaults: { 'health-ca': stage.caFile },
    virtualServers: stage.virtualServers.map((vs) => ({ vs, rs: realServersOf(stage, vs) })),
  });
}

export const lvscare: Peer = {
  name: 'lvscare',
  recipe: 'its defaults: `--interval 5s`',
  program: 'node',
  intervalMs: LVSCARE_INTERVAL_MS,
  expected: { kill: 1, stop: 6, cut: 4, 500: 3, back: 5 },
  start: (stage) => startLvscare(stage, { extra: [] }),
};

export const lvscareTuned: Peer = {
  name: 'lvscare-tuned',
  recipe: `\`${LVSCARE_TUNED.join(' ')}\``,
  program: 'node',
  intervalMs: LVSCARE_TUNED_INTERVAL_MS,
  expected: { kill: 0.5, stop: 1, cut: 1, 500: 0.5, back: 1 },
  start: (stage) => startLvscare(stage, { extra: LVSCARE_TUNED }),
};
