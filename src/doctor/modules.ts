/** Whether the kernel has a module, and whether it can come to have it: by files alone. */
import { textOf, type Files } from './ports.js';

type Module =
  /** Loaded, or built in. */
  | { readonly kind: 'there' }
  /** Its file is there. */
  | { readonly kind: 'loadable'; readonly file: string }
  | { readonly kind: 'missing' }
  /** The modules of this kernel are not where they would be. */
  | { readonly kind: 'unknown' };

export async function lookForModule(files: Files, release: string, name: string): Promise<Module> {
  const loaded = await textOf(files, '/proc/modules');
  if (loaded?.split('\n').some((line) => line.startsWith(`${name} `)) === true) return { kind: 'there' };
  // So are some that are built in.
  if ((await namesIn(files, '/sys/module')).includes(name)) return { kind: 'there' };
  const directory = `/lib/modules/${release}`;
  const [builtin, dep] = await Promise.all([
    textOf(files, `${directory}/modules.builtin`),
    textOf(files, `${directory}/modules.dep`),
  ]);
  if (builtin?.split('\n').some((line) => line.endsWith(`/${name}.ko`)) === true) return { kind: 'there' };
  if (dep === null) return { kind: 'unknown' };
  const file = dep
    .split('\n')
    .map((line) => line.split(':')[0] ?? '')
    .find((path) => new RegExp(`(^|/)${name}\\.ko(\\.\\w+)?$`).test(path));
  return file === undefined ? { kind: 'missing' } : { kind: 'loadable', file: `${directory}/${file}` };
}

/** What the kernel asks modprobe for when a program asks for IPVS. The module has it as an alias in Linux 6.1, not in 5.10. */
const IPVS_ALIAS = 'net-pf-16-proto-16-family-IPVS';

/** Why the kernel would not load a module by itself, although its file is there; null when it would. */
export async function whyNotLoaded(files: Files, release: string, name: string): Promise<string | null> {
  if ((await textOf(files, '/proc/sys/kernel/modules_disabled'))?.trim() === '1')
    return 'kernel.modules_disabled is 1: nothing is loaded until the next boot';
  const loader = (await textOf(files, '/proc/sys/kernel/modprobe'))?.trim();
  if (loader === '') return 'kernel.modprobe is empty: the kernel loads nothing by itself';
  if (loader !== undefined && /\/(true|false)$/.test(loader))
    return `kernel.modprobe is ${loader}: the kernel loads nothing by itself`;
  const aliases = await textOf(files, `/lib/modules/${release}/modules.alias`);
  if (name === 'ip_vs' && aliases?.includes(IPVS_ALIAS) === false)
    return `Linux ${release} does not load it by itself`;
  for (const directory of ['/etc/modprobe.d', '/run/modprobe.d', '/usr/lib/modprobe.d', '/lib/modprobe.d']) {
    const entries = await namesIn(files, directory);
    for (const entry of entries.filter((each) => each.endsWith('.conf'))) {
      const text = (await textOf(files, `${directory}/${entry}`)) ?? '';
      if (new RegExp(`^\\s*install\\s+${name}\\s+(/usr)?/s?bin/(true|false)\\b`, 'm').test(text))
        return `${directory}/${entry} keeps ${name} from being loaded`;
    }
  }
  return null;
}

async function namesIn(files: Files, directory: string): Promise<readonly string[]> {
  try {
    return await files.list(directory);
  } catch {
    return [];
  }
}
