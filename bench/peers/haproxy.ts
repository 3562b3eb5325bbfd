/** HAProxy as Debian has it: a proxy at the virtual server's address, passing TCP through, checking by TLS and HTTP. */
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../lab/index.js';
import { HAPROXY_DEFAULT, HAPROXY_OBSERVE, HAPROXY_TUNED, type HaproxySettings } from '../settings.js';
import type { Peer, Running, Stage } from './peer.js';
import { bindVip } from './way-to-vip.js';

const BACKEND = 'apiservers';

async function start(stage: Stage, settings: HaproxySettings): Promise<Running> {
  const { node, directory } = stage;
  const file = join(directory, 'haproxy.cfg');
  const socket = join(directory, 'haproxy.sock');
  await writeFile(file, configuration(stage, settings, socket));
  await bindVip(stage);
  // In the foreground: no daemon, no master.
  const process = node.spawn('haproxy', ['-db', '-f', file]);
  const listening = until(() => access(socket).then(() => true), { what: 'haproxy listens' });
  await Promise.race([
    listening,
    process.exited.then((status) => {
      throw new Error(`haproxy ended with status ${status}:\n${process.text()}`);
    }),
  ]);
  return { processes: [process], source: { kind: 'haproxy', socket, backend: BACKEND } };
}

function configuration(
  { virtualServers, realServers }: Stage,
  { defaults, defaultServer }: HaproxySettings,
  socket: string,
): string {
  return `global
  stats socket ${socket} mode 600 level admin
  stats timeout 10m
defaults
  mode tcp
${defaults.map((line) => `  ${line}\n`).join('')}
frontend virtual-server
${virtualServers.map((virtualServer) => `  bind ${virtualServer}\n`).join('')}  default_backend ${BACKEND}

backend ${BACKEND}
  balance roundrobin
  option httpchk GET /healthz
  http-check expect status 200
  default-server check check-ssl verify none ${defaultServer}
${realServers.map((realServer, index) => `  server rs${index} ${realServer}\n`).join('')}`;
}

function haproxy(name: string, recipe: string, settings: HaproxySettings, expected: Peer['expected']): Peer {
  const { intervalMs } = settings;
  return {
    name,
    recipe,
    program: 'haproxy',
    intervalMs,
    expected,
    start: (stage) => start(stage, settings),
  };
}

const QUICK = { kill: 0.5, stop: 1.4, cut: 1.3, 500: 0.8, back: 0.7 };

export const haproxyPeers: readonly Peer[] = [
  haproxy('haproxy', 'checks by its defaults: `inter 2s fall 3 rise 2`', HAPROXY_DEFAULT, {
    kill: 5,
    stop: 10,
    cut: 11,
    500: 5,
    back: 4,
  }),
  haproxy(
    'haproxy-tuned',
    '`inter 1s fastinter 200ms fall 1 rise 1 on-marked-down shutdown-sessions`, redispatch',
    HAPROXY_TUNED,
    QUICK,
  ),
  haproxy('haproxy-observe', 'the same with `observe layer4 error-limit 1`', HAPROXY_OBSERVE, QUICK),
];
