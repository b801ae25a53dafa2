import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** Resolves when somebody answers at a socket. */
export async function firstAnswer(socket: string, path: string): Promise<void> {
  while (!(await answers(socket, path))) await pause(5)
}

const answers = (socketPath: string, path: string): Promise<boolean> =>
  new Promise((resolve) => {
    request({ socketPath, path, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200))
    })
      .on('error', () => resolve(false))
      .end()
  })
