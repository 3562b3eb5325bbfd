/** Whether the kernel has a module, and whether it can load it: found out from files alone. */
import { namesIn, textOf, type Files } from './ports.js';

type Module =
  /** Or built in. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'loadable'; readonly file: string }
  | { readonly kind: 'missing' }
  /** There is no directory with the modules of this kernel. */
  | { readonly kind: 'unknown' };

export async function findModule(files: Files, release: string, name: string): Promise<Module> {
  const loaded = await textOf(files, '/proc/modules');
  if (loaded?.split('\n').some((line) => line.startsWith(`${name} `)) === true) return { kind: 'loaded' };
  // This directory also has some of those that are built in.
  if ((await namesIn(files, '/sys/module')).includes(name)) return { kind: 'loaded' };
  const directory = `/lib/modules/${release}`;
  const [builtin, dep] = await Promise.all([
    textOf(files, `${directory}/modules.builtin`),
    textOf(files, `${directory}/modules.dep`),
  ]);
  if (builtin?.split('\n').some((line) => line.endsWith(`/${name}.ko`)) === true) return { kind: 'loaded' };
  if (dep === null) return { kind: 'unknown' };
  const file = dep
    .split('\n')
    .map((line) => line.split(':')[0] ?? '')
    .find((path) => new RegExp(`(^|/)${name}\\.ko(\\.\\w+)?$`).test(path));
  return file === undefined ? { kind: 'missing' } : { kind: 'loadable', file: `${directory}/${file}` };
}

/** The name by which the kernel has IPVS loaded when a program asks for it. Linux 5.10 does not have this alias, 6.1 does. */
const IPVS_ALIAS = 'net-pf-16-proto-16-family-IPVS';

/** Why the kernel does not load a module by itself although its file exists, or null if it does. */
export async function whyNotLoaded(files: Files, release: string, name: string): Promise<string | null> {
  if ((await textOf(files, '/proc/sys/kernel/modules_disabled'))?.trim() === '1')
    return 'kernel.modules_disabled is 1: the kernel loads no module until the next boot';
  const loader = (await textOf(files, '/proc/sys/kernel/modprobe'))?.trim();
  if (loader !== undefined && (loader === '' || /\/(true|false)$/.test(loader)))
    return `kernel.modprobe is ${loader === '' ? 'empty' : loader}: the kernel loads no module by itself`;
  const aliases = await textOf(files, `/lib/modules/${release}/modules.alias`);
  if (name === 'ip_vs' && aliases?.includes(IPVS_ALIAS) === false)
    return `Linux ${release} does not load it by itself`;
  for (const directory of ['/etc/modprobe.d', '/run/modprobe.d', '/usr/lib/modprobe.d', '/lib/modprobe.d']) {
    const entries = await namesIn(files, directory);
    for (const entry of entries.filter((each) => each.endsWith('.conf'))) {
      const text = (await textOf(files, `${directory}/${entry}`)) ?? '';
      if (new RegExp(`^\\s*install\\s+${name}\\s+(/usr)?/s?bin/(true|false)\\b`, 'm').test(text))
        return `${directory}/${entry} prevents loading ${name}`;
    }
  }
  return null;
}
