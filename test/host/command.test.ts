import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { complaint, runCommand } from '../../src/host/command.js';
import { KernelError } from '../../src/values/errors.js';

describe('a command', () => {
  it('gets its input, and gives its status and what it wrote', async () => {
    assert.deepEqual(await runCommand('sh', ['-c', 'cat; echo oh >&2; exit 3'], { input: 'text' }), {
      status: 3,
      stdout: 'text',
      stderr: 'oh\n',
    });
    assert.deepEqual(await runCommand('true', [], { input: 'not read' }), {
      status: 0,
      stdout: '',
      stderr: '',
    });
  });

  it('that does not exist is null', async () => {
    assert.equal(await runCommand('lvscare-no-such-program', []), null);
    assert.equal(await runCommand('/nowhere/program', []), null);
  });

  const unfinished: readonly (readonly [what: string, script: string, message: RegExp])[] = [
    ['does not end', 'exec sleep 600', /^sh: it did not end within 200 ms$/],
    ['is ended', 'kill -TERM $$', /^sh: SIGTERM ended it$/],
  ];
  for (const [what, script, message] of unfinished) {
    it(`that ${what} is an error`, async () => {
      await assert.rejects(runCommand('sh', ['-c', script], { timeoutMs: 200 }), (error: unknown) => {
        assert.ok(error instanceof KernelError);
        assert.match(error.message, message);
        return true;
      });
    });
  }

  it('that writes without end is an error', async () => {
    await assert.rejects(runCommand('yes', []), { message: 'yes: it wrote more than 67108864 bytes' });
  });

  it('that may not be started is an error', async () => {
    await assert.rejects(runCommand(fileURLToPath(import.meta.url), []), {
      name: 'KernelError',
      message: /EACCES/,
    });
  });

  it('that failed is quoted by the first line it said', () => {
    assert.equal(
      complaint('tool', { status: 2, stdout: 'out\n', stderr: '\n no \n\nhelp\n' }),
      'tool: status 2: no',
    );
    assert.equal(complaint('tool', { status: 2, stdout: 'out\n', stderr: '' }), 'tool: status 2: out');
    assert.equal(
      complaint('tool', { status: 2, stdout: '', stderr: '' }),
      'tool: status 2: it printed nothing',
    );
  });
});
