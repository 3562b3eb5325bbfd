import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** What this build is, in the field names that the Go program's `version` prints. */
export interface BuildInfo {
  readonly gitVersion: string;
  readonly gitCommit: string;
  /** ISO 8601. */
  readonly buildDate: string;
  /** The image of this build; none if it was built for no registry. */
  readonly image?: string;
}

/** Reads what scripts/write-build-info.mjs wrote: package.json says where. */
export function readBuildInfo(
  file: string | URL = createRequire(import.meta.url).resolve('#build-info'),
): BuildInfo {
  return JSON.parse(readFileSync(file, 'utf8')) as BuildInfo;
}
