const unitMs: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 }

/** When it may go again, in an error's words; null when they name no time. All ms since 1970. */
export function retryTimeIn(words: string, now: number): number | null {
  const epoch = /\|(1\d{9})\b/.exec(words)
  if (epoch) return Number(epoch[1]) * 1000
  const iso =
    /\b(?:resets?|until|after|at)\b\D{0,12}(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))/i.exec(
      words,
    )
  if (iso) return Date.parse(iso[1]!) || null
  return durationIn(words, now) ?? clockIn(words, now)
}

/** `try again in 2 days 3 hours`, `will reset after 18h31m10s`, `retry in 34.07s` */
function durationIn(words: string, now: number): number | null {
  const spans = String.raw`(?:[\d.]+ ?(?:days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)\b[ ,]*)+`
  const spelled = words.replaceAll(/(\d)([dhms])(?=\d)/gi, '$1$2 ')
  const found = new RegExp(String.raw`(?:again|retry|resets?) (?:in|after) (${spans})`, 'i').exec(
    spelled,
  )
  if (!found) return null
  const parts = [...found[1]!.matchAll(/([\d.]+) ?([dhms])/gi)]
  const waitMs = parts.reduce(
    (sum, [, n, unit]) => sum + Number(n) * unitMs[unit!.toLowerCase()]!,
    0,
  )
  return Number.isFinite(waitMs) ? Math.ceil(now + waitMs) : null
}

/** `resets 3pm (Europe/Berlin)`, `try again at 3:47 PM`: the next time that clock shows it. */
function clockIn(words: string, now: number): number | null {
  const found =
    /\b(?:resets?|again) (?:at )?(\d{1,2})(?::(\d\d))? ?([ap])m(?: ?\(([\w/+-]+)\))?/i.exec(words)
  if (!found) return null
  const [, hour, minute = '0', half, zone] = found
  const wanted =
    ((Number(hour) % 12) + (half!.toLowerCase() === 'p' ? 12 : 0)) * 60 + Number(minute)
  const shown = minutesOfDay(now, zone)
  if (shown === null) return null
  const waitMinutes = (wanted - shown + 1440) % 1440 || 1440
  return Math.floor(now / 60_000) * 60_000 + waitMinutes * 60_000
}

function minutesOfDay(at: number, timeZone: string | undefined): number | null {
  try {
    const clock = new Intl.DateTimeFormat('en-GB', {
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
      ...(timeZone === undefined ? {} : { timeZone }),
    })
    const [hour = 0, minute = 0] = clock.format(at).split(':').map(Number)
    return hour * 60 + minute
  } catch {
    // A zone that this machine does not know.
    return null
  }
}
