/** Container images as `ctr images import` takes them: what `docker save` writes. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { must } from '../lab/run.js';

interface Image {
  /** `docker.io/library/lvscare:0.1.0` */
  readonly reference: string;
  /** The directory with its root file system. */
  readonly rootfs: string;
  readonly entrypoint: readonly string[];
}

/** Writes the image to a file; its files are root's. */
export async function writeImageArchive(
  path: string,
  { reference, rootfs, entrypoint }: Image,
): Promise<void> {
  const work = await mkdtemp(`${path}.`);
  try {
    const layer = `${work}/layer.tar`;
    await must('tar', ['-C', rootfs, '--sort=name', '--owner=0', '--group=0', '-cf', layer, '.'], {
      timeoutMs: 300_000,
    });
    const hash = createHash('sha256');
    await pipeline(createReadStream(layer), hash);
    const config = {
      architecture: 'amd64',
      os: 'linux',
      config: { Entrypoint: entrypoint, Env: ['PATH=/usr/bin:/usr/sbin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${hash.digest('hex')}`] },
    };
    await writeFile(`${work}/config.json`, JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [reference], Layers: ['layer.tar'] }];
    await writeFile(`${work}/manifest.json`, JSON.stringify(manifest));
    await must('tar', ['-C', work, '-cf', path, 'manifest.json', 'config.json', 'layer.tar'], {
      timeoutMs: 300_000,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
