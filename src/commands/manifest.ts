/** `lvscare manifest`, composed. */
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readCareConfig } from '../config/care-config.js';
import { readSettings } from '../config/config-file.js';
import type { Option } from '../config/option.js';
import { CARE_OPTIONS } from '../config/options.js';
import { Settings, type Arguments, type Spellings } from '../config/settings.js';
import { UsageError } from '../config/usage-error.js';
import { careArguments } from '../manifest/care-arguments.js';
import { readRegularFile } from '../files/regular-file.js';
import { replaceFile } from '../files/replace-file.js';
import { mountsFor, type Mount } from '../manifest/mounts.js';
import { podManifest, unexpanded } from '../manifest/pod.js';
import { AT_THE_POD, healthEndpoint, POD_METRICS_ADDRESS } from '../manifest/health-endpoint.js';

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
 *
 * @param version This program's: `v0.1.0`.
 */
// ts-unused-exports:disable-next-line
export async function runManifestCommand(
  given: Arguments,
  version: string,
  spelled: Spellings = {},
): Promise<Outcome> {
  const own = new Settings(given, {}, null, spelled);
  const image = own.read('set-image');
  const writes = own.read('write');
  if (image !== null) return await setImage(given, own, image, writes);
  if (own.has('path') && !writes) throw new UsageError('--path', '--write or --set-image beside it', null);
  const path = own.read('path');
  const { text, mounts, notes } = manifestFor(given, own, version, spelled);
  if (!writes) return { text, notes };
  await refuseForeign(path);
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

function manifestFor(given: Arguments, own: Settings, version: string, spelled: Spellings): Manifest {
  const name = own.read('name');
  const image = own.read('image') ?? `lvscare:${version.replace(/^v/, '')}`;
  const ofCare = Object.fromEntries(
    Object.entries(given).filter(([flag, value]) => isOfCare(flag) && !isPodsAddress(flag, value)),
  );
  // The pod has an environment of its own.
  const settings = readSettings(ofCare, {}, spelled);
  const { task, metricsAddress } = readCareConfig(settings, {}, { elsewhere: true });
  if (task !== 'care')
    throw new UsageError(settings.name(task), 'nothing that ends: the kubelet would start it again', 'true');
  const address = metricsAddress?.text ?? 'off';
  const asked = settings.has('metrics-addr');
  // A dry run listens nowhere unless it is told to.
  const atThePod = !asked && metricsAddress !== null;
  const health = atThePod ? AT_THE_POD : healthEndpoint(metricsAddress);
  const args = ['care', ...careArguments(ofCare, OPTIONS).map(unexpanded)];
  if (atThePod) args.push(`--metrics-addr=${POD_METRICS_ADDRESS}`);
  const mounts = mountsFor(settings);
  const unasked = `the kubelet cannot ask at --metrics-addr ${address}: the pod has no probes`;
  return {
    text: podManifest({ name, image, args, health, mounts }),
    mounts,
    notes: health === null ? [unasked] : [],
  };
}

async function setImage(given: Arguments, own: Settings, image: string, writes: boolean): Promise<Outcome> {
  const beside = Object.keys(given).find((flag) => !['set-image', 'path', 'write'].includes(flag));
  if (beside !== undefined)
    throw new UsageError('--set-image', 'nothing beside it but --path and --write', own.name(beside));
  const path = own.read('path');
  const before = await readRegularFile(path).catch((error: unknown) => {
    throw new Error(`cannot read ${path}: ${codeOf(error)}`, { cause: error });
  });
  const { withImage } = await yamlReader();
  let text: string;
  try {
    text = withImage(before, image);
  } catch (error) {
    throw new UsageError('--path', `the manifest of an lvscare (${(error as Error).message})`, path);
  }
  return { text: writes ? await written(path, text) : text, notes: [] };
}

/** Only where there is YAML to be read: it takes its time. */
const yamlReader = () => import('../manifest/set-image.js');

/** Another pod's manifest is nothing to write over: kubeadm's, for example. */
async function refuseForeign(path: string): Promise<void> {
  // What there is not, or cannot be read, is the writer's to tell.
  const before = await readRegularFile(path).catch(() => '');
  if (before.trim() === '') return;
  const { checkIsLvscare } = await yamlReader();
  try {
    checkIsLvscare(before);
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
