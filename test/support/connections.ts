/** TCP connections on the loopback, for tests that look at sockets. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Both ends of a connection. */
export interface Ends {
  readonly client: Socket;
  readonly server: Socket;
}

export class Loopback {
  readonly server: Server;
  readonly #open: Socket[] = [];

  private constructor(server: Server) {
    this.server = server;
  }

  static async listen(address: string, port = 0): Promise<Loopback> {
    const server = createServer().listen(port, address);
    await once(server, 'listening');
    return new Loopback(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** A connection to it by one of its addresses; from this port, if one is given. */
  async connect(host: string, localPort?: number): Promise<Ends> {
    const client = connect({
      host,
      port: this.port,
      allowHalfOpen: true,
      ...(localPort === undefined ? {} : { localPort }),
    });
    const [server] = (await once(this.server, 'connection')) as [Socket];
    if (client.connecting) await once(client, 'connect');
    // Who wants to know of an end asks `endOf`.
    for (const socket of [client, server]) socket.on('error', () => undefined);
    this.#open.push(client, server);
    return { client, server };
  }

  async close(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** The code of the error that a socket ends with; null without one. */
export function endOf(socket: Socket): Promise<string | null> {
  return new Promise((resolve) => {
    let code: string | null = null;
    socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
    socket.once('close', () => {
      resolve(code);
    });
    socket.resume();
  });
}
