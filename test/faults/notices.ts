import { setTimeout as pause } from 'node:timers/promises'
import type { Task } from '../../src/supervisor/domain/task.ts'
import type { Invariants } from '../support/invariants.ts'
import { receiver } from '../support/receiver.ts'
import type { Squadd } from '../support/squadd.ts'
import type { Sturdy } from '../support/sturdy.ts'

const limitMs = 60_000
const lookMs = 200
const on = ['TaskCompleted']

export type NoticesScene = {
  squad: Squadd
  user: Sturdy
  invariants: Invariants
  settings: Record<string, unknown>
  /** Submits tasks and waits until they have completed. */
  complete: () => Promise<Task[]>
}

/** Whom a fault keeps from being told of what happened. */
export class Notices {
  readonly #scene: NoticesScene

  constructor(scene: NoticesScene) {
    this.#scene = scene
  }

  /** Somebody listens: everything is told at least once, and nothing is left to tell. */
  async areTold(): Promise<string[]> {
    const ends: (() => unknown)[] = []
    const { posts, url } = await receiver({ teardown: (end) => ends.push(end) }, (response) =>
      response.end(),
    )
    await this.#restart([{ name: 'told', on, webhook: url }])
    const tasks = await this.#scene.complete()
    const waiting = () =>
      this.#scene.user.persist((client) => client.call('notifications.list', {}), { revive: true })
    const isTold = async () => (await waiting()).every((one) => one.waiting === 0)
    const wrong = (await this.#comes(isTold)) ? [] : ['a notice still waits']
    for (const end of ends) end()
    const told = posts.map(({ body }) => (JSON.parse(body) as { event: { taskId: string } }).event)
    return wrong.concat(
      tasks
        .filter(({ id }) => !told.some(({ taskId }) => taskId === id))
        .map(({ id }) => `nobody was told of ${id}`),
    )
  }

  /** Nobody listens, and then nobody is to be told any more: each notice is given up, and that is told. */
  async areGivenUp(): Promise<string[]> {
    await this.#restart([{ name: 'deaf', on, webhook: 'http://127.0.0.1:1/' }])
    const tasks = await this.#scene.complete()
    const given = () =>
      this.#scene.invariants.ledger.events.filter(
        ({ type, task }) => type === 'NotificationFailed' && tasks.some(({ id }) => id === task),
      ).length
    // Where the store failed just then, the next daemon makes up for it.
    for (let daemons = 0; daemons < 2 && given() < tasks.length; daemons++) {
      await this.#restart([])
      if (await this.#comes(() => given() === tasks.length, 5000)) break
    }
    return given() === tasks.length ? [] : [`${given()} of ${tasks.length} notices are given up`]
  }

  async #restart(notifications: readonly object[]): Promise<void> {
    const { squad, user, settings } = this.#scene
    await squad.run('stop')
    squad.configure({ ...settings, notifications })
    await user.start()
  }

  async #comes(isSo: () => boolean | Promise<boolean>, withinMs = limitMs): Promise<boolean> {
    const until = performance.now() + withinMs
    for (; performance.now() < until; await pause(lookMs)) if (await isSo()) return true
    return false
  }
}
