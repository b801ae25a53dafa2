import { join } from 'node:path'
import { migrations, sqliteDialect } from '../../store/schema.ts'
import { listBackups } from '../backups.ts'
import type { Probes } from '../checks.ts'
import type { storeChecks } from '../checks/store.ts'
import { list, sizeOf } from '../files.ts'
import type { Place } from '../place.ts'
import { damageOf } from '../store-view.ts'

export function storeProbes(place: Place): Probes<keyof typeof storeChecks> {
  const { home, store, hasStore, config, now } = place
  return {
    database: () => ({
      exists: hasStore,
      problem: hasStore ? damageOf(home.storeFile) : null,
      backups: listBackups(home).length,
    }),
    schema: () => ({
      version: store?.schema ?? null,
      known: migrations(sqliteDialect).length,
    }),
    'write-ahead-log': () => ({ bytes: sizeOf(`${home.storeFile}-wal`) }),
    backup() {
      const backups = listBackups(home)
      const newest = backups[0]
      return {
        exists: hasStore,
        ageMs: newest ? now - newest.at : null,
        intervalMs: config.backupIntervalMs,
        count: backups.length,
      }
    },
    outputs: () => ({
      bytes: list(home.logsDir).reduce((sum, name) => sum + sizeOf(join(home.logsDir, name)), 0),
      budgetBytes: config.outputBudgetBytes,
    }),
  }
}
