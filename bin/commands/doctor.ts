import { resolve } from 'node:path'
import type { Command } from 'commander'
import { Option } from 'commander'
import { programNames } from '../../src/supervisor/domain/agent.ts'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import type { Finding } from '../../src/supervisor/operations/doctor.ts'
import { duration, each } from '../arguments.ts'
import { json, line, note, table } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'
import type { TryOptions } from './try-program.ts'

type Options = Partial<TryOptions> & { config?: string; bundle?: string; repair?: true }

// Any program may be run by the other two: there is nothing to find out.
const agentPrograms = programNames.filter((name) => name !== 'shell' && name !== 'command')

/** doctor: is everything as it should be, and the way back when it is not. */
export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check the machine, the home, the store and the agents; exit 1 when one fails')
    .option('--config <file>', 'configuration file', (file) => resolve(file))
    .option('--bundle <file>', 'write what a report of a problem needs, without secrets')
    .addOption(
      new Option('--repair', 'mend what can be mended safely; the daemon has to be stopped')
        .conflicts('bundle')
        .conflicts('program'),
    )
    .addOption(
      new Option('--program <program>', 'try an agent program with one short turn instead')
        .choices(agentPrograms)
        .conflicts('bundle'),
    )
    .addOption(new Option('--mode <mode>', 'of --program').choices(['interactive', 'headless']))
    .option('--env <key[=value]>', 'a variable for --program; KEY alone takes it from here', each)
    .option('--timeout <duration>', 'limit of the turn of --program; default 60s', duration)
    .action(
      act<[], Options>(async (session, _, { config, bundle, repair, program, ...turn }) => {
        if (program !== undefined) {
          const { tryProgram } = await import('./try-program.ts')
          return tryProgram(session, { program, ...turn })
        }
        const alone = Object.keys(turn)[0]
        if (alone !== undefined)
          throw new SquadError('SQUADD_INVALID', `--${alone} is for --program`)
        if (repair) {
          const { repairHome } = await import('./repair.ts')
          return repairHome(session)
        }
        return examineHome(session, config, bundle)
      }),
    )
}

async function examineHome(
  session: Session,
  config: string | undefined,
  bundle: string | undefined,
): Promise<void> {
  const { examine, isWell } = await import('../../src/supervisor/operations/doctor.ts')
  const { lookAround } = await import('../../src/supervisor/operations/place.ts')
  const { version } = await import('../../src/supervisor/api/local.ts')
  const client = await session.client()
  const daemon = await client.call('status', {}, { timeoutMs: 5_000 }).catch(() => null)
  const place = lookAround({
    ...{ home: session.home, env: process.env, now: Date.now(), daemon, version },
    ...(config === undefined ? {} : { configFile: config }),
  })
  const findings = await examine(place)
  if (session.json) json({ ok: isWell(findings), checks: findings })
  else tell(findings)
  if (bundle !== undefined) {
    const { writeBundle } = await import('../../src/supervisor/operations/bundle.ts')
    await writeBundle(resolve(bundle), place, findings)
    note(`wrote ${resolve(bundle)}`)
  }
  if (!isWell(findings)) process.exitCode = 1
}

function tell(findings: readonly Finding[]): void {
  table(
    ['check', '', 'what was found'],
    findings.map(({ name, status, detail }) => [
      name,
      status === 'ok' ? 'ok' : status.toUpperCase(),
      detail,
    ]),
  )
  const odd = findings.filter(({ status }) => status !== 'ok')
  if (odd.length > 0) line('')
  for (const { name, status, detail, fix } of odd) line(`${status} ${name}: ${detail}; ${fix}`)
  const count = (status: string) => findings.filter((one) => one.status === status).length
  note(`${findings.length} checks: ${count('ok')} ok, ${count('warn')} warn, ${count('fail')} fail`)
}
