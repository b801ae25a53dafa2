import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { SquadStatus } from '../../src/supervisor/domain/squad.ts'
import { formatDuration } from '../../src/supervisor/domain/time.ts'
import { address, duration, loopbackAddress, whole } from '../arguments.ts'
import { fields, json, line, note } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'
import { skewOf } from '../skew.ts'
import type { Ready, StartOptions } from './launch.ts'

type Start = StartOptions & { foreground?: true; readyFd?: number }
type Stop = { drain?: number | true; stopAgents?: true }

/** start, stop, restart, status. */
export function addDaemonCommands(program: Command): void {
  const starting = (command: Command) =>
    command
      .option('--config <file>', 'configuration file', (file) => resolve(file))
      .option('--listen <host:port>', 'listen on TCP as well; needs the token', address)
      .option(
        '--metrics-listen <host:port>',
        'serve the metrics without a token, on this machine only',
        loopbackAddress,
      )

  starting(program.command('start'))
    .description('start the daemon; returns when it is ready')
    .option('--foreground', 'stay in this terminal')
    .addOption(program.createOption('--ready-fd <fd>').argParser(whole(3)).hideHelp())
    .action(
      act<[], Start>(async (session, _, { foreground, readyFd, ...options }) => {
        const { launch, runHere } = await import('./launch.ts')
        if (foreground) return runHere(session, options, readyFd)
        tellReady(session, await launch(session, options), options)
      }),
    )

  program
    .command('stop')
    .description('stop the daemon; agents stay alive in tmux and are adopted at the next start')
    .option('--drain [duration]', 'let running tasks end first', duration)
    .option('--stop-agents', 'end the agents too')
    .action(
      act<[], Stop>(async (session, _, options) => {
        const { stopDaemon } = await import('./stop.ts')
        const { pid } = await stopDaemon(session, options)
        if (session.json) json({ stopped: true, pid })
        else line(`stopped (pid ${pid})`)
      }),
    )

  starting(program.command('restart'))
    .description('stop and start the daemon; agents and their tasks go on')
    .action(
      act<[], StartOptions>(async (session, _, options) => {
        const { restart } = await import('./restart.ts')
        tellReady(session, await restart(session, options), options)
      }),
    )

  program
    .command('status')
    .description('the squad in numbers; exit 3 when the daemon is not running')
    .action(
      act(async (session) => {
        const client = await session.client()
        const status = await client.call('status', {})
        if (session.json) json(status)
        else tellStatus(status)
        const skew = skewOf(status.version)
        if (skew) note(skew)
      }),
    )
}

function tellReady(
  session: Session,
  ready: Ready,
  { listen, metricsListen: scraped }: StartOptions,
): void {
  if (session.json) return json(ready)
  line(`ready (pid ${ready.pid})`)
  note(`socket ${ready.socket}`)
  if (listen) note(`http://${listen.host}:${listen.port}, token in ${session.home.tokenFile}`)
  if (scraped) note(`http://${scraped.host}:${scraped.port}/metrics, no token`)
}

function tellStatus({ version, pid, home, uptimeMs, agents, tasks }: SquadStatus): void {
  const { total, ...states } = agents
  fields({
    squadd: version,
    pid,
    home,
    up: formatDuration(uptimeMs),
    agents: [`${total}`, ...counts(states)].join(' · '),
    tasks: counts(tasks).join(' · ') || 'none',
  })
}

const counts = (numbers: Record<string, number | undefined>): string[] =>
  Object.entries(numbers)
    .filter(([, count]) => count)
    .map(([name, count]) => `${count} ${name}`)
