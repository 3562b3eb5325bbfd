/** Pictures of the status page, into the directory that is named: what docs/monitoring.md shows. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { statusPage } from '../../src/page/page.js';
import { Chromium } from '../support/chromium.js';
import { failover, fleet, trouble } from './made-up.js';

const directory = process.argv[2] ?? '.';
const scenes = { failover: failover(), trouble: trouble(), fleet: fleet(64, 16) };

await using browser = await Chromium.start();
for (const [file, scene, options, height] of [
  ['light', 'failover', {}, undefined],
  ['dark', 'trouble', { dark: true }, undefined],
  ['narrow', 'failover', { width: 390 }, undefined],
  ['fleet', 'fleet', {}, 1500],
  ['medium', 'trouble', { width: 900 }, undefined],
  ['print', 'failover', { media: 'print', width: 760 }, undefined],
] as const) {
  const { report, looks } = scenes[scene];
  const html = [...statusPage(report, looks)].join('');
  await writeFile(join(directory, `status-${file}.html`), html);
  await using page = await browser.open(`file://${join(directory, `status-${file}.html`)}`, {
    ...options,
    javaScript: false,
  });
  await writeFile(join(directory, `status-${file}.png`), await page.screenshot(height));
}
