// What scripts/lib/kubernetes.sh says when Kubernetes cannot be built, with a stand-in for go.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, type Result } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

describe('the programs of Kubernetes', () => {
  let home: string;
  before(async () => {
    home = await mkdtemp(join(tmpdir(), 'lvscare-kubernetes-'));
    await mkdir(`${home}/bin`);
    // Everything but a go that may be there.
    await mkdir(`${home}/tools`);
    const names = (await readdir('/usr/bin')).filter((name) => name !== 'go');
    await Promise.all(names.map((name) => symlink(`/usr/bin/${name}`, `${home}/tools/${name}`)));
  });
  after(() => rm(home, { recursive: true, force: true }));

  /** `need_kubernetes`, in a cache of its own. @param go A shell script that stands for go; null for none. */
  async function need(go: string | null): Promise<Result & { built: string[] }> {
    await rm(`${home}/bin/go`, { force: true });
    if (go !== null) await writeFile(`${home}/bin/go`, `#!/bin/bash\n${go}\n`, { mode: 0o755 });
    const script = `root=$1
      for name in say packages package-lists cache debian-suite kubernetes; do . "$root/scripts/lib/$name.sh"; done
      need_kubernetes`;
    const env = { LVSCARE_CACHE: `${home}/cache`, PATH: `${home}/bin:${home}/tools` };
    // With a socket for stdin it would read .bashrc.
    const result = await run('bash', ['--norc', '-c', script, 'bash', ROOT], { env });
    const built = await readdir(`${home}/cache/kubernetes`).catch(() => []);
    return { ...result, built: built.filter((name) => name.startsWith('v')) };
  }

  const VERSION = 'if [[ $1 == env ]]; then echo go1.26.0; exit; fi';
  const failures: Readonly<Record<string, readonly [go: string | null, says: RegExp]>> = {
    'no Go': [null, /^.*there is no go; install Go 1\.24 or newer, from https:\/\/go\.dev\/dl\n$/],
    'a Go that is too old': [
      'echo go1.19.8',
      /^.*Go 1\.19\.8 is too old; install Go 1\.24 or newer, from https:\/\/go\.dev\/dl\n$/,
    ],
    'no module proxy': [
      `${VERSION}\necho 'go: k8s.io/api@v0.34.2: Get "https://proxy": dial tcp: lookup proxy: no such host' >&2; exit 1`,
      /Kubernetes cannot be built \(go: k8s\.io\/api@v0\.34\.2: .*no such host\); the full log is /,
    ],
    'a download that breaks off': [
      `${VERSION}\necho 'k8s.io/kubernetes@v1.34.2: unexpected EOF' >&2; exit 1`,
      /Kubernetes cannot be built \(k8s\.io\/kubernetes@v1\.34\.2: unexpected EOF\); /,
    ],
    'a full disk': [
      `${VERSION}\necho '# k8s.io/api' >&2; echo 'write $WORK/b1/_pkg_.a: no space left on device' >&2; exit 1`,
      /Kubernetes cannot be built \(write .*no space left on device\); /,
    ],
  };
  for (const [what, [go, says]] of Object.entries(failures))
    it(`are not taken for built with ${what}: one line says why`, async () => {
      const { status, stdout, stderr, built } = await need(go);
      assert.equal(status, 1);
      assert.equal(stdout, '');
      const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('building '));
      assert.equal(lines.length, 1, stderr);
      assert.match(stderr, says);
      assert.deepEqual(built, []);
    });
});
