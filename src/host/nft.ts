import { runCommand, type Run } from './command.js';
import { KernelError } from '../values/errors.js';

/** What became of one run of `nft`. */
export interface NftResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** What it said is wrong. */
  readonly stderr: string;
}

/** Runs `nft` with arguments to its end. Rejects with a KernelError when it cannot be run, or does not end in time. */
export type Nft = (...args: readonly string[]) => Promise<NftResult>;

/** There is no `nft` here, and so nothing can be known of tables. */
export class NftMissing extends KernelError {
  override name = 'NftMissing';
}

/** A table of one rule is a matter of a few milliseconds, but the kernel may have to load modules. */
const PATIENCE_MS = 10_000;

/** The `nft` of this machine, or of this container. */
export function nftProgram(run: Run = runCommand): Nft {
  return async (...args) => {
    const finished = await run('nft', args, { timeoutMs: PATIENCE_MS });
    if (finished === null) {
      const words = 'there is no nft, which masquerading takes: install the Debian package nftables';
      throw new NftMissing(words, null);
    }
    return { ok: finished.status === 0, stdout: finished.stdout, stderr: finished.stderr };
  };
}
