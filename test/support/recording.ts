import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import fc from 'fast-check'
import type { Cause } from '../../src/supervisor/domain/task.ts'
import type { Judgement, Program, Said } from '../../src/workers/programs/program.ts'
import { judge } from '../../src/workers/programs/program.ts'
import { holds } from './property.ts'

const root = join(import.meta.dirname, '../fixtures/signals')

export const endedAt = Date.UTC(2026, 10, 24, 16)

/** What a program of that version printed, recorded with the model API saying what the scenario names. */
export class Recordings {
  readonly #program: Program
  readonly #folder: string

  constructor(program: Program, version: string) {
    this.#program = program
    this.#folder = join(root, `${program.name}-${version}`, 'headless')
  }

  lines(scenario: string): string[] {
    const text = readFileSync(join(this.#folder, `${scenario}.ndjson`), 'utf8')
    return text.split('\n').filter((line) => line !== '')
  }

  read(scenario: string, lines = this.lines(scenario)): Said {
    const printed = join(this.#folder, `${scenario}.printed`)
    return this.#program.read!(lines, {
      printed: existsSync(printed) ? readFileSync(printed, 'utf8') : '',
      endedAt,
    })
  }

  /** Tests what every recorded end means: exit status, outcome, cause. */
  testEnds(ends: Record<string, readonly [number, Judgement['outcome'], Cause | null]>): void {
    t.test(`every recorded end of ${this.#program.name} is what it was`, (t) => {
      t.same(this.scenarios.sort(), Object.keys(ends).sort(), 'every recording is judged')
      for (const [scenario, [status, outcome, cause]] of Object.entries(ends)) {
        const judgement = judge({ status, verify: null }, null, this.read(scenario))
        t.match(judgement, { outcome, cause }, scenario)
      }
      t.end()
    })
  }

  get scenarios(): string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith('.ndjson'))
      .map((name) => name.slice(0, -'.ndjson'.length))
  }

  /** Tests that no part of a recording says more than the whole, and that nothing makes it throw. */
  testCuts(): void {
    t.test('a recording that is cut before its result is no success', (t) => {
      for (const scenario of this.scenarios) {
        const lines = this.lines(scenario)
        const end = lines.findIndex((line) => this.read(scenario, [line]).result !== null)
        for (let kept = 0; kept < (end < 0 ? lines.length : end); kept += 1) {
          const said = this.read(scenario, lines.slice(0, kept))
          t.not(said.result?.outcome, 'succeeded', `${scenario}, ${kept} lines`)
        }
      }
      t.end()
    })

    t.test('no output makes it throw', (t) => {
      const recorded = this.scenarios.flatMap((scenario) => this.lines(scenario))
      const whole = fc.constantFrom(...recorded)
      const torn = whole.map((line) => line.slice(0, line.length / 2))
      const strange = fc
        .tuple(whole, fc.jsonValue(), fc.nat(20))
        .map(([line, value, nth]) => withValue(line, value, nth))
      const line = fc.oneof(whole, torn, strange, fc.string(), fc.json())
      const property = fc.property(fc.array(line), fc.string(), (lines, printed) => {
        const said = this.#program.read!(lines, { printed, endedAt })
        return typeof said.text === 'string' && said.notes.every((note) => note !== undefined)
      })
      holds(t, property, 500)
      t.end()
    })
  }
}

/** A line of JSON in which another value stands in its nth place. */
function withValue(line: string, value: unknown, nth: number): string {
  let place = 0
  try {
    const object: unknown = JSON.parse(line, (_, old) => (place++ === nth ? value : old))
    return JSON.stringify(object) ?? ''
  } catch {
    return line
  }
}
