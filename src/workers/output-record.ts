import { shellQuote } from './shell-quote.ts'

/** How an attempt's output is cut into files so that it stays within `limitBytes`. */
export function segmentsOf(limitBytes: number): {
  segmentBytes: number
  blockBytes: number
  blocks: number
} {
  // Four segments are kept. One may grow by a step (blockBytes * blocks) beyond its size.
  const step = limitBytes / 16
  const blockBytes = Math.min(16_384, Math.floor(step))
  const blocks = Math.floor(step / blockBytes)
  return { segmentBytes: Math.floor(limitBytes / 4) - blockBytes * blocks, blockBytes, blocks }
}

/**
 * The script behind `pipe-pane`: its input goes to `<logs>/<its argument>.log.<n>`. It keeps segment
 * 0 and the newest three, so the beginning and the end of any flood, at most `limitBytes` in all.
 * It needs neither host nor supervisor. (`head -c` would hold small output back until it ends.)
 */
export function pipeScript(logs: string, limitBytes: number): string {
  const { segmentBytes, blockBytes, blocks } = segmentsOf(limitBytes)
  return `# Keeps the output of one attempt, bounded. Written by squadd.
umask 077
log=${shellQuote(logs)}/$1.log
n=0
size=0
while :; do
  if dd bs=${blockBytes} count=${blocks} >>"$log.$n" 2>/dev/null; then
    now=$(wc -c <"$log.$n")
    # Nothing came, so the input has ended.
    [ "$now" -eq "$size" ] && exit 0
    size=$now
    if [ "$size" -ge ${segmentBytes} ]; then
      n=$((n + 1))
      size=0
      [ "$n" -ge 4 ] && rm -f "$log.$((n - 3))"
    fi
  else
    # The disk is full or the folder is gone: lose a line rather than spin, and see the end.
    IFS= read -r line || exit 0
  fi
done
`
}
