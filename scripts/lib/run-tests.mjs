// Runs test files with node:test, prints what they did, and leaves a summary for scripts/test in a file.
//
//   node run-tests.mjs --summary FILE [--claims DIRECTORY] [--concurrency N] [--timeout SECONDS] TEST-FILE...
//
// With --claims several runners share the files, each in a guest of its own: a runner takes the next file for which it can
// create an entry in that directory, so that they end at about the same time.
//
// The time limits of the tests are for a machine that starts Node.js in REFERENCE_MS. Before each file, or before all of them
// where some run at once, this script measures how long that takes here and now. Where it takes longer, the limits grow by the
// same factor: --timeout, the limit of one file, and LVSCARE_TEST_TIME_SCALE, by which the lab and the tests multiply theirs.
//
// The summary is written after each file, for a guest may end at any time. Its first line is PASSED FAILED SKIPPED; a file that
// crashed, or that holds no test, is counted as a test. Below it: "ran TEST-FILE" for each that ended, "took SECONDS FILE", and
// "failed FILE: SUITE > TEST: the error in one line".
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

/** How long Node.js takes to start on the machine for which the limits were chosen, in ms: twice as long as on an idle one. */
const REFERENCE_MS = ['host', undefined].includes(process.env.WITH_IPVS) ? 100 : 250;
/** The limits grow no further than this: a test that hangs is to fail some time. */
const MOST_SCALE = 50;
const MOST_CHARACTERS = 1000;

const { values: options, positionals: files } = parseArgs({
  allowPositionals: true,
  options: {
    summary: { type: 'string' },
    claims: { type: 'string' },
    concurrency: { type: 'string', default: '1' },
    timeout: { type: 'string', default: '900' },
  },
});

let passed = 0;
let skipped = 0;
let slowest = 1;
const finished = [];
const failures = [];
const seconds = new Map();

await pipeline(Readable.from(results()), new spec(), process.stdout);
if (slowest > 1) process.stdout.write(`time limits were multiplied by up to ${slowest.toFixed(1)}\n`);
process.exitCode = failures.length > 0 ? 1 : 0;

/** What node:test reports of all files, one after another. */
async function* results() {
  const concurrency = Number(options.concurrency);
  const batches = concurrency > 1 ? [files] : files.map((file) => [file]);
  for (const batch of batches) {
    if (options.claims !== undefined && !claim(batch[0])) continue;
    const scale = timeScale();
    slowest = Math.max(slowest, scale);
    process.env.LVSCARE_TEST_TIME_SCALE = scale.toFixed(2);
    const timeout = Number(options.timeout) * 1000 * scale;
    const titles = [];
    for await (const event of run({ files: batch, concurrency, timeout })) {
      record(event, titles);
      // The runner's own totals would come once for each file.
      if (
        event.type !== 'test:summary' &&
        !(event.type === 'test:diagnostic' && event.data.file === undefined)
      )
        yield event;
    }
    finished.push(...batch);
    summarize();
  }
}

/** Whether this runner may run the file: no other one has taken it. */
function claim(file) {
  try {
    mkdirSync(join(options.claims, file.replaceAll('/', '-')));
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

/** By how much this machine, as busy as it is now, is slower than the reference; 1 if it is not. The median of three tries. */
function timeScale() {
  const takenMs = [1, 2, 3].map(() => {
    const startMs = performance.now();
    spawnSync(process.execPath, ['-e', '0'], { stdio: 'ignore' });
    return performance.now() - startMs;
  });
  const [, medianMs] = takenMs.sort((one, other) => one - other);
  return Math.min(MOST_SCALE, Math.max(1, medianMs / REFERENCE_MS));
}

function summarize() {
  const lines = [
    `${passed} ${failures.length} ${skipped}`,
    ...finished.map((file) => `ran ${file}`),
    ...[...seconds].map(([file, time]) => `took ${Math.round(time)} ${file}`),
    ...failures.map((failure) => `failed ${failure}`),
  ];
  writeFileSync(options.summary, `${lines.join('\n')}\n`);
}

function record({ type, data }, titles) {
  if (type === 'test:start') titles.splice(data.nesting, Infinity, data.name);
  if (type !== 'test:pass' && type !== 'test:fail') return;
  const file = relative('', data.file ?? data.name);
  const { duration_ms: durationMs = 0, error, type: kind } = data.details ?? {};
  if (data.nesting === 0) seconds.set(file, (seconds.get(file) ?? 0) + durationMs / 1000);
  if (data.skip !== undefined || data.todo !== undefined) {
    skipped += 1;
    return;
  }
  if (kind === 'suite') {
    // One that fails although its tests pass: a hook did.
    if (type === 'test:pass' || error?.failureType === 'subtestsFailed') return;
  } else if (type === 'test:pass') {
    passed += 1;
    return;
  }
  const title = [...titles.slice(0, data.nesting), data.name].join(' > ');
  failures.push(`${file}: ${title}: ${reason(error)}`);
}

/** In one line, with what was expected and what came instead. */
function reason(error) {
  const message = String((error?.cause ?? error)?.message ?? error ?? 'no reason given');
  const [first, ...others] = message.split('\n');
  const telling = others.filter((line) => /^\S/.test(line) && !line.startsWith('+ actual - expected'));
  return [first, ...telling.map((line) => line.replace(/\s+/g, ' '))].join(' ').slice(0, MOST_CHARACTERS);
}
