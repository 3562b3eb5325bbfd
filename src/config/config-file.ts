import type { Option } from './option.js';
import { CARE_OPTIONS } from './options.js';
import { Settings, type Arguments, type Environment, type SettingsFile, type Spellings } from './settings.js';
import { readTextFile } from './text-file.js';
import { UsageError } from './usage-error.js';

const OPTIONS: readonly Option[] = CARE_OPTIONS;
const BYTE_ORDER_MARK = /^\ufeff/;

/**
 * The settings of a command line and an environment, and of the file that `--config` names among them, if any. Throws a
 * UsageError that names the file, and the entry that is wrong.
 */
export function readSettings(given: Arguments, environment: Environment, spelled: Spellings = {}): Settings {
  const settings = new Settings(given, environment, null, spelled);
  const path = settings.read('config');
  if (path === null) return settings;
  return new Settings(given, environment, readConfigFile(path, settings.name('config')), spelled);
}

/** One JSON object: options by their long names, without dashes. */
function readConfigFile(path: string, option: string): SettingsFile {
  const text = readTextFile(path, option).replace(BYTE_ORDER_MARK, '');
  const entries = Object.entries(parseObject(text, path, option));
  const given: Record<string, string | readonly string[]> = {};
  const spelled: Record<string, string> = {};
  for (const [name, value] of entries) {
    const known = OPTIONS.find(({ flag, aliases = [] }) => [flag, ...aliases].includes(name));
    const where = `${name} in ${path}`;
    // A file that names another one could name itself.
    if (known === undefined || name.length === 1 || known.flag === 'config')
      throw new UsageError(path, 'options of lvscare care by their long names', name);
    if (Object.hasOwn(given, known.flag)) throw new UsageError(where, `${known.flag} once`, name);
    given[known.flag] = textsOf(value, known.kind, where);
    spelled[known.flag] = name;
  }
  return { path, given, spelled };
}

function parseObject(text: string, path: string, option: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // It quotes the text, line ends included.
    const why = (error as Error).message.replaceAll(/\s+/g, ' ');
    throw new UsageError(option, `a file with a JSON object (${why})`, path);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(option, 'a file with a JSON object', path);
  return value;
}

function textsOf(value: unknown, kind: Option['kind'], where: string): string | readonly string[] {
  switch (kind) {
    case 'switch':
      if (typeof value === 'boolean') return String(value);
      if (typeof value === 'string') return value;
      throw new UsageError(where, 'true or false', JSON.stringify(value));
    case 'text':
      if (isText(value)) return String(value);
      throw new UsageError(where, 'a text or a number', JSON.stringify(value));
    case 'list':
      if (isText(value)) return String(value);
      if (Array.isArray(value) && value.every(isText)) return value.map(String);
      throw new UsageError(where, 'a text, a number, or a list of them', JSON.stringify(value));
  }
}

function isText(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}
