// The systemd unit, as systemd-analyze judges it.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { PROGRAM } from '../../lab/program.js';
import { run } from '../../lab/run.js';

/** What systemd would replace, split or unquote in a command line. */
const OPTIONS = ['--vs=10.103.97.2:6443', '--rs=10.0.0.1:6443', '--health-req-body=a "b" $C ${D} %h \\ \n ;'];
const MANIFESTS = new URL('../../../manifests/', import.meta.url);

describe('manifests/lvscare.service', () => {
  it('passes systemd-analyze verify, runs what is installed, and is well hardened', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'lvscare-unit-'));
    try {
      const text = await readFile(new URL('lvscare.service', MANIFESTS), 'utf8');
      const [, program = '', rest = ''] = /^ExecStart=(\S+) (.*)$/m.exec(text) ?? [];
      assert.equal(`${program} ${rest}`, '/usr/bin/lvscare care --config=/etc/lvscare/care.json');
      // It need not be installed here.
      const unit = join(directory, 'lvscare.service');
      await writeFile(unit, text.replace(program, process.execPath));
      const verified = await run('systemd-analyze', ['verify', '--man=no', '--generators=no', unit]);
      assert.deepEqual(verified, { status: 0, stdout: '', stderr: '' });
      // Of 10 at worst; it fails above the threshold.
      const own = await run(process.execPath, [PROGRAM, 'manifest', '--systemd', ...OPTIONS]);
      assert.deepEqual([own.status, own.stderr], [0, '']);
      const printed = join(directory, 'lvscare-printed.service');
      await writeFile(printed, own.stdout);
      assert.deepEqual(
        await run('systemd-analyze', ['verify', '--man=no', '--generators=no', printed]),
        { status: 0, stdout: '', stderr: '' },
        own.stdout,
      );
      const secure = await run('systemd-analyze', [
        'security',
        '--no-pager',
        '--offline=yes',
        '--threshold=25',
        unit,
      ]);
      assert.equal(secure.status, 0, secure.stdout);
      await writeFile(unit, text.replace('RestrictRealtime=', 'RestrictRealTime='));
      const misspelled = await run('systemd-analyze', ['verify', '--man=no', '--generators=no', unit]);
      assert.match(misspelled.stderr, /Unknown key (name )?'RestrictRealTime'/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
