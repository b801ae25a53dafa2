import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
} from '@grafana/grafana-foundation-sdk/common'
import {
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/stat'
import type { Look, Tile } from './dress.ts'
import { dress, lastValue } from './dress.ts'
import type { Query } from './query.ts'

const height = 4

/** One number, with its course behind it. From `warn` on it is yellow, from `alarm` on red. */
export function number(
  title: string,
  query: Query,
  look: Look & { warn?: number; alarm?: number } = {},
): Tile {
  const { warn, alarm } = look
  const isJudged = warn !== undefined || alarm !== undefined
  const steps = [
    { value: null, color: isJudged ? 'green' : 'blue' },
    ...(warn === undefined ? [] : [{ value: warn, color: 'semi-dark-yellow' }]),
    ...(alarm === undefined ? [] : [{ value: alarm, color: 'red' }]),
  ]
  const build = () =>
    stat(title, query, look)
      .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
      .graphMode(BigValueGraphMode.Area)
  return { height, build }
}

/** How long ago an instant was (a metric in seconds since 1970); 0 means never. */
export const moment = (title: string, query: Query, look: Look = {}): Tile => ({
  height,
  build: () =>
    stat(title, { ...query, expr: `1000 * ${query.expr}` }, look)
      .graphMode(BigValueGraphMode.None)
      .mappings([{ type: MappingType.ValueToText, options: { '0': { text: 'never', index: 0 } } }]),
})

/** The names of the series themselves. */
export const words = (title: string, query: Query, look: Look = {}): Tile => ({
  height,
  build: () =>
    stat(title, query, look).textMode(BigValueTextMode.Name).graphMode(BigValueGraphMode.None),
})

const stat = (title: string, query: Query, look: Look): PanelBuilder =>
  dress(new PanelBuilder(), title, [query], look)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(lastValue())
