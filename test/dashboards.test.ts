import { readFileSync, readdirSync } from 'node:fs'
import t from 'tap'
import { designs } from '../src/metrics/dashboards/all.ts'
import { fileOf, textOf } from '../src/metrics/dashboards/file.ts'
import type { PanelFile } from './support/dashboards.ts'
import { dashboardFolder, dashboards } from './support/dashboards.ts'

t.test('the dashboards are those that the code draws: npm run dashboards', (t) => {
  for (const design of designs) {
    const written = readFileSync(fileOf(design), 'utf8')
    t.ok(written === textOf(design), `${design.name} is as it was drawn`)
  }
  const files = readdirSync(dashboardFolder)
  t.equal(files.length, designs.length, `and no other: ${files.join(' ')}`)
  t.end()
})

t.test('each dashboard can be told from the others, and its panels from each other', (t) => {
  const all = dashboards()
  t.equal(new Set(all.map(({ uid }) => uid)).size, all.length)
  t.equal(new Set(all.map(({ title }) => title)).size, all.length)
  for (const { uid, panels, description } of all) {
    t.match(uid, /^squadd-[a-z]+$/)
    t.match(description, /\.$/)
    t.equal(new Set(panels.map(({ id }) => id)).size, panels.length, `${uid}: ids`)
    t.equal(new Set(panels.map(({ title }) => title)).size, panels.length, `${uid}: titles`)
  }
  t.end()
})

t.test(
  'each panel says what it shows, in what unit, of which series, and when there is nothing',
  (t) => {
    for (const { uid, panels } of dashboards())
      for (const panel of panels) {
        if (panel.type === 'row') continue
        const name = `${uid}: ${panel.title}`
        t.match(panel.description ?? '', /\.$/, `${name} has a description`)
        t.ok(panel.fieldConfig?.defaults.unit, `${name} has a unit`)
        t.ok(panel.fieldConfig?.defaults.noValue, `${name} says so without data`)
        t.ok((panel.targets?.length ?? 0) > 0, `${name} asks something`)
        for (const { legendFormat } of panel.targets ?? [])
          t.ok(legendFormat, `${name} has a legend`)
        const sources = [panel.datasource, ...(panel.targets ?? []).map((one) => one.datasource)]
        for (const source of sources) t.equal(source?.uid, '${datasource}', `${name}: the source`)
      }
    t.end()
  },
)

t.test('panels fill the grid and do not lie on each other', (t) => {
  for (const { uid, panels } of dashboards()) {
    const taken = new Map<string, PanelFile>()
    for (const panel of panels) {
      const { x, y, w, h } = panel.gridPos
      t.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, `${uid}: ${panel.title} is on the grid`)
      for (let column = x; column < x + w; column++)
        for (let row = y; row < y + h; row++) {
          const other = taken.get(`${column} ${row}`)
          if (other) t.fail(`${uid}: ${panel.title} lies on ${other.title}`)
          taken.set(`${column} ${row}`, panel)
        }
    }
    const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h))
    t.equal(taken.size, 24 * height, `${uid} has no holes`)
  }
  t.end()
})
