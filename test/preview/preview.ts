// Pictures of the dashboards, drawn by ourselves from what a real Prometheus has seen of a real squad:
// `npm run dashboards:preview [SECONDS]` writes grafana/pictures. They show what is asked and where it
// stands; they are not Grafana.
import { mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { play, sceneSettings } from '../prometheus/scene.ts'
import { dashboards } from '../support/dashboards.ts'
import { noPrometheus } from '../support/prometheus.ts'
import { WatchedSquad } from '../support/watched-squad.ts'
import { browser, photograph } from './browser.ts'
import { pageOf } from './page.ts'
import { work } from './traffic.ts'

const seconds = Number(process.argv[2] ?? 240)
const pictures = resolve(import.meta.dirname, '../../grafana/pictures')

const missing = [
  ...(noPrometheus ? [noPrometheus] : []),
  ...(browser ? [] : ['needs chromium (Debian: apt-get install --no-install-recommends chromium)']),
]
if (missing.length > 0 || !browser) {
  for (const one of missing) console.error(one)
  process.exit(1)
}

const from = Date.now() / 1000
const watched = await WatchedSquad.start(sceneSettings)
try {
  console.log('a squad to which everything happens')
  await play(watched)
  console.log(`and ${seconds} s of work`)
  await work(watched, seconds)
  const span = { from: Math.floor(from + 5), to: Math.floor(Date.now() / 1000) }
  mkdirSync(pictures, { recursive: true })
  for (const dashboard of dashboards()) {
    const file = join(pictures, `${dashboard.uid}.png`)
    await photograph(browser, await pageOf(dashboard, watched.prometheus, span), file)
    console.log(`${file}: ${Math.round(statSync(file).size / 1024)} KiB`)
  }
} finally {
  await watched.remove()
}
