/** TLS connections of the client: as little of HTTP as it takes, because client and servers share one CPU. */
import { connect, type TLSSocket } from 'node:tls';
import { nowMs } from '../clock.js';

const REQUEST = 'GET /whoami HTTP/1.1\r\nHost: bench\r\n\r\n';

/** A connection that is not checked for whose it is: it is the lab's. */
export function open(host: string, port: number): TLSSocket {
  const socket = connect({ host, port, rejectUnauthorized: false });
  socket.setNoDelay(true);
  return socket;
}

export function ask(socket: TLSSocket): void {
  socket.write(REQUEST);
}

/** One request over a connection of its own: null if it was answered, else the error's code. */
export function exchange(host: string, port: number, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = open(host, port);
    const end = (code: string | null): void => {
      clearTimeout(impatient);
      resolve(code);
      socket.destroy();
    };
    const impatient = setTimeout(() => {
      end('TIMEOUT');
    }, timeoutMs);
    socket.once('secureConnect', () => {
      ask(socket);
    });
    socket.once('data', (answer: Buffer) => {
      end(answer.toString('latin1', 0, 12) === 'HTTP/1.1 200' ? null : 'STATUS');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end(error.code ?? error.message);
    });
    socket.once('close', () => {
      end('CLOSED');
    });
  });
}

/** Who answers on this connection, as /whoami tells it. */
export function whoami(socket: TLSSocket, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const stop = (): void => {
      clearTimeout(impatient);
      socket.off('data', read).off('error', fail).off('close', closed);
    };
    const fail = (error: Error): void => {
      stop();
      reject(error);
    };
    const closed = (): void => {
      fail(new Error('CLOSED'));
    };
    const read = (text: Buffer): void => {
      answer += text.toString('latin1');
      const name = /"name":"([^"]*)".*\}\n$/.exec(answer)?.[1];
      if (name === undefined) return;
      stop();
      resolve(name);
    };
    const impatient = setTimeout(() => {
      fail(new Error('TIMEOUT'));
    }, timeoutMs);
    socket.on('data', read).on('error', fail).on('close', closed);
    ask(socket);
  });
}

/** Calls back when an answer came, with the time. Answers that come in one piece count once. */
export function onAnswer(socket: TLSSocket, hear: (atMs: number) => void): void {
  socket.on('data', () => {
    hear(nowMs());
  });
}
