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

/** A request ten times a second, and a connection that stays open, as kubelet's does. */
interface Clients {
  readonly steady: Awaited<ReturnType<typeof lab.node.steady>>;
  kept: { readonly to: string; endedBy: string | null } | null;
}
let clients: Clients | null = null;

/** Starts the clients at the first call; what became of their requests. */
async function askClients(): Promise<string> {
  const started = clients === null;
  clients ??= { steady: await lab.node.steady({ everyMs: 100, timeoutMs: 3000 }), kept: null };
  const { steady, kept } = clients;
  const words =
    kept === null
      ? 'none yet'
      : `to ${kept.to}, ${kept.endedBy === null ? 'open' : `ended (${kept.endedBy}), and opened anew`}`;
  if (kept?.endedBy !== null) clients.kept = await openKept();
  const codes = [
    ...new Set(steady.failures.map((failure) => (failure.ok ? `status ${failure.status}` : failure.code))),
  ].join(', ');
  return [
    started ? 'a client asks ten times a second from now on; client says how it went' : '',
    `requests: ${steady.samples.length}, failed: ${steady.failures.length}${codes === '' ? '' : ` (${codes})`}`,
    `the long connection: ${kept === null && clients.kept !== null ? `to ${clients.kept.to}, open` : words}`,
  ]
    .filter((line) => line !== '')
    .join('\n');
}

async function openKept(): Promise<Clients['kept']> {
  try {
    const connection = await lab.node.open();
    const kept: NonNullable<Clients['kept']> = { to: (await connection.whoami()).name, endedBy: null };
    void connection.ended.then(({ code }) => (kept.endedBy = code ?? 'closed'));
    return kept;
  } catch {
    return null;
  }
}

/** `master 1 kill`, `node cut`, `client`: the answer is what to print. */
async function obey([what = '', ...words]: readonly string[]): Promise<string> {
  try {
    if (what === 'client') return await askClients();
    if (what !== 'node') return await obeyMaster([what, ...words]);
    const [verb = ''] = words;
    if (verb !== 'cut' && verb !== 'mend') return 'usage: node cut|mend';
    await lab.node[verb]();
    return `node: ${verb}: done`;
  } catch (error) {
    return (error as Error).message;
  }
}

async function obeyMaster([number = '', verb = '']: readonly string[]): Promise<string> {
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
    '                     cut pulls its cable, mend plugs it in; stop freezes it, cont thaws it; fail answers 500, hang nothing;',
    '                     heal ends both; stats counts its requests',
    `  ${bold('node cut')}           pulls the node's own cable; ${bold('node mend')} plugs it in again`,
    `  ${bold('client')}             a client that asks ten times a second, and a long connection: how many requests failed`,
    `  ${bold('lab')}                this text; Ctrl-D ends the lab. Tab completes lvscare`,
    '',
    "The kernel and its network are a guest's, and so are /run and $TMPDIR. All other files are this machine's:",
    'what you write there, as with lvscare manifest --write, is on its disk.',
  ].join('\n');
  return `
PS1='lab# '
PATH=${commands}:$PATH
care() { lvscare care ${servers} "$@"; }
master() { ${process.execPath} ${command} ${socket} "$@"; }
node() { master node "$@"; }
client() { master client; }
source <(lvscare completion bash)
ask() { for _ in 1 2 3 4 5 6; do curl -s --max-time 3 --cacert ${lab.caFile} https://${VIP.ipv4}:6443/whoami || echo "failed: curl says $?"; done; }
lab() { cat <<'HELP'
${help}
HELP
}
lab
`;
}
