import type { ResourceLimits } from '../supervisor/domain/message.ts'
import { shellQuote } from './shell-quote.ts'

/** Everything one attempt needs on the tmux side. Paths are absolute. */
export type LauncherPlan = {
  outbox: string
  key: string
  worktree: string
  /** The program's variables, beyond what tmux hands down. */
  env: Record<string, string>
  runId: string
  argv: readonly string[]
  /** A file for the program's input; null is /dev/null. */
  stdin: string | null
  /** A file for what it says; shown in the window too. null: it prints into the window itself. */
  stdout: string | null
  /** A person may talk with it: the window is its input and output. */
  isInteractive: boolean
  /** Run after the program ended with status 0. */
  verify: readonly string[] | null
  /** Marks the end of the output. */
  nonce: string
  boot: string
  /** The program's file mode mask. */
  umask: number
  limits?: ResourceLimits | undefined
}

/** How long the window stays after the program, for the text's tail; a host closes it before. */
const lingerSeconds = 30

/**
 * A POSIX sh script that runs one attempt and needs nobody: it takes the latch, runs the program in
 * the worktree, leaves how it ended in the outbox, and marks the end of the output.
 */
export function launcherScript(plan: LauncherPlan): string {
  const { key, outbox, worktree, argv, stdout, verify, nonce, boot } = plan
  return `# One attempt, ${key}. Written by squadd and removed after it.
# A handler: an ignored signal would be inherited by the program.
trap : HUP INT QUIT TERM
umask 077
facts=${shellQuote(`${outbox}/${key}`)}
worktree=${shellQuote(worktree)}

# The latch. Who creates this file decides whether the attempt runs.
set -C
{ exec 3>"$facts.started"; } 2>/dev/null || exit 0
set +C

# Pid and start time of $1 into pid and start, without a fork.
identify() {
  IFS= read -r stat <"/proc/$1/stat"
  pid=\${stat%% *}
  set -- \${stat##*) }
  start=\${20}
}

# Becomes the program's process: environment, folder, then the program itself.
become() {
  umask ${plan.umask.toString(8).padStart(3, '0')}
${limits(plan)}${exports(plan)}
  cd "$worktree" || exit 126
  unset TMUX TMUX_PANE TERM_PROGRAM TERM_PROGRAM_VERSION OLDPWD SQUADD_AGENT
  exec "$@"
}

verify=null
# A link would lead to what is not this agent's.
if [ -e "$worktree/.git" ] && [ ! -L "$worktree" ]; then
${stdout === null ? '' : viewer(stdout)}  identify $$
  launcher=$pid
  since=$start
  (
    identify self
    printf '{"pid":%d,"start":"%s","program":%d,"programStart":"%s","boot":"${boot}"}\\n' \\
      "$launcher" "$since" "$pid" "$start" >&3
    exec 3>&-
    become ${argv.map(shellQuote).join(' ')}
  )${redirections(plan)}
  status=$?
  exec 3>&-
${verify ? verifyStep(verify) : ''}  fact='"status":'$status',"verify":'$verify
else
  status=126
  fact='"worktree":"missing"'
fi

# In place: the file has its room on the disk already.
try=0
until printf '{%s}\\n' "$fact" 1<>"$facts.exit"; do
  try=$((try + 1))
  [ "$try" -ge 5 ] && break
  sleep 1
done 2>/dev/null
${stdout === null ? '' : 'sleep 0.2; kill $viewer 2>/dev/null\n'}printf '\\033]777;sq;${nonce};%d;%s\\007' "$status" "$verify"

# A host closes this window at once. When there is none, the fact has to last.
sleep 1
sync -d "$facts.exit" 2>/dev/null
exec sleep ${lingerSeconds}
`
}

function redirections({ isInteractive, stdin, stdout }: LauncherPlan): string {
  if (isInteractive) return ''
  const input = ` <${stdin === null ? '/dev/null' : shellQuote(stdin)}`
  return stdout === null ? input : `${input} >${shellQuote(stdout)}`
}

/** Whoever looks at the window sees what goes into the file. */
const viewer = (stdout: string): string => `  : >${shellQuote(stdout)}
  tail -n +1 -f ${shellQuote(stdout)} 3>&- &
  viewer=$!
`

const verifyStep = (argv: readonly string[]): string => `  if [ "$status" -eq 0 ]; then
    (become ${argv.map(shellQuote).join(' ')}) </dev/null
    verify=$?
  fi
`

/**
 * Where memory runs short the kernel ends programs before us; a crash leaves no picture of a memory that
 * holds secrets. A limit that is stricter already stays.
 */
function limits({ limits: { memoryBytes, processes, fileBytes } = none }: LauncherPlan): string {
  const set = [
    'ulimit -c 0',
    ...(memoryBytes > 0 ? [`ulimit -d ${Math.ceil(memoryBytes / 1024)}`] : []),
    ...(processes > 0 ? [`ulimit -p ${processes}`] : []),
    ...(fileBytes > 0 ? [`ulimit -f ${Math.ceil(fileBytes / 512)}`] : []),
    'echo 500 >/proc/self/oom_score_adj',
  ]
  return set.map((line) => `  { ${line}; } 2>/dev/null\n`).join('')
}

const none: ResourceLimits = { memoryBytes: 0, processes: 0, fileBytes: 0 }

function exports({ env, runId }: LauncherPlan): string {
  return Object.entries({ ...env, SQUADD_RUN_ID: runId })
    .map(([name, value]) => `  export ${name}=${shellQuote(value)}`)
    .join('\n')
}
