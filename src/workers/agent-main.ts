// The entry of an agent host: messages from the supervisor go to the session, and back.
import type { FromHost, ToHost } from '../supervisor/domain/message.ts'
import { armFailpoints, failpoint } from '../supervisor/failpoint/failpoint.ts'
import { redact } from '../supervisor/domain/redact.ts'
import { Session } from './session.ts'

armFailpoints(process.env)

const orphanedMs = 60_000

let session: Session | undefined
let endsWithSupervisor = false
let unsent = 0
let exitCode: number | undefined

// A reader that went away must not end us.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

// What nobody has foreseen goes into the log as it is printed.
process.on('uncaughtException', (error) => {
  process.stderr.write(`${redact(error.stack ?? error.message)}\n`, () => process.exit(1))
})

function send(message: FromHost): void {
  if (!process.connected) return
  if (message.kind === 'verdict') failpoint('host.send')
  unsent += 1
  // Without a callback a supervisor that died would be an error event, and our end.
  process.send?.(message, undefined, {}, () => {
    unsent -= 1
    exitWhenSent()
  })
}

function exit(code: number): void {
  exitCode ??= code
  exitWhenSent()
}

function exitWhenSent(): void {
  if (exitCode !== undefined && (unsent === 0 || !process.connected)) process.exit(exitCode)
}

// Nobody knows of a host that is not told what it is for.
setTimeout(() => session ?? exit(1), orphanedMs).unref()

process.on('message', (message: ToHost) => {
  if (message.kind === 'init') {
    process.title = `squadd-host ${message.setup.runPrefix}`
    endsWithSupervisor = message.setup.endsWithSupervisor ?? false
    session = new Session(message.setup, { send, exit })
    session.start()
    return
  }
  session?.receive(message).catch((error: unknown) => {
    // What cannot be explained is left to the next host: facts, program and tmux are all there.
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    send({ kind: 'log', level: 'error', message: text })
    exit(1)
  })
})

// The supervisor is gone or lets go. tmux and the program go on; the next host finds them, unless
// there will be none.
process.on('disconnect', () => {
  if (!session || !endsWithSupervisor) process.exit(0)
  session.receive({ kind: 'end' }).catch(() => process.exit(1))
})
