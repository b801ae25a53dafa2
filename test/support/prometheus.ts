import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

export const shipped = resolve(import.meta.dirname, '../../grafana/prometheus')

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

/** For tap's `skip`: why these tests cannot run here. CI installs what they need, and skips nothing. */
export const noPrometheus: string | false =
  process.env['CI'] || (has('prometheus') && has('promtool'))
    ? false
    : 'needs prometheus and promtool (Debian: apt-get install --no-install-recommends prometheus)'

/** One series of an answer. */
export type Series = { metric: Record<string, string>; points: [at: number, value: number][] }

export type RuleGroup = {
  rules: {
    name: string
    query: string
    type: 'recording' | 'alerting'
    health: string
    lastError?: string
  }[]
}

type Raw = { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }

/** A real Prometheus with the shipped configuration, on a port of its own, looking each second. */
export class Prometheus {
  readonly url: string
  readonly #process: ChildProcess

  private constructor(process: ChildProcess, address: string) {
    this.#process = process
    this.url = `http://${address}`
  }

  /** `target`: where the metrics are. Everything it writes goes into `dir`. */
  static async start(dir: string, target: string): Promise<Prometheus> {
    mkdirSync(dir, { recursive: true })
    cpSync(join(shipped, 'rules'), join(dir, 'rules'), { recursive: true })
    const config = readFileSync(join(shipped, 'prometheus.yml'), 'utf8')
      .replaceAll(/_interval: \d+s/g, '_interval: 1s')
      .replace("'127.0.0.1:9464'", `'${target}'`)
    writeFileSync(join(dir, 'prometheus.yml'), config)
    const child = spawn(
      'prometheus',
      [
        `--config.file=${join(dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        '--web.listen-address=127.0.0.1:0',
        '--enable-feature=exemplar-storage',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const said: string[] = []
    let address = ''
    for await (const line of createInterface({ input: child.stderr })) {
      said.push(line)
      address ||= /Listening on" address=(\S+)/.exec(line)?.[1] ?? ''
      if (!line.includes('ready to receive web requests')) continue
      child.stderr.resume()
      return new Prometheus(child, address)
    }
    throw new Error(`prometheus did not start:\n${said.join('\n')}`)
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const gone = once(this.#process, 'exit')
    this.#process.kill('SIGTERM')
    await gone
  }

  /** What a query says now. */
  query(query: string): Promise<Series[]> {
    return this.#ask('query', { query })
  }

  /** What it said between two instants (seconds since 1970), each `step` seconds. */
  queryRange(query: string, start: number, end: number, step: number): Promise<Series[]> {
    return this.#ask('query_range', { query, start: `${start}`, end: `${end}`, step: `${step}` })
  }

  /** The exemplars of a query's series between two instants. */
  async exemplars(query: string, start: number, end: number): Promise<Record<string, string>[]> {
    const found = await this.#get('query_exemplars', { query, start: `${start}`, end: `${end}` })
    const series = found as { exemplars: { labels: Record<string, string> }[] }[]
    return series.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels))
  }

  /** The rules it goes by, and how they fare. */
  async rules(): Promise<RuleGroup[]> {
    return ((await this.#get('rules', {})) as { groups: RuleGroup[] }).groups
  }

  /** Looks until a query answers with anything: no event tells that a scrape or a rule has come. */
  async until(query: string, limitMs = 60_000): Promise<Series[]> {
    const end = performance.now() + limitMs
    for (;;) {
      const series = await this.query(query)
      if (series.length > 0) return series
      if (performance.now() > end) throw new Error(`nothing after ${limitMs} ms: ${query}`)
      await delay(200)
    }
  }

  /** Until what has happened so far was scraped, and the rules have gone by that. */
  async seenAll(): Promise<void> {
    await this.until(`timestamp(up) > ${Date.now() / 1000}`)
    await this.until(`timestamp(instance:squadd_http_requests:rate5m) > ${Date.now() / 1000}`)
  }

  async #ask(path: string, parameters: Record<string, string>): Promise<Series[]> {
    const { result } = (await this.#get(path, parameters)) as { result: Raw[] }
    return result.map(({ metric, value, values }) => ({
      metric,
      points: (values ?? (value ? [value] : [])).map(([at, text]) => [at, Number(text)]),
    }))
  }

  async #get(path: string, parameters: Record<string, string>): Promise<unknown> {
    const query = new URLSearchParams(parameters).toString()
    const reply = await fetch(`${this.url}/api/v1/${path}?${query}`)
    const { data, error } = (await reply.json()) as { data?: unknown; error?: string }
    if (error !== undefined) throw new Error(`${error}: ${parameters['query']}`)
    return data
  }
}
