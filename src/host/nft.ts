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
  /** Another number after each change of the ruleset, by any program; null if it is not known. */
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
  const nft = async (...args: readonly string[]): Promise<NftResult> => {
    const finished = await run('nft', args, { timeoutMs: TIMEOUT_MS });
    if (finished === null) {
      const words = 'nft is not installed: install the Debian package nftables';
      throw new NftMissing(words, null);
    }
    return { ok: finished.status === 0, stdout: finished.stdout, stderr: finished.stderr };
  };
  return Object.assign(nft, { generation });
}

function generation(): number | null {
  try {
    return nftGeneration();
  } catch {
    return null;
  }
}
