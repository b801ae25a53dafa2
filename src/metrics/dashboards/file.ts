import { join } from 'node:path'
import type { Design } from './dashboard.ts'
import { draw } from './dashboard.ts'

/** Where the dashboards lie. */
export const folder = join(import.meta.dirname, '../../../grafana/dashboards')

export const fileOf = ({ name }: Design): string => join(folder, `squadd-${name}.json`)

export const textOf = (design: Design): string => `${JSON.stringify(draw(design), null, 2)}\n`
