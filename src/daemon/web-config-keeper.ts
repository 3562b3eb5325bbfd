/** The web configuration of the endpoint, read again while lvscare runs: certificates are renewed, passwords change. */
import { stat } from 'node:fs/promises';
import { loadWebConfig, type LoadedWebConfig } from '../config/web-config.js';
import type { Clock } from '../control-loop/ports.js';
import { replacedInWords } from '../values/replaced-file.js';
import type { ClientAuth, WebConfig } from '../values/web-config.js';

/** How often its files are read again. */
const EVERY_MS = 5000;

interface KeeperParts {
  readonly clock: Clock;
  /** Another valid configuration is in force now. */
  readonly onChange: (config: WebConfig) => void;
  /** Its files cannot be used, and why; with null they can again. Not called twice with the same words. */
  readonly onTrouble: (error: Error | null) => void;
}

/** Reads the files again until the signal aborts. What is not valid is reported, and the last valid configuration stays. Never rejects. */
export async function keepWebConfig(
  path: string,
  loaded: LoadedWebConfig,
  { clock, onChange, onTrouble }: KeeperParts,
  signal: AbortSignal,
): Promise<void> {
  let current = loaded;
  let trouble: string | null = null;
  const say = (words: string | null): void => {
    if (words === trouble) return;
    trouble = words;
    onTrouble(words === null ? null : new Error(words));
  };
  for (;;) {
    await clock.sleep(EVERY_MS, signal);
    if (signal.aborted) return;
    try {
      const found = await loadWebConfig(path, '--web-config-file');
      const why = whyRestart(current.config, found.config);
      if (why === null && found.texts !== current.texts) {
        current = found;
        onChange(found.config);
      }
      say(why ?? (await replaced([path, ...current.files])));
    } catch (error) {
      say((await replaced([path, ...current.files])) ?? (error as Error).message);
    }
  }
}

/** What is in force from the start only; null if nothing of it has changed. */
function whyRestart(before: WebConfig, after: WebConfig): string | null {
  if ((before.tls === null) !== (after.tls === null))
    return `tls_server_config was ${after.tls === null ? 'removed' : 'added'}, which needs a restart`;
  const asks = (type: ClientAuth | undefined): boolean => (type ?? 'NoClientCert') !== 'NoClientCert';
  if (asks(before.tls?.clientAuth) === asks(after.tls?.clientAuth)) return null;
  return `client_auth_type was ${before.tls?.clientAuth} and is ${after.tls?.clientAuth}, which needs a restart`;
}

/** A file that has no name any more: only a mount of it alone leads there. */
async function replaced(paths: readonly string[]): Promise<string | null> {
  for (const path of paths) {
    const found = await stat(path).catch(() => null);
    if (found?.nlink === 0) return replacedInWords(path);
  }
  return null;
}
