import { networkInterfaces } from 'node:os'
import { getegid, geteuid } from 'node:process'
import { execaSync } from 'execa'

// Not every machine has iproute2; 0x8914 sets the flags of an interface, here UP and RUNNING.
const loopbackUp =
  `ip link set lo up 2>/dev/null || perl -e 'socket(my $s, 2, 2, 0) or die $!; ` +
  `my $flags = pack("a16 s", "lo", 0x41); ioctl($s, 0x8914, $flags) or die $!'`

/** The command, run as the same user in a network of its own that has loopback and nothing else. */
export function isolated(command: readonly string[]): string[] {
  const [uid, gid] = [geteuid!(), getegid!()]
  const asRoot = uid === 0 ? [] : ['--map-root-user']
  const asBefore = uid === 0 ? [] : ['unshare', `--map-user=${uid}`, `--map-group=${gid}`, '--']
  const shell = ['sh', '-c', `${loopbackUp}; exec "$@"`, 'sh']
  return ['unshare', ...asRoot, '--net', '--', ...shell, ...asBefore, ...command]
}

/** Why this machine or user cannot have such a network; null when it can. */
export function whyNotIsolated(): string | null {
  const [file = '', ...rest] = isolated(['true'])
  const { failed, stderr, shortMessage } = execaSync(file, rest, { reject: false })
  return failed ? `no network namespaces here: ${stderr || shortMessage}` : null
}

/** For `skip` of a test that must not reach any network: the reason, or false inside of one. */
export function outside(): string | false {
  const others = Object.keys(networkInterfaces()).filter((name) => name !== 'lo')
  if (others.length === 0) return false
  return `there is a network (${others.join(', ')}): needs namespaces and npm run test:agents`
}
