/** `lvscare manifest`, composed. */
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readCareConfig, readDaemonConfig } from '../config/care-config.js';
import { readAllSettings, readSettings } from '../config/config-file.js';
import type { Option } from '../config/option.js';
import { CARE_OPTIONS, OPTION } from '../config/options.js';
import { parseEndpoint } from '../config/parse-endpoint.js';
import { Settings, type Arguments, type Spellings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import type { LoadedWebConfig } from '../config/web-config.js';
import { unitFor, type Program } from './manifest-unit.js';
import { careArguments } from '../manifest/care-arguments.js';
import { readRegularFile } from '../files/regular-file.js';
import { replaceFile } from '../files/replace-file.js';
import { mountsFor, type Mount } from '../manifest/mounts.js';
import { podManifest, unexpanded } from '../manifest/pod.js';
import { atThePod, healthEndpoint, POD_METRICS_ADDRESS } from '../manifest/health-endpoint.js';

const OPTIONS: readonly Option[] = CARE_OPTIONS;

interface Outcome {
  /** For standard output. */
  readonly text: string;
  /** For standard error, a line each. */
  readonly notes: readonly string[];
}

/**
 * Does what the command line says. Throws a UsageError for what is wrong with it, and an Error for what cannot be read or
 * written.
 */
// ts-unused-exports:disable-next-line
export async function runManifestCommand(
  given: Arguments,
  program: Program,
  spelled: Spellings = {},
): Promise<Outcome> {
  const own = new Settings(given, {}, null, spelled);
  if (own.read('systemd')) return await unitFor(given, own, program, spelled);
  const image = own.read('set-image');
  const writes = own.read('write');
  if (image !== null) return await setImage(given, own, image, writes);
  const path = own.read('path');
  if (EDITS.some((flag) => own.has(flag))) return await editManifest(given, own);
  if (own.has('path') && !writes)
    throw new UsageError('--path', '--write, --add-rs, --remove-rs, --set or --set-image beside it', null);
  if (own.read('replace') && !writes) throw new UsageError('--replace', '--write beside it', null);
  const { text, mounts, notes } = await manifestFor(given, own, program.image, spelled);
  if (!writes) return { text, notes };
  // What cannot be read, the write fails for.
  const before = await readRegularFile(path).catch(() => '');
  if (before.trim() !== '') await refuseForeign(path, before);
  if (before.trim() !== '' && !own.read('replace')) await refuseLosses(path, before, text);
  const said = await written(path, text);
  const missing = await missingOf(mounts);
  return {
    text: said,
    notes: [...notes, ...missing.map((file) => `${file} is not there yet: the pod waits for it`)],
  };
}

interface Manifest {
  readonly text: string;
  readonly mounts: readonly Mount[];
  readonly notes: readonly string[];
}

async function manifestFor(
  given: Arguments,
  own: Settings,
  ownImage: string | null,
  spelled: Spellings,
): Promise<Manifest> {
  const name = own.read('name');
  const ofCare = Object.fromEntries(
    Object.entries(given).filter(([flag, value]) => isOfCare(flag) && !isPodsAddress(flag, value)),
  );
  // The pod has an environment of its own.
  const all = await readAllSettings(ofCare, {}, spelled);
  const settings = all.process;
  const { task, metricsAddress, webConfigFile } = readDaemonConfig(all, {}, { elsewhere: true });
  if (task !== 'care')
    throw new UsageError(settings.name(task), 'nothing that ends: the kubelet would start it again', 'true');
  const address = metricsAddress?.text ?? 'off';
  const asked = settings.has('metrics-addr');
  // A dry run listens nowhere unless it is told to.
  const isAtThePod = !asked && metricsAddress !== null;
  const image = own.read('image') ?? ownImage;
  if (image === null)
    throw new UsageError('--image', 'the image that nodes pull or already have: this build names none', null);
  const web = webConfigFile === null ? null : await webConfigAt(webConfigFile);
  const scheme = web?.config.tls ? 'HTTPS' : 'HTTP';
  const health = isAtThePod ? atThePod(scheme) : healthEndpoint(metricsAddress, scheme);
  const args = ['care', ...careArguments(ofCare, OPTIONS).map(unexpanded)];
  if (isAtThePod) args.push(`--metrics-addr=${POD_METRICS_ADDRESS}`);
  const kubeconfigs = await kubeconfigFiles(all.virtualServers);
  const mounts = mountsFor(settings, all.virtualServers, web?.files ?? [], kubeconfigs.files);
  const unasked = `the kubelet cannot ask at --metrics-addr ${address}: the pod has no probes`;
  return {
    text: podManifest({ name, image, args, health, mounts }),
    mounts,
    notes: [...(health === null ? [unasked] : []), ...kubeconfigs.notes],
  };
}

/** kubeadm's kubeconfig of kubelet, and the link in it, which kubelet renews. */
const KUBELET_CONF = '/etc/kubernetes/kubelet.conf';
const KUBELET_CERTIFICATE = '/var/lib/kubelet/pki/kubelet-client-current.pem';

/** The files that the kubeconfigs of `--discover` name; on another machine, those that kubelet's names with kubeadm. */
async function kubeconfigFiles(
  virtualServers: readonly Settings[],
): Promise<{ readonly files: readonly string[]; readonly notes: readonly string[] }> {
  const paths = new Set(virtualServers.map((one) => one.read('discover')).filter((path) => path !== null));
  const files: string[] = [];
  const notes: string[] = [];
  if (paths.size === 0) return { files, notes };
  const { filesOf, readKubeconfig } = await import('../discovery/kubeconfig.js');
  for (const path of paths)
    try {
      files.push(...filesOf(await readKubeconfig(path)));
    } catch (error) {
      if (path === KUBELET_CONF) files.push(KUBELET_CERTIFICATE);
      else notes.push(`${(error as Error).message}: the pod does not mount the files that it names`);
    }
  return { files, notes };
}

/** The scheme of kubelet's probes and the files that the pod mounts depend on it, so it must be readable here. */
async function webConfigAt({ path, from }: { path: string; from: string }): Promise<LoadedWebConfig> {
  const { loadWebConfig } = await import('../config/web-config.js');
  return await loadWebConfig(path, from);
}

async function setImage(given: Arguments, own: Settings, image: string, writes: boolean): Promise<Outcome> {
  refuseBeside('--set-image', given, own, ['set-image']);
  const path = own.read('path');
  const before = await manifestAt(path);
  const { withImage } = await yamlReader();
  const text = ofLvscare(path, () => withImage(before, image));
  return { text: writes ? await written(path, text) : text, notes: [] };
}

/** Throws a UsageError if an option is given beside these, `--path` and `--write`. */
function refuseBeside(option: string, given: Arguments, own: Settings, those: readonly string[]): void {
  const beside = Object.keys(given).find((flag) => ![...those, 'path', 'write'].includes(flag));
  if (beside === undefined) return;
  const allowed = [...those.map((flag) => `--${flag}`).filter((name) => name !== option), '--path'].join(
    ', ',
  );
  throw new UsageError(option, `nothing beside it but ${allowed} and --write`, own.name(beside));
}

async function manifestAt(path: string): Promise<string> {
  return await readRegularFile(path).catch((error: unknown) => {
    throw new Error(`cannot read ${path}: ${codeOf(error)}`, { cause: error });
  });
}

const EDITS = ['add-rs', 'remove-rs', 'set'] as const;

/** Changes arguments of the manifest at `--path`, and nothing else of it. */
async function editManifest(given: Arguments, own: Settings): Promise<Outcome> {
  const option = EDITS.find((flag) => own.has(flag)) ?? 'set';
  refuseBeside(`--${option}`, given, own, EDITS);
  const path = own.read('path');
  const before = await manifestAt(path);
  const settings = await settingsIn(before, path);
  const after = await edited(before, own, path);
  const changed = await settingsIn(after, path);
  // As lvscare care would read it.
  readCareConfig(changed, {}, { elsewhere: true });
  if (
    JSON.stringify(mountsFor(changed, [changed], [])) !== JSON.stringify(mountsFor(settings, [settings], []))
  )
    throw new UsageError(
      '--set',
      'options for which the pod needs no other mounts: write a new manifest',
      null,
    );
  const { lineDiff } = await import('../manifest/line-diff.js');
  const difference = lineDiff(before, after);
  if (difference === '') return { text: `${path} is so already\n`, notes: [] };
  return { text: own.read('write') ? difference + (await written(path, after)) : difference, notes: [] };
}

/** The manifest with what `--add-rs`, `--remove-rs` and `--set` ask for. */
async function edited(before: string, own: Settings, path: string): Promise<string> {
  const { optionsIn, withEdit } = await import('../manifest/edit-arguments.js');
  const rs = OPTION.rs;
  const serversIn = (text: string): string[] =>
    optionsIn(text, OPTIONS)
      .filter(({ flag }) => flag === rs.flag)
      .flatMap(({ value }) => value.split(','))
      .map((element) => parseEndpoint(element.trim(), `--rs in ${path}`).text);
  const [added, removed] = [own.read('add-rs'), own.read('remove-rs')];
  return ofLvscare(path, () => {
    let text = before;
    const there = serversIn(before);
    if (added.length + removed.length > 0 && there.length === 0)
      throw new Error('its real servers are not among its arguments');
    for (const { text: server } of added) {
      if (serversIn(text).includes(server))
        throw new UsageError('--add-rs', `a real server that ${path} does not have yet`, server);
      text = withEdit(text, { kind: 'add', option: rs, value: server }, OPTIONS);
    }
    for (const { text: server } of removed) {
      if (!serversIn(text).includes(server))
        throw new UsageError(
          '--remove-rs',
          `one of the real servers of ${path}, ${there.join(', ')}`,
          server,
        );
      const is = (element: string): boolean => parseEndpoint(element, '--rs').text === server;
      text = withEdit(text, { kind: 'remove', option: rs, is }, OPTIONS);
    }
    for (const { name, value } of own.read('set'))
      text = withEdit(text, { kind: 'set', option: settable(name), value }, OPTIONS);
    return text;
  });
}

/** Not what has an option of its own here, what the pod's probes depend on, or what ends. */
const NOT_SETTABLE: readonly string[] = [
  'rs',
  'metrics-addr',
  'web-config-file',
  'run-once',
  'trust',
  'clean',
  'dry-run',
];

function settable(name: string): Option {
  const option = OPTIONS.find(
    ({ flag, aliases = [] }) => flag === name || (name.length > 1 && aliases.includes(name)),
  );
  if (option === undefined || option.hidden === true)
    throw new UsageError('--set', 'an option of lvscare care, NAME=VALUE', name);
  if (NOT_SETTABLE.includes(option.flag))
    throw new UsageError('--set', `an option other than ${NOT_SETTABLE.join(', ')}`, name);
  return option;
}

/** The settings of the manifest at `path`. */
async function settingsIn(text: string, path: string): Promise<Settings> {
  const { optionsIn } = await import('../manifest/edit-arguments.js');
  const given: Record<string, string[]> = {};
  for (const { flag, value } of ofLvscare(path, () => optionsIn(text, OPTIONS)))
    if (!isPodsAddress(flag, value)) (given[flag] ??= []).push(value);
  return await readSettings(given, {}, {});
}

/** Does something with the manifest at `path`; the failure of it is a UsageError that says why it is not an lvscare's. */
function ofLvscare<Result>(path: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError('--path', `the manifest of an lvscare (${(error as Error).message})`, path);
  }
}

/** How many lost things are named. */
const MOST_NAMED = 8;

/** An existing manifest may have what the command line does not repeat: options, an image, resources, comments. */
async function refuseLosses(path: string, before: string, text: string): Promise<void> {
  const { lossesOf } = await import('../manifest/losses.js');
  const losses = lossesOf(before, text);
  if (losses.length === 0) return;
  const more = losses.length > MOST_NAMED ? [`and ${losses.length - MOST_NAMED} more`] : [];
  const lost = [...losses.slice(0, MOST_NAMED), ...more].map((line) => `  ${line}\n`).join('');
  throw new Error(
    `${path} is there already, and this would be lost:\n${lost}` +
      'To change only real servers, options or the image, use --add-rs, --remove-rs, --set or --set-image; ' +
      'to lose this, add --replace',
  );
}

/** Only where there is YAML to be read: it takes its time. */
const yamlReader = () => import('../manifest/set-image.js');

/** Another pod's manifest is nothing to write over: kubeadm's, for example. */
async function refuseForeign(path: string, before: string): Promise<void> {
  const { lvscareContainer } = await yamlReader();
  try {
    lvscareContainer(before);
  } catch (error) {
    const why = (error as Error).message;
    throw new UsageError('--path', `a new file, or the manifest of an lvscare (${why})`, path);
  }
}

/** Of a new manifest, as kubeadm's: it may name secrets. */
const MODE = 0o600;

async function written(path: string, text: string): Promise<string> {
  const isNew = await replaceFile(path, text, MODE).catch((error: unknown) => {
    const code = codeOf(error);
    const why = code === 'ENOENT' ? `there is no directory ${dirname(path)}` : code;
    throw new Error(`cannot write ${path}: ${why}`, { cause: error });
  });
  return isNew ? `wrote ${path}\n` : `${path} is so already\n`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? (error as Error).message;
}

/** What the pod waits for, if it is this machine's: the kubelet mounts only what is there. */
async function missingOf(mounts: readonly Mount[]): Promise<string[]> {
  const required = mounts.filter(({ type }) => type !== 'DirectoryOrCreate').map(({ path }) => path);
  const there = await Promise.all(
    required.map((path) =>
      access(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return required.filter((_, index) => there[index] === false);
}

/** As this command prints it, and so may be given it. */
function isPodsAddress(flag: string, value: unknown): boolean {
  return flag === 'metrics-addr' && [value].flat().at(-1) === POD_METRICS_ADDRESS;
}

function isOfCare(flag: string): boolean {
  return OPTIONS.some((option) => option.flag === flag);
}
