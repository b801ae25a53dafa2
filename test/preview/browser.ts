import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'
import type { Page } from './page.ts'
import { withPalette } from './palette-png.ts'

/** The Chromium of this machine; undefined when there is none. */
export const browser = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).error === undefined,
)

/** Writes a picture of a page. */
export async function photograph(program: string, page: Page, file: string): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'squadd-preview-'))
  try {
    const source = join(dir, 'page.html')
    writeFileSync(source, page.html)
    const raw = join(dir, 'picture.png')
    await execa(program, [
      '--headless',
      // Root has no sandbox in Chromium; the page is ours and loads nothing.
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      // Grey edges instead of coloured ones: the picture has fewer colours.
      '--disable-lcd-text',
      '--force-device-scale-factor=1',
      `--user-data-dir=${join(dir, 'profile')}`,
      `--window-size=${page.width},${page.height}`,
      `--screenshot=${raw}`,
      pathToFileURL(source).href,
    ])
    writeFileSync(file, withPalette(readFileSync(raw)))
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
