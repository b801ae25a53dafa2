/** What stands in a view where a secret was. */
export const redacted = '[redacted]'

const secretName =
  '(?:secret|token|passw(?:or)?d|passphrase|passcode|(?:api|access|private|secret|account|auth|encryption|signing)[_-]?key|credentials?|_auth|signature)(?:[_-]?(?:base|value|id|old|new|[0-9]{1,3}))?'
const passwordName = '(?:passw(?:or)?d|passphrase|passcode)'

/**
 * Each takes one look at a text: no pattern may begin inside what an earlier try of it has scanned in
 * vain, so the time grows with the text and no faster. What `$<keep>` holds stays.
 */
const rules: readonly RegExp[] = [
  // A key that was cut ends, or begins, with the text.
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----[^]*?(?:-----END [A-Z0-9 ]{0,60}-----|(?![^]))/g,
  /^(?:[A-Za-z0-9+/=\r\n]|\\[nr])*-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----/g,
  /AGE-SECRET-KEY-1[A-Z0-9]{20,}/g,
  // Anthropic, OpenAI, OpenRouter and others who write `sk-`.
  /sk-ant-[\w-]{8,}/g,
  /(?<![A-Za-z0-9])sk-(?=[A-Za-z_-]{0,200}[0-9])[\w-]{16,}/g,
  // Google, xAI, Groq, Perplexity, Hugging Face, Replicate.
  /AIza[\w-]{30,}/g,
  /ya29\.[\w.-]{20,}/g,
  /GOCSPX-[\w-]{20,}/g,
  /(?<![A-Za-z0-9])(?:xai|pplx)-[A-Za-z0-9]{20,}/g,
  /(?<![A-Za-z0-9])(?:gsk|hf|r8)_[A-Za-z0-9]{20,}/g,
  // GitHub, GitLab, npm, PyPI.
  /gh[a-z]_[A-Za-z0-9]{20,}/g,
  /github_pat_\w{20,}/g,
  /gl[a-z]{2,8}-[\w-]{20,}/g,
  /npm_[A-Za-z0-9]{30,}/g,
  /pypi-[\w-]{30,}/g,
  // AWS, Slack, Stripe, SendGrid, DigitalOcean, and squadd's own.
  /(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}/g,
  /xox[a-z]-[\w-]{10,}|xapp-[\w-]{10,}/g,
  /(?<keep>hooks\.slack\.com\/(?:services|workflows)\/)[\w/-]{10,}/g,
  /(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[\w+/=]{16,}/g,
  /SG\.[\w-]{16,}\.[\w-]{16,}/g,
  /do[a-z]_v1_[a-f0-9]{20,}/g,
  /sq[do]_[a-f0-9]{32,}/g,
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g,
  // Headers, addresses, options, assignments.
  /(?<keep>authorization\\?["']?\s{0,3}[:=]\s{0,3}\\?["']?(?:(?:bearer|basic|token|digest|negotiate)\s{1,3})?)[^\s"'`,;\\]{4,}/gi,
  /(?<keep>(?<![A-Za-z])bearer\s{1,3})[\w.~+/-]{16,}=*/gi,
  /(?<keep>(?<![A-Za-z])basic\s{1,3})(?=[A-Za-z+/]{0,200}[0-9=])[A-Za-z0-9+/]{8,}={0,2}/gi,
  /(?<keep>(?<![A-Za-z])(?:set-)?cookie\\?["']?\s{0,3}:\s{0,3}\\?["']?)[^\r\n"'`\\]{4,}/gi,
  /(?<keep>:\/\/[^\s/:@"'`<>]{0,200}:)[^\s/"'`<>]+(?=@)/g,
  /(?<keep>:\/\/)[^\s/:@"'`<>]{20,}(?=@)/g,
  new RegExp(`(?<keep>--[a-z0-9-]{0,40}${secretName}\\s{1,3}["'\`]?)(?!-)[^\\s"'\`]{4,}`, 'gi'),
  new RegExp(`(?<keep>${secretName}(?:\\\\?["'])?\\s{0,3}[:=]\\s{0,3}\\\\?")[^"\\\\\\r\\n]+`, 'gi'),
  new RegExp(`(?<keep>${secretName}(?:\\\\?["'])?\\s{0,3}[:=]\\s{0,3}\\\\?')[^'\\\\\\r\\n]+`, 'gi'),
  new RegExp(`(?<keep>${secretName}=)[^\\s"'\`;&|<>)]{4,}`, 'gi'),
  new RegExp(`(?<keep>${passwordName}\\s{0,3}[:=]\\s{0,3})[^\\s"'\`,;&|<>)]{4,}`, 'gi'),
  new RegExp(
    `(?<keep>${secretName}\\s{0,3}[:=]\\s{1,3})(?=[^\\s"'\`,;&(){}<>]{0,200}[0-9])[^\\s"'\`,;&(){}<>]{6,}`,
    'gi',
  ),
]

const replacements = rules.map(
  (rule) => [rule, rule.source.startsWith('(?<keep>') ? `$<keep>${redacted}` : redacted] as const,
)

/**
 * A text without the secrets that can be told by their form: keys of vendors, tokens, private keys,
 * passwords in addresses, values of secret-like names. For everything that people or programs look
 * at: log, events, replies, metrics, bundles. A secret without a form of its own is not seen. The same
 * for what is redacted already; the time grows with the text's length and no faster.
 */
export function redact(text: string): string {
  let clean = text
  // A secret that goes may bare the beginning of another one.
  for (let round = 0, before = ''; clean !== before && round < 5; round += 1) {
    before = clean
    for (const [rule, put] of replacements) clean = clean.replace(rule, put)
  }
  return clean
}

const isSecretName = new RegExp(`${secretName}$`, 'i')
const isOption = new RegExp(`^--?[a-z0-9-]{0,40}${secretName}$`, 'i')

/** The same value with every text in it redacted, and what stands under a secret-like name. */
export function redactAll<T>(value: T): T {
  return redactUnder('', value) as T
}

function redactUnder(name: string, value: unknown): unknown {
  if (typeof value === 'string') return isSecretName.test(name) && value ? redacted : redact(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value))
    return value.map((item: unknown, i) =>
      typeof value[i - 1] === 'string' && typeof item === 'string' && isOption.test(value[i - 1])
        ? redacted
        : redactUnder(name, item),
    )
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, redactUnder(key, item)]),
  )
}
