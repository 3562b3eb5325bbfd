/** Asking the program how it goes, by curl. */
import type { LabClient } from '../../lab/lab-client.js';

interface AskOptions {
  /** Default what the program listens at by default. */
  readonly at?: string;
  /** By this Unix socket. */
  readonly socket?: string;
}

/** GETs a path of a daemon's on the same host. Rejects when nobody answers. */
export async function asked(
  client: LabClient,
  path: string,
  { at = '127.0.0.1:9288', socket }: AskOptions = {},
): Promise<{ readonly status: number; readonly body: string }> {
  const by = socket === undefined ? [] : ['--unix-socket', socket];
  const format = ['-w', '\\n%{http_code}'];
  const text = await client.must('curl', ['-sS', '-g', '-m', '10', ...by, ...format, `http://${at}${path}`]);
  const end = text.lastIndexOf('\n');
  return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
}
