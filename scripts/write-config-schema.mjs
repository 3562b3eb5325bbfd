// Writes manifests/lvscare-config.schema.json from the option table (after `npm run build`). With --check it only says, by its
// exit code, whether the file is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { URL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { configSchema } from '../dist/src/config/schema.js';

const file = new URL('../manifests/lvscare-config.schema.json', import.meta.url);
const after = await format(JSON.stringify(configSchema()), {
  ...(await resolveConfig(file)),
  parser: 'json',
});

if (!process.argv.includes('--check')) writeFileSync(file, after);
else {
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // There is none yet.
  }
  if (after !== before) {
    console.error(
      'manifests/lvscare-config.schema.json is not what the program has; run node scripts/write-config-schema.mjs',
    );
    process.exitCode = 1;
  }
}
