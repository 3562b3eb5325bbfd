/** `lvscare manifest --systemd`. */
import { access, readFile } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { readDaemonConfig } from '../config/care-config.js';
import { readAllSettings } from '../config/config-file.js';
import { CARE_OPTIONS } from '../config/options.js';
import type { Arguments, Settings, Spellings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import { careArguments } from '../manifest/care-arguments.js';
import { systemdUnit } from '../manifest/unit.js';

/** This program, as it was started. */
export interface Program {
  /** The image of this build, or null if it was built for no registry. */
  readonly image: string | null;
  /** Node.js. */
  readonly interpreter: string;
  /** The program's file, or the link by which it was started. */
  readonly script: string;
}

const OF_CARE: readonly string[] = CARE_OPTIONS.map(({ flag }) => flag);
const FILES = ['health-ca', 'health-cert', 'health-key', 'health-token-file', 'web-config-file'] as const;

/** Throws a UsageError for options that lvscare care would refuse, that only a pod has, or that a unit cannot have. */
export async function unitFor(
  given: Arguments,
  own: Settings,
  program: Program,
  spelled: Spellings,
): Promise<{ readonly text: string; readonly notes: readonly string[] }> {
  const ofPod = Object.keys(given).find((flag) => flag !== 'systemd' && !OF_CARE.includes(flag));
  if (ofPod !== undefined)
    throw new UsageError('--systemd', 'only options of lvscare care beside it', own.name(ofPod));
  const { systemd: _, ...ofCare } = given;
  const [config = null] = unitPath(own.name('config'), own.read('config'));
  // A package has the unit before a node has the file.
  const isMissing = config !== null && (await isAbsent(config));
  const all = isMissing ? null : await readAllSettings(ofCare, {}, spelled);
  if (all !== null) readDaemonConfig(all, {}, { elsewhere: true });
  const settings = all === null ? [own] : [all.process, ...all.virtualServers];
  const files = settings.flatMap((one) => FILES.flatMap((flag) => unitPath(one.name(flag), one.read(flag))));
  const listen = (all?.process ?? own).read('metrics-addr');
  const [socket] = listen?.kind === 'unix' ? unitPath('--metrics-addr', listen.path) : [];
  const command = await commandOf(program);
  return {
    text: systemdUnit({
      command,
      args: ['care', ...careArguments(ofCare, CARE_OPTIONS)],
      config,
      socketDirectory: socket === undefined ? null : dirname(socket),
      reads: [...command, ...files, ...(config === null ? [] : [config])],
    }),
    notes: isMissing ? [`${config} is not there yet: systemd does not start lvscare without it`] : [],
  };
}

/** The path, if there is one. Throws a UsageError for one that lvscare cannot reach as a unit. */
function unitPath(option: string, path: string | null): readonly string[] {
  if (path === null) return [];
  if (!isAbsolute(path) || /^\/(?:var\/)?tmp\//.test(path))
    throw new UsageError(
      option,
      'a path from the root, but not in /tmp, of which the unit has its own',
      path,
    );
  return [path];
}

/** How systemd starts this program: by this Node.js, unless the program itself names the path of another one. */
async function commandOf({ interpreter, script }: Program): Promise<readonly string[]> {
  const [first = ''] = (await readFile(script, 'utf8').catch(() => '')).split('\n', 1);
  return first.startsWith('#!/') && !first.includes('/env ') ? [script] : [interpreter, script];
}

async function isAbsent(path: string): Promise<boolean> {
  return await access(path).then(
    () => false,
    (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT',
  );
}
