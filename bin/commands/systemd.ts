import { realpathSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfigFile } from '../../src/supervisor/api/local.ts'
import type { Config } from '../../src/supervisor/domain/config.ts'
import { errors } from '../../src/supervisor/domain/error.ts'
import { json, note, plain } from '../print.ts'
import { act } from '../session.ts'

/** systemd: a user unit for this squadd and this home. */
export function addSystemdCommand(program: Command): void {
  program
    .command('systemd')
    .description('print a unit for systemd --user: > ~/.config/systemd/user/squadd.service')
    .action(
      act(async (session) => {
        const home = session.root === undefined ? [] : ['--home', session.home.root]
        const text = unit(
          [process.execPath, realpathSync(process.argv[1]!), ...home, 'start', '--foreground'],
          process.env['PATH'] ?? '',
          stopSeconds(readConfigFile(session.home.configFile)),
        )
        if (session.json) return json({ unit: text })
        plain(text)
        note('save it as ~/.config/systemd/user/squadd.service, then:')
        note('  systemctl --user enable --now squadd')
        note('  loginctl enable-linger    # or it ends, agents too, when you log out')
      }),
    )
}

/** Where starting again changes nothing. */
const hopeless = (['SQUADD_INVALID', 'SQUADD_ALREADY_RUNNING', 'SQUADD_BAD_CONFIG'] as const)
  .map((code) => errors[code].exit)
  .join(' ')

// What the daemon takes to close everything else.
const slackMs = 120_000

/** The longest that a daemon may take which was told to stop by a signal: it lets tasks end first. */
const stopSeconds = ({ drainTimeoutMs, stopGraceMs }: Config): number =>
  Math.ceil((drainTimeoutMs + stopGraceMs + slackMs) / 1000)

const unit = (argv: readonly string[], path: string, stopSec: number): string => `[Unit]
Description=squadd, a fleet of coding agents
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=all
ExecStart=${argv.map((word) => quote(word).replaceAll('$', '$$$$')).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
# Agents live on when the daemon stops or dies: the next start adopts them.
KillMode=process
OOMPolicy=continue
Delegate=yes
Restart=on-failure
RestartSec=2
# A wrong command line, another daemon in this home, a bad configuration.
RestartPreventExitStatus=${hopeless}
# drainTimeoutMs and stopGraceMs of the configuration, and two minutes: print this anew after a change.
TimeoutStopSec=${stopSec}
UMask=0077
LimitNOFILE=65536
# So that squadd restart leaves the start to systemd.
Environment=SQUADD_UNIT=%n
# Agent programs are looked for here.
Environment=${quote(`PATH=${path}`)}

[Install]
WantedBy=default.target
`

/** A word as systemd reads it back. */
const quote = (word: string): string =>
  `"${word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('\n', '\\n')}"`
