/** Which servers are in rotation, by HAProxy's own answer. */

/** HAProxy's word for a server that takes connections, in the column srv_op_state. */
const RUNNING = '2';

/** The answer to `show servers state BACKEND`. A server that does not run has weight 0. */
export function parseHaproxyState(text: string): Record<string, number> {
  const weights: Record<string, number> = {};
  let columns: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('# ')) {
      columns = line.slice(2).trim().split(' ');
      continue;
    }
    const values = line.trim().split(' ');
    if (columns.length === 0 || values.length < columns.length) continue;
    const field = (name: string): string => values[columns.indexOf(name)] ?? '';
    const weight = field('srv_op_state') === RUNNING ? Number(field('srv_uweight')) : 0;
    weights[`${field('srv_addr')}:${field('srv_port')}`] = weight;
  }
  return weights;
}
