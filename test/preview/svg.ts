export const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

type Attributes = Record<string, string | number>

const written = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(
      ([name, value]) =>
        ` ${name}="${typeof value === 'number' ? Number(value.toFixed(1)) : escape(value)}"`,
    )
    .join('')

export const tag = (name: string, attributes: Attributes, content = ''): string =>
  `<${name}${written(attributes)}>${content}</${name}>`

export const text = (x: number, y: number, content: string, attributes: Attributes = {}): string =>
  tag('text', { x, y, ...attributes }, escape(content))

/** A box in pixels. */
export type Box = { width: number; height: number }

export const svg = ({ width, height }: Box, content: string): string =>
  tag('svg', { width, height, viewBox: `0 0 ${width} ${height}` }, content)
