import { readFileSync } from 'node:fs';

/** What this build is, in the field names that the Go program's `version` prints. */
export interface BuildInfo {
  readonly gitVersion: string;
  readonly gitCommit: string;
  /** ISO 8601. */
  readonly buildDate: string;
}

/** Reads what scripts/write-build-info.mjs left beside the compiled code. */
export function readBuildInfo(file: string | URL = new URL('./build-info.json', import.meta.url)): BuildInfo {
  return JSON.parse(readFileSync(file, 'utf8')) as BuildInfo;
}
