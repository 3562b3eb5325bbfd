/** Writes the images of lvscare and of kubelet's sandbox for `ctr images import`: `write-archives.js ROOTFS DIRECTORY`. */
import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { writeImageArchive } from './image-archive.js';
import { LVSCARE_IMAGE, SANDBOX_IMAGE } from './images.js';
import { program } from './programs.js';

const [rootfs = '', directory = ''] = process.argv.slice(2);
const pause = `${directory}/pause`;
await rm(directory, { recursive: true, force: true });
await mkdir(pause, { recursive: true });
await copyFile(program('pause'), `${pause}/pause`);
await writeImageArchive(`${directory}/pause.tar`, {
  reference: SANDBOX_IMAGE,
  rootfs: pause,
  entrypoint: ['/pause'],
});
await writeImageArchive(`${directory}/lvscare.tar.new`, {
  reference: LVSCARE_IMAGE,
  rootfs,
  entrypoint: ['/usr/bin/lvscare'],
});
// Its name says that all is there.
await rename(`${directory}/lvscare.tar.new`, `${directory}/lvscare.tar`);
