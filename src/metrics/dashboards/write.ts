// Writes grafana/dashboards: `npm run dashboards`.
import { writeFileSync } from 'node:fs'
import { designs } from './all.ts'
import { fileOf, textOf } from './file.ts'

for (const design of designs) writeFileSync(fileOf(design), textOf(design))
