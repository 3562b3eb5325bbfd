import { readIpVs } from './ip-vs-table.js';
import { findModule, whyNotLoaded } from './modules.js';
import { fail, ok, warn, type Said } from './finding.js';
import type { Node, Subject } from './ports.js';

export async function checkIpvs({ files, kernelRelease }: Node): Promise<Said> {
  if ((await readIpVs(files).catch(() => [])) !== null) return ok(`Linux ${kernelRelease} has it`);
  return await loadable(files, kernelRelease, 'ip_vs');
}

export async function checkScheduler({ files, kernelRelease }: Node, { scheduler }: Subject): Promise<Said> {
  const inUse = (await readIpVs(files).catch(() => null))?.some((found) => found.scheduler === scheduler);
  if (inUse === true) return ok(`${scheduler} is in use`);
  return await loadable(files, kernelRelease, `ip_vs_${scheduler}`);
}

async function loadable(files: Node['files'], release: string, name: string): Promise<Said> {
  const load = `modprobe ${name}`;
  const found = await findModule(files, release, name);
  if (found.kind === 'loaded') return ok(`the kernel has ${name}`);
  if (found.kind === 'missing')
    return fail(
      `kernel ${release} has no module ${name}`,
      'install the rest of its modules: apt-get install linux-modules-extra-$(uname -r), dnf install kernel-modules',
    );
  const why = await whyNotLoaded(files, release, name);
  if (why !== null) return fail(`${name} is not loaded, and ${why}`, load);
  if (found.kind === 'loadable')
    return ok(`${name} is not loaded yet; the kernel loads it when lvscare needs it (${found.file})`);
  return warn(
    `${name} is not loaded, and without /lib/modules/${release} this check cannot say whether it can be`,
    load,
  );
}
