import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const dashboardFolder = resolve(import.meta.dirname, '../../grafana/dashboards')

export type Target = { refId: string; expr: string; legendFormat: string }

/** As much of a dashboard's JSON as we look at. */
export type PanelFile = {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  datasource?: { uid: string }
  targets?: (Target & { datasource: { uid: string } })[]
  options?: { textMode?: string; graphMode?: string }
  fieldConfig?: {
    defaults: {
      unit?: string
      noValue?: string
      min?: number
      max?: number
      custom?: { stacking?: { mode: string } }
      mappings?: { options: Record<string, { text: string; color?: string }> }[]
      thresholds?: { steps: { value: number | null; color: string }[] }
    }
    overrides: {
      matcher: { id: string; options: string }
      properties: { id: string; value: { fixedColor: string } }[]
    }[]
  }
}

export type DashboardFile = {
  uid: string
  title: string
  description: string
  panels: PanelFile[]
  templating: { list: { name: string; type: string; query: string | { query: string } }[] }
}

/** The dashboards as they are shipped. */
export const dashboards = (): DashboardFile[] =>
  readdirSync(dashboardFolder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(dashboardFolder, name), 'utf8')) as DashboardFile)

/** Every query of a dashboard, with the panel it belongs to. */
export const queriesOf = ({ title, panels }: DashboardFile) =>
  panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr, refId, legendFormat }) => ({
      expr,
      legend: legendFormat,
      where: `${title}: ${panel.title} (${refId})`,
    })),
  )
