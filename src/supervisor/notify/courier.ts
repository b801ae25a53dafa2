import type { Courier } from '../domain/ports.ts'
import { tryTimeoutMs } from '../policy/notify.ts'
import { showOnDesktop } from './desktop.ts'
import { post } from './webhook.ts'

/** Brings notices to webhooks and to the desktop. `env` holds the secrets that rules name. */
export function createCourier(env: NodeJS.ProcessEnv): Courier {
  return {
    async deliver({ target }, notice, { now, signal }) {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(tryTimeoutMs)])
      switch (target.kind) {
        case 'webhook':
          return post(target, notice, { env, signal: limit, now })
        case 'desktop':
          return showOnDesktop(notice, limit, env)
      }
    },
  }
}
