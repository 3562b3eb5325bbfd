/** The file that `--config` names: options of `lvscare care` for one virtual server, or for several. */
import type { Option } from './option.js';
import { CARE_OPTIONS } from './options.js';
import { nearest } from './nearest.js';
import { Settings, type Arguments, type Environment, type SettingsFile, type Spellings } from './settings.js';
import { readTextFile } from './text-file.js';
import { MOST_ERRORS, UsageError, UsageErrors } from './usage-error.js';
import { integerParser } from './values.js';
import { parseEndpoint } from './parse-endpoint.js';
import type { Entry, Tree } from './yaml-tree.js';

/** The settings of a process and of each of its virtual servers. */
export interface AllSettings {
  /** The file that they are from, or null if no file is named. */
  readonly file: ReadFile | null;
  readonly process: Settings;
  /** One, unless the file has several. */
  readonly virtualServers: readonly Settings[];
}

interface ReadFile {
  readonly path: string;
  readonly text: string;
  /** Whether it has `virtualServers`. */
  readonly hasSeveral: boolean;
}

/** What messages say of a value that may be YAML. */
const FILE_OF_OPTIONS = 'a YAML or JSON file of options';
/** 4096 real servers take less, and to parse more takes long. */
const MOST_CHARACTERS = 128 * 1024;
const MOST_VIRTUAL_SERVERS = 256;
/** Of all virtual servers together: lvscare keeps a connection to each. */
const MOST_REAL_SERVERS = 4096;
/** Options that virtual servers cannot share. */
const OF_ONE: readonly string[] = ['vs', 'rs', 'discover'];
const OPTIONS: readonly Option[] = CARE_OPTIONS;
const BYTE_ORDER_MARK = /^\ufeff/;

/**
 * The settings of a command line and an environment, and of the file that `--config` names among them, if any. Rejects with a
 * UsageError for a file that cannot be read, and with UsageErrors for all that is wrong in it.
 */
export async function readAllSettings(
  given: Arguments,
  environment: Environment,
  spelled: Spellings = {},
): Promise<AllSettings> {
  const own = new Settings(given, environment, null, spelled);
  const file = await readFileOf(own);
  if (file === null) return { file, process: own, virtualServers: [own] };
  const { path, text, process, virtualServers } = file;
  const settings = (of: SettingsFile): Settings => new Settings(given, environment, of, spelled);
  const about = { path, text, hasSeveral: virtualServers !== null };
  const top = settings(process);
  if (virtualServers === null) return { file: about, process: top, virtualServers: [top] };
  refuseBeside(own, path);
  return { file: about, process: top, virtualServers: virtualServers.map(settings) };
}

/**
 * The same for a command that is about one virtual server: of a file with several, the one that `--vs` names. Rejects with a UsageError
 * if there is no such one.
 */
export async function readSettings(
  given: Arguments,
  environment: Environment,
  spelled: Spellings = {},
): Promise<Settings> {
  const own = new Settings(given, environment, null, spelled);
  const file = await readFileOf(own);
  if (file === null) return own;
  const { path, process, virtualServers } = file;
  if (virtualServers === null) return new Settings(given, environment, process, spelled);
  const { vs, ...others } = given;
  refuseBeside(new Settings(others, environment, null, spelled), path);
  const all = virtualServers.map((one) => new Settings(others, environment, one, spelled));
  const known = all.map((one) => one.read('vs')?.text ?? '?').join(', ');
  const named = vs === undefined ? null : own.read('vs');
  const [found, another] = all.filter((one) => named === null || one.read('vs')?.text === named.text);
  if (found === undefined)
    throw new UsageError(
      own.name('vs'),
      `one of the virtual servers of ${path}: ${known}`,
      named?.text ?? '',
    );
  if (another === undefined) return found;
  const expected = `a file with one virtual server, or --vs beside it: one of ${known}`;
  throw new UsageError(own.name('config'), expected, path);
}

async function readFileOf(own: Settings): Promise<(ParsedFile & { path: string; text: string }) | null> {
  const path = own.read('config');
  if (path === null) return null;
  const text = readTextFile(path, own.name('config'));
  return { path, text, ...(await parseConfigFile(text, path)) };
}

/** What describes one virtual server. */
function refuseBeside(own: Settings, path: string): void {
  for (const flag of OF_ONE)
    if (own.has(flag))
      throw new UsageError(own.name(flag), `no ${own.name(flag)} beside a file with virtualServers`, path);
}

interface ParsedFile {
  readonly process: SettingsFile;
  /** null if the file is of options alone, of one virtual server. */
  readonly virtualServers: readonly SettingsFile[] | null;
}

/** Rejects with UsageErrors for all that is wrong in the text. */
async function parseConfigFile(text: string, path: string): Promise<ParsedFile> {
  if (text.length > MOST_CHARACTERS)
    throw new UsageError(path, `a file of at most ${MOST_CHARACTERS >> 10} KiB`, `${text.length >> 10} KiB`);
  const { parseYaml, treeInWords } = await import('./yaml-tree.js');
  const parsed = parseYaml(text.replace(BYTE_ORDER_MARK, ''));
  if (parsed.kind === 'failed') throw new UsageError(`${path}:${parsed.line}`, FILE_OF_OPTIONS, parsed.why);
  const reader = new FileReader(path, treeInWords);
  const read = reader.read(parsed.tree);
  if (reader.errors.length > 0) throw new UsageErrors(reader.errors);
  return read;
}

/** What is read of one mapping of options. */
interface ReadOptions {
  readonly given: Record<string, string | readonly string[]>;
  readonly origins: Record<string, string>;
  readonly weights: Map<string, number>;
}

type Keys = 'all' | 'process' | 'virtual server' | 'defaults';

class FileReader {
  readonly errors: UsageError[] = [];
  readonly #path: string;
  readonly #inWords: (tree: Tree) => string;

  constructor(path: string, inWords: (tree: Tree) => string) {
    this.#path = path;
    this.#inWords = inWords;
  }

  read(tree: Tree): ParsedFile {
    const none: ReadOptions = { given: {}, origins: {}, weights: new Map() };
    if (tree.kind !== 'map') {
      this.errors.push(new UsageError(this.#place(tree, ''), FILE_OF_OPTIONS, this.#inWords(tree)));
      return { process: { ...none, place: null }, virtualServers: null };
    }
    const several = tree.entries.find(({ key }) => key === 'virtualServers');
    const defaults = tree.entries.find(({ key }) => key === 'defaults');
    const isStructure = ({ key }: Entry): boolean => key === 'virtualServers' || key === 'defaults';
    this.#refuseTwice(tree.entries.filter(isStructure), '');
    const top = tree.entries.filter((entry) => !isStructure(entry));
    if (several === undefined) {
      if (defaults !== undefined)
        this.#fail(defaults.value, 'defaults', 'virtualServers beside it, which it is for', null);
      return { process: { ...this.#options(top, '', 'all'), place: null }, virtualServers: null };
    }
    const process = this.#options(top, '', 'process');
    const shared = defaults === undefined ? none : this.#mapping(defaults.value, 'defaults', 'defaults');
    const virtualServers = this.#items(several).map((item, index): SettingsFile => {
      const place = `virtualServers[${index}]`;
      const own = this.#mapping(item, place, 'virtual server');
      return {
        given: { ...process.given, ...shared.given, ...own.given },
        origins: { ...process.origins, ...shared.origins, ...own.origins },
        weights: own.weights,
        place: this.#place(item, place),
      };
    });
    const count = virtualServers.reduce((sum, { given }) => sum + [given['rs'] ?? []].flat().length, 0);
    if (count > MOST_REAL_SERVERS)
      this.#fail(
        several.value,
        'virtualServers',
        `at most ${MOST_REAL_SERVERS} real servers in all`,
        String(count),
      );
    return { process: { ...process, place: null }, virtualServers };
  }

  #items({ value }: Entry): readonly Tree[] {
    if (value.kind === 'list' && value.items.length > 0 && value.items.length <= MOST_VIRTUAL_SERVERS)
      return value.items;
    const found = value.kind === 'list' ? `a list of ${value.items.length}` : this.#inWords(value);
    this.#fail(value, 'virtualServers', `a list of 1 to ${MOST_VIRTUAL_SERVERS} virtual servers`, found);
    return [];
  }

  #mapping(tree: Tree, path: string, keys: Keys): ReadOptions {
    if (tree.kind === 'map') return this.#options(tree.entries, path, keys);
    this.#fail(tree, path, 'a mapping of options', this.#inWords(tree));
    return { given: {}, origins: {}, weights: new Map() };
  }

  #options(entries: readonly Entry[], path: string, keys: Keys): ReadOptions {
    const read: ReadOptions = { given: {}, origins: {}, weights: new Map() };
    for (const entry of entries) {
      // To find the option that is meant takes long.
      if (this.errors.length > MOST_ERRORS) break;
      const field = path === '' ? entry.key : `${path}.${entry.key}`;
      const option = this.#optionOf(entry, field, keys);
      if (option === null) continue;
      const where = this.#place(entry, field);
      if (Object.hasOwn(read.given, option.flag)) {
        this.errors.push(new UsageError(where, `${option.flag} once`, entry.key));
        continue;
      }
      const texts = this.#texts(entry.value, option, field, read.weights);
      if (texts === null) continue;
      read.given[option.flag] = texts;
      read.origins[option.flag] = where;
    }
    return read;
  }

  #optionOf(entry: Entry, field: string, keys: Keys): Option | null {
    const { key } = entry;
    const option = CARE_OPTIONS.find(({ flag, aliases = [] }: Option & { flag: string }) =>
      [flag, ...aliases].includes(key),
    );
    // A file that names another one could name itself.
    if (option === undefined || key.length === 1 || option.flag === 'config') {
      const names = OPTIONS.filter(({ hidden }) => hidden !== true).map(({ flag }) => flag);
      const meant = nearest(key, keys === 'process' ? [...names, 'virtualServers', 'defaults'] : names);
      const hint = meant === null || meant === 'config' ? '' : ` (did you mean ${meant}?)`;
      this.#fail(entry, field, `an option of lvscare care by its long name${hint}`, key);
      return null;
    }
    const ofProcess = option.appliesTo === 'process';
    if (keys === 'process' && !ofProcess) {
      const place = OF_ONE.includes(key) ? 'virtualServers' : 'defaults or in virtualServers';
      this.#fail(entry, field, `options of the process; this one belongs in ${place}`, key);
      return null;
    }
    if ((keys === 'virtual server' || keys === 'defaults') && ofProcess) {
      this.#fail(entry, field, 'options of a virtual server; this one belongs at the top', key);
      return null;
    }
    if (keys === 'defaults' && OF_ONE.includes(key)) {
      this.#fail(entry, field, 'options that virtual servers share; this one belongs in virtualServers', key);
      return null;
    }
    return option;
  }

  /** The texts that the command line would have given, checked; null if they are wrong. */
  #texts(
    tree: Tree,
    option: Option,
    field: string,
    weights: Map<string, number>,
  ): string | readonly string[] | null {
    if (option.kind === 'list' && tree.kind === 'list') {
      const before = this.errors.length;
      const texts = tree.items.map((item, index) =>
        option.flag === 'rs' && item.kind === 'map'
          ? this.#weighted(item, `${field}[${index}]`, weights)
          : this.#text(item, option, `${field}[${index}]`),
      );
      return this.errors.length > before ? null : texts.filter((text) => text !== null);
    }
    return this.#text(tree, option, field);
  }

  #text(tree: Tree, option: Option, field: string): string | null {
    const value = tree.kind === 'scalar' ? tree.value : undefined;
    const isText = typeof value === 'string' || (typeof value === 'number' && option.kind !== 'switch');
    if (!isText && !(typeof value === 'boolean' && option.kind === 'switch')) {
      this.#fail(tree, field, EXPECTED[option.kind], this.#inWords(tree));
      return null;
    }
    const text = String(value);
    try {
      const parts = option.kind === 'list' ? (option.split?.(text) ?? text.split(',')) : [text];
      for (const part of parts)
        if (option.kind !== 'list' || part.trim() !== '')
          option.parse(option.kind === 'list' ? part.trim() : text, this.#place(tree, field));
      return text;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.errors.push(error);
      return null;
    }
  }

  /** A real server with its weight. */
  #weighted(
    tree: Extract<Tree, { kind: 'map' }>,
    field: string,
    weights: Map<string, number>,
  ): string | null {
    this.#refuseTwice(tree.entries, field);
    for (const entry of tree.entries)
      if (entry.key !== 'address' && entry.key !== 'weight')
        this.#fail(entry, `${field}.${entry.key}`, 'address or weight', entry.key);
    const valueOf = (key: string): Tree | null =>
      tree.entries.find((entry) => entry.key === key)?.value ?? null;
    const [address, weight] = [valueOf('address'), valueOf('weight')];
    if (address === null) {
      this.#fail(tree, `${field}.address`, 'the real server, IP:PORT', null);
      return null;
    }
    try {
      const server = parseEndpoint(this.#inWords(address), this.#place(address, `${field}.address`));
      if (weight !== null)
        weights.set(server.text, parseWeight(this.#inWords(weight), this.#place(weight, `${field}.weight`)));
      return server.text;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      this.errors.push(error);
      return null;
    }
  }

  #refuseTwice(entries: readonly Entry[], path: string): void {
    const keys = new Set<string>();
    for (const entry of entries) {
      const field = path === '' ? entry.key : `${path}.${entry.key}`;
      if (keys.has(entry.key)) this.#fail(entry, field, `${entry.key} once`, entry.key);
      keys.add(entry.key);
    }
  }

  #fail(at: { readonly line: number }, field: string, expected: string, got: string | null): void {
    this.errors.push(new UsageError(this.#place(at, field), expected, got));
  }

  /** As compilers name it: `/etc/lvscare.yaml:7: virtualServers[1].interval` */
  #place({ line }: { readonly line: number }, field: string): string {
    return `${this.#path}:${line}${field === '' ? '' : `: ${field}`}`;
  }
}

const EXPECTED: Readonly<Record<Option['kind'], string>> = {
  switch: 'true or false',
  text: 'a text or a number',
  list: 'a text, a number, or a list of them',
};

/** As many as IPVS takes; 0 is what `lvscare drain` is for. */
const parseWeight = integerParser(1, 65_535);
