import { execFile, type ExecFileException } from 'node:child_process';
import { KernelError } from './errors.js';

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

/** Where root's tools are, whatever PATH we were started with; and messages that can be told apart. */
const ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

interface NftLimits {
  /** How long it may take, in milliseconds. Default 10 000: a table of one rule is a matter of a few, but the kernel
   * may have to load modules. */
  readonly patienceMs?: number;
  /** How much it may say, in bytes. Default 1 MiB: more is none of a table of ours. */
  readonly mostOutput?: number;
}

/** The `nft` of this machine, or of this container. */
export function nftProgram(program = 'nft', limits: NftLimits = {}): Nft {
  const { patienceMs = 10_000, mostOutput = 1 << 20 } = limits;

  /** Why there is no answer; null when it is one, if only that something is wrong. */
  function unusable(error: ExecFileException): KernelError | null {
    if (error.code === 'ENOENT') {
      const words = 'there is no nft, which masquerading takes: install the Debian package nftables';
      return new NftMissing(words, error);
    }
    if (error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
      return new KernelError(`nft: more than ${mostOutput} bytes of output`, error);
    }
    if (typeof error.code === 'string') return new KernelError(`nft cannot be run: ${error.message}`, error);
    if (error.killed === true) return new KernelError(`nft did not end within ${patienceMs} ms`, error);
    return null;
  }

  const options = {
    env: ENVIRONMENT,
    timeout: patienceMs,
    killSignal: 'SIGKILL',
    maxBuffer: mostOutput,
  } as const;
  return (...args) =>
    new Promise((resolve, reject) => {
      const child = execFile(program, args, options, (error, stdout, stderr) => {
        const why = error === null ? null : unusable(error);
        if (why === null) resolve({ ok: error === null, stdout, stderr });
        else reject(why);
      });
      child.stdin?.end();
    });
}
