/** The seccomp profile that container engines give to a container which asks for their default one. */
import { readFileSync } from 'node:fs';

/** Of Debian's golang-github-containers-common: what Podman, Buildah and CRI-O call RuntimeDefault. */
const FILE = '/usr/share/containers/seccomp.json';

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
}

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly unknown[] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

/** The file, as far as this reads it. */
export interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly archMap: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly syscalls: readonly Rule[];
}

/** Go's name of an architecture, which conditions use, and libseccomp's, by Node's. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string]>> = {
  x64: ['amd64', 'SCMP_ARCH_X86_64'],
  arm64: ['arm64', 'SCMP_ARCH_AARCH64'],
};

/** `linux.seccomp` of an OCI configuration. */
export interface Seccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly Pick<Rule, 'names' | 'action' | 'errnoRet' | 'args'>[];
}

/** The profile as it is for a container with just these capabilities. */
export function runtimeDefault(
  capabilities: readonly string[],
  profile = JSON.parse(readFileSync(FILE, 'utf8')) as Profile,
  architecture: string = process.arch,
): Seccomp {
  const [goName, name] = ARCHITECTURES[architecture] ?? [];
  if (goName === undefined || name === undefined)
    throw new Error(`no seccomp architecture for ${architecture}`);
  const meets = ({ caps = [], arches = [] }: Condition): boolean =>
    caps.every((capability) => capabilities.includes(capability)) &&
    (arches.length === 0 || arches.includes(goName));
  const isEmpty = ({ caps = [], arches = [] }: Condition): boolean => caps.length + arches.length === 0;
  const applies = ({ includes = {}, excludes = {} }: Rule): boolean =>
    meets(includes) && (isEmpty(excludes) || !meets(excludes));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: [
      name,
      ...(profile.archMap.find((each) => each.architecture === name)?.subArchitectures ?? []),
    ],
    syscalls: profile.syscalls.filter(applies).map(({ names, action, errnoRet, args }) => ({
      names,
      action,
      ...(errnoRet === undefined ? {} : { errnoRet }),
      ...(args === undefined || args === null || args.length === 0 ? {} : { args }),
    })),
  };
}
