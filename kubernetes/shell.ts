/** A cluster, and a prompt on its worker: `npm run kubernetes`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listenForOrders } from '../demo/orders.js';
import { bold, say } from '../demo/screen.js';
import { VIP } from '../lab/addresses.js';
import type { Apiserver } from './apiserver.js';
import { HOME } from './programs.js';
import { Stage } from './stage.js';
import { PROGRAM } from '../lab/program.js';

const VERBS: Readonly<Record<string, (master: Apiserver) => void | Promise<void>>> = {
  kill: (master) => master.kill(),
  terminate: (master) => master.terminate(),
  start: (master) => {
    master.start();
  },
  stop: (master) => {
    master.stop();
  },
  cont: (master) => {
    master.cont();
  },
  cut: (master) => master.cut(),
  mend: (master) => master.mend(),
};

say('Starting etcd, three apiservers and a worker; this takes a minute or two ...');
await using stage = await Stage.create();
const { cluster, worker } = stage;
await stage.startLvscare();

// Not in $TMPDIR, which is below /run: the worker has a /run of its own.
const directory = await mkdtemp('/dev/shm/kubernetes-');
const socket = join(directory, 'orders.sock');
const server = await listenForOrders(socket, obey);
try {
  const bashrc = join(directory, 'bashrc');
  await writeFile(bashrc, settings());
  await writeFile(join(directory, 'lvscare'), `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`, {
    mode: 0o755,
  });
  await worker.write('/root/.kube/config', await readFile(cluster.pki.adminFile, 'utf8'));
  const shell = spawn('nsenter', [...worker.into, 'bash', '--rcfile', bashrc, '-i'], { stdio: 'inherit' });
  await once(shell, 'close');
} finally {
  server.close();
  await rm(directory, { recursive: true, force: true });
}

/** `master 1 kill`, `etcd stop`: the answer is what to print. */
async function obey([target = '', ...words]: readonly string[]): Promise<string> {
  try {
    if (target === 'etcd' && (words[0] === 'stop' || words[0] === 'cont')) {
      cluster.etcd[words[0]]();
      return `etcd: ${words[0]}: done`;
    }
    const [number, verb = ''] = words;
    const master = cluster.masters[Number(number)];
    const act = VERBS[verb];
    if (target !== 'master' || master === undefined || act === undefined)
      return `usage: master 0..${cluster.masters.length - 1} ${Object.keys(VERBS).join('|')}, or etcd stop|cont`;
    await act(master);
    return `${master.name}: ${verb}: done`;
  } catch (error) {
    return (error as Error).message;
  }
}

function settings(): string {
  const order = fileURLToPath(new URL('../demo/order-command.js', import.meta.url));
  const help = [
    `You are on ${worker.name}, ${worker.addresses.ipv4}. kubelet runs lvscare there as a static pod. The masters:`,
    ...cluster.masters.map((master) => `  ${master.name}  ${master.endpoint}`),
    '',
    `  ${bold('kubectl get nodes')}   kubectl asks the virtual server, as kubelet does`,
    `  ${bold('lvscare status')}      or doctor, probe, drain`,
    `  ${bold('ipvsadm -Ln')}         the table`,
    `  ${bold('ask')}                 six requests through the virtual server`,
    `  ${bold('master 1 kill')}       or ${Object.keys(VERBS).slice(1).join(', ')}`,
    `  ${bold('etcd stop')}           or cont`,
    `  ${bold('cluster')}             this text; Ctrl-D ends the cluster`,
    '',
    "Files that you change are the worker's own, and gone with it.",
  ].join('\n');
  return `
PS1='worker0# '
export PATH=${directory}:${HOME}/bin:$PATH
master() { ${process.execPath} ${order} ${socket} master "$@"; }
etcd() { ${process.execPath} ${order} ${socket} etcd "$@"; }
ask() { for _ in 1 2 3 4 5 6; do curl -s --max-time 3 -o /dev/null -w '%{http_code}\\n' --cacert /etc/kubernetes/pki/ca.crt https://${VIP.ipv4}:6443/version || echo "failed: curl says $?"; done; }
cluster() { cat <<'HELP'
${help}
HELP
}
cluster
`;
}
