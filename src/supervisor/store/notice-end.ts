import type { Notice, NoticeEnd } from '../domain/ports.ts'
import { deferNotice, dropNotice, givenUp } from './notices.ts'
import type { Op } from './statement.ts'
import type { Transaction } from './transaction.ts'
import { count, emit } from './transaction.ts'

/** Records how a try ended: delivered, to be tried again, or given up. */
export function* settleNotice(tx: Transaction, notice: Notice, end: NoticeEnd): Op<void> {
  switch (end.kind) {
    case 'delivered':
      if (yield* dropNotice(notice.id)) count(tx, 'notifications', 'delivered')
      return
    case 'failed':
      yield* deferNotice(notice, end.problem, end.retryAt)
      return
    case 'given up':
      if (yield* dropNotice(notice.id)) yield* tellGivenUp(tx, notice, end.problem)
  }
}

/** The one trace of a notification that nobody got. */
export function* tellGivenUp(tx: Transaction, notice: Notice, reason: string): Op<void> {
  count(tx, 'notifications', 'given_up')
  yield* emit(tx, givenUp(notice, reason))
}
