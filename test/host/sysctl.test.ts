import assert from 'node:assert/strict';
import { access, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { KernelError } from '../../src/values/errors.js';
import { sysctl } from '../../src/host/sysctl.js';
import { FakeEarlierValues } from './fake-earlier-values.js';

const NAME = 'net.ipv4.vs.expire_nodest_conn';
const FILE = 'net/ipv4/vs/expire_nodest_conn';
const SPEC = { name: NAME, value: '1', without: 'connections hang' };

let roots: readonly [first: string, second: string];
let earlier: FakeEarlierValues;
beforeEach(async () => {
  earlier = new FakeEarlierValues();
  const directory = await mkdtemp(join(tmpdir(), 'lvscare-sysctl-'));
  roots = [join(directory, 'first'), join(directory, 'second')];
});
afterEach(() => rm(join(roots[0], '..'), { recursive: true }));

/** Makes the sysctl at one of the roots. */
async function make(root: string, value: string): Promise<string> {
  const path = join(root, FILE);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, value);
  return path;
}

describe('a sysctl', () => {
  it('is well when it has its value', async () => {
    await make(roots[0], '1\n');
    assert.equal(await sysctl(SPEC, earlier, roots).verify(), null);
  });

  it('is drift when it has another value, and is set', async () => {
    const path = await make(roots[0], '0\n');
    const resource = sysctl(SPEC, earlier, roots);
    assert.equal(resource.name, `sysctl ${NAME}`);
    assert.equal(await resource.verify(), `${NAME} is 0, not 1`);
    assert.equal(await readFile(path, 'ascii'), '0\n', 'checking changes nothing');
    await resource.repair();
    assert.equal((await readFile(path, 'ascii')).trim(), '1');
    assert.equal(await resource.verify(), null);
    // Somebody sets it back.
    await writeFile(path, '0\n');
    assert.equal(await resource.verify(), `${NAME} is 0, not 1`);
  });

  it('is set at the first place where it can be, and made at none', async () => {
    const path = await make(roots[1], '0\n');
    await sysctl(SPEC, earlier, roots).repair();
    assert.equal((await readFile(path, 'ascii')).trim(), '1');
    await assert.rejects(access(roots[0]), { code: 'ENOENT' });
  });

  it('that is not there cannot be checked: the module may come yet', async () => {
    const resource = sysctl(SPEC, earlier, roots);
    await assert.rejects(resource.verify(), (error: unknown) => {
      assert.ok(error instanceof KernelError);
      assert.ok(error.message.startsWith(`cannot read ${roots[0]}/${FILE}: ENOENT`), error.message);
      return true;
    });
    await make(roots[0], '1\n');
    assert.equal(await resource.verify(), null);
  });

  it('gets back what it was before it was first set, in whatever process', async () => {
    const path = await make(roots[0], '0\n');
    await sysctl(SPEC, earlier, roots).repair();
    // Somebody sets it, and we set it again: what counts is what was there before us.
    await writeFile(path, '2\n');
    await sysctl(SPEC, earlier, roots).repair();
    assert.equal(earlier.values.get(NAME)?.was, '0');
    const later = sysctl(SPEC, earlier, roots);
    assert.equal(await later.find(), `sysctl ${NAME}=1, which was 0 before`);
    assert.equal((await readFile(path, 'ascii')).trim(), '1', 'finding changes nothing');
    assert.equal(await later.remove(), `sysctl ${NAME}=1, which is 0 again`);
    assert.equal((await readFile(path, 'ascii')).trim(), '0');
    assert.equal(await later.remove(), null);
    assert.equal(earlier.values.size, 0);
  });

  it('is left when everything else is cleaned, if it was so before or was changed since', async () => {
    const path = await make(roots[0], '1\n');
    assert.equal(await sysctl(SPEC, earlier, roots).find(), null);
    assert.equal(await sysctl(SPEC, earlier, roots).remove(), null);
    assert.equal(await readFile(path, 'ascii'), '1\n');
    earlier.values.set(NAME, { was: '0', set: '1' });
    await writeFile(path, '2\n');
    assert.equal(await sysctl(SPEC, earlier, roots).remove(), null);
    assert.equal(await readFile(path, 'ascii'), '2\n');
  });

  it('that went away with its module is nothing to clean', async () => {
    earlier.values.set(NAME, { was: '0', set: '1' });
    assert.equal(await sysctl(SPEC, earlier, roots).remove(), null);
  });

  // This one nobody may write to, not even root, in any container and outside of it.
  it('that cannot be written is drift for as long as it has another value', async () => {
    const refused = new FakeEarlierValues();
    const resource = sysctl({ ...SPEC, name: 'kernel.ostype', value: 'Plan 9' }, refused, [
      '/proc/sys',
      roots[1],
    ]);
    assert.equal(await resource.verify(), 'kernel.ostype is Linux, not Plan 9');
    await assert.rejects(resource.repair(), (error: unknown) => {
      assert.ok(error instanceof KernelError);
      assert.match(
        error.message,
        /^cannot set kernel\.ostype=Plan 9 \((EACCES|EROFS|EPERM), ENOENT\); until it is set on the host, connections hang$/,
      );
      return true;
    });
    assert.equal(await resource.verify(), 'kernel.ostype is Linux, not Plan 9');
    await assert.rejects(resource.repair(), KernelError);
    assert.equal(refused.values.size, 0, 'whoever sets it on the host sets it for good');
  });

  it('that cannot be set again is still recorded, to be restored by another one', async () => {
    earlier.values.set('kernel.ostype', { was: 'Minix', set: 'Plan 9' });
    const resource = sysctl({ ...SPEC, name: 'kernel.ostype', value: 'Plan 9' }, earlier, ['/proc/sys']);
    await assert.rejects(resource.repair(), KernelError);
    assert.deepEqual([...earlier.values], [['kernel.ostype', { was: 'Minix', set: 'Plan 9' }]]);
  });

  it('that failed for another reason is tried again', async () => {
    await mkdir(join(roots[0], FILE), { recursive: true });
    const resource = sysctl(SPEC, earlier, [roots[0]]);
    await assert.rejects(resource.repair(), /cannot set .*EISDIR/);
    await assert.rejects(resource.verify(), /EISDIR/, 'not given up');
  });
});
