/** keepalived as Debian has it: its checkers, without VRRP. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEEPALIVED_1S, KEEPALIVED_5S, KEEPALIVED_TUNED, type KeepalivedSettings } from '../settings.js';
import { realServersOf, type Peer, type Running, type Stage } from './peer.js';
import { routeVip } from './way-to-vip.js';

async function start(stage: Stage, settings: KeepalivedSettings): Promise<Running> {
  const { node, directory, virtualServers } = stage;
  const file = join(directory, 'keepalived.conf');
  await writeFile(file, configuration(stage, settings));
  await routeVip(stage);
  // In the foreground, the checkers only, the log on stderr.
  const flags = ['--dont-fork', '--check', '--log-console'];
  const files = [
    ...['--use-file', file, '--pid', join(directory, 'keepalived.pid')],
    ...['--checkers_pid', join(directory, 'checkers.pid')],
  ];
  const process = node.spawn('keepalived', [...flags, ...files]);
  return {
    processes: [process],
    source: { kind: 'ip_vs', virtualServer: virtualServers[0] ?? '' },
    reload: async (changed) => {
      await writeFile(file, configuration(changed, settings));
      process.signal('SIGHUP');
    },
  };
}

function configuration(stage: Stage, settings: KeepalivedSettings): string {
  const { delayLoopS, retry, delayBeforeRetryS, connectTimeoutS } = settings;
  const line = (name: string, value: number | null): string =>
    value === null ? '' : `      ${name} ${value}\n`;
  const realServer = (endpoint: string): string => `
  real_server ${endpoint.replace(':', ' ')} {
    weight 1
    SSL_GET {
      url {
        path /healthz
        status_code 200
      }
${line('connect_timeout', connectTimeoutS)}${line('retry', retry)}${line('delay_before_retry', delayBeforeRetryS)}    }
  }`;
  const virtualServer = (endpoint: string): string => `
virtual_server ${endpoint.replace(':', ' ')} {
  delay_loop ${delayLoopS}
  lb_algo rr
  lb_kind NAT
  protocol TCP
${realServersOf(stage, endpoint).map(realServer).join('')}
}
`;
  return `global_defs {\n  router_id bench\n}\n${stage.virtualServers.map(virtualServer).join('')}`;
}

function keepalived(
  name: string,
  recipe: string,
  settings: KeepalivedSettings,
  expected: Peer['expected'],
): Peer {
  return {
    name,
    recipe,
    program: 'keepalived',
    intervalMs: settings.delayLoopS * 1000,
    expected,
    start: (stage) => start(stage, settings),
  };
}

export const keepalivedPeers: readonly Peer[] = [
  keepalived('keepalived-5s', '`delay_loop 5`, SSL_GET, the rest its defaults (3 retries)', KEEPALIVED_5S, {
    kill: 10,
    stop: 24,
    cut: 25,
    500: 10,
    back: 7,
  }),
  keepalived('keepalived-1s', '`delay_loop 1`, no retry, `connect_timeout 1`', KEEPALIVED_1S, {
    kill: 0.5,
    stop: 1.5,
    cut: 1.5,
    500: 0.5,
    back: 1.5,
  }),
  keepalived('keepalived-tuned', '`delay_loop 0.2`, no retry, `connect_timeout 0.5`', KEEPALIVED_TUNED, {
    kill: 0.3,
    stop: 0.8,
    cut: 0.8,
    500: 0.3,
    back: 0.5,
  }),
];
