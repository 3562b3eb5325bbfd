/** `npm run bench`, in the guest: everything that was asked for, one after another, and the report. */
import { describeMachine } from './machine.js';
import { estimateFailover, measureFailover } from './failover/failover.js';
import { parseOptions, usage, WrongOption, type BenchOptions } from './options.js';
import { PEERS } from './peers/index.js';
import type { Peer } from './peers/peer.js';
import { Progress } from './progress.js';
import { seconds } from './report/format.js';
import { save } from './report/json-file.js';
import { report } from './report/markdown.js';
import type { Results } from './report/results.js';
import { estimateScale, measureScale, scaleCases } from './scale/scale.js';
import { LIMITS } from './settings.js';
import { estimateSteady, measureSteady } from './steady/steady.js';

const args = process.argv.slice(2);
const names = PEERS.map(({ name }) => name);
try {
  const options = parseOptions(args, names);
  if (options.help) process.stdout.write(usage(names));
  else process.exitCode = await bench(options);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof WrongOption ? 2 : 1;
}

/** The exit code. */
async function bench(options: BenchOptions): Promise<number> {
  const peers = PEERS.filter(({ name }) => options.peers.includes(name));
  const results: Results = {
    command: ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    startedAt: new Date().toISOString(),
    finishedAt: null,
    machine: await describeMachine(peers),
    recipes: Object.fromEntries(peers.map(({ name, recipe }) => [name, recipe])),
    limitsMs: { out: LIMITS.outMs, back: LIMITS.backMs },
    failover: {},
    steady: {},
    scale: [],
    errors: [],
  };
  const progress = new Progress(estimate(peers, options));
  /** One thing that goes wrong does not cost what else can be measured, but the run has failed. */
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      results.errors.push(`${what}: ${why}`);
      progress.say(`FAILED: ${what}: ${why}`);
    }
    await save(options.json, results);
  };

  if (options.scenarios.includes('failover')) {
    for (const peer of peers)
      await attempt(`failover, ${peer.name}`, () => failover(peer, options, results, progress));
  }
  if (options.scenarios.includes('steady')) {
    for (const peer of peers)
      await attempt(`steady state, ${peer.name}`, async () => {
        const sample = await measureSteady(peer, options.steadyS);
        results.steady[peer.name] = sample;
        progress.say(`${peer.name}: steady state: ${sample.cpuS.toFixed(2)} CPU seconds a minute`);
      });
  }
  if (options.scenarios.includes('scale')) {
    for (const scaled of scaleCases(peers, options))
      await attempt(`scale, ${scaled.what}`, async () => {
        results.scale.push(await measureScale(scaled));
        progress.say(`${scaled.what}: done`);
      });
  }

  results.finishedAt = new Date().toISOString();
  await save(options.json, results);
  process.stdout.write(`${report(results)}\n`);
  return results.errors.length > 0 ? 1 : 0;
}

async function failover(
  peer: Peer,
  options: BenchOptions,
  results: Results,
  progress: Progress,
): Promise<void> {
  const samples = (results.failover[peer.name] ??= {});
  await measureFailover(peer, options, async (sample) => {
    const { event, outMs, backMs, busy, failures } = sample;
    const list = (samples[event] ??= []);
    list.push(sample);
    const times = [outMs, backMs].map((ms) => (ms === null ? 'never' : seconds(ms)));
    progress.say(
      `${peer.name}: ${event} ${list.length}/${options.repeats}: out ${times[0] ?? ''}, ${failures} failed, ` +
        `hung ${busy.untilBack ? 'until back' : seconds(busy.hangMs)}, back ${times[1] ?? ''}`,
    );
    await save(options.json, results);
  });
}

/** In seconds. */
function estimate(peers: readonly Peer[], options: BenchOptions): number {
  const { scenarios } = options;
  let sum = 0;
  for (const peer of peers) {
    if (scenarios.includes('failover')) sum += estimateFailover(peer, options);
    if (scenarios.includes('steady')) sum += estimateSteady(options.steadyS);
  }
  if (scenarios.includes('scale')) sum += estimateScale(scaleCases(peers, options));
  return sum;
}
