/** `lvscare config`, composed: checks a file of options, and shows what is in force and where it is from. */
import type { Output } from '../cli/output.js';
import { readDaemonConfig } from '../config/care-config.js';
import { readAllSettings } from '../config/config-file.js';
import type { CareOption } from '../config/option.js';
import { CARE_OPTIONS, type Flag } from '../config/options.js';
import type { Environment, Origin, Settings } from '../config/settings.js';
import { splitHeaders } from '../config/values.js';
import { scalar } from '../manifest/yaml-scalar.js';
import { harmlessJson } from '../text/one-line.js';

interface Request {
  readonly file: string;
  readonly json: boolean;
  readonly environment: Environment;
}

/** An option in force. */
interface Shown {
  readonly flag: Flag;
  readonly value: unknown;
  readonly from: string;
}

/** Prints the configuration as `lvscare care --config FILE` would have it here. Rejects with a UsageError for what is wrong. */
// ts-unused-exports:disable-next-line
export async function runConfigCommand(
  { file, json, environment }: Request,
  output: Output,
): Promise<boolean> {
  const all = await readAllSettings({ config: file }, environment);
  const { notes } = readDaemonConfig(all, environment);
  for (const { text } of notes) output.note(`lvscare: ${text}`);
  const process = shownOf(all.process, 'process');
  const virtualServers = all.virtualServers.map((one) => shownOf(one, 'virtual server'));
  if (json)
    output.out(
      `${harmlessJson({ file, process: asObject(process), virtualServers: virtualServers.map(asObject) }, 2)}\n`,
    );
  else
    output.out(
      yamlOf(process, virtualServers)
        .map((line) => `${line}\n`)
        .join(''),
    );
  return true;
}

/** Those that say what is to be done instead of taking care, and where options come from, are no part of it. */
const LEFT_OUT: ReadonlySet<string> = new Set(['config', 'run-once', 'trust', 'clean', 'masqueradebit']);

function shownOf(settings: Settings, appliesTo: CareOption['appliesTo']): readonly Shown[] {
  return CARE_OPTIONS.filter(
    (option) => option.appliesTo === appliesTo && !LEFT_OUT.has(option.flag),
  ).flatMap(({ flag }) => {
    const text = settings.text(flag);
    return text === null
      ? []
      : [{ flag, value: valueOf(flag, text, settings), from: originInWords(settings.origin(flag)) }];
  });
}

function valueOf(flag: Flag, text: string | readonly string[], settings: Settings): unknown {
  if (typeof text === 'string') return text;
  switch (flag) {
    case 'rs':
      return settings.read('rs').map((server) => {
        const weight = settings.weights.get(server.text);
        return weight === undefined ? server.text : { address: server.text, weight };
      });
    case 'health-req-headers':
      // Their values may be secret.
      return text.flatMap(splitHeaders).map((header) => header.replace(/=.*$/s, '=...'));
    default:
      return text;
  }
}

function originInWords(origin: Origin): string {
  return origin.kind === 'default' ? 'default' : origin.name;
}

function asObject(shown: readonly Shown[]): object {
  return Object.fromEntries(shown.map(({ flag, value, from }) => [flag, { value, from }]));
}

function yamlOf(process: readonly Shown[], virtualServers: readonly (readonly Shown[])[]): readonly string[] {
  const lines: (readonly [text: string, comment: string])[] = [];
  const add = (shown: readonly Shown[], first: string, others: string): void => {
    shown.forEach(({ flag, value, from }, index) => {
      const prefix = index === 0 ? first : others;
      if (Array.isArray(value)) {
        lines.push([`${prefix}${flag}:`, from]);
        for (const item of value) lines.push([`${others}  - ${inYaml(item)}`, '']);
      } else lines.push([`${prefix}${flag}: ${inYaml(value)}`, from]);
    });
  };
  add(process, '', '');
  lines.push(['virtualServers:', '']);
  for (const one of virtualServers) add(one, '  - ', '    ');
  const width = Math.max(...lines.filter(([, comment]) => comment !== '').map(([text]) => text.length));
  return lines.map(([text, comment]) => (comment === '' ? text : `${text.padEnd(width)}  # ${comment}`));
}

function inYaml(value: unknown): string {
  if (typeof value === 'string') return scalar(value);
  const { address, weight } = value as { readonly address: string; readonly weight: number };
  return `{ address: ${scalar(address)}, weight: ${weight} }`;
}
