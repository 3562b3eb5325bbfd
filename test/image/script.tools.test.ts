// scripts/image and the scripts that the Dockerfile shares with it, as far as they go without building anything.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, toolEnvironment, type Result } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const { version } = JSON.parse(read('package.json')) as { version: string };

function script(
  name: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd = ROOT,
): Promise<Result> {
  return run(join(ROOT, name), args, { env: { ...toolEnvironment(), ...env }, cwd });
}

describe('scripts/image', () => {
  it('prints the arguments of docker build', async () => {
    const env = { COMMIT: 'c0ffee', SOURCE_DATE_EPOCH: '1700000000' };
    const { status, stdout } = await script('scripts/image', ['build-args'], env);
    assert.equal(status, 0);
    assert.deepEqual(stdout.trim().split('\n'), [
      `--build-arg VERSION=${version}`,
      '--build-arg COMMIT=c0ffee',
      '--build-arg SOURCE_DATE_EPOCH=1700000000',
      '--build-arg CREATED=2023-11-14T22:13:20Z',
    ]);
    const named = await script('scripts/image', ['build-args'], { ...env, IMAGE: 'r.example.com/lvscare:1' });
    assert.equal(named.stdout, `${stdout}--build-arg IMAGE=r.example.com/lvscare:1\n`);
    const known = new Set(Array.from(read('Dockerfile').matchAll(/^ARG (\w+)/gm), ([, name]) => name));
    for (const [, name] of named.stdout.matchAll(/--build-arg (\w+)=/g))
      assert.ok(known.has(name), `the Dockerfile knows ${String(name)}`);
  });

  it('refuses what it does not know, in one line and with status 2', async () => {
    for (const [args, env, says] of [
      [[], {}, "image: expects build-args, rootfs or size, got '' (see scripts/image --help)\n"],
      [
        ['build-args'],
        { SOURCE_DATE_EPOCH: 'today' },
        "image: SOURCE_DATE_EPOCH expects seconds since 1970, got 'today'\n",
      ],
      [['size', '/nowhere'], {}, 'image: no directory /nowhere; scripts/image rootfs makes it\n'],
    ] as const) {
      assert.deepEqual(await script('scripts/image', args, env), { status: 2, stdout: '', stderr: says });
    }
  });
});

describe('what the Dockerfile runs', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'image-script-'));
    await writeFile(join(directory, 'package.json'), '{"version":"1.2.3"}');
  });
  after(() => rm(directory, { recursive: true }));

  it('refuses another version than package.json has, and a time that is none, before it builds anything', async () => {
    for (const [env, says] of [
      [{ VERSION: '1.2.4' }, 'VERSION expects 1.2.3, as package.json has it, got 1.2.4\n'],
      [{ SOURCE_DATE_EPOCH: 'now' }, 'SOURCE_DATE_EPOCH expects seconds since 1970, got now\n'],
    ] as const) {
      const result = await script('scripts/lib/image-build', [], env, directory);
      assert.deepEqual(result, { status: 2, stdout: '', stderr: says });
    }
  });

  it('refuses a directory that is there already', async () => {
    const result = await script('scripts/lib/image-rootfs', [directory], {}, directory);
    assert.deepEqual(result, { status: 2, stdout: '', stderr: `${directory} is there already\n` });
  });

  it('is let through to it, and is there', () => {
    const context = Array.from(read('.dockerignore').matchAll(/^!(.+)$/gm), ([, path = '']) => path);
    for (const path of context) assert.ok(existsSync(join(ROOT, path)), path);
    for (const [name] of read('Dockerfile').matchAll(/scripts\/lib\/[\w-]+/g))
      assert.ok(context.includes(name), name);
  });
});
