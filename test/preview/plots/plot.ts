import type { PanelFile } from '../../support/dashboards.ts'
import type { Line, Span } from '../data.ts'
import type { Box } from '../svg.ts'
import { escape } from '../svg.ts'

export type Plot = { panel: PanelFile; lines: Line[]; span: Span; box: Box }

export type Defaults = NonNullable<PanelFile['fieldConfig']>['defaults']

export const unitOf = ({ fieldConfig }: PanelFile): string => fieldConfig?.defaults.unit ?? 'short'

/** Long legends have a second line. */
export const legendHeight = (entries: readonly { name: string }[], width: number): number =>
  entries.reduce((sum, { name }) => sum + 32 + name.length * 6.6, 0) > width ? 36 : 22

export const legend = (entries: readonly { name: string; colour: string }[]): string =>
  `<div class="legend">${entries
    .map(({ name, colour }) => `<span><i style="background:${colour}"></i>${escape(name)}</span>`)
    .join('')}</div>`
