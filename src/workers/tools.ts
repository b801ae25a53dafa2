import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { SquadError } from '../supervisor/domain/error.ts'

const run = promisify(execFile)

const tools = [
  { name: 'tmux', argument: '-V', least: [3, 2] },
  { name: 'git', argument: '--version', least: [2, 38] },
] as const

/** Throws SQUADD_BAD_CONFIG when tmux or git is missing or too old. */
export async function checkTools(): Promise<void> {
  await Promise.all(tools.map(checkTool))
}

async function checkTool({ name, argument, least }: (typeof tools)[number]): Promise<void> {
  const wanted = `${name} ${least.join('.')} or newer`
  const { stdout } = await run(name, [argument], { timeout: 10_000 }).catch((error: unknown) => {
    throw new SquadError(
      'SQUADD_BAD_CONFIG',
      `${name} cannot be run`,
      {
        hint: `install ${wanted} and have it in PATH`,
      },
      error,
    )
  })
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(stdout) ?? []
  const found = [Number(major), Number(minor)] as const
  if (found[0] > least[0] || (found[0] === least[0] && found[1] >= least[1])) return
  throw new SquadError('SQUADD_BAD_CONFIG', `${name} ${found.join('.')} is too old`, {
    hint: `install ${wanted}`,
  })
}
