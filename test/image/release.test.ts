// The release workflow, as far as it can be judged without GitHub: what it runs is here, and its own script does what it says.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { run, toolEnvironment, type Result } from '../../lab/run.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const text = read('.github/workflows/release.yml');
const { version } = JSON.parse(read('package.json')) as { version: string };

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, unknown>>;
}
interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
}
interface Workflow {
  readonly on: { readonly push: { readonly tags: readonly string[] } };
  readonly jobs: Readonly<Record<string, Job>>;
}

const document = parseDocument(text);
const { on, jobs } = document.toJS() as Workflow;
const { permissions, steps } = jobs['image'] ?? { steps: [] };
const index = (action: string): number => steps.findIndex(({ uses }) => uses?.startsWith(`${action}@`));

describe('the release workflow', () => {
  it('is YAML, of one job, for tags of a version', () => {
    assert.deepEqual([document.errors, document.warnings], [[], []]);
    assert.deepEqual(Object.keys(jobs), ['image']);
    assert.deepEqual(on, { push: { tags: ['v*'] } });
  });

  it("builds this repository's Dockerfile for amd64 and arm64, pushes it with SBOM and provenance, then signs what it pushed", () => {
    const build = steps[index('docker/build-push-action')]?.with ?? {};
    assert.deepEqual([build['context'], build['file']], ['.', 'Dockerfile']);
    assert.ok(existsSync(join(ROOT, String(build['file']))));
    assert.equal(build['platforms'], 'linux/amd64,linux/arm64');
    assert.match(String(build['outputs']), /^type=image,.*,push=true\b/);
    assert.deepEqual([build['sbom'], build['provenance']], [true, 'mode=max']);
    assert.deepEqual(permissions, { contents: 'read', packages: 'write', 'id-token': 'write' });
    const signed = steps.findIndex((step) => step.run?.includes('cosign sign') === true);
    const order = [
      'actions/checkout',
      'docker/setup-qemu-action',
      'docker/setup-buildx-action',
      'docker/login-action',
      'docker/build-push-action',
      'sigstore/cosign-installer',
    ].map(index);
    assert.ok(!order.includes(-1));
    assert.deepEqual(
      [...order, signed],
      [...order, signed].toSorted((a, b) => a - b),
    );
    assert.equal(steps[signed]?.env?.['DIGEST'], '${{ steps.build.outputs.digest }}');
    assert.match(steps[signed].run ?? '', /"\$LVSCARE_IMAGE@\$DIGEST"$/);
  });

  it('uses each action by its commit, and runs only scripts that are here', () => {
    for (const { uses } of steps) if (uses !== undefined) assert.match(uses, /^[\w-]+\/[\w-]+@[0-9a-f]{40}$/);
    const scripts = steps.flatMap(({ run: script = '' }) => script.match(/\bscripts\/[\w/.-]+/g) ?? []);
    assert.deepEqual(scripts, ['scripts/image']);
    for (const script of scripts) assert.ok(existsSync(join(ROOT, script)), script);
  });

  it('refers to outputs that a step before has, and to variables that docs/image.md names', () => {
    const outputs = new Set([
      'build.digest',
      ...(text.match(/(?<=echo ["'])[\w-]+(?==|<<)/g) ?? []).map((name) => `release.${name}`),
    ]);
    for (const [, step, output] of text.matchAll(/steps\.([\w-]+)\.outputs\.([\w-]+)/g)) {
      assert.ok(
        steps.some(({ id }) => id === step),
        step,
      );
      assert.ok(outputs.has(`${step ?? ''}.${output ?? ''}`), output);
    }
    const page = read('docs/image.md');
    const variables = [...text.matchAll(/\b(?:vars|secrets)\.(LVSCARE_\w+)/g)].map(([, name = '']) => name);
    assert.ok(variables.length > 0);
    for (const name of variables) assert.ok(page.includes(`\`${name}\``), name);
  });

  describe('its first script', () => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'lvscare-release-'));
    });
    after(() => rm(directory, { recursive: true }));

    /** As GitHub runs it, in this checkout. */
    async function first(environment: NodeJS.ProcessEnv): Promise<Result & { outputs: string }> {
      const script = steps.find(({ id }) => id === 'release')?.run ?? '';
      const output = join(directory, 'output');
      await writeFile(output, '');
      const result = await run('bash', ['-e', '-c', script], {
        cwd: ROOT,
        env: {
          ...toolEnvironment(),
          GITHUB_OUTPUT: output,
          LVSCARE_IMAGE: 'r.example.com/a/lvscare',
          ...environment,
        },
      });
      return { ...result, outputs: await readFile(output, 'utf8') };
    }

    it("gives the registry, the image and the Dockerfile's arguments", async () => {
      const environment = { COMMIT: 'c0ffee', SOURCE_DATE_EPOCH: '1700000000' };
      const { status, stderr, outputs } = await first({ GITHUB_REF_NAME: `v${version}`, ...environment });
      assert.equal(status, 0, stderr);
      assert.deepEqual(outputs.trim().split('\n'), [
        'registry=r.example.com',
        `image=r.example.com/a/lvscare:${version}`,
        'build-args<<END',
        `VERSION=${version}`,
        'COMMIT=c0ffee',
        'SOURCE_DATE_EPOCH=1700000000',
        'CREATED=2023-11-14T22:13:20Z',
        `IMAGE=r.example.com/a/lvscare:${version}`,
        'END',
      ]);
    });

    for (const [what, environment, says] of [
      [
        'no registry',
        { GITHUB_REF_NAME: `v${version}`, LVSCARE_IMAGE: '' },
        /the repository variable LVSCARE_IMAGE expects/,
      ],
      [
        'a tag of another version',
        { GITHUB_REF_NAME: 'v99.0.0' },
        /package\.json has the version .*, the tag is v99\.0\.0/,
      ],
    ] as const)
      it(`ends with an error and no outputs for ${what}`, async () => {
        const { status, stdout, outputs } = await first(environment);
        assert.deepEqual([status, outputs], [1, '']);
        assert.match(stdout, says);
      });
  });
});
