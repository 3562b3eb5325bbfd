/** Many real servers on the masters of a lab: pairs of address and port. */
import { fileURLToPath } from 'node:url';
import type { Lab, Master } from '../../lab/index.js';
import { inside } from '../../lab/network.js';
import { LabProcess } from '../../lab/process.js';
import { Remote } from '../../lab/remote.js';
import type { ManyPortsCalls, ManyPortsOptions } from './many-ports-calls.js';

const PROGRAM = fileURLToPath(new URL('./many-ports.js', import.meta.url));
const FIRST_PORT = 10_000;

interface Member {
  readonly process: LabProcess;
  readonly remote: Remote<ManyPortsCalls>;
}

/** Where the real server with this number is: masters take turns. */
function place(index: number, masters: readonly Master[]): { master: Master | undefined; port: number } {
  return {
    master: masters[index % masters.length],
    port: FIRST_PORT + Math.floor(index / masters.length),
  };
}

export class Crowd {
  readonly realServers: readonly string[];
  readonly #masters: readonly Master[];
  readonly #members: readonly Member[];

  private constructor(
    realServers: readonly string[],
    masters: readonly Master[],
    members: readonly Member[],
  ) {
    this.realServers = realServers;
    this.#masters = masters;
    this.#members = members;
  }

  /** Starts them; resolves when all listen. */
  static async start({ masters }: Lab, count: number): Promise<Crowd> {
    const places = Array.from({ length: count }, (_, index) => place(index, masters));
    const members = masters.map((master) => {
      const ports = places.filter((each) => each.master === master).map(({ port }) => port);
      const options: ManyPortsOptions = { ports, ...master.certificate };
      const args = [PROGRAM, JSON.stringify(options)];
      const process_ = new LabProcess('ip', inside(master.host.namespace, process.execPath, args), {
        ipc: true,
      });
      return { process: process_, remote: new Remote<ManyPortsCalls>(process_.child) };
    });
    const realServers = places.map(({ master, port }) => `${master?.addresses.ipv4 ?? ''}:${port}`);
    const crowd = new Crowd(realServers, masters, members);
    try {
      await Promise.all(members.map(({ remote }) => remote.call('listen')));
      return crowd;
    } catch (error) {
      await crowd.stop();
      throw error;
    }
  }

  /** Closes one with its connections. Gives the moment. */
  close(index: number): Promise<number> {
    return this.#remote(index).call('close', place(index, this.#masters).port);
  }

  reopen(index: number): Promise<void> {
    return this.#remote(index).call('reopen', place(index, this.#masters).port);
  }

  async watchRequests(): Promise<void> {
    await Promise.all(this.#members.map(({ remote }) => remote.call('watchRequests')));
  }

  /** The longest time since then that a server other than this one had no request, in ms. */
  async longestPause(except: number): Promise<number> {
    const pauses = this.#members.map(({ remote }, member) => {
      const ports = this.realServers.flatMap((_, index) =>
        index !== except && index % this.#members.length === member ? [place(index, this.#masters).port] : [],
      );
      return remote.call('longestPause', ports);
    });
    return Math.max(...(await Promise.all(pauses)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.process.kill()));
  }

  #remote(index: number): Remote<ManyPortsCalls> {
    const member = this.#members[index % this.#members.length];
    if (member === undefined) throw new RangeError(`there is no server ${index}`);
    return member.remote;
  }
}
