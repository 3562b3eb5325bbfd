/** `lvscare care` on the lab's node, with its log on the screen. */
import { endpoint, VIP, type Lab, type LabProcess, type Master } from '../lab/index.js';
import { dim, say, typed } from './screen.js';
import { PROGRAM } from '../lab/program.js';

export const VS = endpoint(VIP.ipv4);

/** The arguments that name the lab's servers. */
export function serverArguments(lab: Lab, masters: readonly Master[] = lab.masters): string[] {
  return ['--vs', VS, ...masters.flatMap((master) => ['--rs', master.endpoint]), '--health-ca', lab.caFile];
}

/** Starts it, and shows every line that it logs. */
export function startDaemon(lab: Lab, masters: readonly Master[], extra: readonly string[] = []): LabProcess {
  const args = ['care', ...serverArguments(lab, masters), ...extra];
  typed(`lvscare ${args.join(' ')} &`);
  const daemon = lab.node.spawn(process.execPath, [PROGRAM, ...args, '--log-format', 'text']);
  for (const stream of [daemon.child.stdout, daemon.child.stderr]) {
    let rest = '';
    stream?.on('data', (chunk: Buffer) => {
      const lines = `${rest}${chunk.toString()}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) say(dim(`   | ${line}`));
    });
  }
  return daemon;
}
