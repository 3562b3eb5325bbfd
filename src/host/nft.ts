import { existsSync } from 'node:fs';
import { runCommand, type Run } from './command.js';
import { nftGeneration } from '../netlink/index.js';
import { KernelError } from '../values/errors.js';

/** The result of one run of `nft`. */
export interface NftResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `nft` with arguments. Rejects with a KernelError if it cannot be run, or does not end in time. */
export interface Nft {
  (...args: readonly string[]): Promise<NftResult>;
  /**
   * The ruleset's generation, which each transaction of any program counts up by one; null if it is not known, or if the kernel would
   * have to load nf_tables first.
   */
  readonly generation: () => number | null;
}

/** `nft` is not installed, so nothing is known about tables. */
export class NftMissing extends KernelError {
  override name = 'NftMissing';
}

/** A table of one rule takes a few milliseconds, but the kernel may have to load modules. */
const TIMEOUT_MS = 10_000;

/** The `nft` of this machine, or of this container. */
export function nftProgram(run: Run = runCommand): Nft {
  /** A kernel with nf_tables built in does not have this directory: it is known after the first run. */
  let isLoaded = existsSync('/sys/module/nf_tables');
  const nft = async (...args: readonly string[]): Promise<NftResult> => {
    const finished = await run('nft', args, { timeoutMs: TIMEOUT_MS });
    if (finished === null) {
      const words = 'nft is not installed: install the Debian package nftables';
      throw new NftMissing(words, null);
    }
    isLoaded = true;
    return { ok: finished.status === 0, stdout: finished.stdout, stderr: finished.stderr };
  };
  return Object.assign(nft, { generation: () => (isLoaded ? rulesetGeneration() : null) });
}

/** The ruleset's generation, or null if it is not known. Waits while the kernel has to load nf_tables. */
export function rulesetGeneration(): number | null {
  try {
    return nftGeneration();
  } catch {
    return null;
  }
}
