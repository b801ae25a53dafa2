import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { invalid } from '../../supervisor/domain/error.ts'
import { readAider } from './aider-read.ts'
import type { Program } from './program.ts'
import { afterNewline } from './prompt.ts'

/** Read at every start, and no option keeps them out: they may name commands to be run. */
const obeyed = ['.aider.conf.yml', '.env']

/**
 * aider, headless. It says yes to its own questions but for those about shell commands, which it
 * never runs by itself: `ask` and `auto` are the same. It commits what it changes. Its conversation
 * is a file in the agent's folder. It keeps a cache of the repository in `.aider.tags.cache.*` there.
 */
export const aider: Program = {
  name: 'aider',
  executable: 'aider',
  asData: afterNewline,
  launch({ spec, worktree, folder }, _order, promptFile) {
    const config = obeyed.find((name) => existsSync(join(worktree, name)))
    if (!spec.trust && config !== undefined)
      throw invalid(
        'trust',
        false,
        `does not allow aider to obey the repository's ${config}`,
        'add the agent with --trust, or take the file out of the branch',
      )
    return {
      argv: [
        ...['aider', '--message-file', promptFile, '--yes-always'],
        ...['--no-pretty', '--no-stream', '--no-fancy-input', '--no-suggest-shell-commands'],
        ...['--no-check-update', '--no-show-release-notes', '--no-detect-urls', '--no-gitignore'],
        ...['--input-history-file', join(folder, 'aider.input')],
        ...['--chat-history-file', join(folder, 'aider.chat.md'), '--restore-chat-history'],
        ...spec.argv,
      ],
      stdin: null,
    }
  },
  read: readAider,
}
