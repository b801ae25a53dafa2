import { FileFollow, LineTail, readObject, sizeOf } from './file-follow.ts'
import type { HookSignal } from './hooks.ts'
import type { LiveProgram } from './live-program.ts'
import type { Detector, Signal, Turn } from './programs/turn.ts'
import type { RecordPlace, TurnNote } from './turn-note.ts'

/** How soon a title that did not yet say it is asked for again. */
const titleMs = 100

/** Brings everything a program shows during a turn to its detector. */
export class TurnSignals {
  readonly #live: LiveProgram
  readonly #detector: Detector
  readonly #onMoved: () => void
  #turn: Turn | null = null
  #since = 0
  #place: RecordPlace = { record: null, offset: 0 }
  #status: FileFollow | null = null
  #record: { follow: FileFollow; tail: LineTail } | null = null
  #timer: NodeJS.Timeout | null = null
  #wakeAt: number | null = null
  #asksTitle = false

  constructor(live: LiveProgram, detector: Detector, onMoved: () => void) {
    this.#live = live
    this.#detector = detector
    this.#onMoved = onMoved
  }

  get turn(): Turn | null {
    return this.#turn
  }

  /** From now on; answers how far the program's record has come. `note`: of a turn that was begun. */
  begin(prompt: string, note: TurnNote | null): RecordPlace {
    const { pid, env, lastRecord } = this.#live
    this.#since = note?.at ?? Date.now()
    this.#place = note ?? {
      record: lastRecord,
      offset: lastRecord === null ? 0 : sizeOf(lastRecord),
    }
    this.#turn = this.#detector.begin(prompt, { pid: pid ?? 0, env, now: this.#since })
    this.#live.onSignal = (signal) => this.#feed(signal)
    const { record, offset } = this.#place
    return { record, offset }
  }

  /** What had come before this host did, and then all that can be read now. */
  replay(hooks: readonly HookSignal[]): void {
    for (const hook of hooks) this.#feed(hook)
    this.look()
  }

  /** Looks at the program's files. */
  look(): void {
    this.#readRecord()
    this.#readStatus()
  }

  close(): void {
    this.#live.onSignal = null
    this.#status?.close()
    this.#record?.follow.close()
    this.#status = this.#record = null
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
  }

  #feed(signal: Signal): void {
    if (!this.#turn || this.#turn.phase === 'ended') return
    // The program's last words come before its end.
    if (signal.source === 'gone') this.#readRecord()
    this.#turn = this.#detector.next(this.#turn, signal)
    this.#follow(this.#turn)
    this.#onMoved()
  }

  #follow(turn: Turn): void {
    if (turn.phase === 'ended') return
    if (turn.status !== null && !this.#status) {
      this.#status = new FileFollow(turn.status, () => this.#readStatus())
    }
    if (turn.record !== null && this.#record?.tail.path !== turn.record) {
      this.#record?.follow.close()
      const { record, offset } = this.#place
      const tail = new LineTail(turn.record, record === turn.record ? offset : 0)
      this.#record = { tail, follow: new FileFollow(turn.record, () => this.#readRecord()) }
      this.#live.lastRecord = turn.record
      this.#readRecord()
    }
    this.#wake(turn.wakeAt)
    if (turn.wantsTitle) this.#askTitle()
  }

  #wake(at: number | null): void {
    if (at === this.#wakeAt) return
    this.#wakeAt = at
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    if (at === null) return
    this.#timer = setTimeout(
      () => {
        this.#wakeAt = null
        // Whatever is there already goes first: silence is proved only now.
        this.#live.look()
        this.look()
        this.#feed({ source: 'clock', at: Math.max(at, Date.now()) })
      },
      Math.max(0, at - Date.now()),
    )
  }

  #askTitle(): void {
    if (this.#asksTitle) return
    this.#asksTitle = true
    const again = () => {
      this.#asksTitle = false
      if (this.#turn?.wantsTitle) this.#askTitle()
    }
    this.#live.pane().then(
      ({ title }) => {
        this.#feed({ source: 'title', text: title, at: Date.now() })
        setTimeout(again, titleMs).unref()
      },
      () => setTimeout(again, titleMs).unref(),
    )
  }

  #readStatus(): void {
    const path = this.#turn?.status
    const data = path ? readObject(path) : null
    if (data) this.#feed({ source: 'status', data, at: Date.now() })
  }

  #readRecord(): void {
    const at = Date.now()
    for (const data of this.#record?.tail.read() ?? [])
      if (!this.#isOld(data['timestamp'])) this.#feed({ source: 'record', data, at })
  }

  /** Of an earlier turn: where the record was not known, it is read from its beginning. */
  #isOld(timestamp: unknown): boolean {
    const isWhole = this.#record?.tail.path === this.#place.record
    return !isWhole && typeof timestamp === 'string' && Date.parse(timestamp) < this.#since
  }
}
