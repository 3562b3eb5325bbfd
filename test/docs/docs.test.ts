// The pages: every link leads somewhere, and every command line of lvscare is one.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readCommandLine } from '../../src/cli/command-line.js';
import { COMMANDS } from '../../src/cli/commands.js';
import { readCareConfig } from '../../src/config/care-config.js';
import { Settings } from '../../src/config/settings.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const pages = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

const textOf = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

/** Of each heading, as GitHub makes them. */
function anchorsOf(page: string): Set<string> {
  const headings = withoutBlocks(textOf(page)).matchAll(/^#+ (.*)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function withoutBlocks(text: string): string {
  return text.replaceAll(/^```[^]*?^```$/gm, '');
}

describe('the pages', () => {
  it('docs/README.md lists each page of docs/', () => {
    const index = textOf('docs/README.md');
    const missing = pages
      .map((page) => relative('docs', page))
      .filter((page) => page !== 'README.md' && !page.startsWith('..') && !index.includes(`](${page})`));
    assert.deepEqual(missing, []);
  });

  for (const page of pages) {
    it(`${page}: its links lead somewhere`, () => {
      for (const [, target = ''] of withoutBlocks(textOf(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path));
        assert.ok(existsSync(join(ROOT, file)), `${target}: there is no ${file}`);
        if (anchor !== undefined)
          assert.ok(anchorsOf(file).has(anchor), `${target}: ${file} has no such heading`);
      }
    });
  }

  for (const page of ['kubeadm', 'migrating', 'troubleshooting', 'commands'].map(
    (name) => `docs/${name}.md`,
  )) {
    it(`${page}: its commands of lvscare are read`, async () => {
      const known: readonly string[] = COMMANDS.map(({ name }) => name);
      const withoutHeadings = textOf(page).replaceAll(/^##+ .*$/gm, '');
      const commands = [...withoutHeadings.matchAll(/(?:^|[#$|] |`)lvscare (?:[^`\n|#]|\\\n)*/gm)]
        .map(([line]) => line.replace(/^[^l]*/, '').trim())
        // What it ends with where the reader knows the rest.
        .filter((line) => !line.includes('...') && known.includes(line.split(/\s+/)[1] ?? ''));
      assert.ok(commands.length > 0);
      for (const line of commands) {
        const words = line
          .split(/\s+/)
          .slice(1)
          .map((word) => word.replace(/^'(.*)'$/, '$1'));
        const command = await readCommandLine(words, 80);
        if (command.kind === 'print') continue;
        const given = Object.keys(command.given);
        const takesCare = ['care', 'manifest'].includes(words[0] ?? '');
        if (takesCare && given.includes('vs'))
          readCareConfig(new Settings(command.given, {}), {}, { elsewhere: true });
      }
    });
  }
});
