/** The main job, told as it happens, on a real kernel: `npm run demo`. */
import { Lab, until, type LabProcess, type RequestResult } from '../lab/index.js';
import { PROGRAM } from '../lab/program.js';
import { startDaemon, VS } from './daemon.js';
import { bold, chapter, dim, duration, green, red, say, typed } from './screen.js';

const began = performance.now();

await using lab = await build();
let daemon = await takeCare();
await failOver();
await comeBack();
await crash();
await leave();
await cleanUp();
say(
  `\n${green('That was all real:')} a kernel with IPVS, TLS, ipvsadm. It took ${duration(performance.now() - began)}.`,
);
say(`Try it by hand: ${bold('npm run demo -- --shell')}`);

async function build(): Promise<Lab> {
  chapter('A control plane: three masters and a node, each in a network namespace of its own');
  const made = await Lab.create();
  for (const master of made.masters) say(`   ${master.name}  apiserver on ${master.endpoint}`);
  say(`   node     ${made.node.addresses.ipv4}, which is to reach them at ${bold(VS)}`);
  return made;
}

async function takeCare(): Promise<LabProcess> {
  chapter('lvscare takes care of the virtual server');
  const started = startDaemon(lab, lab.masters);
  await untilWeight(lab.masters.map((master) => [master.endpoint, 1]));
  await started.waitForLine(/local route created/);
  await showTable();
  typed('ip route show table local | grep 10.103.97.2', await route());
  await showAnswers(6);
  return started;
}

async function failOver(): Promise<void> {
  const victim = lab.master(1);
  chapter(`${victim.name} is killed, while a client asks 10 times a second`);
  const client = await lab.node.steady({ everyMs: 100 });
  await until(() => client.samples.length >= 5);
  typed(`kill -9 ${victim.pid}   # ${victim.name}'s apiserver`);
  const killedMs = performance.now();
  const killed = victim.kill();
  // What the log says at once; ipvsadm, which is asked next, takes longer than that.
  await daemon.waitForLine(/removed 10\.103\.97\.201|10\.103\.97\.201:6443 to weight 0/);
  const outMs = performance.now() - killedMs;
  await killed;
  await untilWeight([[victim.endpoint, null]]);
  const words = bold(`out of rotation ${duration(outMs)} after the kill`);
  say(`   ${words}: the connection that is kept to it ended, and the next one was refused`);
  const count = client.samples.length;
  await until(() => client.samples.length >= count + 10);
  report(await client.stop());
  await showTable();
}

async function comeBack(): Promise<void> {
  const victim = lab.master(1);
  chapter(`${victim.name} is started again`);
  await victim.start();
  const startedMs = performance.now();
  await untilWeight([[victim.endpoint, 1]]);
  say(`   ${bold(`back in the table ${duration(performance.now() - startedMs)} after it listens`)}`);
  await showAnswers(6);
}

async function crash(): Promise<void> {
  chapter('lvscare itself is killed: nothing changes, and it takes over again where it was');
  const client = await lab.node.steady({ everyMs: 100 });
  typed(`kill -9 ${daemon.pid}   # lvscare`);
  await daemon.kill();
  daemon = startDaemon(lab, lab.masters.slice(0, 2), ['--drain-timeout', '2s']);
  await daemon.waitForLine(/set 10\.103\.97\.202:6443 to weight 0/);
  report(await client.stop());
}

async function leave(): Promise<void> {
  const gone = lab.master(2);
  chapter(`This time ${gone.name} is no longer among its --rs: it is drained, then removed`);
  await untilWeight([[gone.endpoint, null]]);
  await showTable();
}

async function cleanUp(): Promise<void> {
  chapter('Stop, and clean up');
  const stoppingMs = performance.now();
  await daemon.stop();
  say(`   ended ${duration(performance.now() - stoppingMs)} after SIGTERM; the table stays:`);
  await showTable();
  const args = ['care', '--vs', VS, '--clean', '--log-format', 'text'];
  typed(`lvscare ${args.join(' ')}`, await lab.node.must(process.execPath, [PROGRAM, ...args]));
  await showTable();
  typed('ip route show table local | grep 10.103.97.2', (await route()) || dim('(nothing)'));
}

async function showTable(): Promise<void> {
  typed('ipvsadm -Ln', await lab.node.ipvsadmText());
}

async function route(): Promise<string> {
  const routes = await lab.node.ip('route show table local');
  return routes
    .split('\n')
    .filter((line) => line.includes('10.103.97.2 '))
    .join('\n');
}

/** Waits until ipvsadm shows each of these rows with its weight, or does not show it. */
async function untilWeight(rows: readonly (readonly [string, number | null])[]): Promise<void> {
  await until(
    async () => {
      const weights = (await lab.node.weights()) ?? {};
      return rows.every(([server, weight]) => (weights[server] ?? null) === weight);
    },
    { timeoutMs: 40_000, everyMs: 50, what: `ipvsadm shows ${JSON.stringify(rows)}` },
  );
}

async function showAnswers(times: number): Promise<void> {
  const answers: string[] = [];
  for (let time = 0; time < times; time += 1) {
    const result = await lab.node.request();
    answers.push(result.ok ? green(result.by ?? '?') : red(result.code));
  }
  say(`   ${times} requests to https://${VS}/whoami are answered by ${answers.join(' ')}`);
}

/** What became of a steady client's requests. */
function report(samples: readonly RequestResult[]): void {
  const failed = samples.filter((sample) => !sample.ok || sample.status >= 400);
  const codes = [...new Set(failed.map((sample) => (sample.ok ? `status ${sample.status}` : sample.code)))];
  const words = `${samples.length} requests through ${VS}, ${failed.length} failed`;
  say(`   ${failed.length === 0 ? green(words) : `${red(words)} (${codes.join(', ')})`}`);
}
