import type { Logger } from 'pino';
import type { UnitConfig } from '../config/care-config.js';
import { dryLeftovers, dryWork } from '../control-loop/dry-run.js';
import { cleanUp } from '../control-loop/once.js';
import { composeClean, type KernelHandles } from './kernel.js';

/** `--clean` of one virtual server. Resolves to whether nothing of it is left. */
export async function clean(config: UnitConfig, log: Logger, handles: KernelHandles): Promise<boolean> {
  const { virtualServer, dryRun } = config;
  const { works, leftovers, forget } = await composeClean(config, log, handles);
  const { taken, left, failures } = dryRun
    ? await cleanUp(works.map(dryWork), leftovers.map(dryLeftovers))
    : await cleanUp(works, leftovers);
  const about = { event: 'clean', vs: virtualServer.text };
  for (const what of taken) log.info({ ...about, what }, `${dryRun ? 'would remove' : 'removed'} ${what}`);
  for (const what of left) log.info({ ...about, what }, `${dryRun ? 'would leave' : 'left'} ${what}`);
  for (const error of failures) log.error({ ...about, err: error }, error.message);
  if (taken.length + left.length + failures.length === 0)
    log.info(about, `nothing of ${virtualServer.text} was there to remove`);
  // What is still there is to be found the next time.
  if (!dryRun && failures.length === 0) await forget();
  return failures.length === 0;
}
