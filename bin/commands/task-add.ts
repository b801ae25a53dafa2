import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { invalid, messageOf, SquadError } from '../../src/supervisor/domain/error.ts'
import type { Task, TaskInput } from '../../src/supervisor/domain/task.ts'
import { json, line } from '../print.ts'
import type { Session } from '../session.ts'
import { waitForTasks } from './task-wait.ts'

/** The options that the task itself does not have; all others are fields of it. */
export type AddOptions = {
  file?: string
  batch?: string
  affinityRequired?: true
  wait?: true
  [field: string]: unknown
}

const notOfTheTask = ['file', 'batch', 'affinityRequired', 'wait']

/** Fields that the command line calls otherwise, for it writes units with their values. */
const apiNames: Record<string, keyof TaskInput> = {
  timeout: 'timeoutMs',
  deadline: 'deadlineAt',
  notBefore: 'notBeforeAt',
  maxCost: 'maxCostUsd',
  maxWall: 'maxWallMs',
}

/** Queues one task, or those of a batch, and prints them; with `wait` waits for their end. */
export async function addTasks(
  session: Session,
  prompt: string | undefined,
  options: AddOptions,
): Promise<void> {
  const tasks =
    options.batch === undefined
      ? [await addOne(session, prompt, options)]
      : await addBatch(session, prompt, options.batch)
  if (session.json && !options.wait) json(options.batch === undefined ? tasks[0] : tasks)
  if (!session.json) for (const { id } of tasks) line(id)
  if (options.wait)
    await waitForTasks(
      session,
      tasks.map(({ id }) => id),
    )
}

async function addOne(
  session: Session,
  prompt: string | undefined,
  options: AddOptions,
): Promise<Task> {
  const { file, affinityRequired } = options
  if ((prompt === undefined) === (file === undefined))
    throw invalid('prompt', prompt ?? file, 'is not given once', 'PROMPT, --file, --batch or -')
  const fields = Object.entries(options)
    .filter(([name]) => !notOfTheTask.includes(name))
    .map(([name, value]) => [apiNames[name] ?? name, value])
  const input: TaskInput = {
    ...(Object.fromEntries(fields) as Partial<TaskInput>),
    ...(affinityRequired ? { affinityMode: 'required' } : {}),
    prompt: prompt === undefined || prompt === '-' ? await read(file ?? '-') : prompt,
  }
  const client = await session.client()
  return (await client.call('tasks.add', input)) as Task
}

async function addBatch(
  session: Session,
  prompt: string | undefined,
  file: string,
): Promise<Task[]> {
  if (prompt !== undefined)
    throw invalid('prompt', prompt, 'is given besides --batch', 'put it into the batch')
  const { readBatch } = await import('../batch.ts')
  const { inputs, lineOf } = readBatch(await read(file))
  const client = await session.client()
  try {
    return (await client.call('tasks.add', { tasks: inputs })) as Task[]
  } catch (error) {
    throw lineOf(error)
  }
}

async function read(file: string): Promise<string> {
  try {
    const bytes = await (file === '-' ? buffer(process.stdin) : readFile(file))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    const problem = messageOf(error)
    throw new SquadError('SQUADD_INVALID', `${file} cannot be read: ${problem}`, {}, error)
  }
}
