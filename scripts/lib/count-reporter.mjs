// A reporter for node:test that leaves one line for scripts/test: PASSED FAILED SKIPPED. Suites are not counted; a file
// that crashed, or that holds no test, is reported by the runner as a test of its own.
export default async function* countReporter(source) {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  for await (const { type, data } of source) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') {
      // One that fails although its tests pass: a hook did.
      if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') failed++;
    } else if (data.skip !== undefined || data.todo !== undefined) skipped++;
    else if (type === 'test:pass') passed++;
    else failed++;
  }
  yield `${passed} ${failed} ${skipped}\n`;
}
