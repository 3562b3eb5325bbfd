/** The images that a worker has. */

/** As `lvscare manifest` names it, with what containerd adds. */
export const LVSCARE_IMAGE = 'docker.io/library/lvscare:0.1.0';

/** Keeps a pod's namespaces. */
export const SANDBOX_IMAGE = 'lvscare.test/pause:1';
