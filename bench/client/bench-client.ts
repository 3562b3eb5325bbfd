/** The run's end of the client process. */
import { fileURLToPath } from 'node:url';
import type { LabNode, LabProcess } from '../../lab/index.js';
import { Remote } from '../../lab/remote.js';
import type { BenchClientCalls } from './client-calls.js';

const PROGRAM = fileURLToPath(new URL('./client.js', import.meta.url));

export class BenchClient {
  readonly remote: Remote<BenchClientCalls>;
  readonly #process: LabProcess;

  constructor(node: LabNode) {
    this.#process = node.spawn(process.execPath, [PROGRAM], { ipc: true });
    this.remote = new Remote<BenchClientCalls>(this.#process.child);
  }

  async close(): Promise<void> {
    await this.#process.kill();
  }
}
