/** The lab, and a prompt in it: `npm run demo -- --shell`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lab, VIP } from '../lab/index.js';
import { PROGRAM } from '../lab/program.js';
import { serverArguments, VS } from './daemon.js';
import { listenForOrders } from './orders.js';
import { bold, say } from './screen.js';

const VERBS = [
  'kill',
  'start',
  'restart',
  'stop',
  'cont',
  'cut',
  'mend',
  'fail',
  'hang',
  'heal',
  'stats',
] as const;
type Verb = (typeof VERBS)[number];

const PROGRAM_COMMAND = `${process.execPath} ${PROGRAM}`;

say('Building the lab ...');
await using lab = await Lab.create();
const directory = await mkdtemp(join(tmpdir(), 'lvscare-demo-'));
const socket = join(directory, 'lab.sock');
const server = await listenForOrders(socket, obey);
try {
  const bashrc = join(directory, 'bashrc');
  await writeFile(bashrc, shellSettings(directory));
  // A command rather than a function: `watch lvscare status`.
  await writeFile(join(directory, 'lvscare'), `#!/bin/sh\nexec ${PROGRAM_COMMAND} "$@"\n`, { mode: 0o755 });
  const args = ['netns', 'exec', lab.node.host.namespace, 'bash', '--rcfile', bashrc, '-i'];
  const shell = spawn('ip', args, { stdio: 'inherit' });
  await once(shell, 'close');
} finally {
  server.close();
  await rm(directory, { recursive: true, force: true });
}

/** `master 1 kill`, and so on: the answer is what to print. */
async function obey([number = '', verb = '']: readonly string[]): Promise<string> {
  const master = lab.masters[Number(number)];
  if (master === undefined || !VERBS.includes(verb as Verb)) {
    return `usage: master 0..${lab.masters.length - 1} ${VERBS.join('|')}`;
  }
  try {
    const result = await master[verb as Verb]();
    return result === undefined ? `${master.name}: ${verb}: done` : JSON.stringify(result, null, 2);
  } catch (error) {
    return `${master.name}: ${(error as Error).message}`;
  }
}

/** @param commands Where the commands of ours are. */
function shellSettings(commands: string): string {
  const command = fileURLToPath(new URL('./order-command.js', import.meta.url));
  const servers = serverArguments(lab).join(' ');
  const help = [
    `You are on the node, ${lab.node.addresses.ipv4}. Its masters:`,
    ...lab.masters.map((master) => `  ${master.name}  ${master.endpoint}`),
    '',
    `  ${bold('care')}               lvscare care ${servers}`,
    `  ${bold('care &')}             the same in the background; ${bold('lvscare ...')} for everything else`,
    `  ${bold('ipvsadm -Ln')}        the table`,
    `  ${bold('ask')}                who answers at ${VS}, six times`,
    `  ${bold('master 1 kill')}      or ${VERBS.filter((verb) => verb !== 'kill').join(', ')}`,
    `  ${bold('lab')}                this text; Ctrl-D ends the lab`,
    '',
    "The kernel and its network are a guest's, and so are /run and $TMPDIR. All other files are this machine's:",
    'what you write there, as with lvscare manifest --write, is on its disk.',
  ].join('\n');
  return `
PS1='lab# '
PATH=${commands}:$PATH
care() { lvscare care ${servers} "$@"; }
master() { ${process.execPath} ${command} ${socket} "$@"; }
ask() { for _ in 1 2 3 4 5 6; do curl -s --max-time 3 --cacert ${lab.caFile} https://${VIP.ipv4}:6443/whoami || echo "failed: curl says $?"; done; }
lab() { cat <<'HELP'
${help}
HELP
}
lab
`;
}
