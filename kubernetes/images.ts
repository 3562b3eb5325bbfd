/** The images that a worker has. */

export const LVSCARE_IMAGE = 'docker.io/library/lvscare:0.1.0';

/** Keeps a pod's namespaces. */
export const SANDBOX_IMAGE = 'lvscare.test/pause:1';
