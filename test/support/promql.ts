import { parser } from '@prometheus-io/lezer-promql'

type Named = { metrics: Set<string>; labels: Set<string> }

/** The metrics and the labels that a query names. Throws for a text that is no PromQL. */
export function namesIn(query: string): Named {
  const named: Named = { metrics: new Set(), labels: new Set() }
  const nodes = parser.parse(query).cursor()
  do {
    const text = query.slice(nodes.from, nodes.to)
    if (nodes.type.isError) throw new Error(`no PromQL at ${nodes.from}: ${query}`)
    if (nodes.name === 'LabelName') named.labels.add(text)
    if (nodes.name === 'Identifier' && nodes.node.parent?.name === 'VectorSelector')
      named.metrics.add(text)
  } while (nodes.next())
  return named
}

/** A query as Grafana would send it: everything chosen, the last minute on the screen. */
export const filledIn = (query: string): string =>
  query
    .replaceAll('$__rate_interval', '30s')
    .replaceAll('$__interval', '1s')
    .replaceAll('$__range', '60s')
    .replaceAll(/\$(?:\{\w+\}|\w+)/g, '.*')
