// Writes dist/build-info.json, or the file it is given: the version from package.json, commit and date from git, or from the environment
// (LVSCARE_COMMIT, SOURCE_DATE_EPOCH) where there is no git, as in an image's build. LVSCARE_IMAGE is the image of this build, for
// `lvscare manifest`. The same commit gives the same file.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';

const root = new URL('../', import.meta.url);

function git(...args) {
  // Only this repository's own git: a package unpacked inside somebody else's is none of that one's commits.
  if (!existsSync(new URL('.git', root))) return '';
  try {
    return execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}

const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const epochSeconds = process.env.SOURCE_DATE_EPOCH || git('log', '-1', '--format=%ct') || '0';
const info = {
  gitVersion: `v${version}`,
  gitCommit: process.env.LVSCARE_COMMIT || git('rev-parse', 'HEAD') || 'unknown',
  buildDate: new Date(Number(epochSeconds) * 1000).toISOString(),
  ...(process.env.LVSCARE_IMAGE ? { image: process.env.LVSCARE_IMAGE } : {}),
};
writeFileSync(process.argv[2] ?? new URL('dist/build-info.json', root), `${JSON.stringify(info, null, 2)}\n`);
