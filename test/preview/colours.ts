import type { PanelFile } from '../support/dashboards.ts'

/** Grafana's names, as they look on its dark background. */
const named: Record<string, string> = {
  green: '#73bf69',
  blue: '#5794f2',
  'light-blue': '#8ab8ff',
  purple: '#b877d9',
  'super-light-purple': '#deb6f2',
  'semi-dark-yellow': '#f2cc0c',
  orange: '#ff9830',
  red: '#f2495c',
  'dark-purple': '#8f3bb8',
  text: '#ccccdc',
}
/** For what has no colour of its own. */
const others = [
  ...['#7eb26d', '#eab839', '#6ed0e0', '#ef843c', '#e24d42', '#1f78c1', '#ba43a9', '#705da0'],
  ...['#508642', '#cca300', '#447ebc', '#c15c17', '#890f02', '#0a437c', '#6d1f62', '#b7dbab'],
]

export const colourNamed = (name: string): string => named[name] ?? name

/** The colour of a series: what the panel says, else the next of a row. */
export function colourOf(panel: PanelFile, name: string, index: number): string {
  const own = panel.fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)
  const fixed = own?.properties.find(({ id }) => id === 'color')?.value.fixedColor
  return fixed ? colourNamed(fixed) : others[index % others.length]!
}
