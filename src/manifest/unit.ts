/** The systemd unit that runs lvscare where kubelet runs no static pod, or too late. */
interface UnitSpec {
  /** What starts lvscare: absolute paths, the interpreter first if the program needs one. */
  readonly command: readonly string[];
  /** The arguments, `care` first. */
  readonly args: readonly string[];
  /** The file of `--config`, or null. */
  readonly config: string | null;
  /** The directory of the Unix socket of `--metrics-addr`, or null. */
  readonly socketDirectory: string | null;
  /** Every path that lvscare reads, to leave those visible that are in a home directory. */
  readonly reads: readonly string[];
}

/** Where a pod cannot be first: k3s and RKE2 start static pods only after they have reached a server. */
const KUBELETS = 'kubelet.service k3s-agent.service rke2-agent.service k3s.service rke2-server.service';

/** A systemd unit that runs lvscare as root with no capability but NET_ADMIN. */
export function systemdUnit({ command, args, config, socketDirectory, reads }: UnitSpec): string {
  const [reload, condition] =
    config === null
      ? ['', '']
      : [
          '# lvscare reads the file again at SIGHUP, and when it changes.\nExecReload=/bin/kill -HUP $MAINPID\n',
          `ConditionPathExists=${specifier(config)}\n`,
        ];
  return `# A systemd unit, for nodes whose kubelet reaches the control plane only through the virtual server, such as agents of k3s and
# RKE2, and for machines without kubelet. lvscare manifest --systemd prints it for your own options.
[Unit]
Description=IPVS virtual server to the healthy Kubernetes apiservers
Documentation=man:lvscare(8)
After=network.target
Before=${KUBELETS}
${condition}\
# Without lvscare the machine loses the control plane, so systemd restarts it without a limit.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${execStart([...command, ...args])}
${reload}\
Restart=always
RestartSec=1s
# Exit code 2 means wrong arguments: a restart does not help.
RestartPreventExitStatus=2
# SIGTERM leaves the rules in place and ends within a second.
TimeoutStopSec=5s
Nice=-10
OOMScoreAdjust=-900
MemoryMax=256M
TasksMax=64

# The record of what lvscare made, for the next start and for --clean.
RuntimeDirectory=lvscare
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes

# Root with one capability only: to change the network.
CapabilityBoundingSet=CAP_NET_ADMIN
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@aio @chown @keyring @memlock @privileged @setuid
SystemCallErrorNumber=EPERM
UMask=0077

# It reads files, and writes to /run/lvscare and to /proc/sys/net: so no ProtectKernelTunables=, and no ProcSubset=.
ProtectSystem=strict
${socketDirectory === null ? '' : `# For the socket of --metrics-addr.\nReadWritePaths=${word(socketDirectory)}\n`}\
ProtectHome=${reads.some(isAtHome) ? 'read-only' : 'yes'}
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
# The kernel itself runs modprobe to load ip_vs, outside of this unit.
ProtectKernelModules=yes
PrivateDevices=yes
PrivateTmp=yes
# No MemoryDenyWriteExecute=: Node.js compiles code at run time.

[Install]
WantedBy=multi-user.target
`;
}

function execStart(words: readonly string[]): string {
  const text = words.map(argument);
  const line = text.join(' ');
  // As editors and terminals show it whole.
  if (line.length < 100) return line;
  const options = text.findIndex((one) => one.startsWith('--') || one.startsWith('"--'));
  return [text.slice(0, options).join(' '), ...text.slice(options)].join(' \\\n  ');
}

/** A word of a command line in which systemd replaces no variable. */
function argument(text: string): string {
  return word(text.replaceAll('$', '$$$$'));
}

/** A word of a unit: quoted where it must be, and without specifiers. */
function word(text: string): string {
  const plain = specifier(text);
  if (/^[\w@%$+=:,./[\]-]+$/.test(plain)) return plain;
  const quoted = plain
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${quoted}"`;
}

function specifier(text: string): string {
  return text.replaceAll('%', '%%');
}

/** What `ProtectHome=yes` makes empty. */
function isAtHome(path: string): boolean {
  return /^\/(?:home|root|run\/user)\//.test(path);
}
