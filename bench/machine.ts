/** What a run is made on and with. */
import { availableParallelism, release } from 'node:os';
import { run } from '../lab/run.js';
import type { Peer } from './peers/peer.js';
import type { Results } from './report/results.js';

/** How each program tells its version. */
const VERSION_FLAG: Readonly<Record<string, string>> = {
  node: '--version',
  keepalived: '--version',
  haproxy: '-v',
};

/** @throws Error that names the program that is not there */
export async function describeMachine(peers: readonly Peer[]): Promise<Results['machine']> {
  const versions: Record<string, string> = {};
  for (const { name, program } of peers) {
    if (versions[program] !== undefined) continue;
    const said = await run(program, [VERSION_FLAG[program] ?? '--version']).catch((cause: unknown) => {
      throw new Error(`${name} cannot be measured: ${program} is not installed`, { cause });
    });
    versions[program] = /v?\d+\.\d+\.\S+/.exec(said.stdout + said.stderr)?.[0] ?? 'unknown';
  }
  return {
    kernel: release(),
    guest: process.env['WITH_IPVS'] ?? 'unknown',
    cpus: availableParallelism(),
    versions,
  };
}
