// Connects to a master's apiserver in four ways, prints `ready`, and waits to be told that the peer is silent now. Then
// prints, as JSON, how each connection ended, as it ends. The arguments are the address and the port.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setTcpLiveness } from '../../../src/netlink/index.js';

const [host = '', port = ''] = process.argv.slice(2);

/** When the peer fell silent. */
let silentMs = NaN;

async function open(name: string, make: () => Socket): Promise<Socket> {
  const socket = make();
  await once(socket, 'connect');
  socket.resume();
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const afterMs = Math.round(performance.now() - silentMs);
    process.stdout.write(`${JSON.stringify({ name, code: error.code, afterMs })}\n`);
  });
  socket.on('end', () => process.stdout.write(`${JSON.stringify({ name, code: null })}\n`));
  return socket;
}

const plain = (): Socket => connect(Number(port), host);

// Left as Node makes it.
await open('untouched', plain);

// Idle: the user timeout ends it. By the number of probes it would take two minutes.
setTcpLiveness(await open('idle', plain), {
  keepAliveIdleS: 1,
  keepAliveIntervalS: 1,
  keepAliveProbes: 127,
  userTimeoutMs: 2000,
});

// Idle, without a user timeout: the number of probes ends it.
setTcpLiveness(await open('probed', plain), {
  keepAliveIdleS: 1,
  keepAliveIntervalS: 1,
  keepAliveProbes: 2,
  userTimeoutMs: 0,
});

// With data under way, when nobody probes. The kernel would send it again for a quarter of an hour.
const tls = connectTls({ host, port: Number(port), rejectUnauthorized: false });
const handshake = once(tls, 'secureConnect');
const busy = await open('busy', () => tls);
await handshake;
setTcpLiveness(busy, {
  keepAliveIdleS: 3600,
  keepAliveIntervalS: 3600,
  keepAliveProbes: 9,
  userTimeoutMs: 2000,
});

process.once('message', () => {
  silentMs = performance.now();
  busy.write('GET /whoami HTTP/1.1\r\nhost: apiserver\r\n\r\n');
});
process.stdout.write('ready\n');
