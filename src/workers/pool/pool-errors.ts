import { messageOf, show, SquadError } from '../../supervisor/domain/error.ts'
import type { PendingJob } from './pending-job.ts'

export const notStarted = (): SquadError =>
  new SquadError('SQUADD_POOL_NOT_STARTED', 'the worker pool is not started', {
    hint: 'call start() first',
  })

export const shuttingDown = (): SquadError =>
  new SquadError('SQUADD_POOL_SHUTTING_DOWN', 'the worker pool is shutting down', {
    hint: 'make a new one',
  })

export const queueFull = (queueSize: number, unread: number): SquadError =>
  new SquadError(
    'SQUADD_POOL_QUEUE_FULL',
    unread >= queueSize
      ? `${unread} results of the worker pool are unread`
      : `${queueSize} jobs wait in the worker pool already`,
    { field: 'queueSize', value: queueSize, hint: 'wait for results, then submit again' },
  )

export const tookTooLong = ({ id, timeoutMs }: PendingJob): SquadError =>
  new SquadError('SQUADD_TIMEOUT', `job ${show(id)} did not end within ${timeoutMs} ms`, {
    field: 'timeoutMs',
    value: timeoutMs,
    hint: 'its worker was ended; give it more time or less to do',
  })

export const aborted = (id: string, reason: unknown): SquadError =>
  new SquadError('SQUADD_POOL_JOB_ABORTED', `job ${show(id)} was aborted`, {}, reason)

export const droppedJob = ({ id }: PendingJob): SquadError =>
  new SquadError(
    'SQUADD_POOL_SHUTTING_DOWN',
    `job ${show(id)} was dropped: the worker pool was shut down before its end`,
  )

export const workerDied = (id: string, cause: unknown): SquadError =>
  new SquadError(
    'SQUADD_POOL_WORKER_DIED',
    `job ${show(id)}: its worker died: ${messageOf(cause)}`,
    {},
    cause,
  )

export const noWorker = (id: string, cause: unknown): SquadError =>
  new SquadError(
    'SQUADD_POOL_WORKER_DIED',
    `job ${show(id)}: no worker comes up: ${messageOf(cause)}`,
    { hint: 'raise resourceLimits, or free memory and threads of the machine' },
    cause,
  )

export const badData = (id: string, cause: unknown): SquadError =>
  new SquadError(
    'SQUADD_INVALID',
    `data of job ${show(id)} cannot be handed to a thread: ${messageOf(cause)}`,
    { field: 'data', hint: 'use what structuredClone can copy; list what is to be moved once' },
    cause,
  )

export const stillRunning = (timeoutMs: number, dropped: string[]): SquadError =>
  new SquadError(
    'SQUADD_TIMEOUT',
    `the worker pool did not end within ${timeoutMs} ms: ${dropped.length} jobs were dropped`,
    { field: 'timeoutMs', value: timeoutMs, dropped },
  )
