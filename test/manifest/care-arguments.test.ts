import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCommandLine } from '../../src/cli/command-line.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { careArguments } from '../../src/manifest/care-arguments.js';
import type { Arguments } from '../../src/config/settings.js';

async function given(line: string): Promise<Arguments> {
  const command = await readCommandLine(['care', ...line.split(' ')], 80);
  assert.ok(command.kind === 'run');
  return command.given;
}

describe('the arguments of care in a manifest', () => {
  const cases: readonly (readonly [line: string, args: readonly string[]])[] = [
    ['--rs a --vs v', ['--vs=v', '--rs=a']],
    ['--rs a,b --rs c --vs=v', ['--vs=v', '--rs=a', '--rs=b', '--rs=c']],
    ['--rs a,,b, --vs=v', ['--vs=v', '--rs=a', '--rs=b']],
    ['-i x --logger DEBG --health-scheme http', ['--iface=x', '--health-schem=http', '--log-level=DEBG']],
    ['--fall 1 --fall 2', ['--fall=2']],
    ['--masquerade --sysctl=f --dry-run=1', ['--masquerade=true', '--sysctl=false', '--dry-run=true']],
    ['--mode=', ['--mode=']],
    ['--masqueradebit 3', []],
    ['--health-status 401,403', ['--health-status=401', '--health-status=403']],
    ['--health-req-headers a=1,b=2', ['--health-req-headers=a=1,b=2']],
    [
      '--health-req-headers a=1,2 --health-req-headers b=3',
      ['--health-req-headers=a=1,2', '--health-req-headers=b=3'],
    ],
  ];
  for (const [line, args] of cases) {
    it(line, async () => {
      assert.deepEqual(careArguments(await given(line), CARE_OPTIONS), args);
    });
  }

  it('mean what was given', async () => {
    for (const [line] of cases) {
      const once = careArguments(await given(line), CARE_OPTIONS);
      const { kind, ...read } = await readCommandLine(['care', ...once], 80);
      assert.ok(kind === 'run' && 'given' in read);
      assert.deepEqual(careArguments(read.given, CARE_OPTIONS), once);
    }
  });
});
