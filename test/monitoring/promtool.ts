/** Debian's promtool, and the files of manifests/monitoring/ that it judges. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MONITORING = fileURLToPath(new URL('../../../manifests/monitoring/', import.meta.url));

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a file of rules holds, and the spec of a PrometheusRule. */
export interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export const textOf = (name: string): string => readFileSync(join(MONITORING, name), 'utf8');

interface Judgement {
  readonly status: number;
  readonly stdout: string;
  readonly output: string;
}

/** Runs `promtool ARGUMENTS`. Rejects if there is none: it is in Debian's package prometheus. */
export function promtool(...args: string[]): Promise<Judgement> {
  return new Promise((resolve, reject) => {
    execFile('promtool', args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      const status = error === null ? 0 : error.code;
      if (typeof status === 'number') resolve({ status, stdout, output: stdout + stderr });
      else reject(new Error('promtool does not run', { cause: error }));
    });
  });
}

/** Does something with a value as a file of YAML. */
export async function withFile<Result>(
  value: unknown,
  use: (file: string) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'promtool-'));
  const file = join(directory, 'file.yaml');
  try {
    // JSON is YAML.
    await writeFile(file, JSON.stringify(value));
    return await use(file);
  } finally {
    await rm(directory, { recursive: true });
  }
}
