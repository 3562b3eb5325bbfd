// npm's install script: takes the addon that the package contains for this kind of machine if it loads here, else builds one.
// npm install --build-from-source builds it in any case.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import process from 'node:process';

const machine = `linux-${process.arch}`;
const prebuilt = `./prebuilds/${machine}/netlink.node`;

/** Why it does not load, in one line; null if it does. In a process of its own, because a wrong library may end that. */
function fault() {
  if (process.env.npm_config_build_from_source === 'true') return 'npm was told to build it';
  if (!existsSync(prebuilt)) return `the package has none for ${machine}`;
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['-e', `require(${JSON.stringify(prebuilt)})`],
    {
      encoding: 'utf8',
    },
  );
  if (status === 0) return null;
  return /^Error: (.*)$/m.exec(stderr)?.[1] ?? `node ended with ${signal ?? status}`;
}

const why = fault();
if (why !== null) {
  const { status } = spawnSync('node-gyp', ['rebuild'], { stdio: 'inherit' });
  if (status !== 0) {
    process.stderr.write(
      `\nlvscare: no prebuilt addon (${why}), and it cannot be built here. On Debian and Ubuntu, as root:\n` +
        '  apt-get install -y g++ make python3 pkg-config libnl-3-dev libnl-genl-3-dev\nThen install lvscare again.\n\n',
    );
    process.exitCode = 1;
  }
}
