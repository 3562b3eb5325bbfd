import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readBuildInfo, type BuildInfo } from '../../src/cli/build-info.js';

const root = new URL('../../../', import.meta.url);
const script = fileURLToPath(new URL('scripts/write-build-info.mjs', root));
const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as { version: string };

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lvscare-build-info-'));
});
after(() => rm(directory, { recursive: true }));

/** What the build writes with the given environment, read as the program reads it. */
function built(environment: NodeJS.ProcessEnv): BuildInfo {
  const { LVSCARE_COMMIT: _commit, LVSCARE_IMAGE: _image, SOURCE_DATE_EPOCH: _epoch, ...rest } = process.env;
  const file = join(directory, 'build-info.json');
  execFileSync(process.execPath, [script, file], { env: { ...rest, ...environment } });
  return readBuildInfo(file);
}

describe('the build information', () => {
  it('has the version of the package, a commit and a date', () => {
    const { gitVersion, gitCommit, buildDate } = built({});
    assert.equal(gitVersion, `v${version}`);
    assert.match(gitCommit, /^([0-9a-f]{40}|unknown)$/);
    assert.equal(new Date(buildDate).toISOString(), buildDate);
  });

  it('can be given where there is no git, and is the same each time', () => {
    const environment = { LVSCARE_COMMIT: 'abc123', SOURCE_DATE_EPOCH: '1700000000' };
    const told = { gitVersion: `v${version}`, gitCommit: 'abc123', buildDate: '2023-11-14T22:13:20.000Z' };
    assert.deepEqual(built(environment), told);
    assert.deepEqual(built(environment), told);
  });

  it('has the image of the build, if it is told one', () => {
    const image = 'registry.example.com/lvscare:9';
    assert.equal(built({ LVSCARE_IMAGE: image }).image, image);
    for (const none of [{}, { LVSCARE_IMAGE: '' }]) assert.ok(!('image' in built(none)));
  });
});
