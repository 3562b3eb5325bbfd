/** What is asked for at the prompt of a shell, and done by the process that made the shell: over a Unix socket. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Listens for one order a connection, words with blanks between them; the answer is what to print. */
export async function listenForOrders(
  socket: string,
  obey: (words: readonly string[]) => Promise<string>,
): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (connection) => {
    let asked = '';
    connection.setEncoding('utf8');
    connection.on('error', () => undefined);
    connection.on('data', (text: string) => (asked += text));
    connection.on('end', () => {
      void obey(asked.trim().split(' ')).then((answer) => connection.end(`${answer}\n`));
    });
  });
  await once(server.listen(socket), 'listening');
  return server;
}
