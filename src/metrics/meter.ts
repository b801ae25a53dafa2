import { Counter, Gauge, Histogram } from 'prom-client'
import type { Registry } from 'prom-client'
import type { Meter } from '../supervisor/domain/meter.ts'
import type { Definition, MetricName } from './definitions.ts'
import { definitions } from './definitions.ts'
import type { MetricSources } from './facts.ts'
import { combinations } from './series.ts'

/** What has no route: refused before one was looked for, or not found. */
const noRoute = { method: 'other', path: 'other' }

/** Measures as things happen, into `registry`; every series is there from the start. */
export function createMeter(registry: Registry, routes: MetricSources['routes']): Meter {
  const shared = (name: MetricName) => {
    const { help, labels = {} }: Definition = definitions[name]
    return { name, help, labelNames: Object.keys(labels), registers: [registry] }
  }
  const counter = (name: MetricName) => {
    const one = new Counter(shared(name))
    for (const labels of closed(name)) one.inc(labels, 0)
    return one
  }
  const histogram = (name: MetricName) => {
    const { buckets = [] }: Definition = definitions[name]
    const one = new Histogram({ ...shared(name), buckets: [...buckets] })
    for (const labels of closed(name)) one.zero(labels)
    return one
  }

  const dispatches = histogram('squadd_dispatch_duration_seconds')
  const requests = counter('squadd_http_requests_total')
  const answers = histogram('squadd_http_request_duration_seconds')
  const subscribers = new Gauge(shared('squadd_event_subscribers'))
  const drops = counter('squadd_event_subscribers_dropped_total')
  const missed = counter('squadd_events_missed_total')
  const operations = histogram('squadd_store_operation_duration_seconds')
  const failures = counter('squadd_store_errors_total')
  const retries = counter('squadd_git_lock_retries_total')
  for (const { method, path: route } of [...routes, noRoute]) {
    for (const code of definitions.squadd_http_requests_total.labels.code)
      requests.inc({ method, route, code }, 0)
    answers.zero({ method, route })
  }

  return {
    dispatched: (step, ms) => dispatches.observe({ step }, ms / 1000),
    stored: (op, ms) => operations.observe({ op }, ms / 1000),
    storeFailed: (code) => failures.inc({ code }),
    gitLockRetried: (op) => retries.inc({ op }),
    answered({ route: found, status, ms, isOpenEnded }) {
      const { method, path: route } = found ?? noRoute
      requests.inc({ method, route, code: `${Math.max(2, Math.floor(status / 100))}xx` })
      if (!isOpenEnded) answers.observe({ method, route }, ms / 1000)
    },
    subscribed() {
      subscribers.inc()
      return () => subscribers.dec()
    },
    subscriberDropped: (reason) => drops.inc({ reason }),
    eventsMissed: (count) => missed.inc(count),
  }
}

/** The combinations of labels whose values are all known beforehand. */
function closed(name: MetricName): Record<string, string>[] {
  const { labels = {} }: Definition = definitions[name]
  const known = Object.values(labels).every((values) => values !== 'free')
  return known ? combinations(labels as Record<string, readonly string[]>) : []
}
