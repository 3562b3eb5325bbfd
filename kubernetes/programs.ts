/** Where Kubernetes' programs are: scripts/lib/kubernetes.sh builds them, and says so in the environment. */

/** The directory with `bin`. */
export const HOME = environment('KUBERNETES_HOME');

/** Such as `v1.34.2`. */
export const KUBERNETES_VERSION = environment('KUBERNETES_VERSION');

/** The directory with the archives of the images that write-archives.ts writes. */
export const IMAGES = environment('KUBERNETES_IMAGES');

/** The path of a program. */
export function program(name: string): string {
  return `${HOME}/bin/${name}`;
}

/** The environment for Kubernetes' programs: they find each other by PATH. */
export function programEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${HOME}/bin:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, ...extra };
}

function environment(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: run npm run test:kubernetes or npm run kubernetes`);
  return value;
}
