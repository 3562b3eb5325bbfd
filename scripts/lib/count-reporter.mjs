// A reporter for node:test that leaves one line for scripts/test: PASSED FAILED SKIPPED. Suites are not counted; a file
// that crashed, or that holds no test, is reported by the runner as a test of its own. Below it are the files that took longest,
// longest first: SECONDS FILE.
import { relative } from 'node:path';

const MOST_FILES = 10;

export default async function* countReporter(source) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  const times = new Map();
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.nesting === 0) {
      const file = relative('', data.file ?? data.name);
      times.set(file, (times.get(file) ?? 0) + (data.details?.duration_ms ?? 0));
    }
    if (data.details?.type === 'suite') {
      // One that fails although its tests pass: a hook did.
      if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') failed++;
    } else if (data.skip !== undefined || data.todo !== undefined) skipped++;
    else if (type === 'test:pass') passed++;
    else failed++;
  }
  yield `${passed} ${failed} ${skipped}\n`;
  const longest = [...times].sort(([, one], [, other]) => other - one).slice(0, MOST_FILES);
  for (const [file, ms] of longest) yield `${Math.round(ms / 1000)} ${file}\n`;
}
