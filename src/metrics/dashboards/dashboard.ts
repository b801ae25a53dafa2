import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard'
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { MetricName } from '../definitions.ts'
import type { Tile } from './dress.ts'
import { dataSource } from './dress.ts'

/** A title and lines of panels; the panels of a line share its width. */
export type Section = { title: string; lines: Tile[][] }

/** A choice that a reader has: the values that a label of a metric has. */
export type Variable = { label: string; of: MetricName }

export type Design = {
  /** What comes after `squadd-` in its uid, and the name of its file. */
  name: string
  title: string
  description: string
  /** Beside the data source and the instance. */
  variables?: Variable[]
  sections: Section[]
}

const gridWidth = 24

export function draw({ name, title, description, variables = [], sections }: Design): Dashboard {
  const builder = new DashboardBuilder(`squadd / ${title}`)
    .uid(`squadd-${name}`)
    .description(description)
    .tags(['squadd'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('10s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .link(
      new DashboardLinkBuilder('squadd')
        .type(DashboardLinkType.Dashboards)
        .tags(['squadd'])
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    )
  for (const { label, of } of [
    { label: 'instance', of: 'squadd_build_info' } as const,
    ...variables,
  ])
    builder.withVariable(
      new QueryVariableBuilder(label)
        .label(label)
        .datasource(dataSource)
        .query({ qryType: 1, query: `label_values(${of}, ${label})`, refId: label })
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .sort(VariableSort.NaturalAsc)
        .multi(true)
        .includeAll(true)
        .allValue('.*')
        .current({ text: 'All', value: '$__all' }),
    )
  for (const { title: heading, lines } of sections) {
    builder.withRow(new RowBuilder(heading))
    for (const line of lines) {
      // What does not divide goes to the first ones.
      const width = Math.floor(gridWidth / line.length)
      const wider = gridWidth % line.length
      for (const [place, tile] of line.entries()) {
        const panel = tile.build()
        panel.span(width + (place < wider ? 1 : 0))
        panel.height(tile.height)
        builder.withPanel(panel)
      }
    }
  }
  return finish(builder.build())
}

/** Panels get ids in reading order; the links stand in the open, not in a menu. */
function finish(dashboard: Dashboard): Dashboard {
  for (const [index, panel] of (dashboard.panels ?? []).entries()) panel.id = index + 1
  for (const link of dashboard.links ?? []) delete link.placement
  return dashboard
}
