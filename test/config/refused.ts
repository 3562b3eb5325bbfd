import assert from 'node:assert/strict';
import { UsageError } from '../../src/config/usage-error.js';

/** Asserts that something is refused as a wrong argument, with exactly this message. */
export function refused(message: string, read: () => unknown): void {
  assert.throws(read, (error: unknown) => {
    assert.ok(error instanceof UsageError, String(error));
    assert.equal(error.message, message);
    return true;
  });
}
