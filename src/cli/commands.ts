/** Every command but `completion` and `help`, which belong to the command line itself: its words, its options, its help. */
import { CARE_OPTIONS, MANIFEST_OPTIONS, type OptionSpec } from './options.js';

export interface CommandSpec {
  readonly name: string;
  /** In the program's help, without a full stop. */
  readonly summary: string;
  /** How it is called, after its name: `[RS] [options]`. */
  readonly synopsis: string;
  /** What it does, in whole sentences. */
  readonly description: string;
  /** The same flag is of the same kind in every command that has it. */
  readonly options: readonly OptionSpec[];
  /**
   * What may follow beside options: nothing, words that are ignored for the sake of old manifests, or so many that mean
   * something.
   */
  readonly words: 'none' | 'stray' | { readonly name: string; readonly least: number; readonly most: number };
  /** What to do, and the arguments that do it, the command's own name left out. */
  readonly examples: readonly (readonly [what: string, how: string])[];
  /** Said before the examples. */
  readonly notes?: string;
}

const CARE = {
  name: 'care',
  summary: 'Take care of a virtual server until stopped',
  synopsis: '--vs IP:PORT --rs IP:PORT...',
  description:
    'Probes every real server, keeps the healthy ones in the virtual server, and repairs what somebody else ' +
    'changes. SIGTERM or Ctrl-C ends it and leaves everything in place.',
  options: CARE_OPTIONS,
  words: 'stray',
  notes:
    'Each option can also be given in the environment: --fast-interval as CARE_FAST_INTERVAL. The command line wins.',
  examples: [
    [
      'Take care of a virtual server with two real servers',
      '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443',
    ],
    ['Only set it up, before kubeadm join', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --run-once'],
    ['Say what would be done', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --dry-run'],
    ['Remove it again', '--vs 10.103.97.2:6443 --clean'],
  ],
} as const satisfies CommandSpec;

const MANIFEST = {
  name: 'manifest',
  summary: 'Print a static pod that takes care, or write it in place',
  synopsis: '--vs IP:PORT --rs IP:PORT... [--write]',
  description:
    'Prints a static pod that runs lvscare care with the given options, with no privilege but NET_ADMIN and with every ' +
    'file mounted that they name. With --write it replaces the file at --path in one step, so that the kubelet never sees ' +
    'half of it. Options that lvscare care would refuse are refused here, before anything is written.',
  options: MANIFEST_OPTIONS,
  words: 'none',
  notes:
    'Only what is given on the command line goes into the manifest, nothing from the environment. Files that options ' +
    'name are not looked at, but for --config: they may be there only on the node that the manifest is for.',
  examples: [
    ['Print it', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443,10.0.0.2:6443'],
    ['Have the kubelet of this node run it', '--vs 10.103.97.2:6443 --rs 10.0.0.1:6443 --write'],
    ['See what it is with another image', '--set-image registry.example.com/lvscare:0.2.0'],
    ['Upgrade it', '--set-image registry.example.com/lvscare:0.2.0 --write'],
  ],
} as const satisfies CommandSpec;

const VERSION = {
  name: 'version',
  summary: 'Print the version as JSON',
  synopsis: '[--short]',
  description: 'Prints the version as JSON.',
  options: [
    { flag: 'short', kind: 'switch', help: 'Print the version alone, in one line', group: 'Options:' },
  ],
  words: 'none',
  examples: [],
} as const satisfies CommandSpec;

export const COMMANDS = [CARE, MANIFEST, VERSION] as const;

export type CommandName = (typeof COMMANDS)[number]['name'];
