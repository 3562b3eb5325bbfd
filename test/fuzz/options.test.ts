import { describe } from 'node:test';
import fc from 'fast-check';
import { readCommandLine } from '../../src/cli/command-line.js';
import { readDaemonConfig } from '../../src/config/care-config.js';
import { readAllSettings } from '../../src/config/config-file.js';
import { milliseconds } from '../../src/config/duration.js';
import { CARE_OPTIONS } from '../../src/config/options.js';
import { readProbeCommandConfig } from '../../src/config/probe-command-config.js';
import { Settings } from '../../src/config/settings.js';
import { readDrainConfig, readStatusConfig } from '../../src/config/status-config.js';
import { UsageError, UsageErrors } from '../../src/config/usage-error.js';
import { splitHeaders } from '../../src/config/values.js';
import { anyText, fuzz, harmless, mutated, quickly } from './fuzz.js';

const VALUES = [
  '10.103.97.2:6443',
  '10.0.0.1:6443,10.0.0.2:6443',
  '[fd00::2]:6443',
  '1m30s',
  '500ms',
  '1.5s',
  'authorization=Bearer x,"a=1,2",b=""""',
  'unix:/run/lvscare.sock',
  '[::1]:9288',
  '200-299,401',
  '32768-60999',
  'true',
  'off',
  '',
];
const value = fc.oneof(fc.constantFrom(...VALUES), mutated(VALUES), anyText);
const flags = CARE_OPTIONS.map(({ flag }) => flag);
// Files are not read here: what is in them has fuzzers of its own.
const flag = fc.constantFrom(...flags.filter((one) => one !== 'config'));
const argument = fc.oneof(
  fc.tuple(flag, value).map(([name, text]) => `--${name}=${text}`),
  flag.map((name) => `--${name}`),
  value,
  value.map((text) => `-${text}`),
  value.map((text) => `--${text}`),
);
const command = fc.constantFrom(
  'care',
  'status',
  'drain',
  'probe',
  'help',
  'completion',
  'version',
  'manifest',
);
const commandLine = fc
  .tuple(fc.oneof(command, value), fc.array(argument, { maxLength: 6 }))
  .map(([name, rest]) => [name, ...rest]);
const environment = fc.dictionary(
  fc.oneof(
    flag.map((name) => `CARE_${name.toUpperCase().replaceAll('-', '_')}`),
    fc.constantFrom('ENABLE_KLOG_FLAGS', 'LVSCARE_NODE_IP'),
  ),
  value,
  { maxKeys: 4 },
);

/** Runs what may throw a UsageError, and nothing else. */
async function orUsageError(action: () => unknown): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    harmless(error.message, { lines: error instanceof UsageErrors });
  }
}

describe('options', () => {
  fuzz('a command line and an environment', fc.tuple(commandLine, environment), async ([args, variables]) => {
    await orUsageError(async () => {
      const read = await readCommandLine(args, 80, variables);
      if (read.kind === 'print') return;
      const { name, given, spelled, words } = read;
      const settings = new Settings(given, variables, null, spelled);
      if (name === 'care')
        readDaemonConfig(await readAllSettings(given, variables, spelled), variables, { elsewhere: true });
      if (name === 'status') readStatusConfig(settings);
      if (name === 'drain') readDrainConfig('lvscare drain', settings, words[0] ?? '');
      if (name === 'probe') readProbeCommandConfig(settings, '/nowhere');
    });
  });

  const LONG = 128 << 10;
  fuzz(
    'each option by itself',
    fc.tuple(fc.constantFrom(...CARE_OPTIONS), mutated(VALUES, [], LONG)),
    async ([option, text]) => {
      await quickly(() =>
        orUsageError(() =>
          (option.kind === 'list' ? ('split' in option ? option.split(text) : [text]) : [text]).map((one) =>
            option.parse(one, `--${option.flag}`),
          ),
        ),
      );
    },
  );

  const timelike = fc.array(fc.tuple(fc.constantFrom('1', '.', 's', 'ms', 'h', '-'), fc.nat(9000)), {
    maxLength: 6,
  });
  fuzz('durations', timelike, async (parts) => {
    const text = parts.map(([part, times]) => part.repeat(times)).join('');
    await quickly(() => milliseconds(text));
  });

  const headerlike = fc.array(fc.tuple(fc.constantFrom('"', '""', ',', '=', 'a', ',"', '",'), fc.nat(5000)), {
    maxLength: 6,
  });
  fuzz('headers', headerlike, async (parts) => {
    const text = parts.map(([part, times]) => part.repeat(times)).join('');
    await quickly(() => splitHeaders(text));
  });
});
