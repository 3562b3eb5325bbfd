/** The ports that connections to a server come from, as long as answers to them arrive. */
import type { Endpoint } from '../values/endpoint.js';
import type { PortRange } from '../values/source-ports.js';
import type { ProberParts } from './request.js';
import { connectTcp } from './tcp.js';

/** Those of one kept connection. */
export interface SourcePorts {
  /** Where to connect from; null lets the kernel choose. */
  readonly range: PortRange | null;
  /** The server accepted a connection. */
  connected(server: Endpoint): void;
  /** The server did not answer to connect. */
  silent(server: Endpoint): void;
  close(): void;
}

/** Always the same ones. */
export function fixedPorts(range: PortRange | null): SourcePorts {
  const ignore = (): void => undefined;
  return { range, connected: ignore, silent: ignore, close: ignore };
}

/** Whether a server answers to connect from these ports; `hedged`: with several tries. Never rejects. */
export type Answers = (
  server: Endpoint,
  from: { readonly range: PortRange | null; readonly hedged: boolean },
  signal: AbortSignal,
) => Promise<boolean>;

/** Ports from a range, for all servers of a prober. A server whose answers to them do not arrive gets those that the kernel chooses. */
export class PreferredPorts {
  readonly #range: PortRange;
  readonly #answers: Answers;
  readonly #onFiltered: NonNullable<ProberParts['onFilteredPorts']>;
  /** Those whose answers to the range do not arrive. */
  readonly #filtered = new Set<SourcePorts>();

  constructor(range: PortRange, answers: Answers, onFiltered: NonNullable<ProberParts['onFilteredPorts']>) {
    this.#range = range;
    this.#answers = answers;
    this.#onFiltered = onFiltered;
  }

  ofOneServer(): SourcePorts {
    const [preferred, filtered] = [this.#range, this.#filtered];
    const closing = new AbortController();
    let isComparing = false;
    const compare = async (server: Endpoint): Promise<void> => {
      if (isComparing) return;
      isComparing = true;
      const isFiltered = await this.#isFiltered(server, filtered.has(ports), closing.signal);
      isComparing = false;
      if (!closing.signal.aborted) this.#set(ports, server, isFiltered);
    };
    const ports: SourcePorts = {
      get range() {
        return filtered.has(ports) ? null : preferred;
      },
      connected(server) {
        if (filtered.has(ports)) void compare(server);
      },
      silent(server) {
        void compare(server);
      },
      close() {
        closing.abort();
      },
    };
    return ports;
  }

  /** A silent server may just be back, so the range fails between two successes of the kernel's choice. */
  async #isFiltered(server: Endpoint, wasFiltered: boolean, signal: AbortSignal): Promise<boolean> {
    const kernels = { range: null, hedged: false };
    const preferred = { range: this.#range, hedged: !wasFiltered };
    if (wasFiltered) return !(await this.#answers(server, preferred, signal));
    return (
      (await this.#answers(server, kernels, signal)) &&
      !(await this.#answers(server, preferred, signal)) &&
      (await this.#answers(server, kernels, signal))
    );
  }

  #set(ports: SourcePorts, server: Endpoint, isFiltered: boolean): void {
    const before = this.#filtered.size;
    if (isFiltered) this.#filtered.add(ports);
    else this.#filtered.delete(ports);
    const now = this.#filtered.size;
    if ((before === 0) !== (now === 0)) this.#onFiltered(this.#range, now === 0 ? null : server);
  }
}

/** By TCP alone. A refusal is an answer, too. */
export function answersByTcp(timeoutMs: number): Answers {
  return async (server, { range, hedged }, signal) => {
    try {
      (await connectTcp(server, { timeoutMs, hedged, sourcePorts: range }, signal)).destroy();
      return true;
    } catch (error) {
      return ['ECONNREFUSED', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '');
    }
  };
}
