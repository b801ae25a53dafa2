import type { Command } from 'commander'
import { Argument } from 'commander'
import { isTaskId, isAgentName } from '../../src/supervisor/domain/names.ts'
import { plain } from '../print.ts'
import type { Session } from '../session.ts'
import { act } from '../session.ts'

const shells = ['bash', 'zsh', 'fish'] as const
const subjects = ['agents', 'tasks', 'subjects'] as const

// A person waits for it, with a finger on the key.
const patienceMs = 1000
const newestTasks = 100

/** completion, and what its scripts ask while someone types. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print the completion of a shell: source <(squadd completion bash)')
    .addArgument(new Argument('<shell>').choices(shells))
    .action(
      act<[(typeof shells)[number]]>(async (_, [shell]) => {
        const { grammarOf } = await import('../completion/grammar.ts')
        const { bash, zsh } = await import('../completion/posix.ts')
        const { fish } = await import('../completion/fish.ts')
        plain({ bash, zsh, fish }[shell](grammarOf(program)))
      }),
    )

  program
    .command('__complete', { hidden: true })
    .addArgument(new Argument('<subject>').choices(subjects))
    .action(
      act<[(typeof subjects)[number]]>(async (session, [subject]) => {
        // A daemon that does not run, or does not answer, has no names: that is no error here.
        const names = await namesOf(session, subject).catch(() => [])
        // Nothing else may ever reach a shell.
        for (const name of names) if (isAgentName(name) || isTaskId(name)) plain(`${name}\n`)
      }),
    )
}

async function namesOf(
  session: Session,
  subject: (typeof subjects)[number],
): Promise<readonly string[]> {
  const client = await session.client()
  const limits = { timeoutMs: patienceMs }
  const agents = subject === 'tasks' ? [] : await client.call('agents.list', {}, limits)
  const tasks =
    subject === 'agents' ? [] : await client.call('tasks.list', { limit: newestTasks }, limits)
  return [...agents, ...tasks].map(({ id }) => id)
}
