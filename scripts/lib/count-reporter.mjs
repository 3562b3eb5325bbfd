// A reporter for node:test that leaves lines for scripts/test. The first is PASSED FAILED SKIPPED. Suites are not counted; a
// file that crashed, or that holds no test, is reported by the runner as a test of its own. Below it are the files that took
// longest, longest first: "longest SECONDS FILE"; what failed: "failed FILE: SUITE > TEST: its error, in one line"; and the
// files in which something failed: "again FILE", where FILE is not a helper in which a test is written.
import { relative } from 'node:path';

const MOST_FILES = 10;
const MOST_CHARACTERS = 1000;

export default async function* countReporter(source) {
  let passed = 0;
  let skipped = 0;
  const failures = [];
  const times = new Map();
  const titles = [];
  const again = new Set();
  for await (const { type, data } of source) {
    if (type === 'test:start') titles.splice(data.nesting, Infinity, data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const file = relative('', data.file ?? data.name);
    if (data.nesting === 0) times.set(file, (times.get(file) ?? 0) + (data.details?.duration_ms ?? 0));
    if (data.nesting === 0 && type === 'test:fail') again.add(file);
    const failed = `failed ${file}: ${[...titles.slice(0, data.nesting), data.name].join(' > ')}: ${reason(data)}`;
    if (data.details?.type === 'suite') {
      // One that fails although its tests pass: a hook did.
      if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') failures.push(failed);
    } else if (data.skip !== undefined || data.todo !== undefined) skipped++;
    else if (type === 'test:pass') passed++;
    else failures.push(failed);
  }
  yield `${passed} ${failures.length} ${skipped}\n`;
  const longest = [...times].sort(([, one], [, other]) => other - one).slice(0, MOST_FILES);
  for (const [file, ms] of longest) yield `longest ${Math.round(ms / 1000)} ${file}\n`;
  for (const failure of failures) yield `${failure}\n`;
  for (const file of again) yield `again ${file}\n`;
}

/** In one line, also what was expected and what came instead: CI's log may be cut to its end. Of a comparison, what differs. */
function reason({ details }) {
  const error = details?.error;
  const message = String((error?.cause ?? error)?.message ?? error ?? 'no reason given');
  const [first, ...others] = message.split('\n');
  const telling = others.filter((line) => /^\S/.test(line) && !line.startsWith('+ actual - expected'));
  return [first, ...telling.map((line) => line.replace(/\s+/g, ' '))].join(' ').slice(0, MOST_CHARACTERS);
}
