import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { SquadError } from '../../src/supervisor/domain/error.ts'
import { json, line } from '../print.ts'
import { act } from '../session.ts'

/** backup: a copy of the store, while the daemon runs or not. */
export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('copy the store, checked, while the daemon runs or not; prints the file')
    .argument('[file]', "a new file; default: in the home's folder `backups`")
    .action(
      act<[string | undefined]>(async (session, [file]) => {
        const { home } = session
        if (!existsSync(home.storeFile))
          throw new SquadError('SQUADD_NOT_FOUND', `there is no store in ${home.stateDir}`, {
            hint: 'squadd start makes one',
          })
        const { copyStore, makeBackup } = await import('../../src/supervisor/operations/backups.ts')
        const now = Date.now()
        const made = file === undefined ? await makeBackup(home, now) : null
        const to = made?.file ?? resolve(file!)
        if (!made) await copyStore({ from: home.storeFile, to })
        if (session.json) json({ file: to, at: now, bytes: statSync(to).size })
        else line(to)
      }),
    )
}
