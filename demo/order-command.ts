/** `master 1 kill` in the demo's shell: passes it on to the lab, and prints the answer. */
import { connect } from 'node:net';

const [, , socket = '', ...words] = process.argv;
const connection = connect(socket);
connection.setEncoding('utf8');
connection.on('data', (text: string) => process.stdout.write(text));
connection.on('error', (error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
connection.end(words.join(' '));
